"""Theorem files that are false or say nothing: none of them may pass; and their true twins, all of which must.

The right answer of each is known by construction: the statement is false at a point that is easily found by hand,
returns nothing that could be checked, or names a twin that is equal to the claim or means nothing.
"""

import subprocess
import sys

import pytest
import sympy as sp
from slowness import slow

from symsched.agreement import agree
from symsched.errors import InputError
from symsched.verification import verify

HEAD = """
import decimal
import math
import numpy as np
import sympy as sp
from symsched.symbols import alpha, beta, kappa, t, x
from symsched.theorem import Evidence, Theorem
T = Theorem("T", "title", "statement")
a, b = sp.symbols("a b", positive=True)
m = sp.Symbol("m", negative=True)
r, s = sp.symbols("r s", real=True)
n, k = sp.symbols("n k", integer=True)
j = sp.Symbol("j", imaginary=True)
f, g = sp.Function("f"), sp.Function("f", real=True)
A, B = sp.symbols("A B", commutative=False)
M, N = sp.MatrixSymbol("M", 2, 2), sp.MatrixSymbol("N", 2, 2)
noise = sp.sin(r) ** 2 + sp.cos(r) ** 2 - 1
P, S, I, R = sp.Piecewise, sp.Subs, sp.Integral, sp.Rational
"""


def step(returned):
    return f"@T.step('d')\ndef c():\n    return {returned}\n"


def values(returned, options=""):
    return f"@T.values('d'{options})\ndef c():\n    return {returned}\n"


def interval(returned):
    return f"@T.interval('d')\ndef c():\n    return {returned}\n"


def simulation(returned):
    return f"@T.monte_carlo('d')\ndef c(setting):\n    return {returned}\n"


def twin(returned, wrong):
    return f"@T.step('d')\ndef c(k=1):\n    return {returned}\nT.sabotage(c, 'wrong', k={wrong})\n"


OTHER = "U = Theorem('U', 'u', 'u')\n@U.step('x')\ndef q():\n    return sp.S(1)\n"
TRUE_STEP = step("a - a")

