"""Certificates for Coq: what they say, that Coq accepts them, and that it rejects every sabotaged one."""

import json
import shutil

import pytest
import sympy as sp
from slowness import slow

from symsched.certify import CoqError, certificate, find_coq, runner, write
from symsched.certify.algebra import lemma, supposed
from symsched.certify.calculus import derivative_lemma
from symsched.certify.coq import Names, Printer, UnsupportedError, comment, identifier
from symsched.certify.prelude import ALGEBRA, CALCULUS
from symsched.certify.trace import Derivative, recorded
from symsched.cli.app import run
from symsched.collection import collect
from symsched.errors import InputError
from symsched.symbols import alpha, beta, kappa, t, x

a, b = sp.symbols("a b", positive=True)
needs_coq = pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc is not installed (Debian: coq)")


SMALL = """
from symsched.symbols import alpha, t
from symsched.theorem import Theorem

theorem = Theorem("S1", "small", "((α + t)²)' = 2(αα' + α + tα' + t)")


@theorem.step("the product rule")
def product_rule(factor=2):
    return ((alpha + t) ** 2).diff(t) - factor * (alpha * alpha.diff(t) + alpha + t * alpha.diff(t) + t)
"""


@pytest.fixture
def small(tmp_path):
    """The key of a theorem with one step, which uses one derivative."""
    file = tmp_path / "small.py"
    file.write_text(SMALL, encoding="utf-8")
    (key,) = collect([str(file)])
    return key


def answers(*lemmas):
    """What Coq makes of each: True where it is proved."""
    text = "\n".join([ALGEBRA, CALCULUS, *(one.attempt(f"L{k}", 60) for k, one in enumerate(lemmas))])
    code, said = runner.run_coq(find_coq(), text)
    assert code == 0, said
    return [f"L{k} PROVED" in said for k in range(len(lemmas))]


# -- printing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (a + b, "(a + b)"),
        (a / b**2, "(a / ((b ^ 2)))"),
        (sp.Rational(-1, 3) * a, "((-1 / 3) * a)"),
        (sp.sqrt(a), "(sqrt a)"),
        (a ** sp.Rational(5, 3), "(a ^ 1 * (exp ((2 / 3) * ln a)))"),
        (a**b, "(exp (b * ln a))"),
        (sp.tan(a), "((sin a) / ((cos a)))"),
        (alpha.diff(t), "(alpha_1 t)"),
        (sp.pi * sp.E, "((exp 1) * PI)"),
    ],
)
def test_expressions_in_coq(expr, text):
    assert Printer(Names()).text(expr) == text


def test_what_coq_cannot_say_is_refused_by_name():
    with pytest.raises(UnsupportedError, match="no Coq term for besselj"):
        Printer(Names()).text(sp.besselj(0, a))


def test_identifiers_are_plain_and_never_reserved():
    assert identifier("η_X(t)") == "X_t"
    assert Names().of("key", "forall") == "forall_2"
    names = Names()
    assert names.of(1, "g") != names.of(2, "g")


def test_a_comment_cannot_end_early():
    assert "*)" not in comment("sneaky *) Admitted. (*")


def test_hypotheses_are_written_out():
    one = lemma("one", "", (a**2 - beta**2) / (a - beta) - a - beta)
    assert set(one.hypotheses) == {"0 < t", "t < 1", "0 < a", "0 < (beta t)", "(a + ((-1) * (beta t))) <> 0"}


f, g = sp.Function("f"), sp.Function("f", real=True)
r, s = sp.symbols("r s", real=True)
z, minus = sp.Symbol("z", zero=True), sp.Symbol("m", negative=True)


