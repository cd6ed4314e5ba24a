"""The same Monte Carlo job in other libraries: `python montecarlo_peers.py NAME PATHS STEPS KIND` prints JSON.

Run by montecarlo.py with the interpreter of an environment in which the peers are installed.  The job: X_0 ~ N(0, 1),
dX = f dt + dW on [0, 1] by Euler-Maruyama in equal steps, mean and variance of X_1.  KIND linear: f = −x.  KIND
mixture: f = η_X(t, x) − x for the eight-component mixture with means −4 … 3, standard deviation 0.3 and α = 1 − t,
β = t.  Each function is what a user of that library would write after reading its documentation, compiled or warmed
up before it is timed.
"""

# ruff: noqa: ARG001, ARG002, ARG005  (each peer prescribes its own signatures)

import json
import math
import sys
import time

MEANS = [-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]


def timed(run):
    """Wall and CPU seconds of the second call, and what it returned."""
    run()
    begin, cpu = time.perf_counter(), time.process_time()
    out = run()
    return (time.perf_counter() - begin, time.process_time() - cpu), out


def numpy_loop(paths, steps, kind):
    import numpy as np

    rng, h, means = np.random.default_rng(1), 1 / steps, np.array(MEANS)[:, None]

    def drift(t, x):
        if kind == "linear":
            return -x
        v = (1 - t) ** 2 + 0.09 * t * t
        e = -0.5 * (x - t * means) ** 2 / v
        w = np.exp(e - e.max(axis=0))
        return (w * (means + 0.09 * t / v * (x - t * means))).sum(axis=0) / w.sum(axis=0) - x

    def run():
        x = rng.standard_normal(paths)
        for n in range(steps):
            x += h * drift(n * h, x) + math.sqrt(h) * rng.standard_normal(paths)
        return x.mean(), x.var()

    return timed(run)


def numba_prange(paths, steps, kind):
    import numba
    import numpy as np

    means = np.array(MEANS)
    linear = kind == "linear"

    @numba.njit(parallel=True, fastmath=True)
    def simulate(paths, steps):
        h, out = 1 / steps, np.empty(paths)
        for p in numba.prange(paths):
            x = np.random.normal()
            for n in range(steps):
                if linear:
                    f = -x
                else:
                    t = n * h
                    v = (1 - t) ** 2 + 0.09 * t * t
                    top = -1e300
                    for k in range(8):
                        top = max(top, -0.5 * (x - t * means[k]) ** 2 / v)
                    over = under = 0.0
                    for k in range(8):
                        w = np.exp(-0.5 * (x - t * means[k]) ** 2 / v - top)
                        over += w * (means[k] + 0.09 * t / v * (x - t * means[k]))
                        under += w
                    f = over / under - x
                x += h * f + np.sqrt(h) * np.random.normal()
            out[p] = x
        return out

    def run():
        x = simulate(paths, steps)
        return x.mean(), x.var()

    return timed(run)


def torch_loop(paths, steps, kind, dtype="float32"):
    import torch

    kind_of = getattr(torch, dtype)
    h, means = 1 / steps, torch.tensor(MEANS, dtype=kind_of)[:, None]

    def drift(t, x):
        if kind == "linear":
            return -x
        v = (1 - t) ** 2 + 0.09 * t * t
        w = torch.softmax(-0.5 * (x - t * means) ** 2 / v, dim=0)
        return (w * (means + 0.09 * t / v * (x - t * means))).sum(0) - x

    def run():
        x = torch.randn(paths, dtype=kind_of)
        for n in range(steps):
            x += h * drift(n * h, x) + math.sqrt(h) * torch.randn(paths, dtype=kind_of)
        return float(x.mean()), float(x.var())

    with torch.no_grad():
        return timed(run)


def torch_loop_f64(paths, steps, kind):
    return torch_loop(paths, steps, kind, "float64")


def jax_scan(paths, steps, kind, wide=False):
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", wide)
    h, means = 1 / steps, jnp.array(MEANS)[:, None]
    dtype = jnp.float64 if wide else jnp.float32

    def drift(t, x):
        if kind == "linear":
            return -x
        v = (1 - t) ** 2 + 0.09 * t * t
        w = jax.nn.softmax(-0.5 * (x - t * means) ** 2 / v, axis=0)
        return (w * (means + 0.09 * t / v * (x - t * means))).sum(0) - x

    @jax.jit
    def simulate(key):
        first, rest = jax.random.split(key)

        def step(x, given):
            n, sub = given
            return x + h * drift(n * h, x) + math.sqrt(h) * jax.random.normal(sub, (paths,), dtype), None

        numbers = jnp.arange(steps, dtype=dtype)
        x, _ = jax.lax.scan(step, jax.random.normal(first, (paths,), dtype), (numbers, jax.random.split(rest, steps)))
        return x.mean(), x.var()

    def run():
        mean, var = simulate(jax.random.key(1))
        return float(mean), float(var)

    return timed(run)


