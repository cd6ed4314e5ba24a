"""data_step of emitted modules in steps of any length, against its formula in mpmath at 60 digits."""

from __future__ import annotations

import shutil
import subprocess

import mpmath as mp
import pytest
import sympy as sp
from slowness import quick, slow

import symsched as ss
from symsched.codegen import generate
from symsched.codegen.stable.differences import difference, growth, h
from symsched.symbols import t

SCHEDULES = {
    "linear": ss.schedules.linear(),
    "follmer": ss.schedules.follmer(),
    "vp": ss.schedules.vp(),
    "ddpm": ss.schedules.ddpm(),
    "edm": ss.schedules.edm(),
    "arcs": ss.Schedule("acos(t)*2/pi", "asin(t)*2/pi"),
    "rounded end": ss.Schedule("1 - tanh(t)/tanh(1)", "tan(t)/tan(1)"),  # floats miss the 0 of alpha at 1
}
STEPS = [(t0, t0 + step) for t0 in (1e-6, 0.0625, 0.5, 0.93) for step in (0.05, 1e-3, 1e-6, 1e-9, 1e-12, 1e-14)]
KAPPAS = (0.0, 0.01, 0.75, 2.0)


def exact(schedule, start, end, kappa):
    """x' = α'/α E x + (β' − α' E β/α) p + α'√(1 − E²) z with E = (r/r')^κ."""
    alpha, beta = (sp.lambdify(t, form, "mpmath") for form in (schedule.alpha, schedule.beta))
    with mp.workdps(60):
        a, b, a_next, b_next = (f(mp.mpf(at)) for at in (start, end) for f in (alpha, beta))
        ratio = b * a_next / (a * b_next)
        kept = ratio ** mp.mpf(kappa)
        return a_next / a * kept, b_next - a_next / a * kept * b, a_next * mp.sqrt(1 - kept**2)


def close(found, wanted):
    return all(abs(mp.mpf(float(f)) - w) <= 4e-15 * abs(w) for f, w in zip(found, wanted, strict=True))


@pytest.mark.parametrize("name", quick(("linear", "follmer", "vp", "arcs"), SCHEDULES))
def test_no_digit_is_lost_in_short_steps(name):
    names = {"__name__": "emitted"}
    exec(compile(generate(SCHEDULES[name], "numpy"), "emitted", "exec"), names)  # noqa: S102 - our own output
    for start, end in STEPS:
        for kappa in KAPPAS:
            wanted = exact(SCHEDULES[name], start, end, kappa)
            assert close(names["data_step"](start, end, kappa), wanted), (start, end, kappa)
            if kappa == 0 and SCHEDULES[name].kind != "point-mass":  # DDIM run backwards, as inversion does
                back = exact(SCHEDULES[name], end, start, kappa)
                assert close(names["data_step"](end, start, kappa), back), (end, start)
    if SCHEDULES[name].kind != "point-mass":
        assert all(float(w) == float(w) for w in names["data_step"](0.5, 0.0, 0.0))
    if SCHEDULES[name].kind != "truncated":
        for kappa in KAPPAS:  # the last step is the prediction, κ = 0 or not
            x, p, z = names["data_step"](0.5, 1.0, kappa)
            assert (abs(x), p, abs(z)) == pytest.approx((0, 1, 0), abs=4e-16)


