"""Renaming a parameter, to whatever name and with whatever assumptions, changes nothing.

The right value never depends on a name: put numbers in first and derive, or derive and put them in, the answer is
one.  The names are all that our own source makes (`private_letters`), with the assumptions it makes them under, and the
public letters; each is put in every place of every formula below, with others beside it.
"""

import inspect
import os
import pickle
import re
import subprocess
import sys
from functools import cache

import pytest
import sympy as sp
from private_letters import private_letters
from slowness import quick

import symsched as ss
from symsched import families, symbols
from symsched.catalog.registry import ANY, INCREASING
from symsched.discretize import closed_form, exact_law
from symsched.errors import InputError
from symsched.exact.zero import decide_zero
from symsched.sde import InterpolantSDE
from symsched.symbols import t, x

LINEAR = ss.schedules.linear()
PUBLIC = (symbols.rho, symbols.kappa, symbols.mean)
KINDS = ({"positive": True}, {"real": True}, {}, {"integer": True, "positive": True}, {"nonnegative": True})


def _made():
    """Letters that may be positive numbers; t and x are refused, which has tests of its own."""
    ours = [sp.Symbol(name, **dict(facts)) for name, facts in private_letters() if name not in ("t", "x")]
    fit = [letter for letter in ours if letter.is_positive is not False and letter.is_commutative]
    return list(dict.fromkeys([*fit, *PUBLIC]))


LETTERS = _made()


# -- formulas in letters: each takes numbers or symbols, and returns expressions in t, x and these ------------------


def mixture(a, w, m, s, r):
    law, schedule = ss.GaussianMixture([w / 900, 1 - w / 900], [0, m], [s, r]), ss.Schedule(a * (1 - t), t)
    return [law.score(schedule), law.eta_x(schedule)]


def mixture_of_one_width(a, m, n, s):
    law, schedule = ss.GaussianMixture([sp.S.Half] * 2, [m, n], [s, s]), ss.Schedule(a * (1 - t), t)
    return [law.score(schedule), law.log_density(schedule)]


def gaussian(m, s):
    law = ss.Gaussian(m, s)
    return [law.log_density(LINEAR), law.eta_z(LINEAR), *law.moments(1 - t, t)]


def equation(a, k, m, s):
    sde = InterpolantSDE(ss.Schedule(a * (1 - t), t**2), ss.Gaussian(m, s), kappa=k)
    return [sde.A, sde.B, sde.noise_weight, sde.drift, sde.score, *sde.affine, sde.velocity]


def direction(a, k, s):
    return InterpolantSDE(ss.Schedule(a * (1 - t), t), ss.Gaussian(0, 1), kappa=k).along(s)


def conversion(a, b):
    found = ss.convert(ss.Schedule(a * (1 - t), t), ss.Schedule(b * (1 - t), t))
    return [found.tau, found.scale, found.tau_dot, found.scale_dot, found.eps(t), found.inverse().tau]


def limits(a, b):
    schedule = ss.Schedule(a * (1 - t) + b * (1 - t) ** 2, t)
    found = [schedule.limit(name, end) for name in ("alpha", "r", "alpha_dot") for end in (0, 1)]
    return [schedule.eps_star, schedule.log_r_dot, *(f for f in found if f.is_finite is not False)]


def lazy(k, r):
    return [ss.lazy.solve(kappa=k, rho=r).alpha]


def lazy_scale(c, r):
    return [ss.lazy.solve(eps=c * t, rho=r).alpha ** 2]


def lazy_frame(a, b, r):  # of a κ that is a number: the clock of one such as 6688/27 has no closed inverse
    return [ss.lazy.frame(ss.Schedule(a * (1 - t), t), 1, b * r).alpha]


def lazy_condition(a, s):
    return [ss.lazy.condition(ss.Schedule(a * (1 - t), t), ss.Gaussian(0, s)).kappa]


def steps(m, s):
    return closed_form(InterpolantSDE(ss.schedules.follmer(), ss.Gaussian(m, s), kappa=1)).at(3)


def two_steps(k, s):
    return exact_law(InterpolantSDE(ss.schedules.follmer(), ss.Gaussian(1, s), kappa=1 + k * t), 2)


def catalogued(name):
    """A catalogue entry in its numeric parameters, and how many these are."""
    entry = ss.schedules.entry(name)
    keys = [key for key, domain in entry.domains.items() if domain not in (ANY, INCREASING)]

    def build(*values):
        made = entry.build(**dict(zip(keys, values, strict=True)))
        return [made.alpha, made.beta]

    return build, len(keys), 1


