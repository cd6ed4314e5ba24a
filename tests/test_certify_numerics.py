"""Bounds of the kernels: proved over whole domains, undecided where they are not true; Newton's contraction."""

import json
from dataclasses import replace
from fractions import Fraction
from types import FunctionType

import pytest
from flint import arb

import symsched as ss
from symsched.certify import check_signs
from symsched.certify.interval import certify_newton
from symsched.certify.numerics import BOUNDS, prove
from symsched.cli.app import run
from symsched.kernels import vectormath

IDS = [bound.statement for bound in BOUNDS]


@pytest.mark.parametrize("bound", BOUNDS, ids=IDS)
def test_every_bound_is_proved(bound):
    proof = prove(bound)
    assert proof.outcome == "proved"
    assert 1 < proof.most <= bound.units


def with_constants(name, change):
    """The kernel of this name with its constants changed."""
    code = getattr(vectormath, name).py_func.__code__
    consts = tuple(change(c) if isinstance(c, float) else c for c in code.co_consts)
    return FunctionType(code.replace(co_consts=consts), vectormath.__dict__)


@pytest.mark.parametrize(
    "bound", [b for b in BOUNDS if b.bits == 64], ids=[b.statement for b in BOUNDS if b.bits == 64]
)
def test_a_coefficient_off_by_a_billionth_is_not_proved(bound):
    largest = max(
        c for c in getattr(vectormath, bound.name).py_func.__code__.co_consts if isinstance(c, float) and c % 1
    )
    wrong = with_constants(bound.name, lambda c: c * (1 + 1e-9) if c == largest else c)
    assert prove(bound, with_constants(bound.name, lambda c: c)).outcome == "proved"
    assert prove(bound, wrong).outcome == "undecided"


@pytest.mark.parametrize("bound", BOUNDS, ids=IDS)
def test_half_the_bound_is_undecided(bound):
    assert prove(replace(bound, units=bound.units / 2)).outcome == "undecided"


def test_another_function_and_a_wider_domain_are_undecided():
    sine = BOUNDS[0]
    assert prove(replace(sine, true=lambda x: (x * arb.pi()).sin() * (1 + arb(2) ** -48))).outcome == "undecided"
    assert prove(replace(sine, high=Fraction(3, 4))).outcome == "undecided"
    assert prove(sine, lambda v: v / (v + -v)).outcome == "undecided"  # a quotient by 0


def test_the_proved_bound_holds_at_random_points():
    import mpmath
    import numpy as np
    from numba import njit

    function = vectormath.sinpi64
    points = np.random.default_rng(5).uniform(1e-9, 0.5, 400)
    found = njit(lambda v: [function(one) for one in v])(points)
    with mpmath.workdps(40):
        errors = [abs(mpmath.mpf(f) / mpmath.sinpi(mpmath.mpf(p)) - 1) for f, p in zip(found, points, strict=True)]
    assert max(errors) * 2**53 <= prove(BOUNDS[0]).most


# -- Newton ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["linear", "follmer", "edm"])
def test_newton_contracts(name):
    found = certify_newton(getattr(ss.schedules, name)())
    assert [one.outcome for one in found] == ["proved", "proved"]
    assert all(check_signs.proved(one.evidence) for one in found)


@pytest.mark.slow
def test_newton_is_refuted_where_r_wriggles_and_undecided_where_balls_do_not_tell():
    wriggling = ss.Schedule("(1-t)*exp(-sin(200*t)/250)", "t")  # r increases, but its slope turns in no time
    assert "refuted" in {one.outcome for one in certify_newton(wriggling)}
    assert {one.outcome for one in certify_newton(ss.schedules.lazy(kappa=2))} == {"undecided"}


def test_the_command_proves_the_bounds(capsys, tmp_path):
    assert run(["certify", "--numerics", "--json", str(tmp_path / "bounds.json")]) == 0
    assert capsys.readouterr().out.count("proved") == len(BOUNDS)
    assert len(json.loads((tmp_path / "bounds.json").read_text())["bounds"]) == len(BOUNDS)
    assert run(["certify", "--schedule", "follmer()", "--numerics", "-o", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("Newton: 4 lambda") == 2
    assert run(["certify", "C1", "--numerics", "-o", str(tmp_path)]) == 2
    assert "goes with --schedule" in capsys.readouterr().err