@pytest.mark.parametrize(
    ("residual", "statement"),
    [
        (sp.Subs(f(r, s), (r, s), (s, r)) - f(r, r), "((-1) * (f r r)) + (f s r)"),
        (f(r) - g(r), "(((-1) * (f r)) + (f_2 r))"),
        (sp.Symbol("q") - sp.Symbol("q", positive=True), "(q + ((-1) * q_2))"),
        (sp.Subs(r * s + sp.exp(r), (r, s), (s, r)), "((fun r s : R => ((r * s) + (exp r))) s r)"),
        (sp.Derivative(alpha.subs(t, beta), beta) - alpha.subs(t, beta), "(alpha_1 (beta t))"),
    ],
)
def test_the_statement_is_the_formula_as_it_stands(residual, statement):
    """All variables at once, each function and each letter by itself."""
    assert statement in lemma("one", "", residual).statement


@pytest.mark.parametrize(
    ("residual", "hypothesis"),
    [(z + 1, "z = 0"), (minus + 1, "m < 0"), (1 / r, "r <> 0"), (sp.log(r), "0 < r"), (kappa + 1, "0 <= kappa")],
)
def test_what_is_declared_is_supposed(residual, hypothesis):
    assert hypothesis in lemma("one", "", residual).hypotheses


@pytest.mark.parametrize(
    "residual",
    [
        sp.Mul(*sp.symbols("A B", commutative=False)),
        sp.Symbol("i", imaginary=True) ** 2,
        sp.Derivative(f(r, 2 * r), r),
        sp.Derivative(r**2, r),
        sp.Limit(1 / r, r, 0),
        sp.Function("F", commutative=False)(r),
    ],
    ids=str,
)
def test_what_has_no_term_in_coq_has_no_lemma(residual):
    with pytest.raises(UnsupportedError):
        lemma("one", "", residual)


def test_a_root_supposes_more_than_was_declared():
    assert supposed(sp.cbrt(r**3) - r) == ["r**3"]
    assert supposed(sp.sqrt(a) * sp.log(beta) / (r - 1)) == []


# -- derivatives -----------------------------------------------------------------------------------------------


def test_derivatives_are_noted_once_and_in_single_steps():
    with recorded() as taken:
        (alpha**3).diff(t, 2)
        (alpha**3).diff(t)
        sp.diff(alpha, t)  # by definition
    assert [one.symbol for one in taken] == [t, t]
    assert taken[0].result == (alpha**3).diff(t)
    with recorded() as taken:
        sp.solve(alpha - x, x)  # what SymPy differentiates for itself is not asked for
    assert taken == []


def test_a_field_that_moves_in_three_arguments_is_refused():
    p = sp.Function("p")(t, t**2, 1 - t)
    with pytest.raises(UnsupportedError, match="3 arguments"):
        derivative_lemma("d", Derivative(p, t, p.diff(t)))


# -- Coq -------------------------------------------------------------------------------------------------------

TRUE = {
    "field": 1 / a - 1 / (a + b) - b / (a * (a + b)),
    "radical": (sp.sqrt(a + b) + 1) * (sp.sqrt(a + b) - 1) - a - b + 1,
    "root of a product": sp.sqrt(t * (1 - t)) - sp.sqrt(t) * sp.sqrt(1 - t),
    "substitution": sp.Subs(f(r, s) * r, (r, s), (s, r)) - f(s, r) * s,
    "logarithm": sp.log(a**2 * beta, evaluate=False) - 2 * sp.log(a) - sp.log(beta),
    "powers": a ** (kappa / (1 + kappa)) * a ** (1 / (1 + kappa)) - a,
    "nested": 1 / (1 / alpha + 1 / beta) - alpha * beta / (alpha + beta),
}


@needs_coq
def test_true_residuals_are_proved_and_their_twins_are_not():
    lemmas = [lemma(name, "", residual) for name, residual in TRUE.items()]
    wrong = [lemma(name, "", residual + sp.Rational(1, 10**6) * a) for name, residual in TRUE.items()]
    assert answers(*lemmas, *wrong) == [True] * len(lemmas) + [False] * len(wrong)


DIFFERENTIABLE = [
    sp.exp(-((x - beta) ** 2) / (2 * alpha**2)) / alpha,
    sp.log(beta / alpha),
    sp.sqrt(t * (1 - t)),
    t ** sp.Rational(7, 3),
    sp.cos(sp.pi * t / 2) ** 2,
    beta ** (2 * kappa / (1 + kappa)),
    sp.atan(t / (1 + t)),
    alpha.subs(t, beta) * beta,
    sp.Function("p")(t, x * beta) / beta,
    sp.Function("p")(alpha, x / beta).diff(x),
]


