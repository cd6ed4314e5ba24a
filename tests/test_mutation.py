"""Mutants: what they are, that equivalent ones are known as such, and that the routes notice the others."""

import importlib.util
import json
import math
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
import sympy as sp

import symsched as ss
from symsched.certify.algebra import lemma
from symsched.cli.mutation import table
from symsched.collection import collect
from symsched.exact.zero import decide_zero
from symsched.guidance import PowerMean
from symsched.mutation import Mutant, Mutation
from symsched.mutation import run as mutation_run
from symsched.mutation.ask import ask_coq
from symsched.mutation.decide import Trial, try_formula, try_library
from symsched.mutation.journal import Journal
from symsched.mutation.library import PLACES, changed, places
from symsched.mutation.mutants import KINDS, formulas, mutants, spoiled
from symsched.mutation.run import _Job, _row, _tried
from symsched.steps import laws
from symsched.symbols import alpha, beta, t

needs_coq = pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc is not installed (Debian: coq)")
ROOT = Path(__file__).parent.parent
FORMULA = 2 * alpha**2 * beta.diff(t) / beta - alpha * alpha.diff(t)


def test_every_kind_of_mutant_is_made_and_all_differ():
    found = mutants(FORMULA, 20)
    assert {change.kind for change in found} == set(KINDS)
    wrong = [change.apply(FORMULA) for change in found]
    assert len(set(wrong)) == len(wrong)
    assert not any(decide_zero(w - FORMULA) for w in wrong)


def test_alpha_and_beta_change_places_with_their_derivatives():
    (change,) = [c for c in mutants(FORMULA, 20) if c.kind == "swap"]
    expected = 2 * beta**2 * alpha.diff(t) / alpha - beta * beta.diff(t)
    assert sp.simplify(change.apply(FORMULA) - expected) == 0


def test_numbers_tuples_functions_and_schedules_are_spoiled_too():
    assert [c.apply(2) for c in mutants(2, 5)] == [-2, 3]
    first = mutants((t + 1, beta), 1)[0].apply((t + 1, beta))
    assert first[1] == beta
    assert first[0] != t + 1
    sign = next(c for c in mutants(lambda s: s + t, 5) if c.kind == "sign")
    assert sign.apply(lambda s: s + t)(1) == 1 - t or sign.apply(lambda s: s + t)(1) == t - 1
    assert spoiled("sign", ss.schedules.linear()).alpha != 1 - t
    assert mutants(True, 5) == []
    assert mutants("text", 5) == []


def test_each_formula_of_a_value_is_spoiled_by_itself():
    terms = PowerMean(t, t + 1, sp.Symbol("s"), sp.S(2))
    assert formulas(terms) == 4
    assert formulas((terms, t)) == 5
    assert [spoiled("sign", terms, k) for k in (2, 3)] == [
        PowerMean(t, t + 1, -sp.Symbol("s"), sp.S(2)),
        PowerMean(t, t + 1, sp.Symbol("s"), sp.S(-2)),
    ]
    assert spoiled("sign", (terms, t), 4) == (terms, -t)
    assert spoiled("sign", terms, 4) == terms
    assert spoiled("sign", laws.explicit(), 2).noise == -laws.width, "a named tuple keeps its names"
    law = ss.discretize.closed_form(ss.InterpolantSDE(ss.schedules.linear(), ss.Gaussian(0, 2)))
    assert formulas(law) == 2, "the name of the number of steps is no formula"


def test_places_exist_and_are_put_back():
    assert len(places()) == len(PLACES), "a place that was renamed is no longer tried"
    assert "symsched.schedule:Schedule.eps_star" in places()
    right = ss.schedules.vp().eps_star
    for place in places():
        with changed(place, lambda value: value):
            pass
    with changed("symsched.schedule:Schedule.eps_star", lambda value: 2 * value):
        assert ss.Schedule(sp.cos(sp.pi * t / 2), sp.sin(sp.pi * t / 2)).eps_star == 2 * right
    assert ss.Schedule(sp.cos(sp.pi * t / 2), sp.sin(sp.pi * t / 2)).eps_star == right


def test_a_function_is_changed_wherever_it_was_imported():
    from symsched import conversion, sde

    with changed("symsched.sde.equation:data_form", lambda _: (0, 0)):
        assert sde.equation.data_form(ss.schedules.linear(), 0) == (0, 0)
    assert conversion is not None
    assert sde.equation.data_form(ss.schedules.linear(), sp.Integer(0)) != (0, 0)


(C1,) = collect(["C1"])


def test_a_mutant_of_a_claim_is_noticed_by_both_routes_here():
    own = sp.Rational(3)
    (change, *_) = mutants(alpha**2 * sp.log(beta / alpha).diff(t), 1)
    trial = try_formula(C1, "eps_star_by_ratio", "rate", change, own, Trial("C1", change.kind, ""))
    assert (trial.exact, trial.numeric, trial.same) == (True, True, False)
    assert trial.attempts


def test_an_equivalent_mutant_is_known_as_such():
    from symsched.mutation.mutants import Spoiling

    right = sp.log(beta / alpha).diff(t)
    same = Spoiling("term", "written otherwise", lambda _: sp.log(beta).diff(t) - sp.log(alpha).diff(t))
    trial = try_formula(C1, "eps_star_by_ratio", "rate", same, right, Trial("C1", "term", ""))
    assert (trial.exact, trial.numeric, trial.same) == (False, False, True)


def test_a_mutant_of_the_library_is_noticed():
    place = "symsched.schedule:Schedule.eps_star"
    trial = try_library([(C1, "eps_star_by_ratio")], place, "sign", Trial(place, "sign", ""))
    assert (trial.exact, trial.numeric, trial.void, trial.same) == (True, True, False, False)
    nothing = try_library([(C1, "eps_star_by_ratio")], "symsched.conversion:Conversion.tau", "sign", Trial("", "", ""))
    assert nothing.void


