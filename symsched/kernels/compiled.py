"""The one place that sets how kernels are compiled, and the two bit casts that Numba lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

#: Paths that advance together.  Every block is full, so each lane always runs the same instructions: a path's
#: numbers do not depend on how the paths were divided among threads, chunks or machines.
LANES = 256

#: Fused multiply-adds are allowed, nothing that reorders a sum or assumes that a number is finite.
FAST = {"contract", "nsz"}

OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "fastmath": FAST, "error_model": "numpy"}

kernel = njit(**OPTIONS)
inline = njit(inline="always", fastmath=FAST, error_model="numpy")

u64, u32, f64, f32 = np.uint64, np.uint32, np.float64, np.float32


def _cast(source: Any, target: Any, llvm_type: Any) -> Any:
    @intrinsic
    def cast(typingctx: Any, value: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
            return builder.bitcast(args[0], llvm_type)

        return target(source), generate

    return cast


bits64 = _cast(types.float64, types.uint64, ir.IntType(64))
float64_of = _cast(types.uint64, types.float64, ir.DoubleType())
bits32 = _cast(types.float32, types.uint32, ir.IntType(32))
float32_of = _cast(types.uint32, types.float32, ir.FloatType())