@pytest.mark.slow
@needs_coq
def test_derivatives_are_proved_and_their_twins_are_not():
    lemmas = [derivative_lemma(f"d{k}", Derivative(f, t, f.diff(t))) for k, f in enumerate(DIFFERENTIABLE)]
    wrong = [derivative_lemma(f"w{k}", Derivative(f, t, 2 * f.diff(t))) for k, f in enumerate(DIFFERENTIABLE)]
    assert answers(*lemmas, *wrong) == [True] * len(lemmas) + [False] * len(wrong)


FALSE = {  # each was proved when the lemma was about what the rewriting had left
    "substitution": sp.Subs(f(r, s), (r, s), (s, r)) - f(r, r),
    "two functions": f(r) - g(r),
    "two letters": sp.Symbol("q") - sp.Symbol("q", positive=True),
    "an inner function": sp.Subs(sp.Derivative(f(r), r), r, s**2) - sp.Subs(sp.Derivative(f(r), r), r, s),
    "a derivative for the function": sp.Derivative(f(r), r) - f(r),
    "a term of two": sp.sqrt(a + b) - sp.sqrt(a) - sp.sqrt(b),
}


@needs_coq
def test_false_residuals_are_not_proved():
    assert answers(*(lemma(f"f{k}", "", one) for k, one in enumerate(FALSE.values()))) == [False] * len(FALSE)


HOSTILE = {
    "cbrt(r**3) - r": "would suppose r**3 > 0",
    "A*B - B*A": "does not commute",
    "Integral(r, (r, 0, 1)) - Rational(1, 2)": "no Coq term for Integral",
    "(sin(r)**2 + cos(r)**2 - 1)/(cosh(a)**2 - sinh(a)**2 - 1)": "no value in numbers",
    "Derivative(f(r, 2*r), r) - Derivative(f(r, 2*r), (r, 1))/2 - Derivative(f(r, 2*r), r)/2 + A*0 + "
    "Derivative(r**2, r) - 2*r": "no Coq term for Derivative",
}


@pytest.mark.parametrize("residual", HOSTILE, ids=HOSTILE)
def test_what_cannot_be_certified_is_left_out_with_a_reason(residual, tmp_path):
    """Never ticked, and counted."""
    file = tmp_path / "hostile.py"
    letters = "a = Symbol('a', positive=True)\nr = Symbol('r', real=True)\nf = Function('f')\n"
    letters += "A, B = symbols('A B', commutative=False)\n"
    start = f"from sympy import *\nfrom symsched.theorem import Theorem\n{letters}T = Theorem('H', 'h', 'h')\n"
    file.write_text(
        f"{start}@T.step('d')\ndef c():\n    return {{'x': {residual}, 'y': (a + r)**2 - a**2 - 2*a*r - r**2}}\n"
    )
    one = certificate(*collect([str(file)]))
    assert (one.residuals, one.complete) == (1, False)
    (left,) = one.left
    assert left.startswith("d: x (")
    assert HOSTILE[residual] in left
    assert "1 of 2 residuals" in one.summary()


def test_what_sympy_had_evaluated_to_0_is_not_certified(tmp_path):
    file = tmp_path / "zero.py"
    file.write_text(
        "from symsched.theorem import Theorem\nT = Theorem('Z', 'z', 'z')\n@T.step('d')\ndef c():\n    return 0\n"
    )
    one = certificate(*collect([str(file)]))
    assert (one.text, one.trivial, one.complete) == ("", 1, False)
    assert one.summary() == "0 residuals, 1 more 0 = 0 by SymPy's evaluation, 0 derivatives"


