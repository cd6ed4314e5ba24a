"""Parsing: what is read, what is refused and with which words, and that no text gets anything else."""

import contextlib
import string

import pytest
import sympy
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sympy import E, LambertW, Rational, cos, cot, erf, exp, log, pi, sqrt

from symsched.errors import InputError
from symsched.parsing import FUNCTIONS, Call, parse_call, parse_expression, parse_pair
from symsched.symbols import kappa, mean, rho, t

READ = {
    "1-t": 1 - t,
    "0.1*t": t / 10,
    ".5": Rational(1, 2),
    "5.": sympy.Integer(5),
    "1e-3": Rational(1, 1000),
    "1_000*t": 1000 * t,
    "1/3": Rational(1, 3),
    "-t**2": -(t**2),
    "t^2": t**2,
    "2^-1*t": t / 2,
    "2**3**2": sympy.Integer(512),
    "+t": t,
    "pi*E*e": pi * E**2,
    "sqrt(t*(1-t))": sqrt(t * (1 - t)),
    "cbrt(t)": t ** Rational(1, 3),
    "ln(1+t)/log(2)": log(1 + t) / log(2),
    "log(8, 2)": sympy.Integer(3),
    "cos(π·t/2)": cos(pi * t / 2),
    "1 − t": 1 - t,
    "LambertW(t, -1)": LambertW(t, -1),
    "arctan(t)": sympy.atan(t),
    "erf(t)*exp(-200*t)": erf(t) * exp(-200 * t),
    "tan(t+pi/2)": -cot(t),
    "\n 1 -\n t ": 1 - t,
}

ATTACKS = [
    "__import__('os').system('touch owned')",
    "__import__(os).system(owned)",
    "().__class__.__bases__[0].__subclasses__()",
    "t.__class__.__mro__",
    "t.func",
    "(lambda: t)()",
    "[t for t in (1,2)]",
    "(t for t in t)",
    "t[0]",
    "exec(t)",
    "eval(t)",
    "open(t)",
    "getattr(t, t)",
    "globals()",
    "sin.__globals__",
    "sqrt(*t)",
    "sqrt(**t)",
    "exp(t, evaluate=t)",
    "sympy.sqrt(t)",
    "t if t else t",
    "t and t",
    "not t",
    "t < 1",
    "t := 1",
    "t; import os",
    "import os",
    "f'{t}'",
    "`id`",
    "$(id)",
    "t\\x00",
    "t\x00",
    "t # t",
    "ｔ",
    "𝐬qrt(t)",
    "ѕin(t)",
    "await t",
    "yield t",
    "True",
    "None",
    "Ellipsis",
    "...",
    "1j",
    "t@t",
    "t//2",
    "t%2",
    "t<<2",
    "~t",
]

BOMBS = [
    "9**9**9",
    "10**10**10",
    "9^9^9^9",
    "t**10**9",
    "(t+1)**1000",
    "(((t+1)**100)**100)**100",
    "((t+1)**90)*((t+2)**90)",
    "2**(10**6*t)",
    "exp(exp(exp(100)))",
    "exp(exp(100*t))",
    "exp(600*t)**100",
    "exp(600*t)*exp(600*t)",
    "exp(600*t)/exp(-600*t)",
    "exp(500*log(t))",
    "cosh(sinh(cosh(9*t)))",
    "factorial(10**9)",
    "gamma(10**9)",
    "binomial(10**9, 10**8)",
    "(10**50)*(10**50)",
    "10**-60*10**-60",
    "1" * 900,
    "1e400",
    "1e-400",
    "0.1e999999999",
    "1" * 100_000,
    "(" * 500 + "t" + ")" * 500,
    "-" * 900 + "t",
    "- " * 450 + "t",
    "sin(" * 200 + "t" + ")" * 200,
    "t" + "+t" * 450,
    "t**" * 300 + "t",
    "[" * 900,
]

