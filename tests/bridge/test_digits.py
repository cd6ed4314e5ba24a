"""The shipped digits model: it loads, it refuses what it should, and what it makes are digits."""

import pickle

import pytest

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")

from benchmarks.features import classifier  # noqa: E402
from symsched.bridge import sample  # noqa: E402
from symsched.bridge.digits import WEIGHTS, load  # noqa: E402
from symsched.errors import InputError  # noqa: E402


@pytest.fixture(scope="module")
def field():
    torch.set_num_threads(1)
    return load()


def test_the_file_is_small_and_the_field_is_a_velocity(field):
    assert WEIGHTS.stat().st_size < 4e6
    assert field.shape == (1, 28, 28)
    x = torch.randn(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert field.velocity(x, 0.5).shape == x.shape
    assert torch.allclose(field.data(x, 0.5), x + 0.5 * field.velocity(x, 0.5), atol=1e-5)


def look_like_digits(images):
    """Whether the classifier gives at least half of them a class with more than 0.9, and at least eight classes."""
    with torch.no_grad():
        chosen = classifier()(images.clamp(-1, 1)).softmax(dim=1).max(dim=1)
    return float((chosen.values > 0.9).float().mean()) >= 0.5 and len(chosen.indices.unique()) >= 8


def test_samples_are_digits_of_many_kinds(field):
    assert look_like_digits(sample(field, 32, steps=8, seed=0))


def test_noise_and_a_single_step_are_no_digits(field):
    z = torch.randn(32, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert not look_like_digits(z)
    assert not look_like_digits(sample(field, noise=z, target="linear", solver="euler", steps=1))


def test_other_dtypes(field):
    half = load(dtype=torch.bfloat16)
    assert half.dtype == torch.bfloat16
    x = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    near = half.velocity(x.bfloat16(), 0.5).float()
    assert (near - field.velocity(x, 0.5)).square().mean().sqrt() < 0.05


def test_only_safetensors_of_this_network_are_read(tmp_path):
    with pytest.raises(InputError, match=r"no weights at '.*nowhere'; expected a safetensors file"):
        load(path=tmp_path / "nowhere")
    pickled = tmp_path / "model.pt"
    pickled.write_bytes(pickle.dumps({"time.mlp.0.weight": 1}))
    with pytest.raises(InputError, match="is not a safetensors file"):
        load(path=pickled)
    safetensors.save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="another network; expected those of DigitsUNet"):
        load(path=tmp_path / "other.safetensors")


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00" * 64])
def test_broken_files_are_refused_in_one_line(tmp_path, content):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        load(path=path)
    assert "\n" not in str(refused.value)
