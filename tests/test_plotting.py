"""Plots: the artists hold the library's numbers, look alike everywhere, do not overlap, and refuse bad input."""

import subprocess
import sys
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
import sympy as sp
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

import symsched as ss
from symsched import catalog, plotting
from symsched.conversion import Conversion
from symsched.data import Gaussian
from symsched.discretize import trajectory
from symsched.errors import InputError
from symsched.plotting import style
from symsched.plotting.families import lazy_curve
from symsched.plotting.fields import drift_table
from symsched.plotting.optimality import girsanov, path_kl
from symsched.plotting.orders import Levels, weak_levels
from symsched.plotting.paths import driven
from symsched.sde import InterpolantSDE
from symsched.symbols import kappa, t

QUICK = {
    "families": {"kappa": [0, "1/4", 1, 4]},
    "plane": {},
    "conversion": {},
    "paths": {"steps": 60},
    "drift": {"data": "gaussian(0, 1)"},
    "error": {},
    "law": {},
    "kl": {"kappa": [0.25, 0.5, 1, 2, 4]},
    "orders": {"steps": (8, 16, 32), "n_paths": 20},
    "overview": {},
}


@pytest.fixture(scope="module")
def drawn():
    """Each plot, drawn once."""
    return {name: getattr(plotting, name)(**options) for name, options in QUICK.items()}


def curve(panel, label):
    (line,) = [line for line in panel.get_lines() if line.get_label() == label]
    return line


# -- the numbers are the library's ------------------------------------------------------------------------------------


def test_families_are_the_schedules_own_values():
    figure = plotting.families(["linear", "follmer"])
    for schedule in (catalog.linear(), catalog.follmer()):
        label = style.label_of(schedule)
        times = curve(figure.axes[0], label).get_xdata()
        alpha, beta, *_ = schedule.at(times)
        assert np.array_equal(curve(figure.axes[0], label).get_ydata(), alpha)
        assert np.array_equal(curve(figure.axes[1], label).get_ydata(), beta)
        plane = curve(figure.axes[5], label)
        assert np.array_equal(plane.get_xdata(), alpha)
        assert np.array_equal(plane.get_ydata(), beta)
    assert np.allclose(curve(figure.axes[4], "Föllmer").get_ydata(), 0.5)  # ε* of the Föllmer process


def test_variance_of_a_family_uses_the_rho_it_was_made_for():
    figure = plotting.families(kappa=1, rho=[1, 2])
    final = [line.get_ydata()[-1] for line in figure.axes[3].get_lines()]
    assert final == pytest.approx([1, 4])


def test_plane_curves_end_at_no_noise_when_kappa_grows():
    widest = [lazy_curve(k, sp.Integer(1))[0].max() for k in (0, 1, 4, 100, sp.oo)]
    assert widest[0] == pytest.approx(1)
    assert all(a > b for a, b in pairwise(widest))
    assert widest[-1] == 0


def test_conversion_draws_tau_and_c(drawn):
    conversion = Conversion(catalog.linear(), catalog.follmer())
    for panel, k in zip(drawn["conversion"].axes, (0, 1), strict=True):
        line = curve(panel, "Föllmer")
        assert np.array_equal(line.get_ydata(), conversion.at(line.get_xdata())[k])


def test_paths_are_one_another_under_the_conversion():
    found = driven("linear", "follmer", Gaussian(0, 1), sp.Integer(1), 3, 40, seed=0)
    tau, scale, *_ = found.conversion.at(found.times[1:])
    assert found.source_times == pytest.approx(tau)
    assert found.states[:, 1:] == pytest.approx(scale * found.source_states, abs=1e-12)
    assert not found.states[:, 0].any()  # the point mass
    assert found.source_states[:, 0].std() > 0.1  # which the source has not


def test_twin_paths_end_at_the_same_data(drawn):
    source, target = drawn["paths"].axes
    ends = [{line.get_gid(): line.get_ydata()[-1] for line in panel.get_lines()} for panel in (source, target)]
    for k in range(5):
        assert ends[0][f"path-{k}"] == pytest.approx(ends[1][f"path-{k}"], abs=1e-12)
    assert "point-mass" in ends[1]
    assert "point-mass" not in ends[0]


