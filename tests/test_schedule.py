"""Schedules: kinds and validity are proved, end values are limits, and every refusal is one clear line."""

import pickle
import re

import mpmath
import numpy as np
import pytest
import sympy as sp

from symsched import catalog
from symsched.errors import InputError, UndecidedError
from symsched.schedule import Schedule
from symsched.symbols import rho, t

VALID = [
    ("1-t", "t", "standard"),
    ("cos(pi*t/2)", "sin(pi*t/2)", "standard"),
    ("cos(pi*t/2)**2", "sin(pi*t/2)", "standard"),
    ("(1-t)*exp(-t)", "log(1+t)/log(2)", "standard"),
    ("1-t**2", "t**3", "standard"),
    ("1-t", "t**40", "standard"),
    ("1-t**40", "t**pi", "standard"),
    ("1-t", "t**0.001", "standard"),
    ("1-t", "(exp(exp(t))-E)/(exp(E)-E)", "standard"),
    ("1-t", "t*exp(t*exp(t*exp(t)))/exp(exp(E))", "standard"),
    ("1-t", "erf(t)/erf(1)", "standard"),
    ("1-t", "LambertW(t)/LambertW(1)", "standard"),
    ("1-t", "(t-sin(t))/(1-sin(1))", "standard"),
    ("1-t", "(t-log(1+t))/(1-log(2))", "standard"),
    ("1-t", "exp(1-1/t)", "standard"),
    ("exp(-1/(1-t))*E", "exp(1-1/t)", "standard"),
    ("1-t", "1/(1-log(t))", "standard"),
    ("1-t", "t**t*t", "standard"),
    ("1-t", "tanh(10*t)/tanh(10)", "standard"),
    ("1-t", "t-0.1*sin(2*pi*t)", "standard"),
    ("(1-t)*(1+0.01*sin(50*t))", "t", "standard"),
    ("1-t", "(sech(3*(1-t))-sech(3))/(1-sech(3))", "standard"),
    ("(1-t)**2.345", "t**0.12345", "standard"),
    ("1-t", "t**3/(t**3+(1-t)**3)", "standard"),
    ("2*(1-t)", "t", "scaled"),
    ("sec(1-t)-1", "t", "scaled"),
    ("sqrt(t-t**2)", "t", "point-mass"),
    ("t-t**2", "t**2", "point-mass"),
    ("80**(1-t)/50**t", "1", "truncated"),
    ("(80**(1/7) + t*(0.002**(1/7) - 80**(1/7)))**7", "1", "truncated"),
    ("sqrt(1-exp(-199*(1-t)**2/20-(1-t)/10))", "exp(-199*(1-t)**2/40-(1-t)/20)", "truncated"),
    ("1", "t", "truncated"),
]


@pytest.mark.parametrize(("alpha", "beta", "kind"), VALID)
def test_valid_schedules_are_proved_so(alpha, beta, kind):
    validity = Schedule(alpha, beta).validate()
    assert validity.kind == kind
    assert validity.proved
    assert [c.statement for c in validity.conditions[:2]] == ["alpha > 0 on (0, 1)", "beta > 0 on (0, 1)"]


