"""Coordinates of the state: pixels, or the modes of an orthonormal basis with one coefficient each (theory C14)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from symsched.bridge.plan import Coefficient, Plan, Row, Slope, Stage
from symsched.errors import InputError


def cosines(size: int) -> Any:
    """The orthonormal DCT-II matrix (size, size), one cosine in each column."""
    k, n = np.arange(size), np.arange(size)[:, None]
    matrix = np.sqrt(2 / size) * np.cos(np.pi * (n + 0.5) * k / size)
    matrix[:, 0] /= math.sqrt(2)
    return matrix


class Basis:
    """The plan's basis and mean as tensors beside `like`; with neither, every map is the identity."""

    def __init__(self, plan: Plan, like: Any) -> None:
        self.kind, self.shape, self._like = plan.basis, tuple(like.shape[1:]), like
        self.matrices = [self._tensor(matrix) for matrix in self._matrices(plan.basis)]
        self._centre = None if plan.mean is None else self._tensor(np.broadcast_to(plan.mean, self.shape))
        self.mean = torch.zeros_like(like[:1]) if self._centre is None else self.into(self._centre[None])

    def _matrices(self, basis: Any) -> list[Any]:
        if basis is None:
            return []
        if isinstance(basis, str):
            if basis != "dct" or len(self.shape) < 2:
                raise InputError(f"basis {basis!r} for samples of shape {self.shape}: expected None, a matrix, or dct")
            return [cosines(size) for size in self.shape[-2:]]
        matrix = np.asarray(basis, dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[0] != math.prod(self.shape):
            raise InputError(
                f"basis of shape {matrix.shape} for samples of shape {self.shape}: expected a square matrix of "
                f"{math.prod(self.shape)} rows"
            )
        return [matrix]

    def _tensor(self, array: Any) -> Any:
        return torch.tensor(np.asarray(array), dtype=self._like.dtype, device=self._like.device)

    def into(self, x: Any) -> Any:
        """Pixels to modes."""
        if not self.matrices:
            return x
        x = x.to(self._like.dtype)
        if len(self.matrices) == 1:
            return (x.flatten(1) @ self.matrices[0]).reshape(x.shape)
        return self.matrices[0].T @ x @ self.matrices[1]

    def back(self, modes: Any, beta: float) -> Any:
        """Modes to pixels, with β m added."""
        if len(self.matrices) == 1:
            modes = (modes.flatten(1) @ self.matrices[0].T).reshape(modes.shape)
        elif self.matrices:
            modes = self.matrices[0] @ modes @ self.matrices[1].T
        return modes if self._centre is None else torch.add(modes, self._centre, alpha=beta)

    def centred(self, state: Any, beta: float) -> Any:
        """A state in pixels, less β m, as modes."""
        return self.into(state if self._centre is None else torch.sub(state, self._centre, alpha=beta))

    def stage(self, stage: Stage) -> Stage:
        """The stage with its arrays as tensors that multiply modes."""
        offset = 0.0 if self._centre is None else stage.slope.mean
        slope = Slope(*map(self._coefficient, (stage.slope.state, stage.slope.data, offset)))
        correct = None if stage.correct is None else self._row(stage.correct)
        return replace(stage, slope=slope, predict=self._row(stage.predict), correct=correct)

    def _row(self, row: Row) -> Row:
        data = tuple(map(self._coefficient, row.data))
        return Row(self._coefficient(row.state), data, self._coefficient(row.noise))

    def _coefficient(self, value: Coefficient) -> Any:
        if np.ndim(value) == 0:
            return float(value)
        size = math.prod(self.shape[-2:]) if isinstance(self.kind, str) else math.prod(self.shape)
        if np.size(value) != size:
            raise InputError(f"{np.size(value)} coefficients for {size} modes of samples of shape {self.shape}")
        return self._tensor(np.reshape(value, self.shape[-2:] if isinstance(self.kind, str) else self.shape))
