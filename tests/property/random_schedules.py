"""Random schedules that are valid by construction: positive combinations of known pairs, run by random clocks.

A positive combination of decreasing α and of increasing β is again one, so r increases; a clock is an increasing map
of [0, 1] onto itself, and changes the time but not the kind.
"""

from hypothesis import strategies as st
from sympy import Rational, cos, pi, sin, sqrt

from symsched import catalog
from symsched.schedule import Schedule
from symsched.symbols import t

TIMES = [1e-6, 0.03125, 0.25, 0.4375, 0.5, 0.71875, 0.96875, 1 - 2.0**-20]

NOISE = [1 - t, 1 - t**2, (1 - t) ** 2, cos(pi * t / 2), sqrt(1 - t), sqrt(1 - t**2)]
DATA = [t, t**2, t * (2 - t), sin(pi * t / 2), sqrt(t), t**3]

weights = st.fractions(min_value=Rational(1, 8), max_value=4, max_denominator=8)
clocks = st.sampled_from([t, t**2, t / (2 - t), 2 * t / (1 + t), t * (2 - t), (t + t**2) / 2])
kappas = st.sampled_from([0, Rational(1, 4), Rational(1, 2), 1, 2, 3])
rhos = st.sampled_from([Rational(1, 2), 1, Rational(3, 2), 2])


def mixed(terms, shares):
    """Σ wᵢ fᵢ with weights that sum to 1: the same ends as every fᵢ."""
    exact = [Rational(share.numerator, share.denominator) for share in shares]
    return sum(w * f for w, f in zip(exact, terms, strict=True)) / sum(exact)


@st.composite
def combinations(draw):
    """α and β as positive combinations of at most two known ones each: a standard schedule."""
    pair = []
    for known in (NOISE, DATA):
        terms = draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True))
        pair.append(mixed(terms, draw(st.lists(weights, min_size=len(terms), max_size=len(terms)))))
    return Schedule(*pair)


@st.composite
def lazies(draw):
    """Lazy schedules, with their κ and ρ."""
    kappa, rho = draw(kappas), draw(rhos)
    return catalog.lazy(kappa=kappa, rho=rho), kappa, rho


def reparametrised(schedule, clock):
    """The same curve in the (α, β) plane, run through by another clock."""
    return Schedule(schedule.alpha.subs(t, clock), schedule.beta.subs(t, clock))


named = st.sampled_from(["linear", "vp", "follmer", "polynomial(2)", "shifted(3)", "lazy(kappa=1/2)"]).map(
    catalog.from_text
)
timed = st.builds(reparametrised, named, clocks)
schedules = named | combinations() | timed