@pytest.mark.slow
@needs_coq
@pytest.mark.usefixtures("_no_memory")
def test_a_lemma_without_a_proof_leaves_the_others_certified(tmp_path, capsys):
    """Coq finds no proof of the double angle: the residual is left out, not ticked, and nothing has failed."""
    file = tmp_path / "part.py"
    file.write_text(SMALL.replace("return", "return {'angle': sin(2*t) - 2*sin(t)*cos(t), 'rule':").rstrip() + "}\n")
    file.write_text("from sympy import cos, sin\n" + file.read_text())
    assert run(["certify", str(file), "-o", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "S1  –  1 of 2 residuals" in told
    assert "not certified: the product rule: angle (no proof was found)" in told
    assert "angle" not in [line for line in (tmp_path / "out" / "S1.v").read_text().splitlines() if "Lemma" in line]


@pytest.mark.slow
@needs_coq
def test_a_claim_is_certified_on_known_axioms_only():
    (key,) = collect(["C12"])
    one = certificate(key)
    found = runner.compiled(find_coq(), one)
    assert found.passed, found.failure
    assert runner.AXIOMS.issuperset(found.axioms)
    assert "Admitted" not in one.text
    assert "Print Assumptions everything." in one.text
    assert one.derivatives > 0 < one.residuals


@needs_coq
@pytest.mark.parametrize("trick", ["Axiom trick : False.", slow("Lemma trick : False. Admitted.")])
def test_an_axiom_smuggled_in_fails_the_certificate(trick, small):
    one = certificate(small)
    name = one.lemmas[-1].name
    spoiled = one.text.replace(f"Lemma {name} :", f"{trick}\nLemma {name} :").replace(
        "Definition everything :=", "Definition everything := conj trick"
    )
    bare = type(one)(one.name, one.title, (), one.lemmas)
    bare.__dict__["text"] = _parenthesised(spoiled)
    found = runner.compiled(find_coq(), bare)
    assert not found.passed
    assert "trick" in found.failure


def _parenthesised(text):
    """`conj trick (…)`."""
    head, tail = text.split("conj trick", 1)
    body, rest = tail.split(".\nPrint", 1)
    return f"{head}conj trick ({body}).\nPrint{rest}"


@needs_coq
@pytest.mark.exhaustive
def test_every_sabotaged_twin_of_a_step_is_rejected_by_coq():
    from symsched.collection import find
    from symsched.routes import labelled

    for key in collect(["C1", "C3", "C5", "C6", "C8", "C13"]):
        for check in find(key).checks:
            if check.kind != "step" or check.function.__name__.startswith("catalogue"):
                continue
            for twin in check.twins:
                residuals = labelled(check.function(**twin.wrong)).values()
                proved = answers(*(lemma(f"twin{k}", "", r) for k, r in enumerate(residuals)))
                assert not all(proved), f"{key[1]} {check.description}: {twin.description}"


# -- finding and running Coq -----------------------------------------------------------------------------------


@pytest.fixture
def _no_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMSCHED_CACHE_DIR", str(tmp_path / "cache"))
    find_coq.cache_clear()
    yield
    find_coq.cache_clear()


def fake_coqc(folder, says, monkeypatch, code=0):
    folder.mkdir()
    script = folder / "coqc"
    script.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.usefixtures("_no_memory")
def test_coq_missing_is_said_plainly(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CoqError, match=r"coqc was not found: .*8\.16 to 8\.20.*libcoq-coquelicot"):
        find_coq()
    assert run(["verify", "C13", "--certify", "--level", "symbolic"]) == 2
    assert "coqc was not found" in capsys.readouterr().err


@pytest.mark.usefixtures("_no_memory")
@pytest.mark.parametrize("version", ["8.9.1", "9.1.0", "nonsense"])
def test_another_version_is_refused(monkeypatch, tmp_path, version):
    fake_coqc(tmp_path / "bin", f"The Coq Proof Assistant, version {version}", monkeypatch)
    with pytest.raises(CoqError, match=r"is .*: certificates are checked with Coq 8\.16 to 8\.20"):
        find_coq()


@pytest.mark.usefixtures("_no_memory")
def test_a_coqc_that_proves_nothing_is_not_believed(monkeypatch, tmp_path, small):
    fake_coqc(tmp_path / "bin", "The Coq Proof Assistant, version 8.16.1", monkeypatch)
    found = runner.compiled(find_coq(), certificate(small))
    assert not found.passed
    assert "did not say" in found.failure


@pytest.mark.slow
@pytest.mark.usefixtures("_no_memory")
@needs_coq
def test_a_memory_is_used_and_a_forged_or_torn_one_is_not(tmp_path, small):
    one = certificate(small)
    assert [c.cached for c in runner.check([one]) + runner.check([one])] == [False, True]
    (kept,) = (tmp_path / "cache" / "certificates").glob("*.json")
    for text in ("{", '{"digest": "x", "failure": "", "axioms": [], "seconds": 1}', '{"axioms": ["trick"]}'):
        kept.write_text(text)
        (again,) = runner.check([one])
        assert again.passed
        assert not again.cached


# -- the command -----------------------------------------------------------------------------------------------


def test_files_are_written_without_coq(tmp_path, capsys):
    assert run(["certify", "C12", "--no-check", "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "C12.v").read_text().count("Lemma ") > 5
    assert "written, not checked" in capsys.readouterr().out


def test_a_theorem_without_steps_has_no_certificate(tmp_path, capsys):
    file = tmp_path / "empty.py"
    file.write_text("from symsched.theorem import Theorem\ntheorem = Theorem('E1', 'empty', 'nothing')\n")
    assert run(["certify", str(file), "-o", str(tmp_path / "out")]) == 0
    assert "nothing to certify" in capsys.readouterr().out


@pytest.mark.usefixtures("_no_memory")
@needs_coq
def test_a_false_theorem_fails_with_its_lemma(tmp_path, capsys):
    file = tmp_path / "wrong.py"
    file.write_text(SMALL.replace("factor=2", "factor=3"), encoding="utf-8")
    assert run(["certify", str(file), "-o", str(tmp_path / "out")]) == 1
    assert "lemma product_rule_1 is not proved" in capsys.readouterr().out


@pytest.mark.slow
@needs_coq
@pytest.mark.usefixtures("_no_memory")
def test_verify_has_a_column_for_coq(tmp_path, small, capsys):
    for text, passed in ((SMALL, True), (SMALL.replace("factor=2", "factor=3"), False)):
        file = tmp_path / f"{passed}.py"
        file.write_text(text, encoding="utf-8")
        assert run(["verify", str(file), "--certify", "--json", "-"]) == (0 if passed else 1)
        (claim,) = json.loads(capsys.readouterr().out)["claims"]
        assert claim["coq"] is passed
        assert any("lemma product_rule_1 is not proved" in line for line in claim["failures"]) is not passed
    assert run(["verify", small[0], "--certify"]) == 0
    assert "Coq" in capsys.readouterr().out


@needs_coq
@pytest.mark.exhaustive
def test_every_claim_is_green():
    from symsched.certify import certify
    from symsched.collection import theory

    found = certify()
    assert len(found) == len(theory())
    assert {one.name: said.failure for one, said in found} == {one.name: "" for one, _ in found}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "nowhere to write"),
        (("C99", "-o", "{out}"), "no claim 'C99'"),
        (("C1", "--schedule", "linear()", "-o", "{out}"), "give one of them"),
        (("--schedule", "nosuch()", "-o", "{out}"), "nosuch"),
        (("--schedule", "alpha=1-t**p; beta=t", "-o", "{out}"), "unknown name 'p'"),
        (("--schedule", "linear()", "--rho", "-1", "-o", "{out}"), "rho = -1: expected a positive number"),
    ],
)
def test_bad_input_is_one_line(args, message, tmp_path, capsys):
    assert run(["certify", *(a.format(out=tmp_path / "out") for a in args)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_folder_that_cannot_be_written(tmp_path):
    target = tmp_path / "file"
    target.write_text("")
    (key,) = collect(["C12"])
    with pytest.raises(InputError, match="cannot be written there"):
        write([certificate(key)], str(target))
