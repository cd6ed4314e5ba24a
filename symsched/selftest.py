"""`python -m symsched.selftest`: whether this installation works, in a few seconds and without a source tree.

Each check is one promise of the package kept once, small; where it could pass by accident, a wrong twin must fail.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import requires, version
from pathlib import Path

SIGMAS = 5.0  # two-sided 6e-7 for each of the two Monte Carlo numbers
PACKAGES = {"python-flint": "flint"}


def dependencies() -> str:
    """Every required package can be imported."""
    names = [line.split(">")[0].split("=")[0].strip() for line in requires("symsched") or [] if "extra ==" not in line]
    for name in names:
        import_module(PACKAGES.get(name, name))
    return ", ".join(f"{name} {version(name)}" for name in names)


def files() -> str:
    """The derivations and the report's style came with the package."""
    from symsched.collection import theory

    found = theory()
    style = Path(__file__).parent / "report" / "style.css"
    _require(len(found) >= 15 and style.is_file(), f"{len(found)} derivations, style.css {style.is_file()}")
    return f"{len(found)} derivations"


def formulas() -> str:
    """A conversion in closed form: linear to Föllmer is τ = √t/(√t + √(1 − t)), ε̄* = 1/2."""
    from symsched import catalog as schedules
    from symsched.conversion import convert
    from symsched.parsing import parse_expression

    conversion = convert(schedules.linear(), schedules.follmer())
    _require(conversion.tau == parse_expression("sqrt(t)/(sqrt(t) + sqrt(1-t))"), f"tau = {conversion.tau}")
    half = conversion.eps(schedules.linear().eps_star)
    _require(2 * half == 1, f"eps = {half}")
    return f"τ = {conversion.tau}"


def numbers() -> str:
    """Values to the last bit, and limits at both ends."""
    from symsched import catalog as schedules
    from symsched.conversion import convert

    tau, scale, *_ = convert(schedules.linear(), schedules.follmer()).at([0, 0.25, 1])
    expected = [0.0, 0.36602540378443865, 1.0]
    _require(tau.tolist() == expected and scale[1] == 0.6830127018922193, f"tau = {tau}, c = {scale}")
    return f"τ(1/4) = {float(tau[1])!r}"


def proofs() -> str:
    """One claim decided exactly, its sabotaged twins rejected; one schedule proved valid, one refused."""
    from symsched.errors import InputError
    from symsched.schedule import Schedule
    from symsched.verification import verify

    report = verify("C13", level="symbolic", workers=1)
    tried, rejected = next(iter(report)).sabotage
    _require(report.passed and tried == rejected > 0, "C13 failed")
    _require(Schedule("cos(pi*t/2)**2", "sin(pi*t/2)").validate().proved, "a valid schedule was not proved")
    try:
        Schedule("1-t", "1-t").validate()
    except InputError:
        return f"C13 holds, {rejected} of {tried} twins rejected"
    raise AssertionError("an invalid schedule was accepted")


def simulation() -> str:
    """Compiled Monte Carlo: one lazy step has exactly the law of the data, one Euler step elsewhere has not."""
    from symsched import catalog as schedules
    from symsched.data import Gaussian
    from symsched.montecarlo import simulate
    from symsched.sde import InterpolantSDE

    lazy = simulate(InterpolantSDE(schedules.follmer(), Gaussian(0, 1), kappa=1), 20_000, 1, "lazy")
    wrong = simulate(InterpolantSDE(schedules.vp(), Gaussian(0, 0.5), kappa=0), 20_000, 4, "euler")
    off = abs(lazy.var[-1] - 1) / lazy.var_error[-1]
    twin = abs(wrong.var[-1] - 0.25) / wrong.var_error[-1]
    _require(off < SIGMAS < twin, f"variance {off:.1f} standard errors off, its wrong twin {twin:.1f}")
    return f"variance {off:.1f} standard errors from exact; four Euler steps: {twin:.0f}"


def code() -> str:
    """An emitted module imports and passes its own test, away from the package."""
    from symsched import catalog as schedules
    from symsched.codegen import generate
    from symsched.conversion import convert

    text = generate(convert(schedules.linear(), schedules.vp()), "numpy", self_test=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "linear_to_vp.py"
        path.write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("linear_to_vp", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.self_test()
    return f"{len(text.splitlines())} lines of numpy passed their own test"


def pictures() -> str:
    """A figure is drawn and written."""
    from symsched import catalog as schedules
    from symsched import plotting as plot

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "families.svg"
        plot.save(plot.families([schedules.linear(), schedules.follmer()]), path)
        size = path.stat().st_size
    _require(size > 1000, f"{size} bytes")
    return f"an SVG of {size // 1000} kB"


CHECKS: tuple[Callable[[], str], ...] = (dependencies, files, formulas, numbers, proofs, simulation, code, pictures)


def _require(holds: bool, what: str) -> None:
    """Like assert, but kept under `python -O`."""
    if not holds:
        raise AssertionError(what)


def main() -> int:
    """Run every check, print a line for each, and return 0 if all passed, else 1."""
    failed = 0
    for check in CHECKS:
        began = time.perf_counter()
        try:
            mark, found = "ok    ", check()
        except Exception as error:  # whatever is wrong with this installation is the finding
            mark, found, failed = "FAILED", f"{type(error).__name__}: {' '.join(str(error).split())}", failed + 1
        print(f"{mark} {check.__name__:12} {time.perf_counter() - began:5.1f} s  {found}", flush=True)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
