"""Gaussian mixtures: posterior averages of the Gaussian closed forms (theory 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sympy import Expr, Integer, Symbol

from symsched.data import checks
from symsched.data.checks import Array
from symsched.data.conditioning import Component
from symsched.data.gaussian import component_frame, scalar_frame, scalar_std, substitute
from symsched.data.law import DataLaw
from symsched.data.numeric import Block, Eigenframe
from symsched.errors import InputError


@dataclass(frozen=True, eq=False, repr=False)
class GaussianMixture(DataLaw):
    """X ~ Σ_k w_k N(m_k, ρ_k²), or Σ_k w_k N(m_k, C_k) for mean vectors.

    One dimension: K weights, K means, K stds (numbers or expressions).  More: means (K, dim) with K stds (the same in
    every direction) or K covariance matrices (K, dim, dim).  Raises InputError for weights that are not positive or do
    not sum to 1, std ≤ 0, covariances that are not symmetric positive semidefinite, lengths that differ, NaN.
    """

    weights: Any
    means: Any
    stds: Any
    _frames: tuple[Eigenframe, ...] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        for name in ("weights", "means", "stds"):
            if not checks.is_sequence(getattr(self, name)):
                raise InputError(
                    f"mixture {name} is {getattr(self, name)!r}; it should be a list, one entry per component"
                )
        weights = checks.weights(self.weights)
        lengths = {"weights": len(weights), "means": len(self.means), "stds": len(self.stds)}
        if len(set(lengths.values())) > 1:
            given = ", ".join(f"{count} {name}" for name, count in lengths.items())
            raise InputError(f"the mixture has {given}; give as many of each")
        object.__setattr__(self, "weights", weights)
        if checks.is_sequence(self.means[0]):
            self._vectors()
        else:
            self._scalars()

    def _scalars(self) -> None:
        put = object.__setattr__
        put(self, "means", tuple(checks.exact(value, f"mean {k}") for k, value in enumerate(self.means)))
        put(self, "stds", tuple(checks.positive(value, f"std {k}") for k, value in enumerate(self.stds)))

    def _vectors(self) -> None:
        means = checks.array(self.means, "means")
        if means.ndim != 2 or not means.size:
            raise InputError(f"means have shape {means.shape}; they should be (components, dim)")
        if means.shape[1] == 1:
            object.__setattr__(self, "means", means[:, 0].tolist())
            stds = tuple(scalar_std(spread, f"covariance {k}") for k, spread in enumerate(self.stds))
            object.__setattr__(self, "stds", stds)
            self._scalars()
            return
        object.__setattr__(self, "means", means)
        frames = (
            component_frame(mean, spread, weight, f"covariance {k}")
            for k, (weight, mean, spread) in enumerate(zip(self.weights, means, self.stds, strict=True))
        )
        object.__setattr__(self, "_frames", tuple(frames))

    @property
    def dim(self) -> int:
        """1 for scalar means."""
        return 1 if self._frames is None else self.means.shape[1]

    @property
    def expectation(self) -> Any:
        """Σ w m."""
        if self._frames is None:
            return sum((w * m for w, m in zip(self.weights, self.means, strict=True)), Integer(0))
        return np.array([float(w) for w in self.weights]) @ self.means

    @property
    def covariance(self) -> Any:
        """Σ w (C + (m − E X)(m − E X)ᵀ): the law of total variance."""
        centre = self.expectation
        if self._frames is None:
            parts = zip(self.weights, self.means, self.stds, strict=True)
            return sum((w * (s**2 + (m - centre) ** 2) for w, m, s in parts), Integer(0))
        shares = np.array([float(w) for w in self.weights])
        within = [frame.covariance for frame in self._frames]
        offsets = self.means - centre
        return np.tensordot(shares, within, 1) + (shares[:, None] * offsets).T @ offsets

    @property
    def parameters(self) -> frozenset[Symbol]:
        """Letters left open in weights, means and stds."""
        exprs: tuple[Expr, ...] = self.weights if self._frames is not None else self._exprs()
        return frozenset().union(*(expr.free_symbols for expr in exprs))

    def _exprs(self) -> tuple[Expr, ...]:
        return (*self.weights, *self.means, *self.stds)

    def subs(self, **values: Any) -> GaussianMixture:
        """The law with letters replaced by name."""
        exprs = self.weights if self._frames is not None else self._exprs()
        new, k = substitute(exprs, values), len(self.weights)
        if self._frames is not None:
            return GaussianMixture(new, self.means, self.stds)
        return GaussianMixture(new[:k], new[k : 2 * k], new[2 * k :])

    def components(self) -> Iterator[Component]:
        """The components."""
        for weight, mean, std in zip(self.weights, self.means, self.stds, strict=True):
            yield Component(weight, mean, std)

    def blocks(self) -> Iterator[Block]:
        """One block per component."""
        yield from self._frames if self._frames is not None else map(scalar_frame, self.components())

    def key(self) -> tuple[Any, ...]:
        """Every parameter, as values."""
        if self._frames is None:
            return self._exprs()
        return (self.weights, self.means.tobytes(), tuple(part.tobytes() for part in self._spreads))

    @property
    def _spreads(self) -> list[Array]:
        """Each std or covariance as it was given: one number, or a matrix."""
        return [np.asarray(part, dtype=np.float64) for part in self.stds]

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """A component by its weight, then a draw from it."""
        frames = [block for block in self.blocks() if isinstance(block, Eigenframe)]
        chosen = rng.choice(len(frames), size=n, p=[float(w) for w in self.weights])
        noise = rng.standard_normal((n, self.dim))
        out = np.empty_like(noise)
        for k, frame in enumerate(frames):
            mine = chosen == k
            out[mine] = frame.mean + frame.back(frame.stds * noise[mine])
        return out[:, 0] if self.dim == 1 else out

    def __str__(self) -> str:
        means, stds = list(self.means), list(self.stds)
        if self._frames is not None:
            means, stds = self.means.tolist(), [part.tolist() for part in self._spreads]
        return f"mixture(weights={list(self.weights)}, means={means}, stds={stds})"
