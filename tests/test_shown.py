"""What things say of themselves: one line in a session, formulas or tables in a notebook, bars in both."""

import sys
import types
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import symsched as ss
from symsched.progress import Bar
from symsched.shown import ROWS, Shown

LINEAR, VP, UNIT = ss.schedules.linear(), ss.schedules.vp(), ss.Gaussian(0, 1)
TWO = ss.GaussianMixture([0.5, 0.5], [-1, 1], [0.3, 0.3])
PLANE = ss.Gaussian([0, 1], [[1, 0], [0, 1]])


def theorem():
    found = ss.Theorem("X", "a <title>", "1 < 2 & 2 > 1", assumptions=("Girsanov's theorem",))

    @found.step("nothing")
    def nothing(claimed=0):
        return claimed

    return found


def verdicts():
    return ss.verify("C13", level="symbolic")


def simulated(data=UNIT):
    return ss.simulate(ss.InterpolantSDE(LINEAR, data), paths=500, steps=4)


PLAIN = {  # what is shown, a part of its line, and parts of its formulas or cells of its table
    "schedule": (
        lambda: VP, "Schedule(cos(pi*t/2), sin(pi*t/2), name='vp')", (r"\alpha &= \cos", r"\beta &= \sin")
    ),
    "own schedule": (lambda: ss.Schedule("1-t", "t"), "Schedule(1 - t, t)", (r"\alpha &= 1 - t",)),
    "conversion": (
        lambda: ss.convert(LINEAR, ss.schedules.follmer()), "Conversion(linear → follmer)",
        (r"\tau &= \frac{\sqrt{t}}",)
    ),
    "no closed inverse": (
        lambda: ss.convert(ss.schedules.sub_vp(), LINEAR), "Conversion(sub_vp → linear)", ("r",)
    ),
    "sde": (
        lambda: ss.InterpolantSDE(ss.schedules.follmer(), UNIT, kappa=1),
        "InterpolantSDE(follmer, gaussian(0, 1), kappa=1)",
        (r"\mathrm{d}X_t &= \mathrm{d}W_t", r"X & \sim \mathcal{N}\left(0,\ 1\right)"),
    ),
    "sde of a mixture": (lambda: ss.InterpolantSDE(LINEAR, TWO, eps="t/2"), "eps=t/2)", (r"\eta_X(t, X_t)",)),
    "sde of a long schedule": (
        lambda: ss.InterpolantSDE(ss.schedules.ddpm(), UNIT, kappa=1), "InterpolantSDE(ddpm, gaussian(0, 1), kappa=1)",
        (
            r"A &= \frac{\dot{\alpha}}{\alpha} - \frac{\varepsilon}{\alpha^{2}}",  # the module's A = α̇/α − ε/α²
            r"\varepsilon &= \alpha^{2} \left(\frac{\dot{\beta}}{\beta} - \frac{\dot{\alpha}}{\alpha}\right)",
        ),
    ),
    "flow of a long schedule": (
        lambda: ss.InterpolantSDE(ss.schedules.ddpm(), TWO), "kappa=0)", (r"A &= \frac{\dot{\alpha}}{\alpha} \\",)
    ),
    "conversion of a long schedule": (
        lambda: ss.convert(ss.schedules.ddpm(), LINEAR), "Conversion(ddpm → linear)",
        (r"\tau &= r^{-1}(\bar{r}(t))", r"c &= \bar{\beta} / \beta(\tau)"),
    ),
    "gaussian": (lambda: ss.Gaussian(1, 0.5), "gaussian(1, 1/2)", (r"\mathcal{N}\left(1,\ \frac{1}{4}\right)",)),
    "mixture": (lambda: TWO, "mixture(weights=[1/2, 1/2]", (r"\frac{1}{2}\,\mathcal{N}",)),
    "many dimensions": (lambda: ss.Gaussian(np.zeros(300), 1), "gaussian([0.0, 0.0", (r"\sim \text{",)),
    "points": (lambda: ss.Empirical(np.arange(1000.0)), "empirical(1000 empirical points)", ("1000 empirical points",)),
    "theorem": (theorem, "Theorem(X, a <title>: 1 checks, 0 sabotaged twins)", ("1 < 2 & 2 > 1", "Girsanov's theorem")),
    "report": (verdicts, "Report(1 claim holds at level symbolic;", ("C13", "✓", "–")),
    "verdict": (lambda: next(iter(verdicts())), "Verdict(C13, Timestep shift: passed;", ("C13", "10 of 10")),
    "result": (simulated, "Result(500 paths, 4 steps: at t = 1, mean ", ("0", "1")),
    "result in the plane": (lambda: simulated(PLANE), "Result(500 paths, 4 steps: dimension 2)", ("0", "1")),
    "estimate": (
        lambda: ss.estimate(ss.InterpolantSDE(LINEAR, UNIT), ss.x, 0.1), "Estimate(", ("steps", "4")
    ),
    "coupled": (
        lambda: ss.couple(*[ss.System(ss.InterpolantSDE(LINEAR, UNIT), steps=4)] * 2, paths=64),
        "Coupled(2 systems, 5 times, 64 paths)", ()
    ),
    "plan": (
        lambda: ss.bridge.build_plan("linear", "lazy(kappa=0, rho=2)", steps=4, solver="ab2c"),
        "Plan(ab2c in lazy(kappa=0, rho=2), kappa=0, steps=4: 4 evaluations, no noise)",
        ("0.25", "0.828427"),
    ),
    "stage": (
        lambda: ss.bridge.build_plan("linear", steps=4).stages[0], "Stage(target=0, time=0, alpha=1, beta=0)", ()
    ),
}  # fmt: skip


