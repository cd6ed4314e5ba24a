"""Time to a tolerance: what E f(X₁) costs to 10⁻³, 10⁻⁴ and 10⁻⁵, ours beside what a user would write elsewhere.

    python benchmarks/tolerance.py [--limit 60] [--out FILE.json]      # what is done is kept, functional by functional

The equation is the Föllmer process (κ = 1) of a Gaussian and of a mixture; f is smooth (x² and e^(x/2)), has a kink (a
call), or jumps (an indicator).  Everybody aims at the same root-mean-square error; multilevel runs take Heun's scheme.
Plain Monte Carlo, ours and the loops of NumPy, PyTorch and JAX, takes Euler's, with the steps at which a multilevel run
to 10⁻³ found its bias small enough, as many times more as the tolerance is smaller, and the paths that the variance
asks for.  Seconds are those of the processor, because machines are shared.
A job of more than `limit` seconds is not run: it is scaled from the rate of a smaller one (plain), or by τ⁻² from the
last tolerance that was run (multilevel on random points), and marked so.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import norm

import symsched as ss
from symsched.montecarlo import multilevel
from symsched.plotting import save
from symsched.plotting.style import look
from symsched.writing import whole

HERE = Path(__file__).parent
TOLERANCES = (1e-3, 1e-4, 1e-5)
PARTS = {"Gaussian": ((1.0, 1.0, 0.5),), "mixture": ((0.25, -1.0, 0.5), (0.75, 1.0, 0.5))}
FUNCTIONALS = {
    "x²": ("smooth", "x**2", lambda m, s: m * m + s * s),
    "exp(x/2)": ("smooth", "exp(x/2)", lambda m, s: math.exp(m / 2 + s * s / 8)),
    "max(x − 1, 0)": ("kink", "Max(x - 1, 0)", lambda m, s: s * norm.pdf((1 - m) / s) + (m - 1) * norm.sf((1 - m) / s)),
    "[x > 0]": ("jump", lambda x: (x > 0) * 1.0, lambda m, s: norm.sf(-m / s)),
}
LINES = {
    "estimate": ("symsched.estimate", "#d55e00", "o"),
    "multilevel": ("multilevel, random points", "#0072b2", "s"),
    "symsched, plain": ("symsched.simulate", "#e69f00", "^"),
    "JAX": ("plain, JAX", "#999999", "v"),
}
PROBE, PROBE_STEPS = 8_000_000, 1000  # path-steps and steps by which the rate of a loop is seen


def equation(data: str) -> Any:
    """The Föllmer process of the data."""
    weights, means, stds = zip(*PARTS[data], strict=True)
    law = ss.Gaussian(means[0], stds[0]) if len(means) == 1 else ss.GaussianMixture(weights, means, stds)
    return ss.InterpolantSDE(ss.schedules.follmer(), law, kappa=1)


def cpu(call: Any) -> tuple[float, Any]:
    """Seconds of the processor, all threads together, and what was returned."""
    begin = time.process_time()
    found = call()
    return time.process_time() - begin, found


def ours(sde: Any, f: Any, exact: float, points: str, tolerance: float) -> dict:
    """`ss.estimate`."""
    seconds, found = cpu(lambda: ss.estimate(sde, f, tolerance, points=points, scheme="heun", threads=1))
    return {
        "seconds": seconds,
        "error_over_tolerance": (found.value - exact) / tolerance,
        "path_steps": found.cost,
        "points": [level.points for level in found.levels],
        "steps": found.levels[-1].steps,
        "variance": found.levels[0].variance,
    }


def loops(data: str) -> dict[str, Any]:
    """Plain Euler loops, (paths, steps) → run: as a user of each library writes them after reading its documentation.

    α² = t(1 − t) and β = t: dX = (η_X − X)/(1 − t) dt + dW from X₀ = 0, whose first step has the drift E[X].
    """
    weights, means, stds = (np.array(column)[:, None] for column in zip(*PARTS[data], strict=True))
    spread, first = stds**2, float((weights * means).sum())

    def numpy_loop(paths: int, steps: int) -> Any:
        def run() -> float:
            rng, h = np.random.default_rng(1), 1 / steps
            x = h * first + math.sqrt(h) * rng.standard_normal(paths)
            for t in np.arange(1, steps) * h:
                v, apart = t * (1 - t) + spread * t * t, x - t * means
                e = np.log(weights) - apart**2 / (2 * v) - np.log(v) / 2
                w = np.exp(e - e.max(axis=0))
                eta = (w * (means + spread * t / v * apart)).sum(axis=0) / w.sum(axis=0)
                x += h * (eta - x) / (1 - t) + math.sqrt(h) * rng.standard_normal(paths)
            return float(x.mean())

        return run

    def torch_loop(paths: int, steps: int) -> Any:
        import torch

        torch.set_num_threads(1)
        logs, m, s2 = (torch.tensor(a) for a in (np.log(weights), means, spread))

        def run() -> float:
            h = 1 / steps
            x = h * first + math.sqrt(h) * torch.randn(paths, dtype=torch.float64)
            for n in range(1, steps):
                t = n * h
                v, apart = t * (1 - t) + s2 * t * t, x - t * m
                w = torch.softmax(logs - apart**2 / (2 * v) - torch.log(v) / 2, dim=0)
                eta = (w * (m + s2 * t / v * apart)).sum(0)
                x += h * (eta - x) / (1 - t) + math.sqrt(h) * torch.randn(paths, dtype=torch.float64)
            return float(x.mean())

        return run

    def jax_scan(paths: int, steps: int) -> Any:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        h, logs = 1 / steps, jnp.log(weights)

        @jax.jit
        def simulate(key: Any) -> Any:
            keys = jax.random.split(key, steps)

            def step(x: Any, given: Any) -> Any:
                t, sub = given
                v, apart = t * (1 - t) + spread * t * t, x - t * means
                w = jax.nn.softmax(logs - apart**2 / (2 * v) - jnp.log(v) / 2, axis=0)
                eta = (w * (means + spread * t / v * apart)).sum(0)
                return x + h * (eta - x) / (1 - t) + math.sqrt(h) * jax.random.normal(sub, (paths,)), None

            start = h * first + math.sqrt(h) * jax.random.normal(keys[0], (paths,))
            return jax.lax.scan(step, start, (jnp.arange(1, steps) * h, keys[1:]))[0].mean()

        return lambda: float(simulate(jax.random.key(1)))

    def own(paths: int, steps: int) -> Any:
        sde = equation(data)
        return lambda: float(ss.simulate(sde, paths, steps=steps, threads=1).mean[-1])

    return {"symsched, plain": own, "JAX": jax_scan, "PyTorch": torch_loop, "NumPy": numpy_loop}


def plain(make: Any, steps: int, paths: float, limit: float) -> dict:
    """Plain Monte Carlo: run, or scaled from the path-steps of a probe that is long enough to pay for its tables."""
    tried = min(steps, PROBE_STEPS)
    run = make(PROBE // tried, tried)
    run()  # compiled
    seconds, _ = cpu(run)
    seconds *= paths * steps / (PROBE // tried * tried)
    scaled = seconds > limit
    if not scaled:
        seconds, _ = cpu(make(math.ceil(paths), steps))
    return {"seconds": seconds, "path_steps": paths * steps, "scaled": scaled}


def measure(data: str, name: str, limit: float) -> list[dict]:
    """All contenders at all tolerances, for one functional of one law."""
    kind, f, moment = FUNCTIONALS[name]
    exact, sde = sum(w * moment(m, s) for w, m, s in PARTS[data]), equation(data)
    rows: list[dict] = []
    before: dict = {}
    makers = loops(data)
    euler = ss.estimate(sde, f, TOLERANCES[0]).levels[-1].steps
    for tolerance in TOLERANCES:
        row: dict[str, Any] = {"data": data, "functional": name, "kind": kind, "tolerance": tolerance, "exact": exact}
        if before and before["multilevel"]["seconds"] * 100 > limit:
            row["multilevel"] = {"seconds": before["multilevel"]["seconds"] * 100, "scaled": True}
            kind_of_points = before["estimate"]["points"][1:]
            if "random" in kind_of_points:
                row["estimate"] = {**before["estimate"], "seconds": before["estimate"]["seconds"] * 100, "scaled": True}
        else:
            row["multilevel"] = {**ours(sde, f, exact, "random", tolerance), "scaled": False}
        if "estimate" not in row:
            row["estimate"] = {**ours(sde, f, exact, "auto", tolerance), "scaled": False}
        steps = round(euler * TOLERANCES[0] / tolerance)
        aim = (1 - multilevel.BIAS_SHARE) * (multilevel.MARGIN * tolerance) ** 2
        for library, make in makers.items():
            row[library] = plain(make, steps, row["estimate"]["variance"] / aim, limit)
        for who in ("multilevel", *makers):
            row[who]["times_ours"] = row[who]["seconds"] / row["estimate"]["seconds"]
        rows.append(row)
        before = row
        tell(row)
    return rows


def tell(row: dict) -> None:
    """One line."""
    seconds = ", ".join(
        f"{who} {row[who]['seconds']:.3g} s{'*' if row[who].get('scaled') else ''}"
        for who in row
        if isinstance(row[who], dict)
    )
    print(f"{row['data']:8} {row['functional']:14} {row['tolerance']:.0e}: {seconds}", flush=True)


def figure(results: dict, path: Path, data: str) -> None:
    """Seconds against the tolerance, for one law: a panel for each functional, lines named where they end."""
    least = min(TOLERANCES)
    smooth = [r for r in results["rows"] if (r["kind"], r["data"], r["tolerance"]) == ("smooth", data, least)]
    ratio = min(r["multilevel"]["times_ours"] for r in smooth)
    with look():
        fig = Figure(figsize=(12, 4.2), layout="constrained")
        axes = fig.subplots(1, len(FUNCTIONALS), sharey=True)
        for ax, (name, (kind, *_)) in zip(axes, FUNCTIONALS.items(), strict=True):
            rows = [r for r in results["rows"] if r["data"] == data and r["functional"] == name]
            for who, (label, color, mark) in LINES.items():
                at, took = [r["tolerance"] for r in rows], [r[who]["seconds"] for r in rows]
                ax.plot(at, took, color=color, marker=mark, ms=5, label=label, lw=2 if who == "estimate" else 1.3)
                scaled = [k for k, r in enumerate(rows) if r[who].get("scaled")]
                ax.plot(
                    [at[k] for k in scaled],
                    [took[k] for k in scaled],
                    ls="",
                    color=color,
                    marker=mark,
                    ms=5,
                    mfc="white",
                )
            ax.set(xscale="log", yscale="log", xlabel="tolerance", title=f"{name}: {kind}")
            ax.invert_xaxis()
        axes[0].set_ylabel("seconds of one core (open: scaled)")
        fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(LINES))
        fig.suptitle(
            f"{data} data to 10⁻⁵: {ratio:.0f} times less than on random points, or better, where f is smooth",
            x=0.01,
            ha="left",
        )
        save(fig, path, dpi=150, palette=True)


def main() -> None:
    """Command line."""
    sys.path.insert(0, str(HERE))
    from montecarlo import machine

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=float, default=60, help="seconds of a job that is run and not scaled")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "tolerance.json")
    options = parser.parse_args()
    results: dict[str, Any] = {"machine": machine(), "limit": options.limit, "rows": []}
    if options.out.exists():
        results["rows"] = json.loads(options.out.read_text(encoding="utf-8"))["rows"]
    for data in PARTS:
        for name in FUNCTIONALS:
            if any((row["data"], row["functional"]) == (data, name) for row in results["rows"]):
                continue
            ss.estimate(equation(data), "x", 0.1, scheme="heun")  # kernels are compiled before anything is timed
            results["rows"] += measure(data, name, options.limit)
            with whole(options.out) as file:
                file.write(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        figure(results, options.out.with_name(f"{options.out.stem}_{data.lower()}.png"), data)


if __name__ == "__main__":
    main()