def test_drift_field_is_that_of_the_sde_and_blank_when_lazy():
    times, states = np.array([0.2, 0.7]), np.array([-1.0, 0.5, 2.0])
    linear, lazy = (InterpolantSDE(s, Gaussian(0, 1), kappa=1) for s in (catalog.linear(), catalog.follmer()))
    table = drift_table(linear, times, states)
    assert table[2, 1] == pytest.approx(float(linear.drift_at(0.7, 2.0)))
    assert np.abs(table).max() > 1
    assert not drift_table(lazy, times, states).any()


def test_error_curves_are_the_exact_law_and_lazy_is_zero(drawn):
    panel = drawn["error"].axes[0]
    line = curve(panel, "linear")
    sde = InterpolantSDE(catalog.linear(), Gaussian(0, 0.5), kappa=0)
    assert line.get_ydata() == pytest.approx([trajectory(sde, int(n)).w2()[-1] for n in line.get_xdata()])
    assert (line.get_ydata() > 0).all()
    lazy = curve(panel, r"lazy, $\kappa=0$, $\rho=0.5$")
    assert not lazy.get_ydata().any()
    assert panel.get_ylim()[0] == 0  # so that the exact curve is on the axes


def test_a_schedule_lazy_for_other_data_is_not_drawn_as_exact():
    figure = plotting.error("lazy(kappa=0, rho=0.7)", measures=["w2"])
    assert figure.axes[0].get_lines()[0].get_ydata().all()
    assert "exact" not in figure.axes[0].get_title(loc="left")


def test_law_panels_hold_gaussian_densities(drawn):
    first, _, lazy = drawn["law"].axes
    density = curve(first, "$N=2$")
    spread = float(trajectory(InterpolantSDE(catalog.linear(), Gaussian(0, 0.5), kappa=0), 2).var[-1])
    assert density.get_ydata().max() == pytest.approx((2 * np.pi * spread) ** -0.5, rel=1e-3)
    assert len(set(curve(first, "$N=1$").get_xdata())) == 1  # collapsed to a point
    peaks = [curve(lazy, f"$N={n}$").get_ydata().max() for n in (1, 2, 4, 8)]
    assert peaks == pytest.approx([peaks[0]] * 4)


def test_path_kl_has_its_minimum_at_one_and_is_the_same_for_every_schedule():
    kappas = [sp.Rational(k) for k in ("1/4", "4/5", "1", "5/4", "4")]
    truth, model = Gaussian(0, 1), Gaussian(0, 0.8)
    rows = [path_kl(s, truth, model, kappas) for s in (catalog.linear(), catalog.follmer())]
    assert np.argmin(rows[0]) == 2
    assert rows[0] == pytest.approx(rows[1], rel=1e-6)
    assert rows[0] / rows[0][2] == pytest.approx([float((1 + k) ** 2 / (4 * k)) for k in kappas], rel=1e-9)
    # A Girsanov that forgets the scale has no minimum at κ = 1: the check can fail.
    wrong = [float((girsanov(catalog.linear(), truth, model) * kappa).subs({kappa: k, t: 0.5})) for k in kappas]
    assert np.argmin(wrong) != 2


def test_orders_report_a_slope_only_where_there_is_one():
    steps = np.array([8, 16, 32])
    assert Levels(steps, 1 / steps, 0.01 / steps).slope == pytest.approx(1)
    assert Levels(steps, 1 / steps, 0.01 / steps, one_sign=False).slope is None
    assert Levels(steps, 0.0 * steps, 0.0 * steps).slope is None
    crossing = weak_levels(catalog.linear(), Gaussian(0, 0.5), 1, (8, 16, 32, 64), 0.1)
    assert not crossing.one_sign


# -- the look ---------------------------------------------------------------------------------------------------------


def test_a_schedule_has_one_colour_in_every_figure(drawn):
    seen = {}
    for name in ("families", "conversion", "error", "kl", "orders"):
        for panel in drawn[name].axes:
            for line in panel.get_lines():
                label = line.get_label().split(":")[0]
                if not label.startswith("_") and label not in ("order 1",):
                    seen.setdefault(label, set()).add(to_hex(line.get_color()))
    assert {label: colours for label, colours in seen.items() if len(colours) > 1} == {}
    assert len(seen) > 6
    assert seen["linear"] != seen["VP"]