INVALID = [
    ("1/2-t", "t", "alpha must be positive on (0, 1), but alpha = -0.0625 at t = 0.5625"),
    ("1-t", "-t", "beta must be positive on (0, 1), but beta = -t is negative there"),
    ("0", "t", "alpha must be positive on (0, 1), but alpha is identically 0"),
    ("1-t", "t-1/2", "beta must be positive on (0, 1), but beta = -0.0625 at t = 0.4375"),
    ("1-t", "t**t", "r = beta/alpha must increase strictly, but d/dt log r = -0.7059 at t = 0.0625"),
    ("1-t", "4*t*(t-1/2)**2", "beta must be positive on (0, 1), but beta = 0 at t = 0.5"),
    ("t", "1-t", "r = beta/alpha must increase strictly, but d/dt log r"),
    ("1", "1", "r = beta/alpha must increase strictly, but d/dt log r is identically 0"),
    ("1-t", "2*t", "beta(1) = 2: the data must arrive unscaled, beta(1) = 1"),
    ("1-t", "t-t**2", "beta(1) = 0: the data must arrive unscaled, beta(1) = 1"),
    ("t-t**2", "t", "a point-mass start needs r(0) = 0, but r tends to 1"),
    ("sqrt(sqrt(t)-t**2)", "t", "a point-mass start needs a finite (alpha²)'(0), but it tends to oo"),
    ("t", "t**2", "alpha(0) = 0 while alpha(1) > 0: a point-mass start must end in the data, alpha(1) = 0"),
    ("1/t-1", "t", "alpha tends to oo at t = 0: expected a finite value ≥ 0"),
    ("1-t", "sqrt(t-1/2)", "sqrt(t - 1/2) is not smooth and real on all of (0, 1) (see t = 0.4375)"),
    ("sqrt((t-1/3)**2-1/10**10)+1-t", "t", "is not smooth and real on all of (0, 1) (see t = 0.333333)"),
    ("1-t+1/((t-0.3)**2*1000000)", "t", "(t - 3/10)**(-2) is not smooth and real on all of (0, 1)"),
    ("(1-t)*(t-0.30001)*(t-0.30002)*(t-5)*(t-7)", "t", "alpha must be positive on (0, 1), but alpha = -5"),
    ("1-t", "t*sin(1/t)", "beta must be positive on (0, 1), but beta = -0.01824 at t = 0.3125"),
    ("1-t+0.01*sin(50*t)", "t", "alpha must be positive on (0, 1), but alpha = -0.002572 at t = 0.9999"),
    ("1-t", "(1+t)*exp(-12*(t-1/2)**2)", "r = beta/alpha must increase strictly, but"),
]


def test_a_limit_that_hangs_on_a_parameter_asks_for_its_value():
    q = sp.Symbol("q", positive=True)
    with pytest.raises(UndecidedError, match=r"limit of .* at t = 0 could not be determined; give q a value$"):
        Schedule(sp.sqrt(t ** (2 * q / (q + 1)) - t**2), t).validate()


def test_powers_that_algebra_cannot_hold_are_refused_at_once():
    with pytest.raises(InputError, match="beta contains a power 2001 of t: expected powers up to 2000"):
        Schedule(1 - t, t**2001)
    for exponent in (sp.Rational(1, 10**9), sp.Rational(99999, 100000)):  # either ended the process, after gigabytes
        with pytest.raises(InputError, match=r"make a polynomial of degree 1e\+0[59]; degrees up to 25000 are worked"):
            Schedule((1 - t) * t**exponent, t)


@pytest.mark.parametrize(("alpha", "beta", "message"), INVALID)
def test_invalid_schedules_say_which_condition_fails_and_where(alpha, beta, message):
    if message.endswith("but"):
        beta = "t*exp(-20*t)"
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        Schedule(alpha, beta).validate()
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("alpha=")


@pytest.mark.parametrize(
    ("alpha", "beta"),
    [("1-t", "t + sin(2*pi*t)/5"), ("1-t**2", "t - t**2*(1-t)*3")],
)
def test_a_dip_of_r_or_beta_that_a_coarse_look_might_miss(alpha, beta):
    """r' is found negative, or the schedule is proved valid; sampling r on a fine grid tells which is right."""
    schedule = Schedule(alpha, beta)
    grid = np.linspace(0.001, 0.999, 4001)
    a, b, _, _ = schedule.at(grid)
    increasing = bool((np.diff(b / a) > 0).all() and (b > 0).all())
    try:
        proved = schedule.validate().proved
    except InputError:
        proved = False
    assert proved == increasing


