"""The random streams: a published known answer, addresses, tails, moments, uniformity, independence."""

import math

import numpy as np
import pytest
from numba import njit
from scipy import stats
from slowness import slow

from symsched.kernels import random as streams
from symsched.kernels.compiled import LANES, inline

u64 = np.uint64


@njit
def _philox(c0, c1, c2, c3, k0, k1):
    return streams.philox(c0, c1, c2, c3, k0, k1)


def philox_twin(counter, key, rounds=10):
    """Philox4x32 in plain integers, as the paper states it."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(rounds):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & 0xFFFFFFFF, (p0 >> 32) ^ c3 ^ k1, p0 & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def normal_twin(seed, path, step, coordinate=0, purpose=0):
    """The float64 normal at an address, with the C library's functions."""
    counter = (path & 0xFFFFFFFF, path >> 32, step // 2, coordinate + (purpose << 24))
    a, b, c, d = philox_twin(counter, (seed & 0xFFFFFFFF, seed >> 32))
    radius = math.sqrt(-2 * math.log(((a << 32 | b) + 0.5) / 2**64))
    turns = c << 32 | d
    angle = math.pi * (turns - (turns >> 63 << 64)) / 2**64
    return (-1) ** (d & 1) * radius * math.cos(angle) if step % 2 == 0 else radius * math.sin(angle)


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_published_answers(counter, key, answer):
    assert tuple(map(int, _philox(*map(u64, (*counter, *key))))) == answer
    assert philox_twin(counter, key) == answer


def test_normals_equal_their_literal_twin():
    seed, first = 2**40 + 17, 3 * LANES
    found = streams.normals(seed, first, 300, 5, 2)
    for step, coordinate, path in [(0, 0, 0), (1, 0, 5), (4, 1, 255), (3, 1, 299), (2, 0, 256)]:
        assert found[step, coordinate, path] == pytest.approx(
            normal_twin(seed, first + path, step, coordinate), rel=1e-13, abs=1e-15
        )


def test_numbers_depend_on_their_address_alone():
    whole = streams.normals(7, 0, 2000, 6, 3)
    assert np.array_equal(streams.normals(7, 512, 700, 4, 2), whole[:4, :2, 512:1212])
    assert not np.array_equal(streams.normals(8, 0, 2000, 6, 3), whole)


@inline
def _pair(high, low, turns):
    return streams.normal_pair64((u64(high) << u64(32)) | u64(low), u64(turns))


@njit
def _radius(high, low):
    return _pair(high, low, 0)[0]


@njit
def _radius32(high, low):
    return streams.normal_pair32(np.uint32(high), np.uint32(low))[0]


def test_the_tail_is_resolved_beyond_eight_sigma():
    """The extreme words give the radii that −2 log u demands; at 8 σ neighbouring words are 3·10⁻⁵ apart or less."""
    assert _radius(0, 0) == pytest.approx(math.sqrt(2 * 65 * math.log(2)), rel=1e-15)
    assert _radius(0, 0) > 9.4
    word = int(2**64 * math.exp(-32))
    for w in (word, word + 1):
        assert _radius(w >> 32, w & 0xFFFFFFFF) == pytest.approx(math.sqrt(-2 * math.log((w + 0.5) / 2**64)), rel=1e-15)
    assert 0 < _radius(0, word) - _radius(0, word + 1) < 3e-5
    assert _radius32(0, 0) > 9.4
    assert _radius(0xFFFFFFFF, 0xFFFFFFFF) == 0


def float32_normals(count, seed):
    z = np.empty(4 * LANES, np.float32)
    rows = []
    for base in range(0, count // 4, LANES):
        streams.fill32(z, 0, u64(base), u64(0), streams.BROWNIAN, *streams.key(seed))
        rows.append(z.copy())
    return np.concatenate(rows).astype(float)


def p_values_of_normals(z):
    """KS, and the first four moments, of what should be independent standard normals."""
    n = z.size
    exact = [(0, 1), (1, 2), (0, 15), (3, 96)]
    moments = [math.erfc(abs((z**k).mean() - m) / math.sqrt(2 * v / n)) for k, (m, v) in enumerate(exact, 1)]
    return [*moments, stats.kstest(z, "norm").pvalue]


@pytest.mark.parametrize("kind", [slow("float64"), "float32"])
def test_moments_and_law(kind):
    z = streams.normals(11, 0, 500_000, 2).ravel() if kind == "float64" else float32_normals(1_000_000, 11)
    assert min(p_values_of_normals(z)) > 1e-6 / 5
    assert min(p_values_of_normals(z * 1.005)) < 1e-6 / 5, "the sabotaged twin must fail"
    assert min(p_values_of_normals(z + 0.008)) < 1e-6 / 5, "the sabotaged twin must fail"


@pytest.mark.parametrize("lag", ["step", "path", "coordinate", "seed", "purpose"])
def test_neighbouring_addresses_are_independent(lag):
    """Correlations of z and of z² between neighbours are within the normal range at level 10⁻⁶."""
    n = 200_000
    z = streams.normals(5, 0, n + 1, 3, 2)
    one = z[0, 0, :n]
    other = {
        "step": z[1, 0, :n],
        "path": z[0, 0, 1:],
        "coordinate": z[0, 1, :n],
        "seed": streams.normals(6, 0, n, 1)[0, 0],
        "purpose": streams.normals(5, 0, n, 1, 1, streams.AREA)[0, 0],
    }[lag]
    limit = stats.norm.isf(1e-6 / 4) / math.sqrt(n)
    assert abs(np.corrcoef(one, other)[0, 1]) < limit
    assert abs(np.corrcoef(one**2, other**2)[0, 1]) < limit
    assert abs(np.corrcoef(one, one + 50 * other)[0, 1]) > limit, "the sabotaged twin must fail"


def test_uniforms_are_uniform():
    found = np.empty(200_000)
    streams.uniforms(found, u64(0), streams.CHOICE, *streams.key(3))
    assert stats.kstest(found, "uniform").pvalue > 1e-6
    assert stats.kstest(found**1.02, "uniform").pvalue < 1e-6, "the sabotaged twin must fail"
