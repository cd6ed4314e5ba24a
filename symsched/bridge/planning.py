"""From schedules and names to a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from symsched.bridge.grids import as_grid
from symsched.bridge.levels import Frame, Native, as_native
from symsched.bridge.plan import Plan
from symsched.bridge.solvers import as_solver
from symsched.catalog import as_schedule, lazy
from symsched.errors import InputError
from symsched.given import MOST, whole
from symsched.schedule import Schedule, as_expression

AUTO = "lazy-auto"
#: ρ of the lazy ODE's frame for data of scale 1 where nothing is calibrated: above the data's own, which puts more of
#: the steps near the noise, like a timestep shift by 2.
ODE_SCALE = 2.0
FEWEST, SIZE, LARGEST = 2, 1024, 4096  # values in a sample: within these it counts; what is taken where it is not known


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to sample, said without a model: the keywords that `sample`, `build_plan` and the adapters share.

    recipe = Recipe(target="lazy(kappa=1)", kappa=1, solver="sde-dpmpp", steps=24)
    sample(field, 16, recipe=recipe, seed=0)         # the same as sample(field, 16, target=…, kappa=…, …)
    replace(recipe, steps=8).plan_for("linear")      # needs no model, and no torch

    Where nothing is said and nothing known (target "auto", κ = 0, `lazy-auto`, no grid, no calibration) it is `blind`.

    Attributes:
        target: the schedule to sample in: a `Schedule`, its text, or "auto", the lazy one of κ.
        kappa: diffusion scale κ = ε/ε*, a number ≥ 0.
        steps: how many steps; most solvers ask the model once in each.
        solver: a name of `symsched.bridge.solvers`, with options, or a builder.
        grid: see `symsched.bridge.grids`; None is uniform in the target's time.
        calibration: a `Calibration`: for `lazy-auto` in the target "auto" its fitted table, if it has one for `steps`;
            else its ρ, where nothing else is said.  In `sample` None is the field's own, False none, and True makes one
            if the field has none for `steps`, from a pilot of at most 64 of the samples (64 + 12 N evaluations of each,
            and 64 or more for data of another size than 1), and knows it the next time.

    Names and numbers are read when a plan is made: what they mean depends on the model's schedule.
    """

    target: Any = "auto"
    kappa: Any = 0
    steps: int = 8
    solver: Any = AUTO
    grid: Any = None
    calibration: Any = None

    @property
    def number(self) -> sp.Expr:
        """κ.  Raises InputError unless it is a finite number ≥ 0."""
        number = as_expression(self.kappa, "kappa")
        if not number.is_number or not number.is_nonnegative or not number.is_finite:
            raise InputError(f"kappa = {self.kappa}: expected a finite number ≥ 0")
        return number

    @property
    def automatic(self) -> bool:
        """Whether target, κ and solver are those that a calibration's tables are for."""
        named = isinstance(self.target, str) and self.target == "auto" and self.solver == AUTO
        return bool(self.number.is_zero) and named

    @property
    def known(self) -> Any:
        """The calibration, or None.  Raises InputError for what is none: a plan is made without asking the model."""
        given = self.calibration
        if given is not None and given is not False and not hasattr(given, "tables"):
            raise InputError(
                f"calibration = {str(given)[:60]!r}: expected a Calibration (Calibration.load reads a file)"
            )
        return given or None

    def frame(self, native: Native) -> Frame:
        """Where it steps.  Raises InputError for an unknown target, κ < 0."""
        number, known = self.number, self.known
        if not (isinstance(self.target, str) and self.target == "auto"):
            target = as_schedule(self.target)
        elif number.is_zero:  # the ODE's frame is a matter of its grid, which a calibration searched for
            target = lazy(kappa=0, rho=ODE_SCALE if known is None else known.scale(self.steps))
        else:  # with noise a step is exact on Gaussian data of the frame's scale: the data's own
            target = lazy(kappa=number, rho=1 if known is None else float(f"{known.rho:.4g}"))
        return Frame(native, target, number)

    def plan_for(self, source: Schedule | str | Native, size: int | None = None) -> Plan:
        """The table of a sampler for a model that was trained with this schedule; `size`, see `blind`.

        A model that begins at β_0 > 0 starts from α_0 z; with a calibration, which knows the mean, from α_0 z + β_0 m.

        Raises InputError for anything unknown, steps < 1, κ < 0, and coefficients that are infinite.
        """
        native, known = as_native(source), self.known
        default = self.automatic and self.grid is None
        if default and known is None:
            return blind(self.steps, size).plan_for(native)
        if default and (fitted := known.plan(native, self.steps)) is not None:
            return fitted
        mean = known.mean if known is not None and native.span[0] > 0 else None
        frame = self.frame(native)
        name, build = as_solver(self.solver)
        times = as_grid(self.grid).times(frame, self.steps)
        text = f"{name} in {frame.target}, kappa={frame.kappa}, steps={self.steps}"
        start = float(frame.levels(times[:1]).alpha[0])
        return Plan(build(frame, times), start=start, label=text, mean=mean).validate()


def blind(steps: int, size: int | None = None) -> Recipe:
    """What to do for a model of which nothing is known but the size of a sample, and that without an evaluation.

    What decides is the standard deviation ρ of the data along their few leading directions: it sets the levels between
    which most of a path is decided, and grows with the number of values that vary together (as does the timestep shift
    of Esser et al., arXiv:2403.03206, for images of more pixels).  For data in about [−1, 1] it is taken to be
    size^(1/3)/3 between 2 and 4,096 values, and beyond as there; the steps are `deis`'s in lazy(κ=0, 3ρ/2), on the grid
    tailed(ρ, p=0.85, q=1.4).  Chosen on mixtures in 2 and 64 dimensions, the digits model and two score models of
    galaxies; benchmarks/untuned.py measures it on these and on others.
    """
    values = min(max(whole(SIZE if size is None else size, "size", 1, MOST), FEWEST), LARGEST)
    rho = values ** (1 / 3) / 3
    frame, grid = f"lazy(kappa=0, rho={1.5 * rho:.4g})", f"tailed(rho={rho:.4g}, p=0.85, q=1.4)"
    return Recipe(target=frame, steps=steps, solver="deis", grid=grid)


def build_plan(
    source: Schedule | str | Native,
    target: Any = Recipe.target,
    kappa: Any = Recipe.kappa,
    steps: int = Recipe.steps,
    solver: Any = Recipe.solver,
    grid: Any = Recipe.grid,
    calibration: Any = Recipe.calibration,
    size: int | None = None,
) -> Plan:
    """The table of a sampler for a model trained with `source`: the `plan_for` of the `Recipe` with these fields."""
    recipe = Recipe(target=target, kappa=kappa, steps=steps, solver=solver, grid=grid, calibration=calibration)
    return recipe.plan_for(source, size)
