"""Random numbers addressed by (seed, path, step): Philox4x32-10 and a Box–Muller transform in vector lanes.

A number is a pure function of its address, so a run is bit-identical for any number of threads and any chunking,
and can be extended with more paths.  The counter is (path mod 2³², path div 2³², block of steps, coordinate + 2²⁴
purpose), the key is the 64-bit seed.  One counter yields 128 bits:

- float64: 64 bits make the radius √(−2 log u), u = (w + ½)/2⁶⁴, so that tails are right to 9.4 σ; 64 bits the angle.
  Two normals: the steps 2j and 2j + 1.
- float32: two such pairs from 64 bits each (the radius reads all 64, the angle the low 31; they overlap only where
  u < 2⁻⁸, below the radius' rounding).  Four normals: the steps 4j … 4j + 3.

Reference: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011,
doi:10.1145/2063384.2063405.  Numbers 0x6627e8d5… of its known-answer file are a test here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symsched.kernels.compiled import (
    LANES,
    bits32,
    bits64,
    f32,
    f64,
    float32_of,
    float64_of,
    fma,
    inline,
    kernel,
    u32,
    u64,
)
from symsched.kernels.vectormath import cospi32, cospi64, log32, log64, sinpi32, sinpi64

ROUNDS = 10
_M0, _M1, _W0, _W1 = u64(0xD2511F53), u64(0xCD9E8D57), u64(0x9E3779B9), u64(0xBB67AE85)
_LOW, _HALF, _ONE, _TOP = u64(0xFFFFFFFF), u64(32), u64(1), u64(63)
_TOP32, _ONE32, _TWO32 = u32(31), u32(1), u32(2)
_2P64, _2P65 = 2.0**-64, 2.0**-65
_F32_2P32, _F32_2P64, _F32_2P65 = f32(2.0**-32), f32(2.0**-64), f32(2.0**-65)

#: What a stream is for: Brownian increments, their second normals, the start, the second clock of a coupled pair,
#: the choice of a component, what happens inside a step.
BROWNIAN, AREA, START, CLOCK, CHOICE, BRIDGE = (u64(k << 24) for k in range(6))
#: Normals that one call of `fill64` and `fill32` makes per lane.
NORMALS = {"float64": 2, "float32": 4}


@inline
def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Four 32-bit words, in uint64, from a counter and a key of 32-bit words in uint64."""
    for _ in range(ROUNDS):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (p1 >> _HALF) ^ c1 ^ k0, p1 & _LOW, (p0 >> _HALF) ^ c3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@inline
def normal_pair64(words: Any, turns: Any) -> Any:
    """Two normals from 64 bits of radius and 64 bits of angle (half a turn, and a sign for the cosine)."""
    radius = np.sqrt(-2.0 * log64(fma(f64(words), _2P64, _2P65)))
    half_turn = f64(np.int64(turns)) * _2P64
    signed = float64_of(bits64(radius) | ((turns & _ONE) << _TOP))
    return signed * cospi64(half_turn), radius * sinpi64(half_turn)


@inline
def normal_pair32(high: Any, low: Any) -> Any:
    """Two float32 normals from 64 bits."""
    u = fma(f32(high), _F32_2P32, fma(f32(low), _F32_2P64, _F32_2P65))
    radius = np.sqrt(f32(-2.0) * log32(u))
    half_turn = f32(np.int32(low & u32(0xFFFFFFFE))) * _F32_2P32
    signed = float32_of(bits32(radius) | ((low & _ONE32) << _TOP32))
    return signed * cospi32(half_turn), radius * sinpi32(half_turn)


# The words of all lanes first, then the normals from them, in place: two loops with short chains of dependent
# instructions overlap in the processor's window, one loop with a long chain does not (1.3 times as fast).


@kernel
def fill64(z: Any, offset: int, path: Any, block: Any, stream: Any, k0: Any, k1: Any) -> None:
    """z[offset:offset + 2 LANES]: normals of LANES paths from `path` on, steps 2 block and 2 block + 1."""
    low, high = path & _LOW, path >> _HALF
    first, second = z[offset : offset + LANES], z[offset + LANES : offset + 2 * LANES]
    for lane in range(LANES):
        a, b, c, d = philox(low + u64(lane), high, block & _LOW, stream & _LOW, k0 & _LOW, k1 & _LOW)
        first[lane], second[lane] = float64_of((a << _HALF) | b), float64_of((c << _HALF) | d)
    for lane in range(LANES):
        first[lane], second[lane] = normal_pair64(bits64(first[lane]), bits64(second[lane]))