NOTHING = [
    *("{}", "[]", "()", "None", "[[], {}]", "sp.Matrix([])", "sp.zeros(0, 3)", "np.array([])", "True", "sp.true"),
    *("'0'", "''", "b''", "sp.Eq(a, a)", "[sp.Eq(1, 1)]", "(z for z in ())", "iter(())", "sp.S.EmptySet", "lambda: 0"),
    *("{'x': None}", "sp.Lambda(r, 0)"),
    *("{'main claim': [], 'trivial': a - a}", "[a - a, []]", "{'x': {}, 'y': 0}", "[0, (z for z in ())]"),
    *("{'': [], 'y': 0}", "{'': {'': ()}, 'y': 0}", "(0 for _ in iter(int, 1))"),
    *("{'x': sp.Matrix([]), 'y': 0}", "[sp.Matrix([0]), {'z': ()}]", "(0, np.array([]))"),
]
NO_NUMBER = ["sp.nan", "[0, sp.nan]", "sp.zoo", "sp.oo", "float('nan')", "np.nan", "sp.I", "0j + 1", "j**2 + 1"]
LABELS = ["{1: a, '1': 0}", "{'a': {'b': a}, 'a: b': 0}"]
FALSE = [
    *(
        "sp.Eq(a, b)",
        "np.array([1.0])",
        "np.array([a - b, 0])",
        "sp.Array([a - b, 0])",
        "[sp.Matrix([0]), sp.Matrix([a])]",
    ),
    *("sp.Matrix([[0, a]])", "A*B - B*A", "M*N - N*M", "sp.MatrixSymbol('M', n, n)", "sp.O(r)"),
    "sp.Subs(f(r, s), (r, s), (s, r)) - f(r, r)",
    "sp.Derivative(f(r, 2*r), r) - sp.Subs(sp.Derivative(f(a, s), a), (a, s), (r, 2*r))",
    *("noise/(sp.cosh(r)**2 - sp.sinh(r)**2 - 1) - 5", "noise/(sp.cosh(r)**2 - sp.sinh(r)**2 - 1)"),
    *(
        "sp.sqrt(r**n) - r**(n/2)",
        "sp.cbrt(r**3) - r",
        "sp.sqrt(r**2) - r",
        "m - sp.sqrt(m**2)",
        "sp.Abs(r - 3) + r - 3",
    ),
    *("sp.sqrt(r)*sp.sqrt(s) - sp.sqrt(r*s)", "sp.log(r*s) - sp.log(r) - sp.log(s)", "sp.asin(sp.sin(r)) - r"),
    *(
        "sp.Symbol('q') - sp.Symbol('q', positive=True)",
        "f(r) - g(r)",
        "sp.exp(-300)*a",
        "sp.atan2(r, s) - sp.atan(r/s)",
    ),
    *("sp.Piecewise((0, r < 1), (1, True))", "sp.Sum(n, (n, 1, 3)) - 5", "sp.Product(n, (n, 1, 3)) - 5"),
    *("sp.Limit(sp.sin(r)/r, r, 0) - 2", "sp.Integral(r, (r, 0, 1))", "sp.Heaviside(r) - 1", "sp.floor(r) - r"),
    *("P((noise, sp.sin(r) > 2))", "S(P((1, r < 1), (2, True)), r, 5) - P((1, r < 1), (2, True))"),
    "sp.Sum(P((1, n < 2), (0, True)), (n, 1, 3)) - P((3, n < 2), (0, True))",
    "sp.Rational(1, 10**5000)",
    *("sp.Max(a, b) - a", "sp.sign(r) - 1", "sp.besselj(0, a) - sp.besselj(1, a)", "sp.cosh(a) - sp.sinh(a)"),
]
VALUES = [
    *("[]", "None", "{}", "{'a': 1}", "[('a', 1)]", "[('a', 1, 2, 3)]", "[1]", "'abc'", "iter([])"),
    *(
        "[('a', sp.erfc(11), 0)]",
        "[('a', sp.exp(-200), 2*sp.exp(-200))]",
        "[('a', 1e-60, 0)]",
        "[('a', sp.exp(-2000), 0)]",
    ),
    *("[('a', sp.nan, sp.nan)]", "[('a', sp.zoo, sp.zoo)]", "[('a', sp.oo, -sp.oo)]", "[('a', sp.oo, 10**400)]"),
    *("[('a', math.nan, math.nan)]", "[('a', True, 1)]", "[('a', a, a)]", "[('a', 'x', 'x')]", "[('a', None, None)]"),
    *("[('a', sp.I, -sp.I)]", "[('a', sp.pi, math.pi)]", "[('a', sp.cosh(200) - sp.sinh(200), 0)]"),
    # 2000 atan(1000) = 3139.59…, 2 atan(10⁶) = 3.14…, (1/9 + 4/9)/2 = 5/18, and a peak of area π 10⁻⁴⁰ beside 1
    *("[('a', sp.Integral(1/(r**2 + sp.Rational(1, 10**6)), (r, -1, 1)), 4096)]",),
    *("[('a', sp.Integral(1/(1 + r**2), (r, -10**6, 10**6)), 2048)]",),
    *("[('a', sp.Integral(sp.Abs(r - sp.Rational(1, 3)), (r, 0, 1)), sp.Rational(5, 17))]",),
    *("[('a', sp.Integral(1 + 1/(1 + (10**40*(r - sp.pi/10))**2), (r, 0, 1)), 1)]",),
    *("[('a', sp.Integral(1/r, (r, -1, 1)), 0)]", "[('a', sp.Integral(sp.floor(9*r), (r, 0, 1)), 3)]"),
    *("[('a', sp.Sum(n, (n, 1, 10)), 54)]", "[('a', sp.Integral(r*s, (r, 0, 1), (s, 0, 1)), 1)]"),
    "[('a', decimal.Decimal('0.1'), 0.1)]",  # 5.6e-18 apart
    "[('a', I(sp.exp(-r), (r, 0, sp.oo)), 1 + R(1, 10**20))]",
    *("[('a', np.array([1]), np.array([1]))]", "[('a', sp.Matrix([1]), sp.Matrix([1]))]", "[('a', 1, 1 + 1e-12j)]"),
]
TOLERANCES = ["float('inf')", "1", "-1", "float('nan')", "10**400", "'0.1'", "True"]
SIGNS = [
    *("[]", "None", "{}", "[('a', t)]", "[('a', -t, 'negativ')]", "[('a', -t, 'Positive')]", "[('a', t, 'zero')]"),
    *("[('a', t, 'negative')]", "[('a', t, 'nonpositive')]", "[('a', -t, 'positive')]", "[('a', -t, 'nonnegative')]"),
    "[('a', -t, type('W', (), {'__eq__': lambda *_: True, '__hash__': lambda _: 0})())]",
    *("[('a', t, None)]", "[('a', t, True)]", "[('a', True, 'positive')]", "[('a', sp.nan, 'positive')]"),
    *("[('a', kappa*t, 'positive')]", "[('a', 0*t, 'positive')]", "[('a', a - b, 'positive')]", "[('a', t, '')]"),
    *("[('a', 1/(t - sp.S.Half)**2, 'negative')]", "[('a', t - sp.S.Half, 'nonnegative')]"),
]
EVIDENCE = [
    *("None", "True", "(True, 'm', 1e-6)", "Evidence", "Evidence(False, 'm', 1e-6)", "Evidence(None, 'm', 1e-6)"),
    *("Evidence('yes', 'm', 1e-6)", "Evidence(True, 'm', None)", "Evidence(True, 'm', 2)", "Evidence(True, 'm', -1)"),
    *("Evidence(True, 'm', 1.0)", "Evidence(True, 'm', math.nan)", "Evidence(True, 'm', 1e-6, math.nan)"),
    *("Evidence(True, 'm', 1e-6, 2.0)", "Evidence(True, 'm', 1e-6, -1)", "Evidence(True, 'm', '1e-6')"),
    *("Evidence(True, 'm', True)", "Evidence(True, 'm', 1e-6, points=((1, 2),))"),
    *(
        "Evidence(True, 'm', .999, 0.)",
        "Evidence(True, 'm', .5)",
        "Evidence(True, 'm', 1e-6, 0.)",
        "Evidence(True, 3, 0)",
    ),
    *(
        f"Evidence(True, 'm', 1e-6, 0.9, ({point},))"
        for point in (
            *("('E', 5., .01, 0.)", "('E', 0., 0., 1.)", "('E', math.nan, 1., 0.)", "('E', 0., math.inf, 0.)"),
            *(
                "('E', 0., -1., 0.)",
                "(1, 0., 1., 0.)",
                "('E', '0', 1., 0.)",
                "('E', 0., 1., None)",
                "('E', 0j, 1., 0.)",
            ),
        )
    ),
]
EVIDENCE += [  # of another class, and changed since it was made
    "type('E', (Evidence,), {'__post_init__': lambda _: None})('yes', 'm', 2)",
    "[e := Evidence(True, 'm', 0.1), object.__setattr__(e, 'points', (('E', 5., .01, 0.),))][0]",
]
TWINS = {  # the check is true, and its twin is equal to it, means nothing, or breaks
    "no factor": ("k*(a - a)", "2"),
    "the same number": ("(a + 1)**2 - a**2 - 2*a - k", "1"),
    "the golden ratio": (
        "k*(1 + sp.sqrt(5))/2 - (1 + sp.sqrt(5))/2 if k == 1 else k - (1 + sp.sqrt(5))/2",
        "sp.GoldenRatio",
    ),
    "the same function": ("sp.erf(a) + sp.erfc(a) - k", "sp.sin(b)**2 + sp.cos(b)**2"),
    "the same integral": ("sp.Integral(2*r, (r, 0, 1)) - k", "sp.Integral(2*r, (r, 0, 1))"),
    "zoo": ("(k - 1)*sp.zoo if k != 1 else a - a", "2"),
    "nan": ("sp.nan if k != 1 else a - a", "2"),
    "nothing": ("[] if k != 1 else [a - a]", "2"),
    "True": ("True if k != 1 else a - a", "2"),
    "raises": ("a**k/a - 1", "'oops'"),
    "0/0": ("noise/(sp.cosh(r)**2 - sp.sinh(r)**2 - 1) - k if k != 1 else a - a", "3"),
    "does not commute": ("A*B - B*A if k != 1 else a - a", "2"),
}
FILES = {
    "no checks": "",
    "lost in a function": TRUE_STEP + "def h():\n    U = Theorem('U', 'u', 'u')\nh()\n",
    "bound over": step("a - b") + "T = Theorem('U', 'u', 'u')\n@T.step('x')\ndef q():\n    return a - a\n",
    "in an object": TRUE_STEP + OTHER + "class K:\n    pass\nkept = K()\nkept.theorem = U\ndel U\n",
    "in a list": TRUE_STEP + OTHER + "L = [U]\ndel U\n",
    "in a mapping": TRUE_STEP + OTHER + "L = {'k': (U,)}\ndel U\n",
    "in a class": TRUE_STEP + OTHER + "class K:\n    inner = U\ndel U\n",
    "two of one name": TRUE_STEP + OTHER.replace("'U'", "'T'"),
    "no name": TRUE_STEP + OTHER.replace("'U'", "''"),
    "one without checks": TRUE_STEP + "U = Theorem('U', 'u', 'u')\n",
    "@T.step without its brackets": TRUE_STEP + "@T.step\ndef q():\n    return a\n",
    "T.step without its @": TRUE_STEP + "T.step('e')\ndef q():\n    return a\n",
    "a twin of no formula": TRUE_STEP + "T.sabotage(c, 'w', nope=2)\n",
}
FOUND = "@T.step('e')\ndef e():\n"
LOST = {  # theorems that nothing looks at, whatever made them
    "deepcopy": "copy.deepcopy(T)",
    "copy": "copy.copy(T)",
    "replace": "dataclasses.replace(T, name='V')",
    "__new__": "object.__setattr__(Theorem.__new__(Theorem), 'name', 'V')",
    "own __post_init__": "type('S', (Theorem,), {'__post_init__': lambda self: None})('V', 'v', 'v')",
    "exec": "exec(compile('Theorem(\"V\", \"v\", \"v\")', 'elsewhere', 'exec'))",
}
RAISED = [
    "GeneratorExit",
    "asyncio.CancelledError",
    "SystemExit(0)",
    "BaseException",
    "Mute",
    "pytest.skip.Exception('x')",
]
MUTE = "class Mute(Exception):\n    def __str__(self):\n        raise ValueError\n"
PARTS = [
    *("title = 3", "title = None", "statement = b'x'", "source = 1", "assumptions = ('a', 2)", "assumptions = 'text'"),
    *("hypotheses = [None]", "checks = None", "checks = [1]", "checks = ()", "checks[0].kind = 'Step'", "name = 1"),
    *("checks[0].kind = ['step']", "checks[0].description = 1", "checks[0].function = 1", "checks[0].twins = [1]"),
    *("checks[0].options = None", "checks[0].twins = None"),
]
IMPORTS = "import asyncio, copy, dataclasses, os, sys, pytest\nfrom symsched.theorem import Check\n"
BROKEN = {
    **{f"lost: {how}": IMPORTS + TRUE_STEP + text + "\n" for how, text in LOST.items()},
    **{
        f"lost in a check: {how}": IMPORTS + TRUE_STEP + FOUND + f"    {text}\n    return 0\n"
        for how, text in LOST.items()
    },
    **{f"{one} in a check": IMPORTS + MUTE + TRUE_STEP + FOUND + f"    raise {one}\n" for one in RAISED},
    **{f"{one} in a file": IMPORTS + MUTE + TRUE_STEP + f"raise {one}\n" for one in RAISED},
    **{f"T.{part}": TRUE_STEP + f"T.{part}\n" for part in PARTS},
    **{
        f"T.{part} while it runs": TRUE_STEP + FOUND + f"    T.{part}\n    return 0\n"
        for part in ("name = 'V'", "checks = None")
    },
    "an unknown kind": IMPORTS + TRUE_STEP + "T.checks.append(Check('Step', 'e', lambda: sp.S(1)))\n",
    "any tolerance": IMPORTS
    + "T.checks.append(Check('values', 'e', lambda: [('a', 1, 2)], {'tolerance': math.inf}))\n",
    "a title of no text": "U = Theorem('U', 3, 'u')\n@U.step('x')\ndef q():\n    return 0\n",
    "an integral that is not known, as a twin": "@T.values('d')\ndef c(k=1):\n"
    "    return [('a', 1 if k == 1 else sp.Integral(sp.floor(9*r), (r, 0, 1)), 1)]\nT.sabotage(c, 'w', k=2)\n",
}
HOSTILE = {
    **BROKEN,
    **{f"step {one}": step(one) for one in (*NOTHING, *NO_NUMBER, *LABELS, *FALSE)},
    **{f"exact alone {one}": step(one).replace("'d'", "'d', numeric=False") for one in FALSE if "P((" in one},
    **{f"values {one}": values(one) for one in VALUES},
    **{f"tolerance {one}": values("[('a', 1, 2)]", f", tolerance={one}") for one in TOLERANCES},
    **{f"interval {one}": interval(one) for one in SIGNS},
    **{f"simulation {one}": simulation(one) for one in EVIDENCE},
    **{f"twin: {name}": twin(*pair) for name, pair in TWINS.items()},
    **FILES,
}


