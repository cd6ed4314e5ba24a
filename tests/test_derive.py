"""`ss.derive`, and text wherever a schedule or a law is taken: what the command line does, from Python."""

import numpy as np
import pytest
import sympy as sp

import symsched as ss
from symsched import catalog
from symsched.certify.interval import certify_newton, certify_schedule
from symsched.data import ETA_X
from symsched.derived import QUANTITIES
from symsched.exact import decide_zero
from symsched.symbols import kappa, rho, t, x

LINEAR, VP = catalog.linear(), catalog.vp()
LAW = ss.Gaussian(0, 1)


@pytest.mark.parametrize("quantity", sorted(QUANTITIES))
def test_the_command_prints_what_the_function_returns(cli, quantity):
    given = {"target": "follmer"} if quantity == "conversion" else {}
    data = {"data": "gaussian(0, 1)"} if quantity == "eta_x" else {}
    options = [word for name, text in {**given, **data}.items() for word in (f"--{name}", text)]
    found = ss.derive(quantity, "linear", **given, **data)
    assert cli.printed("derive", quantity, "--schedule", "linear", *options) == f"{found}\n"
    assert "\n" not in repr(found)
    assert repr(found).startswith(str(found).splitlines()[0][:20])


def test_a_derivation_is_a_mapping_of_expressions():
    found = ss.derive("conversion", LINEAR, target="follmer", kappa=1)
    assert list(found) == ["tau", "scale", "tau_dot", "scale_dot", "eps"]
    assert found["eps"] == sp.Rational(1, 2)
    assert decide_zero(found["tau"] - ss.convert(LINEAR, "follmer").tau)
    assert "\\tau &= " in found._repr_latex_()
    assert found.latex.splitlines()[1].startswith("c = ")


