"""What the bridge's tests share: exact laws, the exact endpoint of the ODE, runs of plans in numpy.  No torch here."""

import numpy as np

import symsched as ss
from symsched.bridge.levels import Frame, as_native
from symsched.bridge.plan import Plan

MEAN, STD = 0.3, 0.5
GAUSSIAN = ss.Gaussian(MEAN, STD)
MIXTURE = ss.GaussianMixture([0.3, 0.7], [-1.0, 0.8], [0.3, 0.2])
Z = np.linspace(-2.0, 2.0, 9)[:, None]


def endpoint(z):
    """The ODE carries quantiles to quantiles: N(0, 1) to N(m, s²)."""
    return MEAN + STD * z


def frame(source="linear", target="linear", kappa=0):
    return Frame(as_native(source), ss.schedules.from_text(target), kappa)


def run(plan, law, z=Z, noise=None):
    """A plan on the exact data field of `law`, in numpy: the loop of `stepping`, written out once more."""
    x = base = plan.start * z
    past = []
    for k, stage in enumerate(plan.stages):
        data = law.eta_x_at(stage.alpha, stage.beta, x if law.dim > 1 else x[:, 0]).reshape(x.shape)
        past = [stage.slope.state * x + stage.slope.data * data, *past]
        if stage.correct is None:
            base = x
        else:
            base = stage.correct.state * base + sum(w * f for w, f in zip(stage.correct.data, past, strict=False))
        x = stage.predict.state * base + sum(w * f for w, f in zip(stage.predict.data, past, strict=False))
        if noise is not None:
            x = x + stage.predict.noise * noise[k]
    return x


def plan_of(build, frame, times, **options):
    times = np.asarray(times, dtype=np.float64)
    return Plan(build(frame, times, **options), float(frame.levels(times[:1]).alpha[0])).validate()


def orders(errors):
    """log2 of successive error ratios, for doubled numbers of steps."""
    errors = np.asarray(errors)
    return np.log2(errors[:-1] / errors[1:])


def quantile_map(law, x, alpha=1.0, beta=0.0):
    """Where the ODE carries states x of I = αZ + βX in one dimension: to the data of the same quantile."""
    from scipy import optimize, stats

    parts = [(float(p.weight), float(p.mean), float(p.std)) for p in law.components()]

    def cdf(value, a, b):
        return sum(w * stats.norm.cdf((value - b * m) / np.hypot(a, b * s)) for w, m, s in parts)

    def inverse(level):
        return optimize.brentq(lambda value: cdf(value, 0.0, 1.0) - level, -60.0, 60.0, xtol=1e-15, rtol=1e-15)

    return np.vectorize(inverse)(cdf(np.asarray(x), alpha, beta))
