"""Train the classifier behind the feature distances: `python -m training.classifier --data mnist10k.npz`; a minute.

Cross-entropy on the same training images as the flow model, shifted by up to two pixels; AdamW, one cosine.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from rich.progress import track
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from benchmarks.features import WEIGHTS, Classifier
from symsched.writing import whole
from training.data import digits, find, run

SEED, EPOCHS, BATCH, PEAK, REACH = 0, 20, 128, 2e-3, 2


def shifted(x: Tensor) -> Tensor:
    """Every image moved by its own whole number of pixels, up to REACH in each direction; −1 comes in."""
    offsets = torch.randint(-REACH, REACH + 1, (2, len(x), 1))
    rows, columns = (offset + torch.arange(28) + REACH for offset in offsets)
    padded = nn.functional.pad(x, [REACH] * 4, value=-1.0)[:, 0]
    return padded[torch.arange(len(x))[:, None, None], rows[:, :, None], columns[:, None, :]][:, None]


@torch.no_grad()
def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    return float((model.eval()(x).argmax(dim=1) == y).float().mean())


def train(data: Path) -> tuple[Classifier, float]:
    images, held_out = digits(data)
    torch.manual_seed(SEED)
    model = Classifier()
    batches = len(images.x) // BATCH
    optimizer = torch.optim.AdamW(model.parameters(), PEAK, weight_decay=0.05)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK, total_steps=EPOCHS * batches)
    for _ in track(range(EPOCHS), "training"):
        for picks in torch.randperm(len(images.x))[: batches * BATCH].split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(
                model(shifted(images.x[picks])), images.y[picks], label_smoothing=0.05
            ).backward()
            optimizer.step()
            scheduler.step()
    return model, accuracy(model, held_out.x, held_out.y)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="mnist10k.npz (else $SYMSCHED_DIGITS)")
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    model, held_out = train(find(given.data))
    with whole(given.output, "wb") as file:
        file.write(to_bytes(model.state_dict()))
    line = f"seed {SEED}, {EPOCHS} epochs of {BATCH}: held-out accuracy {held_out:.4f}"
    Path("training/classifier.log").write_text(line + "\n")
    print(line)


if __name__ == "__main__":
    run(main)