MESSAGES = {
    "2t": "write 2*t, not 2t",
    "3 t": "write 2*t, not 2t",
    "t(1-t)": "t is not a function; a product needs its sign",
    "sinn(t)": "did you mean sin?",
    "sqr(t)": "did you mean sqrt?",
    "sin": "the function sin needs an argument; write sin(t)",
    "kappa*t": "unknown name 'kappa' (known here: t, pi, E)",
    "T": "did you mean t?",
    "abs(t)": "abs is not allowed: it has a kink",
    "max(t, 1/2)": "max is not allowed: it has a kink",
    "I*t": "I is not a finite real number",
    "sqrt(-1)": "not defined or not real",
    "sqrt(-t)": "it contains 'I'; a formula must be real",
    "asin(2)": "not defined or not real",
    "log(0)": "not defined or not real",
    "1/0": "it divides by zero",
    "0**-1": "it divides by zero",
    "1/(t-t)": "it divides by zero",
    "tan(pi/2)": "it contains 'zoo'",
    "(-8)**(1/3)": "not real",
    "exp()": "exp takes one argument, not 0",
    "sin(t, t)": "sin takes one argument, not 2",
    "LambertW(t, 3)": "real branches 0 and -1 only",
    "exp(t, evaluate=0)": "exp takes no keyword",
    "t.real": "attribute access (a '.' after a name) is not allowed",
    "t[0]": "a subscript [ ] is not allowed",
    "1, 2": "a comma outside a function is not allowed",
    "t=1": "'=' belongs only in a pair",
    "sqrt(t": "the brackets do not match",
    "": "the text is empty",
    "t!": "factorials are not allowed",
    "'t'": "quotes are not allowed",
    "0x10": "is not a number that is read here",
    "9**9**9": "an exponent is too large, 3.874e+08; exponents up to 100 are read",
    "(t+1)**60*t**60": "its degree in t is above 100",
    "exp(exp(100*t))": "exp grows or falls too fast, like e to the 5.189e+40",  # e^93.75, from 100·15/16
    "t*exp(-700*t)": "exp grows or falls too fast, like e to the -656.2",  # −700·15/16, which is below 600
    "t**(1/10**9)": "the exponent '1/1000000000' is too fine",
    "t**(1/997) + t**(1/991)": "with the common denominator '988027'",
    "erf(10**59)": "cannot be told from 1; write 1",
    "coth(10**59)": "cannot be told from 1; write 1",
    "1" * 2000: "2000 characters; at most 1000 are read",
    "(" * 60 + "t" + ")" * 60: "nested too deeply; at most 40 brackets deep",
    "t+" * 300 + "t": "more than 400 terms and operations",
}


def refusal(function, *args):
    """The message of the InputError that `function(*args)` must raise: one line, of bounded length."""
    with pytest.raises(InputError) as caught:
        function(*args)
    message = str(caught.value)
    assert "\n" not in message
    assert message.isprintable()
    assert len(message) < 500
    return message


@pytest.mark.parametrize(("text", "expected"), READ.items())
def test_reads_exactly(text, expected):
    assert parse_expression(text) == expected


def test_decimals_are_exact_and_never_floats():
    assert parse_expression("0.1 + 0.2 - 0.3") == 0
    assert not parse_expression("0.12345678901234567890123*t").atoms(sympy.Float)
    assert parse_expression("0.12345678901234567890123").q == 10**23


def test_given_symbols_replace_the_default():
    assert parse_expression("kappa*t", {"t": t, "kappa": kappa}) == kappa * t
    assert "unknown name 't'" in refusal(parse_expression, "t", {"s": t})


@pytest.mark.parametrize("text", ATTACKS + BOMBS, ids=range(len(ATTACKS + BOMBS)))
def test_hostile_text_is_refused_everywhere(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refusal(parse_expression, text)
    refusal(parse_pair, f"alpha={text}; beta=t")
    refusal(parse_call, f"lazy(kappa=1, beta={text})") if text not in ATTACKS_THAT_NAME_CALLS else None
    assert list(tmp_path.iterdir()) == []


# As an argument these are a nested name, which only the catalogue can know or refuse; nothing is called.
ATTACKS_THAT_NAME_CALLS = {"exec(t)", "eval(t)", "open(t)", "getattr(t, t)", "globals()", "Ellipsis"} | {
    "factorial(10**9)",
    "gamma(10**9)",
    "binomial(10**9, 10**8)",
}


def test_a_called_builtin_in_a_call_stays_a_name():
    assert parse_call("lazy(beta=eval(t))").kwargs["beta"] == Call("eval", (t,), {}, "lazy(beta=eval(t))")


@pytest.mark.parametrize(("text", "words"), MESSAGES.items(), ids=range(len(MESSAGES)))
def test_message_names_the_input_and_what_would_be_right(text, words):
    message = refusal(parse_expression, text)
    assert message.startswith(f"cannot read '{text[:15]}")
    assert words in message


@pytest.mark.parametrize("value", [None, 3, b"t", t, ["t"]])
def test_only_text_is_read(value):
    assert "expected text such as '1-t'" in refusal(parse_expression, value)


def test_pair_in_either_order_and_in_greek():
    assert parse_pair("alpha=1-t; beta=t") == (1 - t, t)
    assert parse_pair(" beta = t ;alpha=1-t;") == (1 - t, t)
    assert parse_pair("α=1−t; β=t") == (1 - t, t)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("alpha=1-t", "beta is missing; write 'alpha=1-t; beta=t'"),
        ("beta=t", "alpha is missing"),
        ("alpha=1-t; alpha=t", "expected one alpha and one beta"),
        ("alpha=1-t; gamma=t", "expected one alpha and one beta"),
        ("alpha=1-t, beta=t", "'=' belongs only in a pair"),
        ("alpha=1-t; beta=", "the text is empty"),
        ("alpha==1-t; beta=t", "'='"),
        ("1-t; t", "expected one alpha and one beta"),
        ("alpha=1-t; beta=" + "t" * 5000, "at most 2000 characters"),
    ],
)
def test_pair_refusals(text, words):
    assert words in refusal(parse_pair, text)