AT_REST = [  # r still increases, but ṙ = 0 there: τ̇ of a conversion is 0 or infinite (theory 2)
    ("1", "4*(t-1/2)**3+1/2", "t = 0.5"),
    ("(2+(1-2*t)**3)/3", "(2-(1-2*t)**3)/3", "t = 0.5"),
    ("2-t", "(2-t)*(1+(3*t-1)**3)", "t = 0.33333"),
    ("2-t", "(2-t)*(1+(3*t-1)**5)", "t = 0.33333"),
    ("2-t", "(2-t)*exp((2*t-1)**3)", "t = 1/2"),
    ("2-t", "(2-t)*(10*t-sin(20*pi*t)/(2*pi)+1)", "t = 1/10"),
    ("exp(-t)", "exp(-t)*(2+(4*t-1)**3)", "t = 1/4"),
    ("sqrt(2-t)", "sqrt(2-t)*(2+atan((5*t-3)**3))", "t = 3/5"),
]


@pytest.mark.parametrize(("alpha", "beta", "where"), AT_REST)
def test_a_ratio_that_rests_is_refused_with_the_time(alpha, beta, where):
    with pytest.raises(InputError, match=f"r = beta/alpha must increase strictly, but d/dt log r = 0 at {where}"):
        Schedule(alpha, beta).validate()


@pytest.mark.parametrize(("alpha", "beta"), [pair[:2] for pair in AT_REST])
def test_a_ratio_that_nearly_rests_is_not(alpha, beta):
    """The twin: with β e^(t/1000) in place of β, d/dt log r is 1/1000 there."""
    quicker = Schedule(alpha, Schedule(alpha, beta).beta * sp.exp(t / 1000))
    assert quicker.validate().kind == "truncated"


half = t - sp.Rational(1, 2)
NOT_SMOOTH = [
    (1 - t, t * (8 - sp.atan2(half, -1)) / 10),
    (1 - t, t * (8 - sp.atan2(half, -t)) / 10),
    (1 - t, t * (4 + sp.acot(half)) / 5),
    ((2 - sp.acot(half)) * (1 - t), t),
    (1 - t, t * (4 + sp.atan(1 / half)) / 5),
    (1 - t, t * (1 + sp.Abs(half) / 4)),
    (1 - t + sp.Abs(half) * (1 - t) / 9, t),
    (1 - t, t * (1 + sp.Abs(half) ** sp.Rational(1, 2))),
    (1 - t, t + t * sp.Abs(sp.sin(4 * t)) / 9),
    (1 - t, sp.sqrt(t**2 + sp.Abs(2 * t - 1))),
]


@pytest.mark.parametrize(("alpha", "beta"), NOT_SMOOTH, ids=str)
def test_jumps_and_kinks_are_refused(alpha, beta):
    with pytest.raises(InputError, match=r"is not smooth and real|must increase|must be positive"):
        Schedule(alpha, beta).validate()


SMOOTH = [
    (1 - t, t * (1 + sp.Abs(half) ** 3) * sp.Rational(8, 9)),
    (1 - t, (t + half * sp.Abs(half) / 2 + sp.Rational(1, 8)) * sp.Rational(4, 5)),
    (1 - t, t * (1 + sp.Abs(half) ** sp.Rational(5, 2) / 9) / (1 + sp.Abs(half.subs(t, 1)) ** sp.Rational(5, 2) / 9)),
    (sp.besselj(0, t) - sp.besselj(0, 1) * t, t),
    (1 - t, sp.betainc_regularized(2, 3, 0, t)),
    (1 - t, sp.betainc_regularized(sp.Rational(1, 2), 3, 0, t)),
    (1 - t, t / sp.gamma(1 + t)),
    (1 - t, sp.erfi(t) / sp.erfi(1)),
    (1 - t, sp.Si(t) / sp.Si(1)),
    (1 - t, t * sp.airyai(1 - t) / sp.airyai(0)),
    (1 - t, sp.atan2(t, 2 - t) * 4 / sp.pi),
]


def regularized(a, b, low, high):
    """SymPy prints this function for mpmath as if it were betainc."""
    return mpmath.betainc(a, b, low, high, regularized=True)


