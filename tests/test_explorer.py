"""The explorer: offline, small, quiet, usable by keyboard, and its numbers are Python's; a wrong formula is noticed."""

import gzip
import html
import json
import math
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from browser import chromium

import symsched as ss
from symsched import explorer
from symsched.errors import InputError
from symsched.explorer import shelf
from symsched.explorer.forms import CLOCKS, NAMES, clock_inverse, entries
from symsched.explorer.page import KAPPAS, RHOS
from symsched.explorer.palette import DARK, contrast, looks, on_dark
from symsched.explorer.script import expression, function
from symsched.explorer.shared import drift_of_ancestral
from symsched.parsing import parse_expression
from symsched.symbols import kappa, rho, t


@cache
def text():
    return explorer.render(quiet=True)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    made = tmp_path_factory.mktemp("explorer") / "explorer.html"
    made.write_text(text(), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def page(browser, path):
    return browser.open(path, 1440, 900)


# -- the file -----------------------------------------------------------------------------------------------------


def test_it_is_one_small_file_that_needs_nothing_else():
    assert len(text().encode()) < 1_000_000
    assert "default-src 'none'" in html.unescape(text())
    for word in ("src=", "url(", "@import", "fetch(", "XMLHttpRequest", "import("):
        assert word not in re.sub(r'<script id="shelf".*?</script>', "", text(), flags=re.DOTALL), word
    assert not re.findall(r"https?://(?!www\.w3\.org/1998/Math)[^\"'<\s]+", text())


def test_every_control_has_a_label():
    controls = re.findall(r"<(?:input|select)[^>]*", text())
    assert len(controls) > 10
    for control in controls:
        name = re.search(r'id="([^"]+)"', control)
        assert name is None or f'for="{name[1]}"' in text()
    assert len(re.findall(r"<canvas", text())) == len(re.findall(r'<canvas[^>]*role="img"', text())) == 9


def test_no_formula_is_typed_in_the_scripts():
    """Drawing and state alone: the names of functions of mathematics stand in what SymPy printed."""
    for name in ("model.js", "draw.js", "figures.js", "app.js"):
        own = (Path(explorer.__file__).parent / name).read_text(encoding="utf-8")
        assert not re.findall(r"Math\.(pow|exp|tan|atan|asin|acos|cot)\b", own), name


# -- the derivations ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", entries(), ids=lambda e: f"{e.name}-{e.regime}")
@pytest.mark.parametrize("clock", CLOCKS)
def test_forms_in_a_clock_are_those_of_the_schedule_in_that_clock(entry, clock):
    """ε* and the slope, multiplied by the pace of the clock, against the library's own derivation."""
    at = {kappa: {"zero": 0, "below": 0.4, "one": 1, "above": 2.5}.get(entry.regime, 0.7), rho: 0.6}
    phi = entry.clock(clock)
    own = ss.Schedule(*(sp.nsimplify(entry.forms[q].subs(at), rational=True).subs(t, phi) for q in ("alpha", "beta")))
    law = own.variance(sp.Rational(3, 5))
    slope = (law.diff(t) / 2 - sp.nsimplify(at[kappa]) * own.eps_star) / law
    for time in (0.1, 0.37, 0.9):
        put = {**at, t: time}
        for name, wanted in (("eps_star", own.eps_star), ("slope", slope)):
            found = float((entry.timed(entry.forms[name], clock) * phi.diff(t)).subs(put))
            assert found == pytest.approx(float(wanted.subs(t, time)), rel=1e-9, abs=1e-9), (name, time)
        back = clock_inverse(phi).subs(sp.Symbol("y", positive=True), phi.subs(t, time))
        assert float(back) == pytest.approx(time, abs=1e-12)


def test_the_step_of_the_fan_has_the_drift_of_the_theory():
    step, drift = drift_of_ancestral()
    assert sp.simplify(step - drift) == 0
    assert sp.simplify(step + drift) != 0


def test_what_javascript_cannot_say_is_refused():
    with pytest.raises(InputError, match="no counterpart"):
        expression(sp.gamma(t))
    with pytest.raises(InputError, match="no argument"):
        function([t], t + rho)
    assert expression(sp.Rational(1, 3)) == "(1/3)"


def test_colours_can_be_seen_on_the_dark_ground_and_are_those_of_the_figures():
    from symsched.plotting.style import style_of

    found = looks(KAPPAS)
    assert found["light"]["linear"] == style_of(ss.schedules.linear()).color
    assert found["light"]["lazy"][KAPPAS.index(1)] == style_of(ss.schedules.lazy(kappa=1)).color
    dark = [c for value in found["dark"].values() for c in ([value] if isinstance(value, str) else value)]
    assert all(contrast(c, DARK) >= 4.5 for c in dark)
    assert on_dark("#ffffff") == "#ffffff"


def test_kept_code_is_what_codegen_writes():
    kept = shelf.load()
    assert kept
    for name, made in list(kept.items())[:1]:
        source, target, at, *one = name.split("|")
        assert made == shelf.make(source, target, at, *one)
    assert set(next(iter(kept.values()))) == set(shelf.LANGUAGES)


# -- displayed numbers against Python's ---------------------------------------------------------------------------


def schedule_of(name, at):
    return ss.schedules.lazy(kappa=at["kappa"], rho=at["rho"]) if name == "lazy" else ss.schedules.from_text(name)


def timed(schedule, clock, shift):
    """The schedule in a clock and a shift, made here from text."""
    phi = {"own": "t", "angle": "sin(pi*t/2)", "square": "t**2", "smooth": "sin(pi*t/2)**2"}[clock]
    time = parse_expression(f"t/(t + {shift}*(1 - t))")
    return tuple(f.subs(t, parse_expression(phi).subs(t, time)) for f in (schedule.alpha, schedule.beta))


CHOICES = [
    {"source": "linear", "target": "lazy", "kappa": 1, "rho": 1, "time": 0.25},
    {"source": "vp", "target": "lazy", "kappa": 0, "rho": 0.5, "time": 0.6},
    {"source": "ddpm", "target": "lazy", "kappa": 0.5, "rho": 1.5, "time": 0.3, "clock": "square"},
    {"source": "lazy", "target": "linear", "kappa": 2, "rho": 0.7, "time": 0.4, "shift": 3},
    {"source": "follmer", "target": "vp", "kappa": 1, "rho": 2, "time": 0.125, "clock": "smooth"},
    {"source": "linear", "target": "ddpm", "kappa": 0.25, "rho": 0.3, "time": 0.75, "clock": "angle", "shift": 0.5},
    {"source": "linear", "target": "vp", "kappa": 0, "rho": 3, "time": 0.9, "shift": 0.2},
]


def choose(page, given):
    """Move the sliders and menus as a user would."""
    stops = {"kappa": KAPPAS, "rho": RHOS, "shift": explorer.page.SHIFTS}
    page.evaluate("document.getElementById('reset').click()")
    for key, value in given.items():
        place = stops[key].index(value) if key in stops else round(200 * value) if key == "time" else value
        page.set_value(f"#{key}", place)
    settle(page)


def settle(page):
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def shown(page, name):
    """A displayed number."""
    words = page.evaluate(f"document.getElementById('{name}').textContent").replace("−", "-")
    if words in ("–", "∞", "-∞"):
        return {"–": math.nan, "∞": math.inf, "-∞": -math.inf}[words]
    if "·" in words:
        digits, power = words.split(" · 10")
        return float(digits) * 10.0 ** int(power.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")))
    return float(words)


def wanted(given):
    """Every displayed number, by the library."""
    at = {"clock": "own", "shift": 1, "steps": 8, **given}
    source = schedule_of(at["source"], at)
    target = ss.Schedule(*timed(schedule_of(at["target"], at), at["clock"], at["shift"]))
    tau, scale, *_ = (float(v) for v in ss.convert(source, target).at(at["time"]))
    found = {"scale": scale}
    for which, schedule, time in (("source", source, tau), ("target", target, at["time"])):
        alpha, beta, *_ = (float(v) for v in schedule.at(time))
        eps = float(schedule.eps_star.subs(t, sp.Float(time, 30)))
        found |= {
            f"{which}-time": time,
            f"{which}-alpha": alpha,
            f"{which}-beta": beta,
            f"{which}-log_snr": 2 * math.log(beta / alpha),
            f"{which}-variance": alpha**2 + at["rho"] ** 2 * beta**2,
            f"{which}-eps_star": eps,
            f"{which}-eps": at["kappa"] * eps,
        }
        found |= errors(which, schedule, at)
    return found


def errors(which, schedule, at):
    sde = ss.InterpolantSDE(schedule, ss.Gaussian(0, at["rho"]), kappa=at["kappa"])
    found = {}
    for name, scheme in (("euler", "euler"), ("ancestral", "exponential")):
        try:
            law = ss.discretize.trajectory(sde, at["steps"], scheme)
            found |= {f"w2-{which}-{name}": float(law.w2()[-1]), f"kl-{which}-{name}": float(law.kl()[-1])}
        except InputError:  # an infinite first step; the page's exponential step has its limit, the library's has none
            if scheme == "euler":
                found |= {f"w2-{which}-{name}": math.nan, f"kl-{which}-{name}": math.nan}
    return found


def differences(page, given):
    """The displayed numbers that are not Python's, to the digits displayed."""
    choose(page, given)
    found = {}
    for name, value in wanted(given).items():
        seen = shown(page, name)
        if not (np.isclose(seen, value, rtol=6e-6, atol=2e-9, equal_nan=True)):
            found[name] = (seen, value)
    return found


@pytest.mark.parametrize("given", CHOICES, ids=lambda g: f"{g['source']}-{g['target']}")
def test_displayed_numbers_are_those_of_the_library(page, given):
    assert differences(page, given) == {}
    assert page.errors == []


def test_the_ends_are_limits_and_a_truncated_source_has_no_time_before_it_starts(page):
    choose(page, {"source": "linear", "target": "lazy", "time": 0})
    assert shown(page, "source-time") == 0
    assert shown(page, "source-eps_star") == math.inf
    assert shown(page, "target-eps_star") == 0.5
    assert shown(page, "scale") == 0
    choose(page, {"source": "ddpm", "target": "lazy", "time": 0})
    assert math.isnan(shown(page, "source-time"))


@pytest.mark.parametrize(
    ("sane", "wrong"),
    [
        ('"variance": (a, b, rho) => { return ', '"variance": (a, b, rho) => { return 2*'),
        ('"shift_rate": (t, shift) => { return ', '"shift_rate": (t, shift) => { return -'),
        ('"euler": (variance, h, slope, eps) => { return 2*', '"euler": (variance, h, slope, eps) => { return '),
        ('"inverse": (R, kappa, rho) => { return R/(R + 1)', '"inverse": (R, kappa, rho) => { return R/(R + 2)'),
    ],
    ids=["variance doubled", "sign of the pace", "noise halved", "inverse"],
)
def test_a_wrong_formula_is_noticed(browser, tmp_path, sane, wrong):
    assert sane in text()
    (tmp_path / "wrong.html").write_text(text().replace(sane, wrong), encoding="utf-8")
    page = browser.open(tmp_path / "wrong.html")
    assert differences(page, CHOICES[3] | {"kappa": 0.25}) or differences(page, CHOICES[6])


def test_the_fan_converts_paths_as_the_library_does(page):
    """Every path of the target is c times the source at τ, and the two laws of the fan have the variance V."""
    choose(page, {"source": "vp", "target": "follmer", "kappa": 1})
    rows = page.evaluate(
        "(({source, target}) => [60, 180, 300].map(k => [source.time[k], target.time[k], target.frame[k] /"
        " source.frame[k]]))(sides)"
    )
    conversion = ss.convert(ss.schedules.vp(), ss.schedules.follmer())
    for source_time, time, scale in rows:
        tau, c, *_ = (float(v) for v in conversion.at(time))
        assert (source_time, scale) == pytest.approx((tau, c), rel=1e-9)


def test_the_law_of_the_fan_is_that_of_the_interpolant(page):
    """24 paths under 200 seeds: the variance in mid-flight and at the data, within five standard errors."""
    choose(page, {"kappa": 1, "rho": 0.7})
    squares = page.evaluate(
        "(() => { const ks = [120, 220, LEVELS], sums = [0, 0, 0];"
        " for (let seed = 1; seed <= 200; seed++) { FAN.setup(seed); FAN.move(1, 0.7, FORMULAS.eta_one);"
        " ks.forEach((k, j) => { for (let p = 0; p < PATHS; p++) sums[j] += FAN.x[p * (LEVELS + 1) + k] ** 2; }); }"
        " return ks.map((k, j) => [sums[j] / (200 * PATHS), FAN.a[k], FAN.b[k]]); })()"
    )
    for mean, a, b in squares:
        exact = a**2 + 0.49 * b**2
        assert abs(mean / exact - 1) < 5 * math.sqrt(2 / 4800) + 0.01  # the scheme itself is off by its step
        assert abs(mean / (2 * exact) - 1) > 5 * math.sqrt(2 / 4800) + 0.01


# -- behaviour ----------------------------------------------------------------------------------------------------


def test_it_opens_without_complaint_and_asks_for_nothing(page, path):
    assert page.errors == []
    assert page.requests == [path.as_uri()]
    for name in NAMES:
        for clock in CLOCKS:
            choose(page, {"target": name, "clock": clock, "kappa": 0.25})
    assert page.errors == []
    assert page.requests == [path.as_uri()]


def test_sliders_move_by_keyboard(page):
    page.evaluate("document.getElementById('kappa').focus()")
    before = shown(page, "kappa-out")
    for kind in ("rawKeyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key="ArrowRight", code="ArrowRight", windowsVirtualKeyCode=39)
    settle(page)
    assert shown(page, "kappa-out") == KAPPAS[KAPPAS.index(before) + 1]
    assert page.evaluate("document.getElementById('kappa').getAttribute('aria-valuetext')") == "1.1"
    order = page.evaluate("[...document.querySelectorAll('input, select, button')].filter(e => e.tabIndex < 0).length")
    assert order == 0


def test_the_address_brings_the_view_back(page):
    choose(page, {"source": "vp", "target": "linear", "kappa": 0.35, "rho": 2, "clock": "smooth"})
    page.evaluate("new Promise(done => setTimeout(done, 300))")
    address = page.evaluate("location.hash")
    assert "kappa=0.35" in address
    page.evaluate("document.getElementById('reset').click(); new Promise(done => setTimeout(done, 300))")
    page.evaluate(f"location.hash = {json.dumps(address)}; new Promise(done => setTimeout(done, 100))")
    settle(page)
    assert page.evaluate("document.getElementById('source').value") == "vp"
    assert shown(page, "rho-out") == 2
    page.evaluate("location.hash = 'kappa=nonsense&source=<b>&steps=1e9&time=-4'; new Promise(d => setTimeout(d, 100))")
    settle(page)
    assert page.evaluate("state.source") == "linear"
    assert page.evaluate("[state.kappa, state.steps, state.time]") == [1, 64, 0]
    assert page.errors == []


def test_formulas_follow_the_choice(page):
    choose(page, {"target": "lazy", "kappa": 1})
    first = page.evaluate("document.getElementById('formulas-target').innerText")
    choose(page, {"target": "vp"})
    assert page.evaluate("document.getElementById('formulas-target').innerText") != first
    choose(page, {"source": "vp"})
    assert "arctan" in page.evaluate("document.getElementById('formulas-conversion').textContent")


def test_the_code_is_that_of_codegen_and_the_command_runs(page, tmp_path):
    choose(page, {"source": "linear", "target": "lazy", "kappa": 1})
    page.evaluate("new Promise(done => setTimeout(done, 200))")
    kept = json.loads(gzip.decompress((Path(shelf.__file__).with_name(shelf.SHELF)).read_bytes()))
    entry = kept.get("linear|lazy|1") or kept["linear|lazy|1|1"]
    assert page.evaluate("document.getElementById('code').textContent") == entry["numpy"]
    (tmp_path / "copied.py").write_text(entry["numpy"])
    subprocess.run([sys.executable, "-c", "import copied"], cwd=tmp_path, check=True)
    choose(page, {"source": "linear", "target": "vp", "clock": "square", "shift": 2, "kappa": 0.5})
    command = page.evaluate("document.getElementById('command').textContent")
    target = ss.schedules.from_text(re.search(r'--to "(.*?)"', command)[1])
    wanted = timed(ss.schedules.vp(), "square", 2)
    for found, expected in zip((target.alpha, target.beta), wanted, strict=True):
        assert float(found.subs(t, 0.3)) == pytest.approx(float(expected.subs(t, 0.3)), rel=1e-12)


def test_motion_stops_where_it_is_not_wanted(browser, path):
    moving = path.with_name("moving.html")
    moving.write_text(text().replace('"quiet":true', '"quiet":false'), encoding="utf-8")
    page = browser.open(moving)
    settle(page)
    assert page.evaluate("flowing") is True
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    settle(page)
    assert page.evaluate("flowing") is False
    page.evaluate("document.getElementById('convert').click()")
    settle(page)
    assert page.evaluate("[state.morph, frame]") == [0, 0]


@pytest.mark.parametrize("width", [360, 390, 768, 1440])
def test_it_fits_the_screen(browser, path, width):
    page = browser.open(path, width, 800)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate(
        "[...document.querySelectorAll('button, select, input[type=range]')]"
        ".filter(e => e.getBoundingClientRect().height < 24).length"
    )
    assert small == 0


def test_frame_times_are_reported(page, record_property):
    """Measured, not asserted: the machine may be busy, and a headless browser draws without a GPU."""
    page.evaluate("flow(true)")
    script = (
        "new Promise(done => { const seen = []; let before = performance.now(); const step = now => {"
        " seen.push(now - before); before = now; seen.length < 90 ? requestAnimationFrame(step) : done(seen); };"
        " requestAnimationFrame(step); })"
    )
    gaps = sorted(page.evaluate(script)[5:])
    work = page.evaluate(
        "(() => { const t = performance.now(); for (let k = 0; k < 50; k++) { FAN.turn(0.01); paintFans(); }"
        " return (performance.now() - t) / 50; })()"
    )
    print(f"frame: median {gaps[len(gaps) // 2]:.1f} ms, 95 % {gaps[int(0.95 * len(gaps))]:.1f} ms; work {work:.2f} ms")
    record_property("frame_ms", gaps[len(gaps) // 2])
    record_property("work_ms", work)


# -- the command --------------------------------------------------------------------------------------------------


def command(*args):
    return subprocess.run(
        [sys.executable, "-m", "symsched.cli", "explore", *args], capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize("given", ["", "folder", "file/below.html", "missing/page.html"])
def test_a_path_that_cannot_be_written_is_refused_in_one_line(tmp_path, given):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    run = command("-o", str(tmp_path / given) if given else "")
    assert run.returncode == 2
    assert run.stderr.startswith("symsched: -o")
    assert run.stderr.count("\n") == 1
    assert not run.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.exhaustive
def test_the_command_writes_the_page(tmp_path):
    run = command("-o", str(tmp_path / "page.html"))
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == explorer.render()
    assert "page.html" in run.stdout