def jax_scan_f64(paths, steps, kind):
    return jax_scan(paths, steps, kind, wide=True)


def diffrax(paths, steps, kind):
    import diffrax as dfx
    import jax
    import jax.numpy as jnp

    def one(key):
        first, noise = jax.random.split(key)
        path = dfx.UnsafeBrownianPath(shape=(), key=noise)
        terms = dfx.MultiTerm(dfx.ODETerm(lambda t, x, a: -x), dfx.ControlTerm(lambda t, x, a: jnp.ones(()), path))
        return dfx.diffeqsolve(
            terms, dfx.Euler(), 0.0, 1.0, 1 / steps, jax.random.normal(first), adjoint=dfx.DirectAdjoint(),
            max_steps=steps + 1,
        ).ys[0]  # fmt: skip

    solve = jax.jit(jax.vmap(one))

    def run():
        x = solve(jax.random.split(jax.random.key(1), paths))
        return float(x.mean()), float(x.var())

    return timed(run)


def torchsde(paths, steps, kind):
    import torch
    import torchsde as library

    class Job(torch.nn.Module):
        noise_type, sde_type = "diagonal", "ito"

        def f(self, t, x):
            return -x

        def g(self, t, x):
            return torch.ones_like(x)

    def run():
        with torch.no_grad():
            x = library.sdeint(Job(), torch.randn(paths, 1), torch.tensor([0.0, 1.0]), dt=1 / steps, method="euler")[-1]
        return float(x.mean()), float(x.var())

    return timed(run)


def sdeint(paths, steps, kind):
    import numpy as np
    import sdeint as library

    times, unit = np.linspace(0, 1, steps + 1), np.eye(paths)

    def run():
        x = library.itoEuler(lambda x, t: -x, lambda x, t: unit, np.random.standard_normal(paths), times)[-1]
        return float(x.mean()), float(x.var())

    return timed(run)


def jitcsde(paths, steps, kind):
    import numpy as np
    from jitcsde import jitcsde as integrator
    from jitcsde import y

    h = 1 / steps
    system = integrator([-y(i) for i in range(paths)], [1] * paths, additive=True, verbose=False)
    system.set_integration_parameters(first_step=h, min_step=h, max_step=h, atol=1e9, rtol=1e9)

    def run():
        system.set_initial_value(np.random.standard_normal(paths), 0.0)
        x = system.integrate(1.0)
        return float(np.mean(x)), float(np.var(x))

    return timed(run)


def pathwise_sde(paths, steps, kind):
    import pathwise as pw

    def run():
        x = pw.simulate(pw.ou(1.0, 0.0, 1.0), pw.euler(), n_paths=paths, n_steps=steps, t1=1.0, x0=0.0)[:, -1]
        return float(x.mean()), float(x.var())

    return timed(run)


def sde_sim_rs(paths, steps, kind):
    import numpy as np
    import sde_sim_rs as library

    times = [n / steps for n in range(steps + 1)]

    def run():
        found = library.simulate(
            processes_equations=["dX = (-X) * dt + (1.0) * dW1"], time_steps=times, scenarios=paths,
            initial_values={"X": 0.0}, rng_method="pseudo", scheme="euler",
        )  # fmt: skip
        x = np.asarray(found.filter(found["time"] == 1.0)["value"])
        return float(x.mean()), float(x.var())

    return timed(run)


#: Paths that give about a second, and which of the two jobs each one can do.
PEERS = {
    "numpy_loop": (numpy_loop, 100_000, ("linear", "mixture")),
    "numba_prange": (numba_prange, 100_000, ("linear", "mixture")),
    "torch_loop": (torch_loop, 100_000, ("linear", "mixture")),
    "torch_loop_f64": (torch_loop_f64, 100_000, ("linear", "mixture")),
    "jax_scan": (jax_scan, 100_000, ("linear", "mixture")),
    "jax_scan_f64": (jax_scan_f64, 100_000, ("linear", "mixture")),
    "diffrax": (diffrax, 20_000, ("linear",)),
    "torchsde": (torchsde, 10_000, ("linear",)),
    "sdeint": (sdeint, 200, ("linear",)),
    "jitcsde": (jitcsde, 100, ("linear",)),
    "pathwise_sde": (pathwise_sde, 50_000, ("linear",)),
    "sde_sim_rs": (sde_sim_rs, 1_000, ("linear",)),
}


def main():
    """One peer, one job."""
    name, paths, steps, kind = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    (seconds, cpu), (mean, var) = PEERS[name][0](paths, steps, kind)
    print(json.dumps({"seconds": seconds, "cpu": cpu, "mean": float(mean), "var": float(var)}))


if __name__ == "__main__":
    main()