def test_the_shares_count_what_changes_meaning_only():
    def row(status, *noticed):
        return Mutant("p", "sign", "d", *noticed, status)

    found = Mutation(
        (
            row("changed", True, True, None),
            row("changed", True, False, False),
            row("survives", False, False, False),
            row("equivalent", False, False, False),
            row("refused", None, None, None),
        ),
        1.0,
    )
    assert found.share("normal_form") == (2, 3)
    assert found.share("coq") == (0, 2)
    assert not found.passed
    assert found.document()["by_two_or_more"] == {"noticed": 1, "of": 3}
    assert len({len(line) for line in table(found)}) == 1


def test_a_mutant_that_a_route_noticed_is_not_called_refused():
    assert _row(Trial("p", "sign", "d", exact=True, numeric=True, coq=True, refused="later")).status == "changed"
    assert _row(Trial("p", "sign", "d", refused="at once")).status == "refused"
    assert _row(Trial("p", "sign", "d", False, False, False)).status == "survives"
    assert _row(Trial("p", "sign", "d", False, False, False, same=True)).status == "equivalent"


def test_the_documentation_has_the_results_of_the_run():
    spec = importlib.util.spec_from_file_location("tables", ROOT / "docs" / "tables.py")
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    pages = [page.read_text(encoding="utf-8") for page in tables.PAGES]
    assert list(map(tables.filled, pages)) == pages, "run `python -m docs.tables`"
    assert sum(len(tables.PLACE.findall(page)) for page in pages) == len(tables.TABLES)
    for page, sign in zip(pages, ("| all | ", "| Euler | "), strict=True):
        assert tables.filled(page.replace(sign, f"{sign}1")) == page != page.replace(sign, f"{sign}1")
    found = json.loads((ROOT / "benchmarks" / "results" / "mutation.json").read_text(encoding="utf-8"))
    assert found["untried"] == 0
    assert found["passed"]


# -- the time limit --------------------------------------------------------------------------------------------------


@pytest.fixture
def slow_worker(monkeypatch):
    """One worker, whose trials end no sooner than the pool shuts down; what was begun."""
    late, begun = Event(), []

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            late.set()
            super().shutdown(wait, cancel_futures=cancel_futures)

    def trial(name):
        begun.append(name)
        assert late.wait(60)
        return Trial(name, "sign", "")

    monkeypatch.setattr(mutation_run, "_processes", lambda *_: Pool(1))
    monkeypatch.setattr(mutation_run, "_bounded", lambda function, *args: function(*args))
    return begun, [_Job(f"{k}", k, trial, (f"{k}",)) for k in range(50)]


def test_a_trial_that_ends_after_the_time_limit_is_kept(slow_worker):
    begun, jobs = slow_worker
    known, told = Journal(None, ""), []
    found, untried = _tried(jobs, 1, 0, time.perf_counter(), known, lambda *counts: told.append(counts))
    assert [trial.place for trial in found] == list(known.found) == begun
    assert begun[0] == "0"
    assert untried == 50 - len(begun)
    assert told[-1] == (len(begun), 50)


# -- the journal -----------------------------------------------------------------------------------------------------


def test_a_journal_goes_on_from_what_was_kept(tmp_path):
    path = tmp_path / "run.part"
    first = Journal(path, "code")
    first.note("a", [1, "x"])
    first.note("b", {"exact": True})
    assert Journal(path, "code").found == {"a": [1, "x"], "b": {"exact": True}}
    first.done()
    assert not path.exists()


def test_a_journal_that_was_cut_short_loses_its_last_line_only(tmp_path):
    path = tmp_path / "run.part"
    first = Journal(path, "code")
    first.note("a", 1)
    first.note("b", 2)
    path.write_bytes(path.read_bytes()[:-9])
    again = Journal(path, "code")
    assert again.found == {"a": 1}
    again.note("c", 3)
    assert Journal(path, "code").found == {"a": 1, "c": 3}


@pytest.mark.parametrize("content", [b"", b"junk", b'{"about": "other code"}\n{"name": "a", "answer": 1}\n', b"[1]\n"])
def test_a_journal_of_other_code_is_not_believed(tmp_path, content):
    path = tmp_path / "run.part"
    path.write_bytes(content)
    assert Journal(path, "code").found == {}
    assert Journal(path, "code").path == path
    assert json.loads(path.read_text()) == {"about": "code"}


def test_no_journal_keeps_nothing():
    journal = Journal(None, "code")
    journal.note("a", 1)
    journal.done()
    assert journal.found == {"a": 1}


@needs_coq
def test_coq_says_open_proved_or_nothing():
    t1, t2, t3 = (Trial("p", "sign", "d", attempts=[text]) for text in (attempt(alpha), attempt(sp.S.Zero), LATE))
    ask_coq([t1, t2, t3, empty := Trial("p", "sign", "d")], 1, math.inf, Journal(None, ""), lambda *_: None)
    assert (t1.coq, t2.coq, t3.coq, empty.coq) == (True, False, None, None)


def attempt(residual):
    return lemma("one", "", residual).attempt("@", 20)


LATE = 'Goal True.\n  tryif (timeout 1 (repeat (assert True by exact I))) then idtac else idtac "@ LATE".\nAbort.\n'


@needs_coq
@pytest.mark.exhaustive
def test_a_run_over_one_claim():
    from symsched.mutation import mutate

    found = mutate(["C13"], library=False, per_check=2)
    assert found.passed
    assert found.share("coq")[0] > 5