@pytest.mark.parametrize(("alpha", "beta"), SMOOTH, ids=str)
def test_special_functions_and_cubes_of_kinks_make_schedules(alpha, beta):
    """Proved, and with the values and slopes that mpmath finds."""
    schedule = Schedule(alpha, beta)
    assert schedule.validate().proved
    for time in (0.25, 0.5, 0.9):
        found = [float(value) for value in schedule.at(time)]
        with mpmath.workdps(50):
            curves = [sp.lambdify(t, expr, [{"betainc_regularized": regularized}, "mpmath"]) for expr in (alpha, beta)]
            exact = [float(c(mpmath.mpf(time))) for c in curves]
            slopes = [
                float((c(time + mpmath.mpf(10) ** -20) - c(time - mpmath.mpf(10) ** -20)) * 10**20 / 2) for c in curves
            ]
        assert found == pytest.approx(exact + slopes, rel=1e-14)


# -- input ----------------------------------------------------------------------------------------------------------

FOREIGN = sp.Symbol("t")
REFUSED = [
    (1 - FOREIGN, FOREIGN, "alpha = 1 - t uses a symbol t of its own: write it in symsched.t, which is positive"),
    ("1-t", None, "beta = None: expected a SymPy expression in t, a number, or text"),
    ("1-t", True, "beta = True: expected a SymPy expression in t, a number, or text"),
    ("1-t", float("nan"), "beta = nan: expected a SymPy expression in t, a number, or text"),
    ("1-t", float("inf"), "beta = inf: expected a SymPy expression in t, a number, or text"),
    (sp.Matrix([1]), t, "alpha = Matrix([[1]]): expected a SymPy expression in t, a number, or text"),
    (1 - t, t < 1, "beta = t < 1: expected a SymPy expression in t, a number, or text"),
    (1 - t, sp.Max(t, t**2), "beta contains Max(t, t**2), which has a kink or a jump"),
    (1 - t, sp.floor(t), "beta contains floor(t), which has a kink or a jump"),
    (1 - t, sp.Piecewise((t, t < 1), (1, True)), "which has a kink or a jump: a schedule must be C¹ on (0, 1)"),
    ("1-t", "__import__('os')", "quotes are not allowed"),
    ("1-t", "9**9**9", "too large"),
]


@pytest.mark.parametrize(("alpha", "beta", "message"), REFUSED)
def test_what_is_no_formula_is_refused_at_once(alpha, beta, message):
    with pytest.raises(InputError, match=re.escape(message)):
        Schedule(alpha, beta)


@pytest.mark.parametrize("coefficient", [sp.I * t, sp.oo, t + sp.zoo])
def test_unreal_coefficients(coefficient):
    with pytest.raises(InputError, match="expected real, finite coefficients"):
        Schedule(1 - t, coefficient).validate()


def test_numbers_become_what_they_denote():
    assert Schedule("1-t", 0.1).beta == sp.Rational(1, 10)
    assert Schedule("1-t", np.float64(0.25)).beta == sp.Rational(1, 4)
    assert Schedule("1-t", np.int64(1)).beta == 1
    assert Schedule(1 - t, sp.Float("0.1") * t).beta == t / 10


# -- derived quantities -----------------------------------------------------------------------------------------


def test_derived_quantities_of_the_straight_line():
    line = Schedule("1-t", "t")
    assert (line.alpha_dot, line.beta_dot) == (-1, 1)
    assert sp.simplify(line.eps_star - (1 - t) / t) == 0
    assert sp.simplify(line.snr - t**2 / (1 - t) ** 2) == 0
    assert sp.simplify(line.variance(rho) - (1 - t) ** 2 - rho**2 * t**2) == 0
    assert sp.simplify(sp.exp(line.log_snr) - line.snr) == 0
    assert sp.simplify(line.log_r_dot - 1 / (t * (1 - t))) == 0


