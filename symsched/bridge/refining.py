"""Descent from a fitted table, through the model: levels and weights together, to the least error at the end.

A fitted table is greedy: each row makes the next input as near to its path as it can.  What counts is the end alone,
and inputs beside the path may serve it better.  With autograd through the model the whole table goes down the
gradient of log Σ |end − converged end|², over the same pilot; BNS (arXiv:2403.01329) and GS (arXiv:2510.17699) do so
from solvers that they take over, and here the fitted table is what the descent begins from.

Two coordinates make it short.  Levels are the logarithms of the gaps between their angles, so that they stay in order.
A row moves by what its answers make together, whitened by their inner products: answers that are nearly alike would
else make a valley, in which L-BFGS crawls.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from symsched.bridge.fitting import RIDGE, Array, Fit, Fitter
from symsched.bridge.pilot import levels_at
from symsched.bridge.requests import part_of, parts_of

NARROW = 1e-7  # the least gap of angles, relative to all of them
APART = 1e-4  # of the angles between which the levels' slopes are taken, relative to the nearer end
MEMORY = 30  # steps from which L-BFGS makes its idea of the curvature
TINY = 1e-300


def refined(fitter: Fitter, fit: Fit, steps: int, done: Callable[[], None] = lambda: None) -> Fit:
    """The table after so many gradients, or the fit itself where that is no worse or there is no gradient.

    Each gradient asks the model N times for each path, and goes back as often.  Where the graph of a batch does not fit
    in memory, batches are halved; where not even one path fits, or the model has no gradient, a warning says so.
    """
    try:
        found = _descended(fitter, fit, steps, done)
    except NoGradientError:
        _warn("the model's answers carry no gradient (a model under no_grad, or outside torch)")
        return fit
    except RuntimeError as error:
        _warn("out of memory for the graph of one path" if _is_memory(error) else str(error).partition("\n")[0])
        return fit
    return found if found.error < fit.error else fit


def _warn(reason: str) -> None:
    warnings.warn(f"refine: {reason}; the table stays as it was fitted", stacklevel=4)


def _is_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "memory" in str(error)


class NoGradientError(Exception):
    """The model's answer does not depend on its input, as far as autograd knows."""


def angles_between(fitter: Fitter) -> tuple[float, float]:
    """The angles of the first and the last level that the model knows."""
    low, high = (float(np.arctan(fitter.pilot.rho * r)) for r in fitter.field.native.span)
    return low, high


class Coordinates:
    """A fit as one vector of numbers, all of about one size, and back."""

    def __init__(self, fitter: Fitter, fit: Fit, products: Array) -> None:
        self.fit, self.rows = fit, [np.asarray(row) for row in fit.rows]
        low, high = angles_between(fitter)
        angles = np.asarray(fit.angles)[:-1]
        # a pipeline gives the noise itself: neither the first level nor its weight is free
        self.kept = int(fitter.from_noise)
        gaps = np.diff([float(angles[0]) if self.kept else min(low, float(angles[0])), *angles[self.kept :], high])
        self.base, self.range = high - gaps.sum(), gaps.sum()
        self.gaps = np.log(np.maximum(gaps / self.range, NARROW))
        size = math.sqrt(products[0, 0])
        products = products + RIDGE * np.trace(products) / len(products) * np.eye(len(products))
        self.roots = [size * np.linalg.inv(np.linalg.cholesky(products[:n, :n])).T for n in range(1, len(products) + 1)]
        self.size = len(self.gaps) + sum(map(len, self.rows[self.kept :]))

    def read(self, p: Any) -> tuple[Any, list[Any]]:
        """Angles of the evaluations, and rows, as tensors that depend on the vector."""
        count = len(self.gaps)
        share = torch.softmax(torch.as_tensor(self.gaps) + p[:count], 0)
        angles = self.base + self.range * torch.cumsum(share, 0)[:-1]
        if self.kept:
            angles = torch.cat([torch.tensor([self.base], dtype=angles.dtype), angles])
        rows, place = [torch.as_tensor(row) for row in self.rows[: self.kept]], count
        for row, root in zip(self.rows[self.kept :], self.roots[self.kept :], strict=True):
            rows.append(torch.as_tensor(row) + torch.as_tensor(root) @ p[place : place + len(row)])
            place += len(row)
        return angles, rows