#: The formulas, how many letters each has, and in how many places each letter takes its turn.
WORLDS = {
    "mixture": (mixture, 5, 3),
    "mixture of one width": (mixture_of_one_width, 4, 2),
    "gaussian": (gaussian, 2, 1),
    "equation": (equation, 4, 2),
    "direction": (direction, 3, 1),
    "conversion": (conversion, 2, 1),
    "limits": (limits, 2, 1),
    "lazy": (lazy, 2, 1),
    "lazy scale": (lazy_scale, 2, 1),
    "lazy frame": (lazy_frame, 3, 1),
    "lazy condition": (lazy_condition, 2, 1),
    "closed form": (steps, 2, 1),
    "exact law": (two_steps, 2, 1),
    **{name: catalogued(name) for name in ss.schedules.names() if name != "lazy" and catalogued(name)[1]},
}


FOLD = 3  # letters whose product stands in one place


def groups(letters, size, turns):
    """`size` places with `FOLD` letters each, so that each letter stands in `turns` of the places."""
    folds = [tuple(letters[k::FOLD][j] for k in range(FOLD)) for j in range(len(letters) // FOLD)]
    folds += [tuple(letters[-FOLD:])]
    step = -(-len(folds) // size)
    for turn in range(turns):
        for k in range(step):
            yield tuple(folds[(k + (j + turn) % size * step) % len(folds)] for j in range(size))


def number(expr, put):
    """The expression at t = 2/7, x = 3/5 and these values, to 40 digits."""
    return sp.N(sp.sympify(expr).xreplace({**put, t: sp.Rational(2, 7), x: sp.Rational(3, 5)}), 40)


@cache
def early(build, values):
    return [number(expr, {}) for expr in build(*values)]


def differing(build, places):
    """The formulas that are another when the letters get their values late; None where a letter may not be given."""
    letters = list(dict.fromkeys(letter for place in places for letter in place))
    put = {s: k + 2 + sp.Rational(not s.is_integer, 3) for k, s in enumerate(letters)}
    try:
        late = build(*(sp.Mul(*place) for place in places))
    except InputError:
        return None
    rights = early(build, tuple(sp.Mul(*(put[letter] for letter in place)) for place in places))
    pairs = [(number(one, put), right) for one, right in zip(late, rights, strict=True)]
    return [k for k, (one, right) in enumerate(pairs) if not abs(one - right) <= sp.Float("1e-30") * (1 + abs(right))]


@pytest.mark.parametrize("world", quick(("gaussian", *(set(ss.schedules.names()) - {"lazy", "scaled_linear"})), WORLDS))
def test_names_do_not_matter(world):
    build, size, turns = WORLDS[world]
    for places in groups(LETTERS, size, turns):
        found = differing(build, places)
        if found is None:  # with less assumed, something may stay open: then it must not with more
            found = differing(build, [[sp.Symbol(letter.name, positive=True) for letter in place] for place in places])
        assert found == [], (world, places, found)


def test_the_source_was_read():
    """The collection is not empty by accident: these are letters of ours, some made in a loop, some by `symbols`."""
    names = {name for name, _ in private_letters()}
    assert names >= {"R", "u", "M", "a", "b", "a'", "s", "e", "m", "k", "j", "n", "c0", "c2", "C1", "eta_X", "place"}


@pytest.mark.parametrize("name", ["u", "R", "k"])
def test_a_letter_that_is_taken_would_be_seen(name):
    """The twin: a derivation with a plain letter of its own, and one that puts values in one after the other."""
    own, other = sp.Symbol(name, positive=True), sp.Symbol("other", positive=True)

    def derived(a, b):
        return [(own * t + b).subs(own, a)]

    def sequential(a, b):
        first, second = sp.symbols("first second")
        return [(first - second * t).subs([(first, b), (second, a)]).subs(other, b)]

    assert differing(derived, [[other], [own]]) == [0]
    assert differing(sequential, [[own], [other]]) == []
    assert differing(derived, [[other], [sp.Symbol("third")]]) == []


# -- assumptions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("assumed", KINDS, ids=str)
@pytest.mark.parametrize("world", ["mixture", "equation", "conversion", "lazy", "closed form", "ddpm"])
def test_assumptions_do_not_matter(world, assumed):
    build, size, _ = WORLDS[world]
    assert differing(build, [[sp.Symbol(f"p{k}", **assumed)] for k in range(size)]) in ([], None)


# -- the instances that were found ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["u", "R", "v", "x", "rho"])
def test_kind_and_ends_of_a_power(name):
    """(1 - t)^p goes from 1 to 0 for every p > 0: standard."""
    schedule = ss.Schedule((1 - t) ** sp.Symbol(name, positive=True), t)
    assert (schedule.kind, schedule.limit("alpha", 0), schedule.limit("alpha", 1)) == ("standard", 1, 0)


@pytest.mark.parametrize("letter", [symbols.mean, *(sp.Symbol(n, nonnegative=True) for n in "sab")], ids=str)
def test_score_of_a_mixture_with_an_open_mean(letter):
    """s = -0.53788284… by hand: α = β = 1/2, V = 1/2, -(x - βη)/V averaged over e^{-(x - βm)²} with m = 0 and 2."""
    law = ss.GaussianMixture([sp.S.Half] * 2, [0, letter], [1, 1])
    near, far = sp.exp(-1), sp.exp(0)
    right = -(near * 2 * 1 + far * 2 * 0) / (near + far)
    found = law.score(LINEAR).subs({letter: 2, t: sp.S.Half, x: 1}, simultaneous=True)
    assert abs(sp.N(found - right, 30)) < 1e-25
    assert abs(float(found) + 0.537882842739990) < 1e-14


@pytest.mark.parametrize("letter", [symbols.mean, sp.Symbol("x", positive=True), sp.Symbol("n")], ids=str)
def test_swapping_two_letters(letter):
    p = sp.Symbol("p", positive=True)
    schedule, law = ss.Schedule(p * (1 - t) + letter * (1 - t) ** 2, t), ss.Gaussian(letter, p)
    put = {"p": sp.Abs(letter) + 1, letter.name: p}
    assert schedule.subs(**put).alpha == (sp.Abs(letter) + 1) * (1 - t) + p * (1 - t) ** 2
    assert (law.subs(**put).mean, law.subs(**put).std) == (p, sp.Abs(letter) + 1)
    moved = InterpolantSDE(LINEAR, law, kappa=p).subs(**put)
    assert (moved.kappa, moved.data.mean) == (sp.Abs(letter) + 1, p)


def test_the_direction_keeps_two_spreads_apart():
    """g = (V̇/2 - ε)/V with V = a²(1-t)² + s²t² (theory C8, κ = 0)."""
    s = sp.Symbol("s", positive=True)
    sde = InterpolantSDE(ss.Schedule(symbols.rho * (1 - t), t), ss.Gaussian(0, 1))
    variance = symbols.rho**2 * (1 - t) ** 2 + s**2 * t**2
    assert decide_zero(sde.along(s)[0] - variance.diff(t) / 2 / variance)
    with pytest.raises(InputError, match=r"use rho already; ask along\(std\) for another letter"):
        sde.direction  # noqa: B018


def test_closed_forms_name_their_number_of_steps():
    n = sp.Symbol("n", integer=True, positive=True)
    form = closed_form(InterpolantSDE(ss.schedules.follmer(), ss.Gaussian(0, n), kappa=1))
    assert form.steps not in form.variance.free_symbols & {n}
    assert form.variance.free_symbols == {n, form.steps}
    assert (
        form.at(3)[1]
        .subs(n, 2)
        .equals(exact_law(InterpolantSDE(ss.schedules.follmer(), ss.Gaussian(0, 2), kappa=1), 3)[1])
    )


@pytest.mark.parametrize("name", ["u", "V"])
def test_undefined_functions_of_the_user_are_not_ours(name):
    own = sp.Function(name, positive=True)(t)
    assert families._unknown(name, own, sp.Function(name + "_")(t))(t).name == name + "__"
    with pytest.raises(InputError, match="no closed solution of Derivative"):
        ss.lazy.solve(eps=own)


# -- refusals -------------------------------------------------------------------------------------------------------

TWO = ss.Schedule(sp.Symbol("p", positive=True) * (1 - t) + sp.Symbol("p") * (1 - t) ** 2, t)
REFUSED = {
    "time in a law": (
        lambda: ss.Gaussian(sp.Symbol("t"), 1),
        "mean is t; it should be finite, real and free of t and x",
    ),
    "time in kappa": (
        lambda: InterpolantSDE(LINEAR, ss.Gaussian(0, 1), kappa=sp.Symbol("t", nonnegative=True)),
        "kappa = t uses a symbol t of its own",
    ),
    "time in a schedule": (lambda: ss.Schedule(sp.Symbol("t") * (1 - t), t), "uses a symbol t of its own"),
    "time in the catalogue": (lambda: ss.schedules.ddpm(t, 20), "ddpm: b0 is 't', but must be free of t and >= 0"),
    "state in a schedule": (
        lambda: InterpolantSDE(ss.Schedule(x * (1 - t), t), ss.Gaussian(0, 1)),
        "has a parameter x, which is the state of the equation; rename it",
    ),
    "state in a score": (
        lambda: ss.Gaussian(0, 1).score(ss.Schedule(x * (1 - t), t)),
        "use the state x as a parameter",
    ),
    "two in a schedule": (lambda: TWO.subs(p=2), "two symbols called p, which differ in their assumptions"),
    "two in a law": (
        lambda: ss.Gaussian(sp.Symbol("p"), sp.Symbol("p", positive=True)).subs(p=2),
        "the law has two symbols called p",
    ),
    "two at one door": (
        lambda: InterpolantSDE(LINEAR, ss.Gaussian(sp.Symbol("p"), 1), kappa=sp.Symbol("p", positive=True)).subs(p=2),
        "the equation has two symbols called p",
    ),
    "two in text": (lambda: InterpolantSDE(TWO, ss.Gaussian(0, 1)).latex(), "the equation has two symbols called p"),
    "two in code": (lambda: ss.codegen(TWO), "the module has two symbols called p"),
    "the source time": (
        lambda: ss.convert(ss.Schedule("1-t", "(t+t**5+t**7)/3"), LINEAR).eps(sp.Function("tau", positive=True)(t)),
        "which is the source time",
    ),
    "against an assumption": (
        lambda: ss.Schedule(sp.Symbol("p", positive=True) * (1 - t), t).subs(p=-1),
        "p = -1: p was declared positive",
    ),
    "half an integer": (
        lambda: ss.Gaussian(sp.Symbol("k", integer=True), 1).subs(k=0.5),
        "k = 1/2: k was declared integer",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_kept_apart_is_refused(case):
    ask, message = REFUSED[case]
    with pytest.raises(InputError, match=re.escape(message)) as refusal:
        ask()
    assert "\n" not in str(refusal.value)


def test_two_letters_of_one_name_are_kept_apart_in_formulas():
    """κ and the mean of the data are both called p; the drift knows which is which."""
    mean, scale = sp.Symbol("p"), sp.Symbol("p", positive=True)
    drift = InterpolantSDE(LINEAR, ss.Gaussian(mean, 1), kappa=scale).drift
    right = InterpolantSDE(LINEAR, ss.Gaussian(3, 1), kappa=2).drift
    assert decide_zero(drift.subs({mean: 3, scale: 2}, simultaneous=True) - right)


# -- emitted code ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["alpha_squared", "inverse_t", "A_data", "alpha_1", "u_low", "t_next", "w3", "kappa", "beta"]
)
def test_a_name_that_the_code_makes_itself_is_refused(name):
    with pytest.raises(InputError, match="cannot be a name in generated code"):
        ss.codegen(ss.Schedule(sp.Symbol(name, positive=True) * (1 - t), t))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["q", "p_1"])
def test_code_does_not_depend_on_a_name(name):
    p, other = sp.Symbol(name, positive=True), sp.Symbol("zeta", positive=True)
    texts = [ss.codegen(ss.Schedule(letter * (1 - t), t), kappa=1) for letter in (p, other)]
    spaces = []
    for text in texts:
        spaces.append({})
        exec(text, spaces[-1])  # noqa: S102 - our own output
    for name in ("schedule", "levels", "drift_data", "drift_v"):
        taken = len(inspect.signature(spaces[0][name]).parameters)  # a drift need not depend on the letter
        one, other = ([float(part) for part in space[name](*(0.3, 1.7)[:taken])] for space in spaces)
        assert one == pytest.approx(other, rel=1e-14)


@pytest.mark.parametrize("kappa", [sp.Symbol("q", positive=True), 2 * symbols.kappa + sp.Symbol("w1", positive=True)])
def test_an_open_scale_of_code_is_kappa_alone(kappa):
    with pytest.raises(InputError, match="expected a number >= 0"):
        ss.codegen(LINEAR, kappa=kappa)


# -- processes ------------------------------------------------------------------------------------------------------

SCRIPT = """
import pickle, sys, symsched as ss, sympy as sp
made = pickle.loads(sys.stdin.buffer.read())
u, t = sp.Symbol("u", positive=True), ss.t
own = ss.Schedule(u * (1 - t), t)
assert made["schedule"] == own and hash(made["schedule"]) == hash(own)
assert made["tau"] == str(ss.convert(own, ss.schedules.linear()).tau)
assert made["drift"] == sp.latex(ss.InterpolantSDE(own, ss.Gaussian(symsched.symbols.mean, u), kappa=u).drift)
assert made["sde"].drift == ss.InterpolantSDE(own, ss.Gaussian(symsched.symbols.mean, u), kappa=u).drift
""".replace("symsched as ss, sympy", "symsched, symsched as ss, sympy")


@pytest.mark.slow
def test_another_process_reads_the_same_letters():
    u = sp.Symbol("u", positive=True)
    schedule = ss.Schedule(u * (1 - t), t)
    assert schedule.kind == "scaled"  # and what was derived goes along
    sde = InterpolantSDE(schedule, ss.Gaussian(symbols.mean, u), kappa=u)
    made = {
        "schedule": schedule,
        "tau": str(ss.convert(schedule, LINEAR).tau),
        "drift": sp.latex(sde.drift),
        "sde": sde,
    }
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            input=pickle.dumps(made),
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        assert done.returncode == 0, done.stderr.decode()