MISTAKES = {
    "an unknown quantity": (lambda: ss.derive("drif"), "did you mean drift"),
    "no quantity": (lambda: ss.derive(None), "unknown quantity 'None'"),
    "a number for a schedule": (lambda: ss.derive("drift", 3), "schedule is '3' (int); it should be a Schedule"),
    "a name that is near": (lambda: ss.derive("drift", "vpp"), "did you mean vp"),
    "a number for a law": (lambda: ss.derive("drift", "vp", data=3), "data is '3' (int); it should be a data law"),
    "an unknown law": (lambda: ss.derive("drift", "vp", data="gauss(0, 1)"), "should be gaussian(mean, std)"),
    "a negative scale": (lambda: ss.derive("drift", "vp", kappa=-1), "kappa = -1 is negative"),
    "a scale that is none": (lambda: ss.derive("drift", "vp", kappa=[1]), "should be a number"),
    "both scales": (lambda: ss.derive("drift", "vp", kappa=1, eps=1), "give one"),
    "no data": (lambda: ss.derive("eta_x", "vp"), "give data, such as data="),
    "no schedule": (lambda: ss.derive("kind"), "give schedule, such as schedule=follmer"),
    "no target": (lambda: ss.derive("conversion", "vp"), "give schedule and target"),
    "no spread": (lambda: ss.derive("variance", "vp", rho=0), "rho = 0: expected a finite number > 0"),
    "a target that is not asked for": (
        lambda: ss.derive("score", "vp", target="linear"),
        "target changes nothing in this score",
    ),
    "a scale that is not asked for": (lambda: ss.derive("epsstar", "vp", kappa=1), "depends on the schedule alone"),
    "a spread beside data": (
        lambda: ss.derive("variance", "vp", data=LAW, rho=1),
        "the schedule and data; leave it away",
    ),
    "a spread of a conversion": (
        lambda: ss.derive("conversion", "vp", target="linear", rho=1),
        "target or kappa or eps",
    ),
    "a scale beside a schedule": (lambda: ss.derive("lazy", "vp", kappa=1), "data or rho"),
    "no schedule at all": (lambda: ss.derive("limits", "alpha=t; beta=1-t"), "must increase strictly"),
    "a formula that it has not": (lambda: ss.derive("drift", "vp")["b"], "unknown formula 'b' (known: drift, eps)"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_one_line(mistake):
    make, words = MISTAKES[mistake]
    with pytest.raises(ss.InputError) as caught:
        make()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


# -- one reader of "a schedule or its text" --------------------------------------------------------------------------

DOORS = {
    "convert": lambda s: str(ss.convert(s, "follmer").tau),
    "convert to": lambda s: str(ss.convert("follmer", s).tau),
    "an equation": lambda s: str(ss.InterpolantSDE(s, LAW, kappa=1).A),
    "derive": lambda s: str(ss.derive("epsstar", s)),
    "code": lambda s: ss.codegen(s, "sigmas", steps=3),
    "lazy condition": lambda s: str(ss.lazy.condition(s, "gaussian(0, 1)").eps),
    "lazy frame": lambda s: str(ss.lazy.frame(s).alpha),
    "spectral frame": lambda s: ss.lazy.spectral([0, 1], [[1, 0.5], [0.5, 2]], schedule=s).into(0.5, [1, 2]).tolist(),
    "flow map": lambda s: ss.flow_map(s, "gaussian(0, 1)")(0.1, 0.5, 1.0),
    "flow map, converted": lambda s: ss.flow_map("follmer", LAW).convert(s)(0.1, 0.5, 1.0),
    "likelihood": lambda s: ss.log_likelihood("gaussian(0, 1)", [0.5], s).tolist(),
    "guidance": lambda s: ss.guided(s, "gaussian(0, 1)", "gaussian(0, 2)", 1).law_at(0.5),
    "coupling": lambda s: (
        ss.couple(ss.System(ss.InterpolantSDE(LINEAR, LAW, kappa=1), grid=[0.1, 0.5]), paths=8, kappa=2, schedule=s)
        .states[1]
        .tolist()
    ),
    "certificates": lambda s: [str(c) for c in certify_schedule(s)[:2]],
    "Newton's": lambda s: [str(c.outcome) for c in certify_newton(s)],
    "a law's field": lambda s: str(ss.Gaussian(0, 2).score(s)),
    "any law's field": lambda s: str(ss.InterpolantSDE("linear").data.velocity(s)),
    "a shift": lambda s: str(catalog.shifted(2, s).alpha),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_door_takes_a_schedule_or_its_text_and_nothing_else(door):
    ask = DOORS[door]
    assert ask("vp") == ask(VP)
    for wrong, words in ((3, "it should be a Schedule, or its text"), ("vpp", "did you mean vp")):
        with pytest.raises(ss.InputError, match=words):
            ask(wrong)


# -- without data ---------------------------------------------------------------------------------------------------


def test_without_data_is_said_what_holds_for_all_data():
    sde = ss.InterpolantSDE("vp", kappa=1)
    assert repr(sde) == "InterpolantSDE(vp, kappa=1)"
    assert sde == ss.InterpolantSDE(VP, None, kappa=1)
    whole = ss.InterpolantSDE(VP, ss.Gaussian(sp.Rational(1, 3), 2), kappa=1)
    for name in ("A", "B", "eps", "score_weight", "noise_weight"):
        assert getattr(sde, name) == getattr(whole, name)
    for name in ("drift", "score", "eta_z", "velocity"):
        assert decide_zero(getattr(sde, name).subs(ETA_X, whole.eta_x) - getattr(whole, name)), name
    assert decide_zero(sde.simplified() - sde.drift)
    assert r"\eta_{X}" in sde.latex()
    assert r"\mathbb{E}" in sde._repr_latex_()
    assert sde.eps_at(0.5) == pytest.approx(np.pi / 2)
    assert sde.along(rho) == whole.along(rho)


NEED_DATA = {
    "simulate": lambda sde: ss.simulate(sde, paths=8, steps=2),
    "drift_at": lambda sde: sde.drift_at(0.5, 1.0),
    "energy": lambda sde: sde.energy(),
    "eta_x": lambda sde: sde.eta_x,
    "marginal": lambda sde: sde.marginal,
    "marginal_at": lambda sde: sde.marginal_at(0.5),
    "dim": lambda sde: sde.dim,
    "affine": lambda sde: sde.affine,
    "exact law": lambda sde: ss.discretize.exact_law(sde, 4),
    "couple": lambda sde: ss.couple(ss.System(sde, steps=4), ss.System(sde, steps=2), paths=8),
    "estimate": lambda sde: ss.estimate(sde, lambda x: x, tolerance=0.1),
    "samples": lambda sde: sde.data.sample(3),
}


@pytest.mark.parametrize("asked", NEED_DATA)
def test_without_data_what_depends_on_it_is_refused_in_one_line(asked):
    with pytest.raises(ss.InputError, match="data") as caught:
        NEED_DATA[asked](ss.InterpolantSDE("linear", kappa=1))
    assert "\n" not in str(caught.value)


# -- letters of one's own ----------------------------------------------------------------------------------------------

P = sp.Symbol("p", positive=True)
DECLARED = {
    "alpha=(1-t)**p; beta=t; p>0": "standard",
    "alpha=(1-t)**p; beta=t; p > 0 ;": "standard",
    "alpha=(1-t)**p; beta=t; 0<p": "standard",
    "alpha=(1-t)**p; beta=t; p positive": "standard",
    "alpha=(1-t)**(1-p); beta=t; 0<p<1": "standard",
    "alpha=(1-t)**(1-p); beta=t; 1>p≥0": "standard",
    "alpha=(1-t)**(3-p); beta=t; p<=2": "standard",
    "alpha=(1-t)**p; beta=t**q; p, q > 0": "standard",
    "alpha=rho*(1-t); beta=t; ρ>0": "scaled",
    "polynomial(p=k); k>0": "standard",
    "alpha=(1-t)**p; beta=t; p=2": "standard",
    "alpha=(1-t)**p; beta=t; p>0; p=1/2": "standard",
    "lazy(kappa=k); k=2": "point-mass",
}


@pytest.mark.parametrize("text", DECLARED)
def test_letters_are_declared_in_the_text(text):
    schedule = catalog.from_text(text)
    assert schedule.kind == DECLARED[text]
    again = catalog.from_text(str(schedule))
    assert (again, str(again)) == (schedule, str(schedule))


def test_a_declared_letter_is_a_symbol_with_what_is_known_of_it():
    schedule = catalog.from_text("alpha=(1-t)**p; beta=t; p>0")
    assert schedule == ss.Schedule((1 - t) ** P, t)
    assert schedule.validate().proved
    assert str(schedule.subs(p=2)) == "alpha=(1 - t)**2; beta=t"
    half = catalog.from_text("alpha=(1-t)**p; beta=t; 0<p<1")
    with pytest.raises(ss.InputError, match="p = 2: it was declared as 0<p<1"):
        half.subs(p=2)
    with pytest.raises(ss.InputError, match="p = 1: it was declared as 0<p<1"):
        half.subs(p=1)
    assert half.limit("alpha", 1) == 0
    assert ss.InterpolantSDE("alpha=(1-t)**p; beta=t; p>0", kappa="p*t").kappa == P * t
    assert ss.derive("epsstar", "alpha=(1-t)**p; beta=t; p>0")["eps_star"].free_symbols == {P, t}


def test_signs_are_asked_for_the_declared_numbers_only():
    """1 − p is positive for them alone: without the bound α is negative for p = 2, and no limit is known."""
    bounded = catalog.from_text("alpha=(1-t)*(1-p); beta=t; 0<p<1")
    assert bounded.validate().proved
    assert not ss.Schedule((1 - t) * (1 - P), t).validate().proved
    with pytest.raises(ss.InputError, match="alpha must be positive"):
        catalog.from_text("alpha=(1-t)*(1-p); beta=t; 1<p<2").validate()


UNDECLARED = {
    "alpha=(1-t)**p; beta=t": "unknown name 'p' (known here: t, pi, E); a letter of your own is declared in the text",
    "polynomial(p=k)": "declare a letter of your own, as in 'polynomial(p=a); a>0'",
    "alpha=(1-t)**p; beta=t; q>0": "unknown name 'p' (known here: t, q, pi, E)",
    "alpha=1-t; beta=t; p>0": "has no letter p in it",
    "linear; p=2": "has no letter p in it",
    "alpha=(1-t)**p; beta=t; p<q": "letters are not related to each other here, only to numbers",
    "alpha=(1-t)**p; beta=t; p>t": "only to numbers",
    "alpha=(1-t)**p; beta=t; p!=0": "above or below a number",
    "alpha=(1-t)**p; beta=t; 1<p<0": "no number lies between 1 and 0",
    "alpha=(1-t)**p; beta=t; p>0; p<3": "declared twice; say both at once, as in 0<p<1",
    "alpha=(1-t)**p; beta=t; t>0": "t has a meaning of its own; take another letter",
    "alpha=(1-t)**p; beta=t; p whole": "'whole' is no kind of number",
    "alpha=(1-t)**p; beta=t; p": "declare a letter as p>0, p>=0, 0<p<1 or p real",
    "alpha=(1-t)**p; beta=t; p in (0,1)": "declare a letter as p>0, p>=0, 0<p<1 or p real",
    "alpha=(1-t)**p; beta=t; p>0; p=-2": "p = -2, but it is declared as p>0",
    "alpha=(1-t)**p; beta=t; p=2; p=3": "p has a value already",
    "alpha=(1-t)**p; beta=t; p=10**6": "an exponent is too large",
    "alpha=(1-t)**lambda; beta=t; lambda>0": "lambda has a meaning of its own",
    "alpha=(1-t)**kappa; beta=t; kappa>0": "kappa is nonnegative in this library",
    "alpha=(1-t)**p; beta=t; p>0>q": "it relates no letter to a number",
}


@pytest.mark.parametrize("text", UNDECLARED)
def test_a_mistake_in_a_declaration_gets_one_line(cli, text):
    assert UNDECLARED[text] in cli.refused("derive", "epsstar", "--schedule", text)
    with pytest.raises(ss.InputError) as caught:
        ss.Schedule("(1-t)**p", "t")
    assert "declared in the text of a schedule" in str(caught.value)


def test_the_command_line_takes_letters_and_their_values(cli):
    text = "alpha=(1-t)**p; beta=t; p>0"
    assert cli.printed("derive", "ratio", "--schedule", text).startswith("r = t/(1 − t)^p")
    assert cli.printed("derive", "ratio", "--schedule", f"{text}; p=2").startswith("r = t/(1 − t)²")
    assert "p=2" in cli.refused("convert", "--from", "linear", "--to", text, "--at", "0.5")


def test_kappa_is_read_with_the_letters_of_the_theory():
    assert ss.InterpolantSDE("vp", kappa="2*kappa").kappa == 2 * kappa
    assert not ss.InterpolantSDE("vp", LAW, kappa="1").drift.free_symbols - {t, x}