def test_limits_of_derived_quantities():
    line, follmer = Schedule("1-t", "t"), Schedule("sqrt(t-t**2)", "t")
    trigonometric = Schedule("cos(pi*t/2)", "sin(pi*t/2)")
    assert (line.limit("r", 0), line.limit("r", 1)) == (0, sp.oo)
    assert (line.limit("eps_star", 0), line.limit("eps_star", 1)) == (sp.oo, 0)
    assert (follmer.limit("eps_star", 0), follmer.limit("eps_star", 1)) == (sp.Rational(1, 2), sp.Rational(1, 2))
    assert follmer.limit("alpha_dot", 0) == sp.oo
    assert line.limit("log_snr", 0) == -sp.oo
    assert trigonometric.limit("eps_star", 1) == 0
    assert trigonometric.limit("variance", 0) == 1


def test_numbers_to_the_last_bit_at_and_near_the_ends():
    follmer = Schedule("sqrt(t-t**2)", "t")
    alpha, beta, alpha_dot, beta_dot = follmer.at([0.0, 1e-300, 0.25, 1 - 2**-53, 1.0])
    with mpmath.workdps(60):
        last = float(mpmath.sqrt(mpmath.mpf(2) ** -53 * (1 - mpmath.mpf(2) ** -53)))
    assert alpha.tolist() == [0.0, 1e-150, 0.4330127018922193, last, 0.0]
    assert beta.tolist() == [0.0, 1e-300, 0.25, 1 - 2**-53, 1.0]
    assert alpha_dot[0] == np.inf
    assert alpha_dot[-1] == -np.inf
    assert beta_dot.tolist() == [1.0] * 5


def test_parameters():
    shifted = Schedule(1 - t, t**rho)
    assert shifted.parameters == {rho}
    assert shifted.subs(rho=2) == Schedule("1-t", "t**2")
    assert not Schedule(1 - t, t / (rho + t * (1 - rho))).validate().proved
    with pytest.raises(InputError, match="alpha=1 - t; beta=t\\*\\*rho has no parameter kappa; its parameters are rho"):
        shifted.subs(kappa=1)
    with pytest.raises(InputError, match="no value for rho"):
        shifted.at(0.5)


def test_requests_that_make_no_sense():
    line = Schedule("1-t", "t")
    with pytest.raises(InputError, match=r"unknown quantity 'foo'.*known: alpha, beta"):
        line.limit("foo", 0)
    with pytest.raises(InputError, match=re.escape("end = 0.5: limits are taken at 0 or 1")):
        line.limit("r", 0.5)
    with pytest.raises(InputError, match=re.escape("t = 2.0 is outside [0, 1]")):
        line.at([0.5, 2])
    with pytest.raises(InputError, match="it should be numbers in"):
        line.at(["soon"])


def test_a_limit_beyond_reach_is_a_message():
    slow = Schedule("1-t", "1/(1+log(1-log(t)))")
    with pytest.raises(UndecidedError, match="could not be determined"):
        slow.validate()


def test_schedules_are_values():
    one, other = Schedule("1-t", "t", name="line"), Schedule(1 - t, t)
    assert one == other
    assert hash(one) == hash(other)
    assert str(one) == "line"
    assert str(other) == "alpha=1 - t; beta=t"
    one.validate()
    copy = pickle.loads(pickle.dumps(one))
    assert copy == one
    assert copy.kind == "standard"


@pytest.mark.parametrize("form", ["alpha=1-t; beta=t**(1-p); 0<p<=1", "alpha=(1-t)**(2-p); beta=t; 1<p<=2"])
def test_a_limit_is_one_for_all_numbers_of_a_letter(form):
    """t^(1 − p) starts at 0, but at 1 for p = 1."""
    schedule = catalog.from_text(form)
    with pytest.raises(UndecidedError, match="give p a value"):
        schedule.validate()
    closed = catalog.from_text(form.replace("<=", "<"))
    assert closed.validate().kind == "standard"
