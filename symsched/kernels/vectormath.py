"""exp, log, sin, cos, tanh as branch-free polynomials that LLVM vectorises, in float64 and float32.

Coefficients are near-minimax fits (mpmath.chebyfit); `tests/test_kernels_vectormath.py` measures the errors:
below 2.5 ulp in float64 and float32 (sinpi 3, and cospi absolutely) on the stated domains, and next to each zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symsched.kernels.compiled import bits32, bits64, f32, f64, float32_of, float64_of, fma, inline, u32, u64

_LN2 = 0.6931471805599453
_LN2_HIGH, _LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
_LOG2E = 1.4426950408889634
_MAGIC = 6755399441055744.0  # 1.5 · 2^52: adding it rounds to an integer, which then sits in the low bits
_ROOT_HALF = u64(0x3FE6A09E667F3BCD)
_OFFSET, _MANTISSA = u64(1024 << 52), u64(52)
_SIGN64, _TOP64 = u64(1 << 63), u64(63)
_TINY, _LIFT, _LIFT_LOG = 2.0**-1022, 2.0**54, 54 * _LN2
#: The angles of which sin and cos are known: beyond, whole turns take the digits.
_FAR = 1e14

_TINY32, _LIFT32, _LIFT_LOG32, _FAR32 = f32(2.0**-126), f32(2.0**24), f32(24 * _LN2), f32(1e6)
_MAGIC32 = f32(12582912.0)  # 1.5 · 2^23
_ROOT_HALF32 = u32(0x3F3504F3)
_OFFSET32, _MANTISSA32 = u32(128 << 23), u32(23)
_SIGN32, _BELOW32, _TOP32 = u32(1 << 31), u32((1 << 31) - 1), u32(31)
_LOG2E32, _LN2_HIGH32, _LN2_LOW32, _LN2_32 = f32(_LOG2E), f32(0.693359375), f32(-2.12194440e-4), f32(_LN2)


@inline
def larger(a: Any, b: Any) -> Any:
    """The larger of two numbers; NaN in b wins."""
    return a if a > b else b


@inline
def smaller(a: Any, b: Any) -> Any:
    """The smaller of two numbers; NaN in b wins."""
    return a if a < b else b


@inline
def sinpi64(v: Any) -> Any:
    """sin πv for |v| ≤ ½."""
    y = v * v
    p = fma(y, 7.697826768224191e-07, -2.1903497074626018e-05)
    p = fma(y, fma(y, p, 0.0004662998161898394), -0.007370430505916944)
    p = fma(y, fma(y, p, 0.0821458865731029), -0.5992645293189447)
    p = fma(y, fma(y, p, 2.5501640398773007), -5.167712780049969)
    return v * fma(y, p, 3.141592653589793)


@inline
def cospi64(v: Any) -> Any:
    """cos πv for |v| ≤ ½."""
    y = v * v
    p = fma(y, 4.149564353942586e-06, -0.00010456655338748738)
    p = fma(y, fma(y, p, 0.0019295562724817132), -0.025806888737002202)
    p = fma(y, fma(y, p, 0.23533063012953284), -1.335262768843447)
    p = fma(y, fma(y, p, 4.058712126416497), -4.934802200544676)
    return fma(y, p, 1.0)


@inline
def log64(x: Any) -> Any:
    """log x for normal x > 0, and nothing else."""
    b = bits64(x)
    e = (b - _ROOT_HALF + _OFFSET) >> _MANTISSA  # exponent + 1024, with the mantissa in [√½, √2)
    f = float64_of(b - ((e - u64(1024)) << _MANTISSA)) - 1.0
    s = f / (2.0 + f)
    z = s * s
    p = fma(z, 0.14616449685088906, 0.1533172160055169)
    p = fma(z, fma(z, p, 0.1818288912526188), 0.22222211134795078)
    p = fma(z, fma(z, p, 0.28571428625975487), 0.39999999999899505)
    p = fma(z, p, 0.666666666666667)
    k = f64(np.int64(e)) - 1024.0
    return fma(k, _LN2_HIGH, fma(2.0, s, fma(s, z * p, k * _LN2_LOW)))


@inline
def ln64(x: Any) -> Any:
    """log x: −∞ at 0, NaN below."""
    small = x < _TINY
    found = log64(x * _LIFT if small else x)
    found = found - _LIFT_LOG if small else found
    found = found if x < np.inf else x
    return found if x > 0.0 else (-np.inf if x == 0.0 else np.nan)


@inline
def _exp_reduced64(r: Any) -> Any:
    """exp r for |r| ≤ ½ log 2."""
    p = fma(r, 2.5110037605963777e-08, 2.763263963904103e-07)
    p = fma(r, fma(r, p, 2.755724091857897e-06), 2.4801485482328494e-05)
    p = fma(r, fma(r, p, 0.00019841269890047113), 0.0013888888952314775)
    p = fma(r, fma(r, p, 0.008333333333319601), 0.0416666666664881)
    p = fma(r, fma(r, p, 0.1666666666666668), 0.5000000000000019)
    return fma(r, fma(r, p, 1.0), 1.0)


@inline
def exp64(x: Any) -> Any:
    """exp x; 0 below −708 and ∞ above 709, NaN for NaN."""
    shifted = fma(x, _LOG2E, _MAGIC)
    k = shifted - _MAGIC
    r = fma(-k, _LN2_LOW, fma(-k, _LN2_HIGH, x))
    p = _exp_reduced64(r)
    scaled = float64_of(bits64(p) + (bits64(shifted) << _MANTISSA))
    scaled = 0.0 if x < -708.0 else scaled
    return np.inf if x > 709.0 else scaled


@inline
def share64(x: Any) -> Any:
    """exp x for x ≤ 0; below −708 it stays at 3·10⁻³⁰⁸.  NaN for NaN."""
    bounded = -708.0 if x < -708.0 else x
    shifted = fma(bounded, _LOG2E, _MAGIC)
    k = shifted - _MAGIC
    r = fma(-k, _LN2_LOW, fma(-k, _LN2_HIGH, bounded))
    return float64_of(bits64(_exp_reduced64(r)) + (bits64(shifted) << _MANTISSA))


@inline
def tanh64(x: Any) -> Any:
    """tanh x."""
    positive = float64_of(bits64(x) & ~_SIGN64)
    y = x * x
    p = fma(y, -2.0602765376321742e-05, 8.511313685570579e-05)
    p = fma(y, fma(y, p, -0.00023463474108867537), 0.0005889360520073873)
    p = fma(y, fma(y, p, -0.0014556618301007117), 0.003592110378689023)
    p = fma(y, fma(y, p, -0.008863234397814355), 0.021869488493666944)
    p = fma(y, fma(y, p, -0.053968253967434016), 0.13333333333332714)
    small = fma(x * y, fma(y, p, -1 / 3), x)
    large = float64_of(bits64(1.0 - 2.0 / (exp64(2.0 * positive) + 1.0)) | (bits64(x) & _SIGN64))
    return small if positive < 0.55 else large


# x − kπ with the first part of π is exact by one fused step: both are multiples of one power of two (k of a half).


@inline
def _sine64(x: Any, k: Any) -> Any:
    """sin(x − kπ) where that is at most π/2 or little more."""
    r = fma(-k, -2.9947698097183397e-33, fma(-k, 1.2246467991473532e-16, fma(-k, np.pi, x)))
    y = r * r
    p = fma(y, 2.731428986122584e-15, -7.643969031052766e-13)
    p = fma(y, fma(y, p, 1.6058977272815506e-10), -2.5052107616384595e-08)
    p = fma(y, fma(y, p, 2.755731921915843e-06), -0.00019841269841254955)
    return fma(r * y, fma(y, fma(y, p, 0.008333333333333316), -1 / 6), r)


@inline
def sin64(x: Any) -> Any:
    """sin x for |x| ≤ 10¹⁴, NaN beyond: (−1)^k sin(x − kπ)."""
    shifted = fma(x, 1.0 / np.pi, _MAGIC)
    sine = _sine64(x, shifted - _MAGIC)
    found = float64_of(bits64(sine) ^ (bits64(shifted) << _TOP64))
    return found if abs(x) <= _FAR else np.nan


@inline
def cos64(x: Any) -> Any:
    """cos x for |x| ≤ 10¹⁴, NaN beyond: (−1)^(k+1) sin(x − (k + ½)π), so that its zeros are as good as those of sin."""
    shifted = fma(x, 1.0 / np.pi, -0.5) + _MAGIC
    sine = _sine64(x, (shifted - _MAGIC) + 0.5)
    found = float64_of(bits64(sine) ^ (~bits64(shifted) << _TOP64))
    return found if abs(x) <= _FAR else np.nan


@inline
def sinpi32(v: Any) -> Any:
    """sin πv for |v| ≤ ½, float32."""
    y = v * v
    p = fma(y, f32(0.07765591227601387), f32(-0.5982904112834275))
    p = fma(y, fma(y, p, f32(2.550077386528912)), f32(-5.167710076668315))
    return v * fma(y, p, f32(3.1415926400772034))


@inline
def cospi32(v: Any) -> Any:
    """cos πv for |v| ≤ ½, float32."""
    y = v * v
    p = fma(y, f32(-0.024395932097550446), f32(0.2349370685950865))
    p = fma(y, fma(y, p, f32(-1.3352119493905503)), f32(4.058709154763134))
    return fma(y, fma(y, p, f32(-4.934802136928946)), f32(1.0))


@inline
def log32(x: Any) -> Any:
    """log x for normal x > 0, and nothing else, float32."""
    b = bits32(x)
    e = u32(b - _ROOT_HALF32 + _OFFSET32) >> _MANTISSA32
    f = float32_of(u32(b - (u32(e - u32(128)) << _MANTISSA32))) - f32(1.0)
    s = f / (f32(2.0) + f)
    z = s * s
    p = fma(z, f32(0.23330467216342318), f32(0.28550820815958683))
    p = fma(z, fma(z, p, f32(0.4000012183980616)), f32(0.6666666655449709))
    k = f32(np.int32(e)) - f32(128.0)
    return fma(k, _LN2_HIGH32, fma(f32(2.0), s, fma(s, z * p, k * _LN2_LOW32)))


@inline
def ln32(x: Any) -> Any:
    """log x: −∞ at 0, NaN below, float32."""
    small = x < _TINY32
    found = log32(x * _LIFT32 if small else x)
    found = found - _LIFT_LOG32 if small else found
    found = found if x < f32(np.inf) else x
    return found if x > f32(0.0) else (f32(-np.inf) if x == f32(0.0) else f32(np.nan))


@inline
def _exp_reduced32(r: Any) -> Any:
    """exp r for |r| ≤ ½ log 2, float32."""
    p = fma(r, f32(0.0013941108433972674), f32(0.008375126398153335))
    p = fma(r, fma(r, p, f32(0.04166635289677516)), f32(0.16666415514653277))
    return fma(r, fma(r, fma(r, p, f32(0.5000000047117757)), f32(1.000000037716214)), f32(1.0))


@inline
def exp32(x: Any) -> Any:
    """exp x; 0 below −87 and ∞ above 88, NaN for NaN, float32."""
    shifted = fma(x, _LOG2E32, _MAGIC32)
    k = shifted - _MAGIC32
    r = fma(-k, _LN2_LOW32, fma(-k, _LN2_HIGH32, x))
    p = _exp_reduced32(r)
    scaled = float32_of(u32(bits32(p) + u32(bits32(shifted) << _MANTISSA32)))
    scaled = f32(0.0) if x < f32(-87.0) else scaled
    return f32(np.inf) if x > f32(88.0) else scaled


@inline
def share32(x: Any) -> Any:
    """exp x for x ≤ 0; below −87 it stays at 2·10⁻³⁸.  NaN for NaN, float32."""
    bounded = f32(-87.0) if x < f32(-87.0) else x
    shifted = fma(bounded, _LOG2E32, _MAGIC32)
    k = shifted - _MAGIC32
    r = fma(-k, _LN2_LOW32, fma(-k, _LN2_HIGH32, bounded))
    return float32_of(u32(bits32(_exp_reduced32(r)) + u32(bits32(shifted) << _MANTISSA32)))


@inline
def tanh32(x: Any) -> Any:
    """tanh x, float32."""
    positive = float32_of(u32(bits32(x) & _BELOW32))
    y = x * x
    p = fma(y, f32(-0.006610227831108231), f32(0.021309388664439034))
    p = fma(y, fma(y, p, f32(-0.053909428827459534)), f32(0.13333113729020862))
    small = fma(x * y, fma(y, p, f32(-0.3333333200797698)), x)
    above = f32(1.0) - f32(2.0) / (exp32(f32(2.0) * positive) + f32(1.0))
    large = float32_of(u32(bits32(above) | u32(bits32(x) & _SIGN32)))
    return small if positive < f32(0.55) else large


@inline
def _sine32(x: Any, k: Any) -> Any:
    """sin(x − kπ) where that is at most π/2 or little more, float32."""
    r = fma(-k, f32(-3.4302490200117637e-15), fma(-k, f32(-8.742277657347586e-08), fma(-k, f32(np.pi), x)))
    y = r * r
    p = fma(y, f32(2.6347327186387033e-06), f32(-0.00019822732180693097))
    return fma(r * y, fma(y, fma(y, p, f32(0.008333242080932106)), f32(-0.1666666596326316)), r)


@inline
def sin32(x: Any) -> Any:
    """sin x for |x| ≤ 10⁶, NaN beyond, float32."""
    shifted = fma(x, f32(1.0 / np.pi), _MAGIC32)
    sine = _sine32(x, shifted - _MAGIC32)
    found = float32_of(u32(bits32(sine) ^ u32(bits32(shifted) << _TOP32)))
    return found if abs(x) <= _FAR32 else f32(np.nan)


@inline
def cos32(x: Any) -> Any:
    """cos x for |x| ≤ 10⁶, NaN beyond, float32."""
    shifted = fma(x, f32(1.0 / np.pi), f32(-0.5)) + _MAGIC32
    sine = _sine32(x, (shifted - _MAGIC32) + f32(0.5))
    found = float32_of(u32(bits32(sine) ^ u32(u32(~bits32(shifted)) << _TOP32)))
    return found if abs(x) <= _FAR32 else f32(np.nan)
