"""The catalogue: every entry is its source's formula, of its stated kind, valid by proof, and refuses bad input."""

import math
import re

import numpy as np
import pytest
import sympy as sp
from sympy import Rational, exp, sqrt

from symsched import catalog
from symsched.errors import InputError
from symsched.schedule import Schedule
from symsched.symbols import kappa, rho, t

TIMES = np.array([0.03, 0.2, 0.5, 0.77, 0.98])


def ddpm_signal(s, b0=0.1, b1=20.0):
    return math.exp(-(s**2) * (b1 - b0) / 4 - s * b0 / 2)


def stable_diffusion_signal(s, steps=20_000):
    """∏ √(1 - b) over a fine grid of steps whose roots are linear in time, as the training code does."""
    roots = math.sqrt(0.85) + (np.arange(steps) + 0.5) / steps * s * (math.sqrt(12) - math.sqrt(0.85))
    return math.exp(0.5 * np.log1p(-(roots**2) * s / steps).sum())


def nichol_signal(s, o=0.008):
    return math.cos((s + o) / (1 + o) * math.pi / 2) / math.cos(o / (1 + o) * math.pi / 2)


def sigmoid_variance(s, start=-3, end=3, tau=1.0):
    def logistic(u):
        return 1 / (1 + math.exp(-u))

    top, bottom = logistic(end / tau), logistic(start / tau)
    return (top - logistic((s * (end - start) + start) / tau)) / (top - bottom)


def edm_level(s):
    low, high = 0.002 ** (1 / 7), 80 ** (1 / 7)
    return (high + (1 - s) * (low - high)) ** 7


def flow_shift(sigma, shift=3.0):
    return shift * sigma / (1 + (shift - 1) * sigma)


# (noise, data) of each source at diffusion time s = 1 - t, typed here once more and independently, in floats.
SOURCES = {
    "linear": lambda s: (s, 1 - s),
    "vp": lambda s: (math.sin(math.pi * s / 2), math.cos(math.pi * s / 2)),
    "linear_vp": lambda s: (math.sqrt(1 - (1 - s) ** 2), 1 - s),
    "simple_linear": lambda s: (math.sqrt(s), math.sqrt(1 - s)),
    "polynomial(p=2, q=3)": lambda s: (1 - (1 - s) ** 2, (1 - s) ** 3),
    "cosmap": lambda s: (1 - 1 / (1 + math.tan(math.pi * s / 2)), 1 / (1 + math.tan(math.pi * s / 2))),
    "ddpm": lambda s: (math.sqrt(1 - ddpm_signal(s) ** 2), ddpm_signal(s)),
    "sub_vp": lambda s: (1 - ddpm_signal(s) ** 2, ddpm_signal(s)),
    "scaled_linear": lambda s: (math.sqrt(1 - stable_diffusion_signal(s) ** 2), stable_diffusion_signal(s)),
    "cosine": lambda s: (math.sqrt(1 - nichol_signal(s) ** 2), nichol_signal(s)),
    "sigmoid": lambda s: (math.sqrt(1 - sigmoid_variance(s)), math.sqrt(sigmoid_variance(s))),
    "ve": lambda s: (0.01 * (50 / 0.01) ** s, 1.0),
    "edm": lambda s: (edm_level(s), 1.0),
    "trigflow(sigma_data=0.5)": lambda s: (0.5 * math.sin(math.pi * s / 2), math.cos(math.pi * s / 2)),
    "follmer": lambda s: (math.sqrt(s * (1 - s)), 1 - s),
    "shifted(3)": lambda s: (flow_shift(s), 1 - flow_shift(s)),
    "geometric(10)": lambda s: (math.sqrt((100 - 100 ** (1 - s)) / 99), math.sqrt((100 ** (1 - s) - 1) / 99)),
}


def distance(alpha, beta, source):
    """Largest relative difference between a pair of expressions and its source's floats."""
    ours = [[float(e.subs(t, sp.Float(time, 40))) for e in (alpha, beta)] for time in TIMES]
    theirs = [source(1 - time) for time in TIMES]
    return np.max(np.abs(np.array(ours) / np.array(theirs) - 1))


def tolerance(text):
    return 2e-3 if text == "scaled_linear" else 1e-12  # the finite product converges like 1/steps


@pytest.mark.parametrize("text", SOURCES)
def test_formula_is_that_of_the_source(text):
    schedule = catalog.from_text(text)
    assert distance(schedule.alpha, schedule.beta, SOURCES[text]) < tolerance(text)


