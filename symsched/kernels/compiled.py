"""The one place that sets how kernels are compiled, and the bit casts and fused multiply-add that Numba lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from symsched.kernels.machinecode import compiler

#: Paths that advance together.  Every block is full, so each lane always runs the same instructions: a path's
#: numbers do not depend on how the paths were divided among threads, chunks or machines.
LANES = 256

#: No fast-math flag at all: with one, LLVM's choices (and so the last bits) depend on what is inlined where.  Fused
#: multiply-adds are written out instead, as `fma`, and every result is the one that IEEE 754 prescribes.
OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": False, "error_model": "numpy"}

kernel = compiler(**OPTIONS)
inline = compiler(forceinline=True, nogil=True, error_model="numpy")

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


def _fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:  # noqa: ARG001
    """a b + c, rounded once: the same bits on every machine."""
    kind = a if a == b == c and a in (types.float32, types.float64) else types.float64

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values = [context.cast(builder, v, k, kind) for v, k in zip(args, signature.args, strict=True)]
        return builder.fma(*values)

    return kind(a, b, c), generate


fma: Any = intrinsic(_fma)
