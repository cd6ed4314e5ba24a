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
from slowness import slow

import symsched as ss
from symsched import catalog, plotting
from symsched.conversion import Conversion
from symsched.data import Gaussian
from symsched.discretize import trajectory
from symsched.plotting import style, two_sides
from symsched.plotting.drifts import drift_table
from symsched.plotting.energies import parted
from symsched.plotting.optimality import girsanov, path_kl
from symsched.plotting.orders import StepErrors, weak_levels
from symsched.plotting.paths import driven
from symsched.plotting.portraits import lazy_curve
from symsched.plotting.starting import excess, order
from symsched.sde import InterpolantSDE
from symsched.symbols import kappa, t

QUICK = {
    "claim": {"names": ["C21", "C24"]},
    "families": {"kappa": [0, "1/4", 1, 4]},
    "plane": {},
    "conversion": {},
    "paths": {"steps": 60},
    "drift": {"data": "gaussian(0, 1)"},
    "energy": {"kappa": ["1/2", 1, 2], "separation": [0, 2, 4]},
    "error": {},
    "law": {},
    "guidance": {"kappa": [0.25, 1, 4]},
    "kl": {"kappa": [0.25, 0.5, 1, 2, 4]},
    "orders": {"steps": (8, 16, 32), "n_paths": 20},
    "spacing": {"steps": (4, 8, 16)},
    "start": {"kappa": ["1/2", 1, 2], "steps": (4, 8, 16, 32, 64, 128)},
    "overview": {},
}


class Drawn(dict):
    """Each plot, drawn when it is first asked for."""

    def __missing__(self, name):
        return self.setdefault(name, getattr(plotting, name)(**QUICK[name]))


@pytest.fixture(scope="module")
def drawn():
    return Drawn()


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


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_energy_is_the_negentropy_of_the_modes_and_its_rate_integrates_to_it(drawn):
    """The right value: KL(data ‖ N(0, 1)) of the densities alone (theory C18)."""
    whole, when = drawn["energy"].axes
    found, states = curve(whole, r"$\kappa=1$"), np.linspace(-9, 9, 4001)
    for distance, value in zip(found.get_xdata(), found.get_ydata(), strict=True):
        own, other = (law.log_density_at(0.0, 1.0, states) for law in (parted(distance), Gaussian(0, 1)))
        assert value == pytest.approx(np.trapezoid(np.exp(own) * (own - other), states), abs=1e-9)
    rate = curve(when, "4 apart")
    area = np.trapezoid(rate.get_ydata(), rate.get_xdata())
    assert area == pytest.approx(found.get_ydata()[-1], rel=2e-3)
    assert area != pytest.approx(curve(whole, r"$\kappa=2$").get_ydata()[-1], rel=0.02)  # the twin


@pytest.mark.slow
def test_the_title_of_energy_names_the_cheapest_kappa_drawn():
    assert "least at κ = 1" in plotting.energy(kappa=["1/2", 1, 2], separation=[0, 2]).get_suptitle()
    assert "least at κ = 2" in plotting.energy(kappa=[2, 4], separation=[0, 2]).get_suptitle()
    assert "least" not in plotting.energy(kappa=2, separation=[1, 2]).get_suptitle()


def test_spacing_is_the_cosine_law_and_the_best_grid_loses_least(drawn):
    one, many = drawn["spacing"].axes
    law = curve(one, r"equal angles, every $\rho$")
    steps = law.get_xdata()
    assert law.get_ydata() == pytest.approx(np.cos(np.pi / (2 * steps)) ** (2 * steps), rel=1e-12)
    times = curve(one, r"equal times, $\rho=4$").get_ydata()
    assert (times < law.get_ydata() - 1e-3).all()  # the twin: another grid does not keep that
    best, *others = (line.get_ydata() for line in many.get_lines())
    assert len(others) == 3
    assert all((best <= other).all() for other in others)
    assert "one best grid" in drawn["spacing"].get_suptitle()
    assert (
        "depends" in plotting.spacing(steps=[2]).get_suptitle()
    )  # best to leading order only: not the best of two steps
    ratios = ss.optimal_grid([0.1, 1, 4], 16)
    angles = [np.diff(np.arctan(rho * ratios)) for rho in (0.1, 1, 4)]
    assert best[-1] == pytest.approx(-np.log(np.cos(angles)).sum(), rel=1e-9)


def test_guidance_is_the_guided_law_over_the_tilted_one(drawn):
    """The right value at κ = 1: a E[(k + (1 − k)Y)^2w] is a polynomial for whole w, with Y uniform (theory C25)."""
    shares, laws = drawn["guidance"].axes
    line = curve(shares, "$w=1$")
    a, v, k = 0.25, 1.0, 0.25
    mean_square = (k**2 + k + 1) / 3  # of k + (1 − k)Y
    tilted = 1 / (2 / a - 1 / v)
    assert line.get_ydata()[1] == pytest.approx(a * mean_square / tilted, rel=1e-12)
    assert line.get_ydata()[1] != pytest.approx(a * k / tilted, rel=1e-2)  # the twin: the ODE's variance
    ode = curve(laws, r"$\kappa=0$").get_ydata()
    assert ode.max() == pytest.approx((2 * np.pi * a * k) ** -0.5, rel=1e-3)