def outcome(path, text):
    """(passed, one line of why not)"""
    path.write_text(HEAD + text, encoding="utf-8")
    try:
        report = verify(str(path), workers=1)
    except InputError as error:
        return False, str(error)
    return report.passed, "; ".join(line for verdict in report for line in verdict.failures)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_false_or_empty_theorem_does_not_pass(text, tmp_path):
    passed, why = outcome(tmp_path / "hostile.py", text)
    assert not passed
    assert why
    assert "\n" not in why


TRUE = {
    **{
        f"step {one}": step(one)
        for one in (
            *("a - a", "[0]", "{'x': {'y': a - a}}", "sp.Matrix([[0, 0]])", "np.array([0, a - a])", "sp.Array([0, 0])"),
            *(
                "sp.Eq((a + b)**2, a**2 + 2*a*b + b**2)",
                "sp.sqrt(a**2) - a",
                "m + sp.sqrt(m**2)",
                "0.0",
                "np.float64(0)",
            ),
            *(
                "sp.Subs(f(a, b), (a, b), (s, r)) - f(s, r)",
                "sp.sqrt(a**n) - a**(n/2)",
                "sp.sin(2*r) - 2*sp.sin(r)*sp.cos(r)",
            ),
            *(
                "(f(r)*f(s)).diff(r) - f(r).diff(r)*f(s)",
                "sp.log(a*b) - sp.log(a) - sp.log(b)",
                "(z for z in (0, a - a))",
            ),
        )
    },
    **{
        f"values {one}": values(one)
        for one in (
            *("[('a', sp.oo, sp.oo)]", "[('a', -sp.oo, float('-inf'))]", "[('a', sp.exp(-200), 1/sp.exp(200))]"),
            *(
                "[('a', sp.sqrt(2)**2 - 2, 0)]",
                "[('a', sp.sqrt(3 + 2*sp.sqrt(2)), 1 + sp.sqrt(2))]",
                "[('a', sp.I**2, -1)]",
            ),
            *("[('a', 0.5, '0.5')]", "[('a', sp.GoldenRatio, (1 + sp.sqrt(5))/2)]", "(('a', k, k) for k in (0, 1))"),
            *("[('a', sp.sin(1)**2 + sp.cos(1)**2 - 1, 0)]", "[('a', sp.cosh(200) - sp.sinh(200), sp.exp(-200))]"),
            *("[('a', sp.exp(sp.I*sp.pi/3), (1 + sp.sqrt(3)*sp.I)/2)]",),
            *("[('a', sp.Integral(1/(1 + r**2), (r, -10**6, 10**6)), 2*sp.atan(10**6))]",),
            *("[('a', sp.Integral(sp.Abs(r - sp.Rational(1, 3)), (r, 0, 1)), sp.Rational(5, 18))]",),
            *("[('a', 1 + 2*sp.Integral(r**2*sp.sin(r), (r, 0, sp.pi)), 2*sp.pi**2 - 7)]",),
            *("[('a', sp.Sum(I(n, (n, 0, 1)), (n, 1, 3)), R(3, 2))]", "[('a', decimal.Decimal('0.1'), R(1, 10))]"),
            *("[('a', sp.Sum(n*k, (k, 1, n), (n, 1, 3)), 25)]", "[('a', I(sp.exp(-r), (r, 0, sp.oo)), 1)]"),
            *("[('a', sp.Integral(sp.log(r), (r, 0, 1)), -1)]", "[('a', sp.Integral(r**3, (r, -1, 1)), 0)]"),
            *("[('a', sp.Integral(sp.sqrt(r), (r, 1, 4)), sp.Rational(14, 3))]", "[('a', sp.Sum(n, (n, 1, 10)), 55)]"),
            *("[('a', sp.Integral(r*s, (r, 0, 1), (s, 0, 1)), 0.25)]",),
        )
    },
    "tolerance 1e-12": values("[('a', sp.pi, math.pi)]", ", tolerance=1e-12"),
    **{
        f"interval {sign}": interval(f"[('a', {expr}, '{sign}')]")
        for sign, expr in {
            "positive": "t",
            "negative": "sp.LambertW(-(1 + t)/10, -1) + 1",
            "nonnegative": "t*0 + t**2",
            "nonpositive": "-t",
        }.items()
    },
    "points": simulation("Evidence(True, 'm', 1e-6, 0.5, (('E', 1.05, .01, 1.), ['V', 1, 0, 1.0]))"),
    "simulation": simulation("Evidence(np.bool_(True), 'm', 1e-6, 0.5)"),
    "twin": twin("sp.sin(a)**2 + sp.cos(a)**2 - k", "sp.Rational(999, 1000)"),
    "a decorator kept": "d = T.step('d')\n@d\ndef c():\n    return a - a\n@d\ndef e():\n    return b - b\n",
    "in a list": OTHER.replace("S(1)", "S(0)") + "L = [U]\ndel U\n" + TRUE_STEP,
    "bound twice": TRUE_STEP + "also = T\n",
}


