"""The training scripts' parts: what is held out, the times, the learning rate, and files that are refused."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from symsched.bridge.digits.network import DigitsUNet  # noqa: E402
from symsched.errors import InputError  # noqa: E402
from training import data, digits  # noqa: E402
from training.classifier import shifted  # noqa: E402


def write(path, x, y):
    np.savez(path, x=x, y=y)
    return path


def test_the_last_hundred_of_each_class_are_held_out(tmp_path):
    labels = np.repeat([0, 1], 150).astype(np.uint8)
    pixels = np.zeros((300, 28, 28), np.uint8)
    pixels[:, 0, 0] = np.concatenate([np.arange(150)] * 2)  # each image knows its place in its class
    train, held_out = data.digits(write(tmp_path / "d.npz", pixels, labels))
    places = ((held_out.x[:, 0, 0, 0] + 1) * 127.5).round()
    assert (len(train.x), len(held_out.x)) == (100, 200)
    assert places.min() == 50
    assert train.x.shape[1:] == (1, 28, 28)
    assert train.x[:, :, 1:].unique().tolist() == [-1.0]


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((5, 28, 28)), np.zeros(5), "want uint8"),
        (np.zeros((5, 27, 28), np.uint8), np.zeros(5), "want uint8"),
        (np.zeros((5, 28, 28), np.uint8), np.zeros(4), r"y \(4,\)"),
    ],
)
def test_other_arrays_are_refused(tmp_path, x, y, message):
    with pytest.raises(InputError, match=message):
        data.digits(write(tmp_path / "d.npz", x, y))


def test_other_files_are_refused(tmp_path, capsys):
    (tmp_path / "d.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"is not an \.npz file"):
        data.digits(tmp_path / "d.npz")
    with pytest.raises(SystemExit) as stopped:
        data.run(lambda: data.find(tmp_path / "nowhere.npz"))
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("error: no file")


def test_times_are_one_in_each_stratum():
    stage = digits.STAGES[1]
    t = stage.times(1000, torch.Generator().manual_seed(0))
    assert bool(((t > 0) & (t < 1)).all())
    strata = torch.special.ndtr((torch.logit(t) - stage.centre) / digits.SPREAD) * 1000
    assert torch.equal(strata.floor().clamp(0, 999).long(), torch.arange(1000))
    plain = torch.rand(1000, generator=torch.Generator().manual_seed(0)).sort().values * 1000  # the twin
    assert not torch.equal(plain.floor().long(), torch.arange(1000))


def test_the_learning_rate_rises_and_falls_to_nothing():
    stage = digits.STAGES[0]
    rates = [stage.rate(k) for k in (0, digits.WARM_UP, stage.updates // 2, stage.updates - 1)]
    assert rates == pytest.approx([1 / digits.WARM_UP, 1, 1, 0], abs=1e-5)


def test_a_run_that_stopped_goes_on_as_if_it_had_not(tmp_path):
    x = torch.rand(100, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    whole, first = digits.start(), digits.start()
    together = [digits.improve(whole, x) for _ in range(3)]
    digits.improve(first, x)
    first.save(tmp_path / "state.pt")
    second = digits.start()
    second.resume(tmp_path / "state.pt")
    assert [digits.improve(second, x) for _ in range(2)] == together[1:]
    digits.save(whole.average, tmp_path / "m.safetensors")
    stored = load_file(tmp_path / "m.safetensors")
    assert all(torch.equal(stored[name], value.half()) for name, value in whole.average.state_dict().items())


def test_a_stage_goes_on_from_what_the_one_before_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(digits, "STAGES", tuple(replace(stage, updates=2) for stage in digits.STAGES))
    monkeypatch.setattr(digits, "digits", lambda _: (data.Images(*[torch.zeros(10, 1, 28, 28)] * 2),) * 2)
    begun, start = [], digits.start
    monkeypatch.setattr(digits, "start", lambda *given: begun.append(start(*given)) or begun[-1])
    kept, save = [], digits.save
    monkeypatch.setattr(digits, "save", lambda model, path: kept.append(path) or save(model, path))
    digits.train(tmp_path, tmp_path / "m.safetensors", digits.Log(tmp_path / "log"), 2, tmp_path / "state.pt")
    assert [(run.number, run.done, run.total) for run in begun] == [(0, 2, 2), (1, 2, 4)]
    assert len(kept) == 2
    again = start()
    again.resume(tmp_path / "state.pt")
    assert (again.number, again.done) == (1, 2)
    assert "stage 2" in (tmp_path / "log").read_text()
    second = start(1, tmp_path / "m.safetensors")
    stored = load_file(tmp_path / "m.safetensors")
    assert all(torch.equal(stored[name], value.half()) for name, value in second.model.state_dict().items())


def test_the_network_starts_at_nothing_and_looks_at_the_time():
    torch.manual_seed(0)
    model = DigitsUNet()
    x = torch.randn(2, 1, 28, 28)
    assert float(model(x, torch.tensor([0.2, 0.9])).abs().max().detach()) == 0.0
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.05)
    assert not torch.allclose(model(x, torch.tensor([0.2, 0.9])), model(x, torch.tensor([0.2, 0.2])))


def test_shifting_moves_images_and_brings_in_black():
    torch.manual_seed(0)
    dot = torch.full((50, 1, 28, 28), -1.0)
    dot[:, 0, 14, 14] = 1.0
    moved = shifted(dot)
    assert moved.shape == dot.shape
    assert moved.sum(dim=(1, 2, 3)).unique().tolist() == [-782.0]
    assert {tuple(place) for place in (moved[:, 0] > 0).nonzero()[:, 1:].tolist()} <= {
        (i, j) for i in range(12, 17) for j in range(12, 17)
    }