def test_lazy_of_one_and_follmer_look_alike_and_others_do_not():
    assert style.style_of(catalog.follmer()) == style.style_of(catalog.from_text("lazy(kappa=1)"))
    lazy = [style.style_of(catalog.from_text(f"lazy(kappa={k})")) for k in (0, "1/4", 1, 4)]
    assert len({(s.color, s.dash) for s in lazy}) == 4


def test_catalogue_is_told_apart_in_grey():
    """Two schedules of nearly the same lightness differ in their dashes or their width."""
    found = style._NAMED | {"lazy0": style._lazy(sp.Integer(0)), "lazy1": style._lazy(sp.Integer(1))}
    shades = {name: (sum(np.array(to_rgb(s.color)) * (0.2126, 0.7152, 0.0722)), s) for name, s in found.items()}
    for a, (light, one) in shades.items():
        for b, (dark, other) in shades.items():
            if a < b and abs(light - dark) < 0.05:
                assert (one.dash, one.width) != (other.dash, other.width), (a, b)


def test_schedules_drawn_together_are_told_apart():
    pairs = [ss.Schedule("1-t", f"t**{k}") for k in range(1, 7)]
    found = style.styles([*pairs, catalog.linear()])
    assert len({(s.color, s.dash) for s in found}) == 7


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ("follmer", "Föllmer"),
        ("lazy(kappa=1/2)", r"lazy, $\kappa=0.5$"),
        ("alpha=1-t; beta=t", r"$\alpha=1 - t,\ \beta=t$"),
    ],
)
def test_labels_are_mathematics(given, label):
    assert style.label_of(catalog.from_text(given)) == label


def test_a_name_with_dollars_is_drawn_as_it_is():
    figure = plotting.conversion("linear", ss.Schedule("cos(pi*t/2)", "sin(pi*t/2)", name="my $x^ {schedule"))
    FigureCanvasAgg(figure).draw()


@pytest.mark.parametrize("name", sorted(QUICK))
def test_axes_are_named_and_a_title_says_something(drawn, name):
    figure = drawn[name]
    panels = [panel for panel in figure.axes if panel.get_label() != "<colorbar>"]
    bottom = {p.get_subplotspec().rowspan.stop for p in panels}
    for panel in panels:
        spec = panel.get_subplotspec()
        shared = panel.get_shared_y_axes().joined(panel, panels[0]) and len(panels) > 1
        assert panel.get_ylabel() or (shared and spec.colspan.start > 0), name
        assert panel.get_xlabel() or spec.rowspan.stop < max(bottom), name
    title = figure.get_suptitle() or panels[0].get_title(loc="left")
    assert len(title.split()) >= 4


