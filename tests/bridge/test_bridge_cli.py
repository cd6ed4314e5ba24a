"""`symsched sample`: a sheet of images, what was done as JSON, and errors in one line."""

import json

import numpy as np
import pytest
from torched import torch

from symsched.bridge import FlowField
from symsched.cli.app import run

pytest.importorskip("safetensors", reason="the shipped model is a safetensors file: pip install 'symsched[torch]'")


@pytest.fixture
def small(monkeypatch):
    """A model that costs nothing in the place of the shipped one."""
    from symsched.bridge import digits

    torch.manual_seed(0)
    network = torch.nn.Conv2d(1, 1, 3, padding=1)
    field = FlowField(lambda x, _: torch.tanh(network(x)), "linear", shape=(1, 28, 28))
    monkeypatch.setattr(digits, "load", lambda **_: field)
    return field


def pixels(path):
    from matplotlib.image import imread

    return imread(path)


@pytest.mark.usefixtures("small")
def test_a_sheet_of_images_and_what_was_done(tmp_path, capsys):
    path = tmp_path / "sheet.png"
    assert run(["sample", "--steps", "3", "--count", "5", "--solver", "ab2c", "--json", "-o", str(path)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["evaluations"] == 3
    assert document["count"] == 5
    assert document["times"][0] == 0
    assert pixels(path).shape[:2] == (2 * 28 * 2, 3 * 28 * 2)  # 2 rows of 3, two dots to a pixel


@pytest.mark.usefixtures("small")
def test_the_image_depends_on_the_seed_alone(tmp_path):
    sheets = {}
    for name, options in {"a": ["--seed", "1"], "b": ["--seed", "1", "--batch", "1"], "c": ["--seed", "2"]}.items():
        path = tmp_path / f"{name}.png"
        assert run(["sample", "--steps", "2", "--count", "4", *options, "-o", str(path)]) == 0
        sheets[name] = pixels(path)
    assert np.abs(sheets["a"] - sheets["b"]).max() < 0.01
    assert np.abs(sheets["a"] - sheets["c"]).max() > 0.1


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("options", "match"),
    [
        (["--steps", "0"], "steps = 0: expected a whole number"),
        (["--solver", "eular"], "unknown solver 'eular'; did you mean euler"),
        (["--kappa", "-1"], "kappa = -1: expected a finite number"),
        (["--target", "nosuch"], "unknown schedule 'nosuch'"),
        (["--device", "tpu9"], "device = 'tpu9': expected cpu, cuda or cuda:N"),
        (["--device", "meta"], "device = meta: it holds shapes and no numbers"),
        (["--count", "0"], "--count 0: expected 1 to 10000"),
        (["--grid", "sigmas([1,2])"], "decrease"),
        (["-o", "sheet.gif"], "end it in .png"),
        (["-o", "no/such/folder/sheet.png"], "no/such/folder/sheet.png"),
    ],
)
def test_a_wrong_option_is_one_line_and_leaves_nothing(options, match, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["sample", "-o", "sheet.png", *options]) == 2
    message = capsys.readouterr().err.strip()
    assert match in message
    assert "\n" not in message
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_that_is_not_safetensors(tmp_path, capsys):
    path = tmp_path / "weights.pt"
    torch.save({"a": torch.zeros(1)}, path)
    assert run(["sample", "--model", str(path), "-o", str(tmp_path / "sheet.png")]) == 2
    assert "is not a safetensors file" in capsys.readouterr().err
    assert run(["sample", "--model", str(tmp_path / "none"), "-o", str(tmp_path / "sheet.png")]) == 2
    assert "expected a safetensors file" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["weights.pt"]


def test_without_torch_one_line_says_what_to_install(monkeypatch, tmp_path, capsys):
    import builtins
    import sys

    real = builtins.__import__

    def without_torch(name, *args, **kwargs):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return real(name, *args, **kwargs)

    for name in [name for name in sys.modules if name.startswith("symsched.bridge.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without_torch)
    assert run(["sample", "-o", str(tmp_path / "sheet.png")]) == 2
    assert "needs torch: pip install 'symsched[torch]'" in capsys.readouterr().err