@pytest.mark.parametrize("text", TRUE.values(), ids=TRUE)
def test_a_true_theorem_passes(text, tmp_path):
    assert outcome(tmp_path / "true.py", text) == (True, "")


# -- levels and counts ---------------------------------------------------------------------------------------------


def command(*args):
    return subprocess.run([sys.executable, "-m", "symsched.cli", "verify", *args], capture_output=True, text=True)


def test_a_false_step_is_not_held_at_a_level_that_does_not_look_at_it(tmp_path):
    """A level that selects none of the checks checked nothing; the claim neither holds nor fails."""
    path = tmp_path / "step.py"
    path.write_text(HEAD + step("a - b"))
    report = verify(str(path), level="interval", workers=1)
    (verdict,) = report
    assert (report.passed, verdict.passed, verdict.failed) == (False, False, False)
    assert report.document()["claims"][0]["state"] == "not checked"
    ran = command(str(path), "--level", "interval")
    assert ran.returncode == 1
    assert "nothing was checked at level interval of T" in ran.stdout
    assert "hold" not in ran.stdout


def test_claims_without_a_check_at_a_level_are_counted_apart(tmp_path):
    path = tmp_path / "two.py"
    path.write_text(
        HEAD + step("a - b") + "U = Theorem('U', 'u', 'u')\n" + interval("[('a', t, 'positive')]").replace("T.", "U.")
    )
    report = verify(str(path), level="interval", workers=1)
    assert report.passed
    assert report.outcome.startswith("1 claim holds at level interval; nothing was checked at level interval of T")