@pytest.mark.parametrize("text", SOURCES)
def test_sabotaged_formulas_are_told_apart(text):
    schedule = catalog.from_text(text)
    twins = {
        "noise and data swapped": (schedule.beta, schedule.alpha),
        "time reversed": (schedule.alpha.subs(t, 1 - t), schedule.beta.subs(t, 1 - t)),
        "noise squared": (schedule.alpha**2, schedule.beta),
        "one percent more data": (schedule.alpha, schedule.beta * Rational(101, 100)),
    }
    for twin in twins.values():
        assert distance(*twin, SOURCES[text]) > 5e-3


def test_every_entry_is_checked_against_its_source():
    covered = {re.split(r"\(", text)[0] for text in SOURCES} | {"lazy"}
    assert covered == set(catalog.names())


@pytest.mark.parametrize("text", SOURCES)
def test_valid_by_proof_and_of_the_stated_kind(text):
    schedule = catalog.from_text(text)
    validity = schedule.validate()
    assert validity.proved
    stated = catalog.entry(text.split("(")[0]).kind
    assert validity.kind == ("standard" if stated == "that of the base" else stated)


@pytest.mark.parametrize("name", catalog.names())
def test_entries_document_themselves(name):
    entry = catalog.entry(name)
    text = entry.build.__doc__
    assert re.search(r"arXiv:\d{4}\.\d{5}", entry.source)
    assert len(entry.summary) < 100
    assert "α" in text
    assert all(word in entry.domain for word in entry.domains if word != "base")
    assert entry.signature.startswith(name + "(")


@pytest.mark.parametrize("text", [*SOURCES, "shifted(2, base=vp)", "edm(0.01, 10, power=3)", "geometric(0.5)"])
def test_name_builds_the_same_schedule_again(text):
    schedule = catalog.from_text(text)
    assert catalog.from_text(schedule.name) == schedule
    assert schedule.source


@pytest.mark.parametrize("name", catalog.names())
def test_general_form_has_one_symbol_per_parameter(name):
    entry = catalog.entry(name)
    numeric = {n for n in entry.domains if n not in ("base", "beta")}
    assert {str(p) for p in entry.general().parameters} == numeric


def test_decimals_are_exact():
    assert catalog.ddpm(b0=0.1) == catalog.ddpm(b0=Rational(1, 10)) == catalog.ddpm("0.1")
    assert not catalog.edm(0.002, 80.0).alpha.atoms(sp.Float)


def test_known_values():
    assert catalog.follmer().eps_star.simplify() == Rational(1, 2)
    left = catalog.ddpm().limit("beta", 0)
    assert sp.simplify(left - exp(-Rational(201, 40))) == 0
    assert catalog.cosine(0).beta.equals(catalog.vp().beta)
    assert catalog.geometric(1) == catalog.simple_linear()
    assert catalog.trigflow(1) == catalog.vp()


def test_geometric_variance_is_geometric_and_preserving():
    size = sp.Symbol("M", positive=True)
    schedule = catalog.geometric(size)
    assert sp.simplify(schedule.variance(size) - size ** (2 * t)) == 0
    assert sp.simplify(schedule.variance(1) - 1) == 0


@pytest.mark.parametrize("base", ["linear", "vp", "edm", "follmer", "cosine(0)", "alpha=(1-t)*exp(-t); beta=t**2"])
def test_shift_divides_the_ratio_and_keeps_the_kind(base):
    given = catalog.from_text(base)
    shifted = catalog.shifted(3, given)
    assert sp.simplify(shifted.r * 3 / given.r) == 1
    assert shifted.kind == given.kind


def test_shift_of_the_straight_line_is_a_change_of_time():
    shifted = catalog.shifted(3)
    assert sp.simplify(shifted.alpha + shifted.beta) == 1
    preserved = catalog.shifted(3, "vp")
    assert sp.simplify(preserved.alpha**2 + preserved.beta**2) == 1
    assert catalog.shifted(3, "edm").beta == 1


def test_lazy_family_comes_from_the_solver():
    assert sp.simplify(catalog.lazy(1).alpha ** 2 - t * (1 - t)) == 0
    assert catalog.lazy(kappa=0).kind == "standard"
    assert catalog.lazy(kappa=0, rho=0.5).kind == "scaled"
    assert catalog.lazy(kappa=1, rho=0.5).kind == "point-mass"
    squared = catalog.from_text("lazy(kappa=1, rho=rho, beta=t**2)").alpha ** 2
    assert sp.simplify(squared - rho**2 * t**2 * (1 - t**2)) == 0
    assert catalog.lazy(t).validate().proved
    free = catalog.lazy(kappa, rho)
    assert free.parameters == {kappa, rho}


