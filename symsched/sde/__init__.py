"""The interpolant's stochastic differential equation."""

from symsched.sde.equation import InterpolantSDE

__all__ = ["InterpolantSDE"]
