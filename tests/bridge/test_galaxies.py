"""The galaxy models of the benchmark: the network is Equinox's to rounding, and what cannot be had is said."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from benchmarks import galaxies  # noqa: E402
from benchmarks.galaxies import ScoreNet  # noqa: E402
from symsched.errors import InputError  # noqa: E402

SHAPES = [
    (64, 2, 4, 4), (64, 1, 1), (1, 64, 4, 4), (1, 1, 1),
    *[(512, 4), (512,), (4, 512), (4,), (512, 64), (512,), (64, 512), (64,), (64, 4), (64, 4), (4, 64), (4, 64)] * 4,
    (64, 4), (64, 4),
]  # fmt: skip


def test_the_network_answers_as_the_original_does():
    """galaxygrad's own ScoreNet (Equinox 0.13.8, JAX 0.10.2) with these leaves; its kernels are neither symmetric."""
    rng = np.random.default_rng(7)
    net = ScoreNet(8).read([(rng.standard_normal(shape) / 8).astype(np.float32) for shape in SHAPES])
    x = torch.linspace(-2, 3, 64).view(1, 1, 8, 8)
    original = [
        [-0.2433893233537674, 0.2124255895614624, 0.167563796043396],
        [-0.04371228814125061, 0.21807922422885895, 0.0629836916923523],
        [0.0014541298151016235, 0.21945342421531677, -0.014155730605125427],
    ]
    assert torch.allclose(net(x, torch.tensor([2.5]))[0, 0, ::3, 1::3], torch.tensor(original), rtol=0, atol=1e-6)


def test_a_package_that_cannot_be_had_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(galaxies, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(InputError, match=r"galaxygrad==0\.2\.1 from a package index"):
        galaxies.field("HSC 32")