def boxes(figure):
    """The visible texts of the figure with their boxes on the page."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    ticks = {id(lab) for p in figure.axes for a in (p.xaxis, p.yaxis) for lab in a.get_ticklabels(which="both")}
    shown = set()
    for panel in figure.axes:
        for axis in (panel.xaxis, panel.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                inside = low - 1e-9 <= tick.get_loc() <= high + 1e-9
                if inside and tick.label1.get_visible():
                    shown.add(id(tick.label1))
    texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    return [(t.get_text(), t.get_window_extent(renderer)) for t in texts if id(t) not in ticks or id(t) in shown]


def overlaps(found):
    return [
        (a, b)
        for k, (a, one) in enumerate(found)
        for b, other in found[k + 1 :]
        if min(one.x1, other.x1) - max(one.x0, other.x0) > 1 and min(one.y1, other.y1) - max(one.y0, other.y0) > 1
    ]


@pytest.mark.parametrize("name", sorted(set(QUICK) - {"drift"}))  # contour labels are turned: their boxes are wider
def test_texts_do_not_overlap_or_leave_the_page(drawn, name):
    figure = drawn[name]
    found = boxes(figure)
    assert overlaps(found) == []
    width, height = figure.canvas.get_width_height()
    outside = [a for a, b in found if b.x0 < -1 or b.y0 < -1 or b.x1 > width + 1 or b.y1 > height + 1]
    assert outside == []


def test_the_overlap_check_sees_an_overlap():
    figure = Figure(figsize=(4, 3))
    figure.text(0.2, 0.5, "one text here")
    figure.text(0.22, 0.5, "another there")
    assert overlaps(boxes(figure))


def test_the_callers_axes_and_settings_are_kept():
    before = dict(mpl.rcParams)
    figure = Figure()
    axes = figure.subplots(1, 2)
    assert plotting.conversion("linear", "vp", ax=axes) is figure
    assert curve(axes[0], "VP").get_ydata().size > 10
    assert dict(mpl.rcParams) == before
    single = Figure()
    assert plotting.plane(kappa=1, rho=1, ax=single.subplots()) is single


def test_importing_symsched_imports_no_matplotlib():
    code = "import sys, symsched, symsched.cli.app; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# -- files ------------------------------------------------------------------------------------------------------------

STARTS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize("kind", sorted(STARTS))
def test_files_are_of_their_format_whole_and_the_same_each_time(tmp_path, kind):
    files = [plotting.save(plotting.plane(kappa=1, rho=1), tmp_path / f"{k}.{kind}", dpi=60) for k in range(2)]
    assert files[0].read_bytes().startswith(STARTS[kind])
    assert files[0].read_bytes() == files[1].read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"0.{kind}", f"1.{kind}"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.svg"
    target.write_text("old")
    figure = Figure()

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    figure.savefig = full
    with pytest.raises(InputError, match="could not be written"):
        plotting.save(figure, target)
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.svg"]


def test_fewer_colours_make_a_smaller_png(tmp_path):
    figure = plotting.plane(kappa=[0, 1], rho=[1, 2])
    plain, small = (plotting.save(figure, tmp_path / f"{p}.png", dpi=60, palette=p) for p in (False, True))
    assert small.stat().st_size < plain.stat().st_size


# -- bad input --------------------------------------------------------------------------------------------------------

BAD = [
    (lambda: plotting.families([]), "the list is empty"),
    (lambda: plotting.families(kappa=[]), "the list is empty"),
    (lambda: plotting.families("linaer"), "did you mean linear"),
    (lambda: plotting.families(kappa=-1), "expected a number ≥ 0"),
    (lambda: plotting.families(kappa=float("nan")), "expected a number ≥ 0"),
    (lambda: plotting.families(rho=0), "expected a number > 0"),
    (lambda: plotting.families(kappa=range(13)), "at most 12"),
    (lambda: plotting.families(ss.Schedule("1-t", "t/2")), r"beta\(1\)"),
    (lambda: plotting.families("alpha=a*(1-t); beta=t"), "a"),
    (lambda: plotting.families(3), "expected a list"),
    (lambda: plotting.plane(rho=[]), "the list is empty"),
    (lambda: plotting.plane(kappa="1e9"), "too large"),
    (lambda: plotting.conversion(targets=[]), "the list is empty"),
    (lambda: plotting.conversion("ddpm", "linear"), "truncated source"),
    (lambda: plotting.paths(n_paths=0), "n_paths = 0: expected a whole number"),
    (lambda: plotting.paths(steps=10**9), "expected a whole number from 10"),
    (lambda: plotting.paths(data=Gaussian([0, 0], 1)), "2 dimensions"),
    (lambda: plotting.paths(data=7), "expected a data law"),
    (lambda: plotting.drift(data=[]), "the list is empty"),
    (lambda: plotting.drift(reach=-1), "reach -1: expected a positive"),
    (lambda: plotting.error(steps=[]), "the list is empty"),
    (lambda: plotting.error(steps=[10**7]), "expected a whole number from 1 to 4,096"),
    (lambda: plotting.error(scheme="magic"), "expected one of euler"),
    (lambda: plotting.error(measures=["l1"]), "one or both of w2 and kl"),
    (lambda: plotting.error(data="empirical([0, 1])"), "needs gaussian"),
    (lambda: plotting.error("linear", kappa=1), "linear, kappa = 1: the slope of the euler step"),
    (lambda: plotting.error(["linear", "vp"], kappa=[0]), "1 given for 2 schedules"),
    (lambda: plotting.law(steps=range(1, 9)), "at most 4 and 6"),
    (lambda: plotting.orders(start=0), "expected a time between 0 and 1"),
    (lambda: plotting.orders(n_paths=10**9), "expected a whole number from 2"),
    (lambda: plotting.kl(kappa=[1]), "at least three"),
    (lambda: plotting.kl(model="gaussian(0, 1)"), "equal to the data"),
    (lambda: plotting.plane(ax=[1, 2]), "pass 1 matplotlib axes"),
    (lambda: plotting.plane(ax=3), "matplotlib axes"),
    (lambda: plotting.resize(Figure(), (1e9, 4)), "from 1 to 60 inches"),
    (lambda: plotting.save(Figure(), "a.gif"), "end it in .png, .svg or .pdf"),
    (lambda: plotting.save(Figure(), "a"), "has no ending"),
    (lambda: plotting.save(Figure(), "no/such/folder/a.svg"), "could not be written"),
    (lambda: plotting.save(Figure(), "a.png", dpi=10**9), "30 to 1200"),
    (lambda: plotting.save(Figure(figsize=(60, 60)), "a.png", dpi=1200), "100 million"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_is_one_line(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


# -- the command line -------------------------------------------------------------------------------------------------


@pytest.fixture
def cli(capsys):
    from symsched.cli.app import run

    def call(*args):
        code = run(args)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


COMMANDS = [
    ("families", "--kappa", "0,0.25,1,4", "--rho", "1"),
    ("plane", "--kappa", "0,1,inf", "--rho", "1"),
    ("conversion", "--from", "linear", "--to", "vp", "--to", "follmer"),
    ("paths", "--steps", "40", "--paths", "2", "--no-field"),
    ("error", "--schedule", "linear", "--steps", "1,2,4", "--size", "8x4"),
    ("law", "--schedule", "linear", "--steps", "2"),
    ("kl", "--schedule", "linear", "--kappa", "1/2,1,2"),
]


@pytest.mark.parametrize("args", COMMANDS, ids=lambda args: args[0])
def test_each_plot_writes_its_file(cli, tmp_path, args):
    target = tmp_path / "figure.svg"
    assert cli("plot", *args, "-o", str(target)) == (0, "", "")
    assert target.read_bytes().startswith(b"<?xml")


def test_size_is_that_of_the_file(cli, tmp_path):
    import struct

    target = tmp_path / "a.png"
    assert cli("plot", "plane", "--size", "5x4", "--dpi", "50", "-o", str(target))[0] == 0
    assert struct.unpack(">II", target.read_bytes()[16:24]) == (250, 200)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("familys", "-o", "a.svg"), "unknown plot 'familys'; did you mean families?"),
        (("families",), "Missing option '--output'"),
        (("families", "-o", "a.gif"), "the format 'gif' is not drawn"),
        (("families", "-o", "no/such/a.svg"), "cannot write there"),
        (("families", "-o", "."), "end it in .png"),
        (("families", "--kappa", ",", "-o", "a.svg"), "separated by single commas"),
        (("families", "--schedule", "nope", "-o", "a.svg"), "unknown schedule 'nope'"),
        (("error", "--steps", "1.5", "-o", "a.svg"), "expected whole numbers"),
        (("error", "--steps", "0", "-o", "a.svg"), "expected a whole number from 1"),
        (("plane", "--size", "900x900", "-o", "a.svg"), "from 1 to 60 inches"),
        (("plane", "--size", "big", "-o", "a.svg"), "expected width x height"),
        (("plane", "--dpi", "1e9", "-o", "a.png"), "30 to 1200"),
    ],
)
def test_bad_commands_are_one_line_and_exit_two(cli, tmp_path, monkeypatch, args, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = cli("plot", *args)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_every_plot_has_a_command_and_a_help(cli):
    from symsched.cli.plot import plots

    assert sorted(c.name for c in plots.registered_commands) == sorted(plotting.PLOTS)
    code, out, _ = cli("plot", "families", "--help")
    assert code == 0
    assert "--kappa" in out