def field(**options):
    pytest.importorskip("torch", reason="needs torch: pip install 'symsched[torch]'")
    return ss.bridge.FlowField(lambda x, _t, **_: x, "linear", **options)


TORCHED = {
    "field": (
        lambda: field(shape=(2,), null={"y": 0}, guidance=2.0),
        "FlowField(model=<lambda>, schedule=linear, prediction=velocity, shape=(2,), guidance=2.0, null=y)",
        ("velocity", "linear"),
    ),
    "calibration": (lambda: digits().calibration, "Calibration(of linear: rho=", ("8", "no")),
    "network": (lambda: digits(), "FlowField(model=DigitsUNet, ", ("DigitsUNet",)),
}


def digits():
    pytest.importorskip("torch", reason="needs torch: pip install 'symsched[torch]'")
    return ss.bridge.digits.load()


@pytest.mark.parametrize(("make", "line", "parts"), [*PLAIN.values(), *TORCHED.values()], ids=[*PLAIN, *TORCHED])
def test_a_line_and_a_page(make, line, parts):
    """The line has no address, no source, no name of NumPy's; the page is LaTeX with even braces, or whole HTML."""
    shown = make()
    text = repr(shown)
    assert line in text
    assert len(text.splitlines()) == 1
    assert len(text) <= 200
    assert not any(word in text for word in (" at 0x", "np.float64", "def ", "array("))
    tex, html = shown._repr_latex_(), shown._repr_html_()
    assert (tex is None) or (html is None)
    if tex is not None:
        assert tex.count("{") == tex.count("}")
        assert tex.count("&") == tex.count(r" \\ ") + 1
        assert all(part in tex for part in parts), tex
    if html is not None:
        cells = [cell.text or "" for cell in ET.fromstring(html).iter() if cell.tag in ("td", "th")]
        assert all(part in cells for part in parts), cells
    assert bool(parts) == (tex is not None or html is not None)


def test_one_mechanism():
    """No class outside `symsched.shown` has Jupyter's methods of its own."""
    for make, *_ in PLAIN.values():
        kind = type(make())
        assert issubclass(kind, Shown)
        assert {"_repr_latex_", "_repr_html_", "__repr__"} & set(vars(kind)) == set()


def test_a_long_table_ends_with_a_count():
    result = ss.simulate(ss.InterpolantSDE(LINEAR, UNIT), paths=64, steps=100, save=[k / 100 for k in range(101)])
    assert result._repr_html_().count("<tr>") == 1 + ROWS + 1
    assert f"… {101 - ROWS} more" in result._repr_html_()


def test_what_cannot_be_derived_is_shown_as_its_line(monkeypatch):
    def refuse(_):
        raise ss.UndecidedError("no")

    monkeypatch.setattr(ss.Conversion, "_formulas", refuse)
    assert ss.convert(LINEAR, VP)._repr_latex_() is None


def test_dir_has_the_public_names_only():
    ss.simulate  # noqa: B018  (what it imports would stay in a module's namespace)
    assert set(dir(ss)) == {*ss.__all__, "__version__"}
    assert set(dir(ss.bridge)) == set(ss.bridge.__all__)


@pytest.fixture
def notebook(monkeypatch):
    """As much of IPython as a front end is asked for: what was shown, in the order of its updates."""
    drawn = []

    class Handle:
        def update(self, html):
            drawn.append(html)

    def display(html, display_id):
        assert display_id is True
        drawn.append(html)
        return Handle()

    page = types.ModuleType("IPython")
    page.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    page.display = types.ModuleType("IPython.display")
    page.display.HTML, page.display.display = str, display
    monkeypatch.setitem(sys.modules, "IPython", page)
    monkeypatch.setitem(sys.modules, "IPython.display", page.display)
    return drawn


def test_a_bar_in_a_notebook_counts_and_leaves(notebook):
    ss.simulate(ss.InterpolantSDE(LINEAR, UNIT), paths=3000, steps=4, progress=True)
    assert notebook[0].startswith("<progress value=0 max=3000></progress>")
    assert "3000/3000" in notebook[-2]
    assert notebook[-1] == ""
    with Bar(None, True, what="a < b") as bar:
        bar.add()
    assert "a &lt; b" in notebook[-2]


def test_no_bar_where_it_is_not_wanted_or_nobody_looks(notebook, monkeypatch):
    with Bar(3, False) as bar:
        bar.add()
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: None)  # imported, and no kernel
    with Bar(3, True) as bar:
        bar.at(2)
    assert notebook == []