def test_the_title_of_guidance_is_read_off_the_curves(drawn):
    assert "only as κ grows" in drawn["guidance"].get_suptitle()
    wide = plotting.guidance("gaussian(1, 1)", "gaussian(0, 1)", weight=1, kappa=[1, 2, 4])  # never too narrow
    assert "too narrow" not in wide.get_suptitle()


@pytest.mark.parametrize("ratio", ["1/4", "1/2", "2"])
def test_start_is_eulers_own_variance_in_exact_arithmetic(ratio):
    ratio, count = sp.Rational(ratio), 7
    variance = ratio / count  # after the first step, with b = 0 at the point
    for k in range(1, count):
        variance = (1 + (1 - ratio) / (2 * k)) ** 2 * variance + ratio / count
    assert excess(ratio, count) == pytest.approx(float(variance - 1), rel=1e-12)


def test_start_agrees_with_the_library_where_that_starts_from_a_point():
    sde = InterpolantSDE(catalog.follmer(), Gaussian(0, 1), kappa=2)
    assert excess(2, 16) == pytest.approx(float(trajectory(sde, 16).var[-1]) - 1, rel=1e-12)


def test_orders_from_a_point_are_those_of_c19_and_a_title_says_no_more(drawn):
    counts = (64, 128, 256, 512, 1024, 2048)
    for ratio, wanted in (("1/4", 0.25), ("1/2", 0.5), (2, 1.0)):
        found = order(counts, np.array([excess(ratio, n) for n in counts]))
        assert found == pytest.approx(wanted, abs=0.01)
        assert found != pytest.approx(wanted / 2, abs=0.01)  # the twin
    assert "costs Euler its order" in drawn["start"].get_suptitle()
    for scales in (["3/4", "4/3"], [2, 3]):  # an order that is not 1 yet; nothing below the lazy scale
        assert "costs" not in plotting.start(kappa=scales, steps=(2, 3, 4, 5, 6, 7)).get_suptitle()


def test_the_title_of_orders_says_order_one_only_where_it_was_found():
    assert "order 1" in plotting.orders("linear", steps=(32, 64, 128), n_paths=20).get_suptitle()
    single = plotting.orders("linear", steps=[16], n_paths=10)
    assert "order" not in single.get_suptitle()
    exact = plotting.orders("lazy(kappa=1/2, rho=0.5)", steps=[8, 16], n_paths=10)
    assert "no error" in exact.get_suptitle()


def test_orders_report_a_slope_only_where_there_is_one():
    steps = np.array([8, 16, 32])
    assert StepErrors(steps, 1 / steps, 0.01 / steps).slope == pytest.approx(1)
    assert StepErrors(steps, 1 / steps, 0.01 / steps, one_sign=False).slope is None
    assert StepErrors(steps, 0.0 * steps, 0.0 * steps).slope is None
    crossing = weak_levels(catalog.linear(), Gaussian(0, 0.5), 1, (8, 16, 32, 64), 0.1)
    assert not crossing.one_sign


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(two_sides.PANELS))
def test_both_sides_of_a_claim_are_drawn_and_agree(name):
    panel = plotting.claim(name).axes[0]
    assert "differ" not in panel.get_title(loc="left")
    assert len(panel.get_lines()) >= 3


def test_a_wrong_side_of_a_claim_is_told(monkeypatch):
    own = two_sides._composed
    assert "DDIM" in plotting.claim("C21").axes[0].get_title(loc="left")
    monkeypatch.setattr(two_sides, "_composed", lambda *given: 0.9 * own(*given))
    assert "the two sides differ" in plotting.claim("C21").axes[0].get_title(loc="left")


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
        ("alpha=1-t; beta=t", r"$\alpha=1 - t$, $\beta=t$"),
        ("alpha=cos(pi*t/2)**2*(1-t); beta=sin(pi*t/2)**3*exp(t-1)", None),  # two lines
        ("alpha=(1-t)**2*(1+t+t**2)*cos(pi*t/2)**3*exp(-t)*sqrt(1+t); beta=t", "own schedule"),
    ],
)
def test_labels_are_mathematics(given, label):
    found = style.label_of(catalog.from_text(given))
    assert found == label if label else found.count("\n") == 1


def test_own_schedules_differ_in_colour_and_in_dashes():
    own = [ss.Schedule("1-t", f"t**{k}") for k in range(2, 7)]
    found = style.styles([catalog.linear(), *own])[1:]
    assert len({s.color for s in found}) == len({s.dash for s in found}) == len(own)


# -- wishes -----------------------------------------------------------------------------------------------------------


def legends(figure):
    return [p.get_legend() for p in figure.axes if p.get_legend()] + figure.legends