UNDERFLOWS = {
    "exp(1 - 1/t)": ("1-t", "exp(1 - 1/t)"),  # exp(-999) at t = 0.001 is no float
    "t²(3 - 2t)": ("1-t", "t**2*(3 - 2*t)"),
    "t^(3/2)": ("1-t", "t**(3/2)"),
    "point mass": ("sqrt(t*(1-t))", "t**4"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", UNDERFLOWS)
def test_nor_where_beta_is_no_float(name):
    """Of two levels that are 0 to the machine the quotient was NaN."""
    schedule = ss.Schedule(*UNDERFLOWS[name])
    names = {"__name__": "emitted"}
    exec(compile(generate(schedule, "numpy"), "emitted", "exec"), names)  # noqa: S102 - our own output
    pairs = [
        (0.001, 0.002),
        (0.001, 0.0011),
        (1e-4, 2e-4),
        (1e-200, 2e-200),
        (1e-300, 1e-299),
        (0.001, 0.5),
        (0.5, 0.6),
    ]
    for start, end in pairs:
        for kappa in KAPPAS:
            wanted = exact(schedule, start, end, kappa)
            found = names["data_step"](start, end, kappa)
            for f, w in zip(found, wanted, strict=True):
                size = abs(w) * (1 - mp.log(abs(w))) if 0 < abs(w) < 1 else abs(w)  # e^-s loses s units
                assert abs(mp.mpf(float(f)) - w) <= 4e-15 * size + mp.mpf(10) ** -299, (start, end, kappa, f, w)
    if name == "exp(1 - 1/t)":  # and backwards
        wanted = exact(schedule, 0.5, 0.001, 0)
        assert close(names["data_step"](0.5, 0.001, 0.0)[:2], wanted[:2])


@pytest.mark.parametrize("kappa", [0, 1])
@pytest.mark.parametrize("lang", ["numpy", "c"])
def test_nor_where_kappa_is_written_in(kappa, lang):
    """A κ of 0 takes the noise out; what is left of it is the number 0, in every language."""
    text = generate(ss.schedules.linear(), lang, kappa=kappa)
    if lang == "c":
        assert ("z_weight = 0.0" in text) == (kappa == 0)
        return
    names = {"__name__": "emitted"}
    exec(compile(text, "emitted", "exec"), names)  # noqa: S102 - our own output
    for start, end in STEPS:
        assert close(names["data_step"](start, end), exact(SCHEDULES["linear"], start, end, kappa)), (start, end)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler")
@pytest.mark.parametrize("name", ["vp", slow("ddpm")])
def test_nor_in_c(name, tmp_path):
    text = generate(SCHEDULES[name], "c")
    called = next(line.split("(")[0].split()[-1] for line in text.splitlines() if "_data_step(" in line)
    cases = [(start, end, kappa) for start, end in STEPS for kappa in KAPPAS]
    calls = "\n".join(
        f"    {{ {called}_t w = {called}({s!r}, {e!r}, {k!r}); "
        'printf("%.17g %.17g %.17g\\n", w.x_weight, w.p_weight, w.z_weight); }'
        for s, e, k in cases
    )
    (tmp_path / "run.c").write_text(f"#include <stdio.h>\n{text}\nint main(void)\n{{\n{calls}\n    return 0;\n}}\n")
    subprocess.run(["gcc", "-std=c99", "run.c", "-o", "run", "-lm"], cwd=tmp_path, check=True)
    lines = subprocess.run(["./run"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout.splitlines()
    for case, line in zip(cases, lines, strict=True):
        assert close(line.split(), exact(SCHEDULES[name], *case)), case


@pytest.mark.parametrize(
    "form",
    ["t**3 - t", "1/(1 + t)", "(1 + t)**(-3/2)",
     "exp(-3*t)", "sin(2*t)", "cos(t)", "tan(t)", "sinh(t)", "cosh(t)", "tanh(t)", "atan(3*t)",
     "cot(t)", "asin(t)", "acos(t)", "asinh(2*t)", "atanh(t)",
     "log(1 + t)", "sqrt(1 + t)", "2**t", "t*exp(t)", "exp(t) + t**2", "(1 + t**2)**t"],
)  # fmt: skip
def test_differences_and_growths_are_what_they_say(form):
    expr = sp.sympify(form, {"t": t})
    at = {"t": sp.Rational(1, 3), "h": sp.Rational(1, 7), "t_next": sp.Rational(10, 21), "u_next": sp.Rational(11, 21)}
    from symsched.codegen.stable.rounding import written_out

    value = lambda e: sp.N(written_out(e).subs({s: at[s.name] for s in e.free_symbols}), 40)  # noqa: E731
    before, after = (sp.N(expr.subs(t, time), 40) for time in (at["t"], at["t_next"]))
    assert abs(value(difference(expr)) - (after - before)) < 1e-35
    if form != "t**3 - t":  # below 0
        assert abs(value(growth(expr)) - sp.log(after / before)) < 1e-35
    assert h.name == "h"