def test_checks_without_a_twin_are_told_of_loudly(tmp_path):
    """Nothing shows that such a check can fail; one with a twin is not told of."""
    path = tmp_path / "bare.py"
    path.write_text(HEAD + step("a - a"))
    report = verify(str(path), level="symbolic", workers=1)
    (verdict,) = report
    assert verdict.unguarded == 1
    assert "no twins" in verdict.cells
    assert report.outcome.endswith("checks without a sabotaged twin, which nothing shows could fail: T (1 of 1)")
    report = verify("C15", level="symbolic", workers=1)
    assert "twin" not in report.outcome


def test_what_breaks_a_check_is_told_with_its_file_and_line(tmp_path):
    path = tmp_path / "broken.py"
    text = HEAD + step("nowhere - a")
    path.write_text(text)
    line = 1 + text[: text.index("nowhere")].count("\n")
    (verdict,) = verify(str(path), level="symbolic", workers=1)
    assert f"NameError: name 'nowhere' is not defined (broken.py, line {line})" in verdict.failures[0]


def test_an_assumption_of_ones_own_is_not_called_literature(tmp_path):
    path = tmp_path / "own.py"
    text = "from symsched.theorem import Theorem\nT = Theorem('T', 't', 't', assumptions=('the sun rises',))\n"
    path.write_text(text + step("0*1"))
    told = command(str(path), "--level", "symbolic").stdout
    assert "T rests on what is not proved here: the sun rises" in told
    assert "literature" not in told