def test_a_title_may_be_none_or_ones_own_and_labels_ones_own():
    assert plotting.conversion("linear", "vp", title="").get_suptitle() == ""
    assert plotting.plane(kappa=1, rho=1, title="mine").axes[0].get_title(loc="left") == "mine"
    figure = plotting.error(["linear", "lazy(kappa=0, rho=0.5)"], measures=["w2"], labels=["old", "new"])
    assert [text.get_text() for text in legends(figure)[0].get_texts()] == ["old", "new"]
    assert figure.axes[0].get_title(loc="left").startswith("New: exact")
    assert [p.get_title(loc="left") for p in plotting.law(["linear", "vp"], labels=["a", "b"]).axes] == ["a", "b"]


def test_a_legend_may_be_left_out_moved_or_put_below():
    one = {"schedules": ["linear", "vp"], "kappa": [0.5, 1, 2]}
    assert legends(plotting.kl(**one, legend=False)) == []
    (below,) = legends(plotting.kl(**one, legend="outside"))
    assert [text.get_text() for text in below.get_texts()] == ["linear", "VP"]
    (moved,) = legends(plotting.kl(**one, legend="lower left"))
    assert moved._loc == 3  # matplotlib's number for it


@pytest.mark.parametrize("name", [slow("claim"), "plane", slow("conversion"), "law", "spacing", "start"])
@pytest.mark.parametrize("kind", ["paper", "slides"])
def test_styles_fit_and_change_sizes_alone(drawn, name, kind):
    figure = getattr(plotting, name)(**QUICK[name], style=kind)
    assert figure.get_size_inches()[0] == style.LOOKS[kind].widths[len(figure.axes) > 1]
    for own, screen in zip(figure.axes, drawn[name].axes, strict=True):
        for line, other in zip(own.get_lines(), screen.get_lines(), strict=True):
            assert np.array_equal(line.get_xydata(), other.get_xydata(), equal_nan=True)
            assert to_hex(line.get_color()) == to_hex(other.get_color())
    width, height = figure.canvas.get_width_height()
    assert [a for a, b in boxes(figure) if b.x0 < -1 or b.y0 < -1 or b.x1 > width + 1 or b.y1 > height + 1] == []


@pytest.mark.parametrize("serif", [True, slow(False)])
def test_on_a_column_of_the_caller_nothing_is_cut_and_fonts_are_the_callers(serif):
    with mpl.rc_context({"font.family": "serif", "mathtext.fontset": "stix", "font.size": 8} if serif else {}):
        for name, options in (("plane", {}), ("kl", QUICK["kl"]), ("error", {"measures": ["w2"]})):
            figure = Figure(figsize=(3.25, 2.5))
            getattr(plotting, name)(**options, ax=figure.subplots())
            width, height = figure.canvas.get_width_height()
            found = boxes(figure)
            assert [a for a, b in found if b.x0 < -1 or b.y0 < -1 or b.x1 > width + 1 or b.y1 > height + 1] == [], name
            fonts = {(t.get_fontfamily()[0], t.get_math_fontfamily()) for t in figure.findobj(Text) if t.get_text()}
            assert fonts == {("serif", "stix") if serif else ("sans-serif", "dejavusans")}


def test_own_figures_keep_their_font_under_the_callers_settings():
    figure = plotting.plane(kappa=1, rho=1)
    with mpl.rc_context({"font.family": "serif", "font.sans-serif": ["DejaVu Serif"], "mathtext.fontset": "stix"}):
        FigureCanvasAgg(figure).draw()
        fonts = {(t.get_fontfamily()[0], t.get_math_fontfamily()) for t in figure.findobj(Text) if t.get_text()}
    assert fonts == {("DejaVu Sans", "dejavusans")}


def test_a_truncated_source_is_drawn_where_it_has_the_noise_and_says_so():
    figure = plotting.conversion("ddpm", ["linear", "follmer"])
    labels = [line.get_label() for line in figure.axes[0].get_lines() if line.get_gid() != "identity"]
    assert all(r"t\geq" in label for label in labels)
    assert labels[1].endswith(r"4.3\times 10^{-5}$")
    assert "DDPM is truncated" in figure.get_suptitle()
    first = curve(figure.axes[0], labels[0]).get_xdata()[0]
    assert catalog.linear().at(first)[1] / catalog.linear().at(first)[0] == pytest.approx(
        float(catalog.ddpm().limit("r", 0)), rel=1e-9
    )
    assert "truncated" not in plotting.conversion("linear", "ddpm").get_suptitle()


def test_paths_from_a_truncated_source_begin_where_it_does():
    figure = plotting.paths("ddpm", "linear", steps=40, field=False)
    _, target = figure.axes
    assert r"t\geq" in target.get_title(loc="left")
    (grey,) = [patch for patch in target.patches if patch.get_gid() == "not covered"]
    begins = {line.get_xdata()[0] for line in target.get_lines() if str(line.get_gid()).startswith("path-")}
    assert begins == {grey.get_x() + grey.get_width()}


def test_a_name_with_dollars_is_drawn_as_it_is():
    figure = plotting.conversion("linear", ss.Schedule("cos(pi*t/2)", "sin(pi*t/2)", name="my $x^ {schedule"))
    FigureCanvasAgg(figure).draw()  # a dollar sign that began a formula would not be drawn
    texts = [text.get_text().replace("\\", "") for text in figure.findobj(Text)]
    assert any("my $x^ {schedule" in text for text in texts)


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
