"""The explorer in a browser: every number it displays is Python's, and a wrong formula is noticed."""

import math

import numpy as np
import pytest
import sympy as sp
from explorer_page import choose, shown, text, timed
from slowness import quick

import symsched as ss
from symsched.errors import InputError
from symsched.symbols import t


def schedule_of(name, at):
    return ss.schedules.lazy(kappa=at["kappa"], rho=at["rho"]) if name == "lazy" else ss.schedules.from_text(name)


CHOICES = [
    {"source": "linear", "target": "lazy", "kappa": 1, "rho": 1, "time": 0.25},
    {"source": "vp", "target": "lazy", "kappa": 0, "rho": 0.5, "time": 0.6},
    {"source": "ddpm", "target": "lazy", "kappa": 0.5, "rho": 1.5, "time": 0.3, "clock": "square"},
    {"source": "lazy", "target": "linear", "kappa": 2, "rho": 0.7, "time": 0.4, "shift": 3},
    {"source": "follmer", "target": "vp", "kappa": 1, "rho": 2, "time": 0.125, "clock": "smooth"},
    {"source": "linear", "target": "ddpm", "kappa": 0.25, "rho": 0.3, "time": 0.75, "clock": "angle", "shift": 0.5},
    {"source": "linear", "target": "vp", "kappa": 0, "rho": 3, "time": 0.9, "shift": 0.2},
]


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


@pytest.mark.parametrize(
    "given", quick([CHOICES[k] for k in (0, 1, 4)], CHOICES), ids=lambda g: f"{g['source']}-{g['target']}"
)
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


@pytest.mark.slow
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


@pytest.mark.slow
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