def test_steps_that_are_not_decided_are_not_counted_as_decided(tmp_path):
    path = tmp_path / "open.py"
    path.write_text(
        HEAD + step("a - a") + "@T.step('e')\ndef e():\n    return noise/(sp.cosh(r)**2 - sp.sinh(r)**2 - 1)\n" * 0
    )
    (verdict,) = verify(str(path), level="symbolic", workers=1)
    assert verdict.measured == "1 step decided"
    path.write_text(HEAD + step("a - a") + "@T.step('e')\ndef e():\n    return {}\n")
    (verdict,) = verify(str(path.rename(tmp_path / "open2.py")), level="symbolic", workers=1)
    assert verdict.measured == "1 of 2 steps decided"


def test_two_files_with_a_theorem_of_one_name_are_refused(tmp_path):
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    for path in (one, two):
        path.write_text(HEAD + TRUE_STEP)
    with pytest.raises(InputError, match=r"theorem 'T' is in .*one\.py and in .*two\.py: rename one of them"):
        verify([str(one), str(two)], workers=1)
    assert len(verify([str(one), str(one)], workers=1)) == 1
    own = tmp_path / "own.py"
    own.write_text((HEAD + TRUE_STEP).replace('"T"', '"C13"'))
    with pytest.raises(InputError, match="theorem 'C13' is in"):
        verify(["C13", str(own)], workers=1)


