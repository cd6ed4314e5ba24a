"""What the public doors answered before the house was rebuilt: `python -m golden.doors`, in tests/, writes it anew.

Numbers are kept to their last digit.  Emitted modules and verdicts are run where they are tested, and are not here.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

import symsched as ss
from symsched.catalog import as_schedule

GOLDEN = Path(__file__).with_name("golden.json")
TIMES = np.array([0.0, 1e-12, 0.1, 0.5, 0.9, 1 - 1e-12, 1.0])
INSIDE = np.array([1e-3, 0.3, 0.5, 0.9])
SCHEDULES = ("linear", "vp", "follmer", "cosine", "ddpm", "edm", "lazy(kappa=0.5)", "geometric(M=10)", "sigmoid",
             "alpha=1-t**2; beta=t*exp(t-1)")  # fmt: skip
PAIRS = (
    ("linear", "follmer"), ("linear", "vp"), ("vp", "linear"), ("ddpm", "linear"), ("linear", "lazy(kappa=2)"),
    ("cosine", "linear"), ("edm", "linear"), ("scaled_linear", "vp"), ("trigflow", "follmer"),
    ("alpha=1-t**2; beta=t*exp(t-1)", "vp"),
)  # fmt: skip
LAWS = {
    "normal": ss.Gaussian(0, 1),
    "narrow": ss.Gaussian(0.3, 0.5),
    "mixture": ss.GaussianMixture([0.3, 0.7], [-1, 2], [0.5, 0.25]),
    "points": ss.Empirical([-1.0, 0.5, 2.0]),
}


def numbers(values):
    return [float(v) for v in np.asarray(values, dtype=float).ravel()]


def schedules():
    for name in SCHEDULES:
        s = as_schedule(name)
        yield f"schedule {name} at", numbers(s.at(TIMES))
        yield f"schedule {name} kind", str(s.kind)
        for quantity in ("alpha", "beta", "r", "eps_star"):
            yield f"schedule {name} {quantity}", [str(s.limit(quantity, 0)), str(s.limit(quantity, 1))]


def conversions():
    for source, target in PAIRS:
        conv = ss.convert(as_schedule(source), as_schedule(target))
        times = TIMES if source not in ("ddpm", "edm", "scaled_linear") else INSIDE[1:]
        yield f"convert {source} {target} at", numbers(conv.at(times))
        yield f"convert {source} {target} form", [str(conv.tau), str(conv.scale)]


def fields():
    x = np.array([-2.0, 0.1, 3.0])
    for name in SCHEDULES[:5]:
        for law, data in LAWS.items():
            for kappa in (0, 1):
                sde = ss.InterpolantSDE(as_schedule(name), data, kappa=kappa)
                where = f"sde {name} {law} {kappa}"
                yield where, numbers([sde.drift_at(float(time), x) for time in INSIDE])
    for kappa in ("0", "1", "1/2", "3"):
        yield f"lazy {kappa}", str(ss.lazy.solve(kappa=kappa, rho=1))


def laws():
    for name, kappa in (("linear", 0), ("linear", 1), ("follmer", 1), ("vp", 0.5), ("lazy(kappa=1)", "1/2")):
        for law in ("normal", "narrow"):
            sde = ss.InterpolantSDE(as_schedule(name), LAWS[law], kappa=kappa)
            for scheme in ("euler", "lazy", "exponential", "heun"):
                if scheme == "heun" and kappa != 0:
                    continue
                grid = np.linspace(0.01, 0.99, 6)
                found = ss.discretize.trajectory(sde, grid, scheme)
                yield f"law {name} {kappa} {law} {scheme}", numbers([found.mean, found.var])
    lazy = ss.InterpolantSDE(as_schedule("follmer"), LAWS["normal"], kappa=1)
    for scheme in ("euler", "lazy"):
        form = ss.discretize.closed_form(lazy, scheme)
        yield f"closed {scheme}", [str(form.mean), str(form.variance)]
    linear = ss.InterpolantSDE(as_schedule("linear"), LAWS["narrow"])
    for scheme in ("euler", "heun"):
        yield f"closed linear {scheme}", str(ss.discretize.exact_law(linear, 4, scheme))


def simulations():
    for name, kappa in (("linear", 0), ("linear", 1), ("follmer", 1)):
        for law in ("normal", "narrow", "mixture"):
            sde = ss.InterpolantSDE(as_schedule(name), LAWS[law], kappa=kappa)
            for scheme in ("euler", "lazy", "exponential", "heun", "sra1"):
                for dtype in ("float64", "float32"):
                    start = {} if name == "follmer" else {"grid": np.linspace(0.01, 0.99, 9)}
                    given = start or {"steps": 8}
                    try:
                        result = ss.simulate(
                            sde, paths=256, scheme=scheme, dtype=dtype, seed=3, save=[0.99 if start else 1.0], **given
                        )
                    except ss.InputError as error:
                        yield f"simulate {name} {kappa} {law} {scheme} {dtype}", str(error)
                        continue
                    yield f"simulate {name} {kappa} {law} {scheme} {dtype}", numbers([result.mean[-1], result.var[-1]])


def plans():
    from symsched.bridge import build_plan
    from symsched.bridge.solvers import HOMES as SOLVERS

    for solver in SOLVERS:
        for kappa in (0, 0.5):
            for target in ("auto", "follmer"):
                try:
                    plan = build_plan("linear", target, kappa=kappa, steps=5, solver=solver)
                except (ss.InputError, TypeError) as error:
                    yield f"plan {solver} {kappa} {target}", str(error)[:200]
                    continue
                yield f"plan {solver} {kappa} {target}", json.loads(json.dumps(plan.to_json()))


def samples():
    from symsched.bridge import sample
    from symsched.bridge.digits import load

    field = load()
    for kappa in (0, 0.5):
        found = sample(field, 3, steps=6, kappa=kappa, seed=5)
        yield f"digits {kappa}", numbers(found.reshape(3, -1)[:, ::17])


DOORS = (schedules, conversions, fields, laws, simulations, plans, samples)


def record(doors=DOORS):
    return {name: value for door in doors for name, value in door()}


if __name__ == "__main__":
    chosen = [door for door in DOORS if door.__name__ in sys.argv[1:]] or DOORS
    kept = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    GOLDEN.write_text(json.dumps(kept | record(chosen), indent=1) + "\n")
