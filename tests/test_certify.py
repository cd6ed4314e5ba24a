"""Certificates for Coq: what they say, that Coq accepts them, and that it rejects every sabotaged one."""

import json
import shutil

import pytest
import sympy as sp

from symsched.certify import CoqError, certificate, find_coq, runner, write
from symsched.certify.algebra import core_of, flatten, lemma
from symsched.certify.calculus import derivative_lemma
from symsched.certify.coq import Names, Printer, UnsupportedError, comment, identifier
from symsched.certify.prelude import ALGEBRA, CALCULUS
from symsched.certify.trace import Derivative, recorded
from symsched.cli.app import run
from symsched.errors import InputError
from symsched.symbols import alpha, beta, kappa, t, x
from symsched.verification import collect

a, b = sp.symbols("a b", positive=True)
needs_coq = pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc is not installed (Debian: coq)")


SMALL = """
from symsched.symbols import alpha, t
from symsched.theorem import Theorem

theorem = Theorem("S1", "small", "(α²)' = 2αα'")


@theorem.step("the product rule")
def product_rule(factor=2):
    return (alpha**2).diff(t) - factor * alpha * alpha.diff(t)
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
        (sp.pi * sp.E, "(E_2 * PI)"),
    ],
)
def test_expressions_in_coq(expr, text):
    if expr.has(sp.E):
        text = "((exp 1) * PI)"
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


def test_fractions_in_fractions_are_flattened():
    flat = flatten(1 / (1 / a + b))
    assert sp.cancel(flat - a / (1 + a * b)) == 0
    assert all(p.base.is_polynomial() for p in flat.atoms(sp.Pow) if p.exp.is_negative)


def test_hypotheses_are_written_out():
    one = lemma("one", "", (a**2 - beta**2) / (a - beta) - a - beta)
    assert set(one.hypotheses) == {"0 < a", "0 < beta", "(((-1) * beta) + a) <> 0"}
    assert not one.trivial


def test_radicals_bring_their_relation():
    core = core_of(sp.sqrt(1 - t) * sp.sqrt(1 - t) * a + sp.sqrt(1 - t) / a)
    assert [q for _, q, _ in core.relations] == [2]


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


def test_a_field_that_moves_in_two_arguments_is_refused():
    p = sp.Function("p")(t, t**2)
    with pytest.raises(UnsupportedError, match="2 arguments"):
        derivative_lemma("d", Derivative(p, t, p.diff(t)))


# -- Coq -------------------------------------------------------------------------------------------------------

TRUE = {
    "field": 1 / a - 1 / (a + b) - b / (a * (a + b)),
    "radical": (sp.sqrt(a + b) + 1) * (sp.sqrt(a + b) - 1) - a - b + 1,
    "trigonometric": sp.sin(t) ** 2 + sp.cos(t) ** 2 - 1,
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
]


@needs_coq
def test_derivatives_are_proved_and_their_twins_are_not():
    lemmas = [derivative_lemma(f"d{k}", Derivative(f, t, f.diff(t))) for k, f in enumerate(DIFFERENTIABLE)]
    wrong = [derivative_lemma(f"w{k}", Derivative(f, t, 2 * f.diff(t))) for k, f in enumerate(DIFFERENTIABLE)]
    assert answers(*lemmas, *wrong) == [True] * len(lemmas) + [False] * len(wrong)


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
@pytest.mark.parametrize("trick", ["Axiom trick : False.", "Lemma trick : False. Admitted."])
def test_an_axiom_smuggled_in_fails_the_certificate(trick, small):
    one = certificate(small)
    name = one.lemmas[-1].name
    spoiled = one.text.replace(f"Lemma {name} :", f"{trick}\nLemma {name} :").replace(
        "Definition everything :=", "Definition everything := conj trick"
    )
    bare = type(one)(one.name, one.title, one.lemmas, one.derivatives, one.left, _parenthesised(spoiled))
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
    from symsched.routes import labelled
    from symsched.verification import find

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
    assert "no exact step, so no certificate" in capsys.readouterr().out


@pytest.mark.usefixtures("_no_memory")
@needs_coq
def test_a_false_theorem_fails_with_its_lemma(tmp_path, capsys):
    file = tmp_path / "wrong.py"
    file.write_text(SMALL.replace("factor=2", "factor=3"), encoding="utf-8")
    assert run(["certify", str(file), "-o", str(tmp_path / "out")]) == 1
    assert "lemma product_rule_1 is not proved" in capsys.readouterr().out


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

    found = certify()
    assert len(found) == 15
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