class Descent:
    """The error of a table at the end, with its gradient, over the pilot in batches."""

    def __init__(self, fitter: Fitter, fit: Fit) -> None:
        self.fitter, self.pilot, self.batch = fitter, fitter.pilot, fitter.batch
        self.low, self.high = angles_between(fitter)
        self.table = Coordinates(fitter, fit, fitter.products(fit))
        # of their own: who calibrates in inference mode has tensors that autograd does not take
        self.noise, self.goal, self.mean = (
            part.detach().clone() for part in (self.pilot.noise, self.pilot.paths[-1], self.pilot.mean)
        )

    def __call__(self, p: Array) -> tuple[float, Array]:
        """½ log of the pooled square error at the end, and its gradient."""
        while True:
            try:
                return self._value(p)
            except RuntimeError as error:
                if not _is_memory(error) or self.batch == 1:
                    raise
                self.batch = max(1, min(self.batch, len(self.noise)) // 2)

    def _value(self, p: Array) -> tuple[float, Array]:
        total, slope = 0.0, np.zeros_like(p)
        for part in parts_of(len(self.noise), self.batch):
            free = torch.tensor(p, requires_grad=True)
            square = self._square(free, part)
            total += float(square.detach())
            slope += torch.autograd.grad(square, free)[0].numpy()
        return 0.5 * math.log(max(total, TINY)), 0.5 * slope / max(total, TINY)

    def _square(self, free: Any, part: slice) -> Any:
        """Σ |end − converged end|² of a batch, as autograd sees it."""
        angles, rows = self.table.read(free)
        columns, known = self._levels(angles), [self.noise[part]]
        given = part_of(self.fitter.conditions, part, len(self.noise))
        for k in range(len(angles)):
            norm, beta, clock, scale, p, q = (column[k].to(self.noise.device) for column in columns)
            x = norm * _combined(rows[k], known) + beta * self.mean
            out = self.fitter.field.ask(x, clock, scale, given)
            if not out.requires_grad and (k or not self.table.kept):
                raise NoGradientError
            known.append((p * x + q * out.to(x.dtype) - self.mean) / self.pilot.rho)
        return (_combined(rows[-1], known) - self.goal[part]).double().square().sum()

    def _levels(self, angles: Any) -> list[Any]:
        """What the model and the table need of each level: values at its angle, and slopes by differences."""
        at = angles.detach().numpy()
        apart = APART * np.minimum(at, math.pi / 2 - at)
        ends = np.maximum(at - apart, min(self.low, at[0])), np.minimum(at + apart, self.high)
        here, before, after = self._columns(np.concatenate([at, *ends])).reshape(6, 3, -1).transpose(1, 0, 2)
        slopes = (after - before) / np.maximum(ends[1] - ends[0], TINY)
        moved = angles - angles.detach()
        return [torch.as_tensor(v) + torch.as_tensor(s) * moved for v, s in zip(here, slopes, strict=True)]

    def _columns(self, angles: Array) -> Array:
        field = self.fitter.field
        levels = levels_at(field.native, angles, self.pilot.rho)
        clocks = field.model_times(levels.times), field.input_scales(levels.times)
        return np.stack([levels.norm, levels.beta, *clocks, *np.array(field.relations(levels.times)).T])


def _combined(row: Any, terms: list[Any]) -> Any:
    return sum(c.to(term.device) * term for c, term in zip(row, terms, strict=True))


def _descended(fitter: Fitter, fit: Fit, steps: int, done: Callable[[], None]) -> Fit:
    from scipy.optimize import minimize

    with torch.inference_mode(False), torch.enable_grad():
        descent = Descent(fitter, fit)

        def loss(p: Array) -> tuple[float, Array]:
            done()
            return descent(p)

        options = {"maxfun": steps, "maxiter": steps, "maxcor": MEMORY, "ftol": 0.0, "gtol": 0.0}
        found = minimize(loss, np.zeros(descent.table.size), jac=True, method="L-BFGS-B", options=options)
        angles, rows = descent.table.read(torch.as_tensor(found.x))
    levels = (*map(float, angles), math.pi / 2)
    return fitter.judged(levels, tuple(tuple(map(float, row)) for row in rows), fit.shape)