# -- processes that leave ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["os._exit(0)", slow("os._exit(7)"), slow("os.execv('/bin/true', ['true'])")])
@pytest.mark.parametrize("where", ["", "@T.step('e')\ndef e():\n    "])
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing waits for the process that leaves")
def test_a_process_that_leaves_has_not_succeeded(how, where, tmp_path):
    """Exit code 1 and one line, by the work that was not reported as done."""
    path = tmp_path / "leaves.py"
    path.write_text(HEAD + "import os\n" + TRUE_STEP + where + how + "\n")
    ran = command(str(path))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "before it was done" in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.slow
def test_much_that_is_said_below_python_does_not_hide_that_the_work_was_done(tmp_path):
    path = tmp_path / "loud.py"
    path.write_text(HEAD + "import os\n" + TRUE_STEP + "os.write(2, b'x' * 200_000)\n")
    assert command(str(path)).returncode == 0


# -- integrals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [1, 2, sp.Rational(1, 2), sp.Rational(-7, 3), sp.pi])
@pytest.mark.parametrize("ends", [(1, 2), (sp.Rational(1, 10**6), 10**6), (3, 1)])
def test_integrals_of_powers_agree_with_their_closed_form_and_with_nothing_near(power, ends):
    """∫ x^p dx = (b^(p+1) − a^(p+1))/(p+1)."""
    low, high = map(sp.sympify, ends)
    letter = sp.Symbol("x", positive=True)
    found = sp.Integral(letter**power, (letter, low, high))
    exact = (high ** (power + 1) - low ** (power + 1)) / (power + 1)
    assert agree(found, exact, 1e-45).same is True
    assert agree(found, exact * (1 + sp.Rational(1, 10**40)), 1e-45).same is False


@pytest.mark.parametrize("place", [sp.Rational(1, 3), 1 / sp.pi])
@pytest.mark.parametrize("width", [10**3, slow(10**20)])
def test_no_peak_is_missed(place, width):
    """∫₀¹ w/(1 + w²(x − c)²) dx = atan(w(1 − c)) + atan(w c)."""
    letter = sp.Symbol("x", real=True)
    found = sp.Integral(width / (1 + width**2 * (letter - place) ** 2), (letter, 0, 1))
    assert agree(found, sp.atan(width * (1 - place)) + sp.atan(width * place), 1e-45).same is True
    assert agree(found, sp.pi, 1e-45).same is False