def test_aliases_and_case():
    assert catalog.from_text("condot") == catalog.linear()
    assert catalog.from_text("GVP()") == catalog.vp()
    assert catalog.entry("trig") is catalog.entry("vp")


def test_pairs():
    pair = catalog.from_text("alpha=cos(pi*t/2)**2; beta=sin(pi*t/2)")
    assert isinstance(pair, Schedule)
    assert pair.kind == "standard"
    assert catalog.from_text(str(pair)) == pair
    assert catalog.from_text("β = t; α = sqrt(1-t^2)").alpha == sqrt(1 - t**2)
    assert catalog.as_schedule(pair) is pair


MESSAGES = {
    "folmer": "unknown schedule 'folmer'; did you mean follmer? (known: cosine,",
    "eval(t)": "unknown schedule 'eval' (known:",
    "lazy": "lazy needs kappa >= 0 (it is lazy(kappa, rho=1, beta=…), kappa >= 0, rho > 0, beta increasing in t)",
    "geometric": "geometric needs M > 0",
    "lazy(kappa=-1)": "lazy: kappa is '-1', but must be >= 0",
    "lazy(kappa=1, rho=0)": "lazy: rho is '0', but must be > 0",
    "lazy(kapa=1)": "lazy has no parameter 'kapa'; did you mean kappa?",
    "lazy(kappa=kapa)": "lazy: kappa must be a number >= 0, not 'kapa'",
    "lazy(kappa=[1])": "lazy: kappa must be a number >= 0",
    "lazy(kappa=1, beta=[t])": "lazy: beta must be an expression increasing in t, not",
    "lazy(kappa=1, beta=follmer)": "lazy: beta must be an expression increasing in t, not 'follmer'",
    "lazy(kappa=1, beta=1-t)": "increase",
    "lazy(kappa=t-1)": "kappa = t - 1 is negative",
    "linear(2)": "linear was given too many parameters (it is linear())",
    "edm(80, 0.002)": "edm: sigma_min is 80 and sigma_max is 1/500, but sigma_min must be the smaller",
    "ve(sigma_min=0)": "ve: sigma_min is '0', but must be > 0",
    "sigmoid(start=3)": "sigmoid: start is 3 and end is 3, but start must be below end",
    "cosine(-0.1)": "cosine: offset is '-1/10', but must be >= 0",
    "polynomial(p=-2)": "polynomial: p is '-2', but must be > 0",
    "polynomial(2, 0)": "polynomial: q is '0', but must be > 0",
    "shifted": "shifted needs s > 0",
    "shifted(-3)": "shifted: s is '-3', but must be > 0",
    "shifted(3, base=nope)": "unknown schedule 'nope'",
    "shifted(3, base=edm(-1))": "edm: sigma_min is '-1', but must be > 0",
    "alpha=1-t": "beta is missing",
    "alpha=1-t; beta=p*t": "unknown name 'p'",
    "1-t": "expected a name with arguments",
    "1-t, t": "or a pair 'alpha=1-t; beta=t'",
    "alpha=Piecewise((1, t<1), (0, True)); beta=t": "'<'",
    "": "the text is empty",
}


@pytest.mark.parametrize(("text", "words"), MESSAGES.items())
def test_message_names_the_input_and_what_would_be_right(text, words):
    with pytest.raises(InputError) as caught:
        catalog.from_text(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "must be finite"),
        (float("inf"), "must be finite"),
        (sp.oo, "must be > 0"),
        (None, "must be a number > 0, not 'None'"),
        (True, "must be a number > 0"),
        ([3], "must be a number > 0"),
        (sp.I, "must be > 0"),
        ("9**9**9", "exponent is too large"),
    ],
)
def test_values_from_python_are_checked_too(value, words):
    with pytest.raises(InputError, match=re.escape(words)):
        catalog.geometric(value)


@pytest.mark.parametrize("value", [3, None, ["linear"]])
def test_only_schedules_and_text_are_schedules(value):
    with pytest.raises(InputError, match="should be a Schedule, or its text"):
        catalog.as_schedule(value)