@kernel
def fill32(z: Any, offset: int, path: Any, block: Any, stream: Any, k0: Any, k1: Any) -> None:
    """z[offset:offset + 4 LANES]: float32 normals of LANES paths from `path` on, steps 4 block … 4 block + 3."""
    low, high = path & _LOW, path >> _HALF
    out = z[offset : offset + 4 * LANES]
    for lane in range(LANES):
        a, b, c, d = philox(low + u64(lane), high, block & _LOW, stream & _LOW, k0 & _LOW, k1 & _LOW)
        out[lane], out[LANES + lane] = float32_of(u32(a)), float32_of(u32(b))
        out[2 * LANES + lane], out[3 * LANES + lane] = float32_of(u32(c)), float32_of(u32(d))
    for pair in range(2):
        for lane in range(LANES):
            at = 2 * pair * LANES + lane
            out[at], out[at + LANES] = normal_pair32(bits32(out[at]), bits32(out[at + LANES]))


@kernel
def uniforms(out: Any, path: Any, stream: Any, k0: Any, k1: Any) -> None:
    """out[i], uniform on (0, 1): one number of 53 bits for each path from `path` on."""
    for i in range(out.size):
        at = path + u64(i)
        a, b, _, _ = philox(at & _LOW, at >> _HALF, u64(0), stream & _LOW, k0 & _LOW, k1 & _LOW)
        out[i] = (f64(((a << _HALF) | b) >> u64(11)) + 0.5) * 2.0**-53


@kernel
def normals64(out: Any, path: Any, stream: Any, k0: Any, k1: Any) -> None:
    """out[n, i, p]: the normal of step n, coordinate i and path `path` + p, as the steppers draw it."""
    steps, dim, count = out.shape
    z = np.empty(2 * LANES)
    for i in range(dim):
        for base in range(0, count, LANES):
            width = min(LANES, count - base)
            for n in range(0, steps, 2):
                fill64(z, 0, path + u64(base), u64(n // 2), stream + u64(i), k0, k1)
                for j in range(min(2, steps - n)):
                    out[n + j, i, base : base + width] = z[j * LANES : j * LANES + width]


@kernel
def step64(out: Any, step: int, path: Any, stream: Any, k0: Any, k1: Any) -> None:
    """out[i, p]: the normal of one step, coordinate i and path `path` + p."""
    dim, count = out.shape
    z = np.empty(2 * LANES)
    for i in range(dim):
        for base in range(0, count, LANES):
            width, j = min(LANES, count - base), step % 2
            fill64(z, 0, path + u64(base), u64(step // 2), stream + u64(i), k0, k1)
            out[i, base : base + width] = z[j * LANES : j * LANES + width]


@kernel
def step32(out: Any, step: int, path: Any, stream: Any, k0: Any, k1: Any) -> None:
    """`step64` as the float32 steppers draw it."""
    dim, count = out.shape
    z = np.empty(4 * LANES, np.float32)
    for i in range(dim):
        for base in range(0, count, LANES):
            width, j = min(LANES, count - base), step % 4
            fill32(z, 0, path + u64(base), u64(step // 4), stream + u64(i), k0, k1)
            out[i, base : base + width] = z[j * LANES : j * LANES + width]


def step_normals(
    seed: int, first: int, count: int, step: int, dim: int, dtype: str, purpose: np.uint64, rank: int = 0
) -> Any:
    """Normals (dim, count) of one step, as the steppers of that dtype draw them; `rank` numbers further ones."""
    out = np.empty((dim, count), dtype)
    draw = step64 if dtype == "float64" else step32
    draw(out, step, u64(first), purpose + u64(dim * rank), *key(seed))
    return out


def key(seed: int) -> tuple[np.uint64, np.uint64]:
    """The two key words of a seed in 0 … 2⁶⁴ − 1."""
    return u64(seed & 0xFFFFFFFF), u64(seed >> 32)


def normals(seed: int, first: int, count: int, steps: int, dim: int = 1, purpose: np.uint64 = BROWNIAN) -> Any:
    """float64 standard normals of shape (steps, dim, count), for the paths first … first + count − 1."""
    out = np.empty((steps, dim, count))
    normals64(out, u64(first), purpose, *key(seed))
    return out


def joined(z: Any, shares: Any, starts: Any) -> Any:
    """Standard normals (coarse steps, dim, count) of the steps that begin at `starts`, from z (steps, dim, count).

    Each is the sum of its steps' normals by their shares, (steps, dim or 1), of which the squares sum to 1.
    """
    if len(starts) == len(z) and (shares == 1).all():
        return z
    out = np.empty((len(starts), *z.shape[1:]))
    joined64(out, np.ascontiguousarray(z), shares, np.append(starts, len(z)))
    return out


@kernel
def joined64(out: Any, z: Any, shares: Any, ends: Any) -> None:
    """See `joined`; coarse step n is the fine ones ends[n] … ends[n + 1] − 1."""
    steps, dim, count = out.shape
    for n in range(steps):
        for i in range(dim):
            column = min(i, shares.shape[1] - 1)
            share = shares[ends[n], column]
            for p in range(count):
                out[n, i, p] = share * z[ends[n], i, p]
            for j in range(ends[n] + 1, ends[n + 1]):
                share = shares[j, column]
                for p in range(count):
                    out[n, i, p] += share * z[j, i, p]