def test_calls_hold_expressions_lists_and_calls():
    assert parse_call("lazy").name == "lazy"
    call = parse_call("mixture(weights=[.5, .5], means=[-1, 1], stds=(0.3, rho))")
    assert call.kwargs["weights"] == [Rational(1, 2)] * 2
    assert call.kwargs["means"] == [-1, 1]
    assert call.kwargs["stds"] == [Rational(3, 10), rho]
    assert parse_call("gaussian(m, 2)").args == (mean, 2)
    nested = parse_call("shifted(3, base=edm(0.002, 80))")
    assert nested.args == (3,)
    assert nested.kwargs["base"].name == "edm"
    assert parse_call("empirical([[1, 2], [3, 4]])").args == ([[1, 2], [3, 4]],)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1+2", "expected a name with arguments, such as 'lazy(kappa=1)'"),
        ("a.b(1)", "only a plain name can be called"),
        ("f(a)(b)", "only a plain name can be called"),
        ("f(x=1, x=2)", "repeated"),
        ("f(**a)", "each parameter is given once"),
        ("f(*a)", "a starred argument is not allowed"),
        ("f(a for a in b)", "a generator is not allowed"),
        ("f('x')", "quotes are not allowed"),
        ("f(kappa=1", "the brackets do not match"),
        (f"f([{'1,' * 3000}])", "more than 2000 values"),
        ("f(" + "1," * 20000 + ")", "at most 20000 are read"),
        ("f(" + "+1" * 9000 + ")", "too many operations"),
    ],
)
def test_call_refusals(text, words):
    message = refusal(parse_call, text)
    assert words in message or (words == "repeated" and "cannot read" in message)


atoms = st.sampled_from(["t", "1", "2", "0.5", "1/3", "3", "pi", "E", "(1-t)", "(1+t)", "0.25", "7"])


def combined(children):
    unary = st.tuples(st.sampled_from(sorted(FUNCTIONS)), children).map(lambda p: f"{p[0]}({p[1]})")
    binary = st.tuples(children, st.sampled_from(["+", "-", "*", "/", "**", "^"]), children)
    return unary | binary.map(lambda p: f"({p[0]}){p[1]}({p[2]})")


formulas = st.recursive(atoms, combined, max_leaves=8)


@settings(deadline=None, max_examples=300)
@given(formulas)
def test_printing_and_parsing_again_is_the_identity(text):
    try:
        expr = parse_expression(text)
    except InputError:
        return
    assert parse_expression(str(expr)) == expr


WORDS = "t ( ) [ ] + - * / ** ^ , . = 9 1e9 0 0.5 pi ; : ' % { kappa sin exp log sqrt( lambda alpha= beta= __ é f("
tokens = st.sampled_from([*WORDS.split(), " ", "\n"])
junk = st.lists(tokens, max_size=30).map("".join) | st.text(max_size=60) | st.text(string.printable, max_size=60)


@settings(deadline=None, max_examples=500)
@given(junk)
@example("t" * 999)
@example("*".join(["(t+1)"] * 100))
def test_any_text_gives_an_expression_or_an_input_error(text):
    for parse in (parse_expression, parse_pair, parse_call):
        with contextlib.suppress(InputError):
            parse(text)
