"""Train the shipped digits model: `python -m training.digits --data mnist10k.npz`.

The linear flow x_t = (1−t) z + t x, z ~ N(0, I); the network learns the velocity x − z in the mean square, by AdamW.
What is kept is an exponential moving average of the weights, in half precision. Under an hour on one core.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.progress import track
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from symsched.bridge.digits.network import DigitsUNet
from symsched.writing import whole
from training.data import Images, digits, find, run

SEED = 0
UPDATES, BATCH = 14_000, 64
PEAK, WARM_UP, COOL_DOWN = 1.5e-3, 200, 4000  # learning rate; updates to rise to it, updates to fall to 0
WEIGHT_DECAY = 0.01
AVERAGE = 0.999  # of the weights, over updates
SPREAD = 1.2  # of the logit-normal times
TARGET = Path("symsched/bridge/digits/digits.safetensors")


def rate(update: int) -> float:
    """The learning rate as a fraction of its peak: linear warm-up, level, then half a cosine down to 0."""
    left = min(1.0, (UPDATES - update) / COOL_DOWN)
    return min(1.0, (update + 1) / WARM_UP) * (0.5 - 0.5 * math.cos(math.pi * left))


def times(batch: int, generator: torch.Generator) -> Tensor:
    """Logit-normal times, one in each of `batch` equally likely strata, so that every batch sees the whole path."""
    strata = (torch.arange(batch) + torch.rand(batch, generator=generator)) / batch
    return torch.sigmoid(SPREAD * torch.special.ndtri(strata.clamp(1e-6, 1 - 1e-6)))


def loss(model: nn.Module, x: Tensor, generator: torch.Generator) -> Tensor:
    """E |b(t, x_t) − (x − z)|², the mean over pixels."""
    z = torch.randn(x.shape, generator=generator)
    t = times(len(x), generator)
    s = t[:, None, None, None]
    with torch.autocast("cpu", torch.bfloat16):
        out = model((1 - s) * z + s * x, t)
    return (out.float() - (x - z)).square().mean()


@torch.no_grad()
def follow(average: nn.Module, model: nn.Module, update: int) -> None:
    """average <- a · average + (1−a) · model, a = 0.999 once there are updates enough to average over."""
    weight = 1 - min(AVERAGE, (1 + update) / (10 + update))
    for slow, fast in zip(average.parameters(), model.parameters(), strict=True):
        slow.lerp_(fast, weight)


def save(model: nn.Module, path: Path) -> None:
    """The weights in half precision, whole or not at all."""
    half = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    with whole(path, "wb") as file:
        file.write(to_bytes(half))


@torch.no_grad()
def held_out_loss(model: nn.Module, images: Images) -> float:
    """The loss on the held-out images at the same noise and times every time."""
    generator = torch.Generator().manual_seed(SEED + 1)
    return float(torch.stack([loss(model, x, generator) for x in images.x[::5].split(BATCH * 2)]).mean())


class Log:
    """Lines to the terminal and to a short file."""

    def __init__(self, path: Path) -> None:
        self.path, self.start = path, time.monotonic()

    def line(self, text: str) -> None:
        with self.path.open("a") as file:
            file.write(f"{(time.monotonic() - self.start) / 60:5.1f} min  {text}\n")


@dataclass
class Run:
    """Everything that a stopped run needs in order to go on as if it had not stopped."""

    model: nn.Module
    average: nn.Module
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    done: int = 0

    def save(self, path: Path) -> None:
        state = [self.model.state_dict(), self.average.state_dict(), self.optimizer.state_dict()]
        with whole(path, "wb") as file:
            torch.save([*state, self.generator.get_state(), self.done], file)

    def resume(self, path: Path) -> None:
        model, average, optimizer, generator, self.done = torch.load(path, weights_only=True)
        self.model.load_state_dict(model)
        self.average.load_state_dict(average)
        self.optimizer.load_state_dict(optimizer)
        self.generator.set_state(generator)


def start() -> Run:
    torch.manual_seed(SEED)
    model, average = DigitsUNet(), DigitsUNet()
    average.load_state_dict(model.state_dict())
    optimizer = torch.optim.AdamW(model.parameters(), PEAK, betas=(0.9, 0.99), weight_decay=WEIGHT_DECAY)
    return Run(model, average, optimizer, torch.Generator().manual_seed(SEED))


def improve(run: Run, x: Tensor) -> float:
    """One update; returns its loss."""
    for group in run.optimizer.param_groups:
        group["lr"] = PEAK * rate(run.done)
    picks = torch.randint(len(x), (BATCH,), generator=run.generator)
    run.optimizer.zero_grad(set_to_none=True)
    value = loss(run.model, x[picks], run.generator)
    value.backward()
    nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    run.optimizer.step()
    follow(run.average, run.model, run.done)
    run.done += 1
    return value.item()


def train(data: Path, output: Path, log: Log, every: int, state: Path | None) -> None:
    images, held_out = digits(data)
    run = start()
    if state and state.is_file():
        run.resume(state)
    parameters = sum(p.numel() for p in run.model.parameters())
    log.line(f"seed {SEED}, {len(images.x)} images, {parameters} parameters, {UPDATES} updates of {BATCH}")
    losses: list[float] = []
    for _ in track(range(run.done, UPDATES), "training"):
        losses.append(improve(run, images.x))
        if run.done % every == 0 or run.done == UPDATES:
            save(run.average, output)
            mean, unseen = sum(losses) / len(losses), held_out_loss(run.average, held_out)
            log.line(f"update {run.done}: loss {mean:.4f}, held out {unseen:.4f}")
            losses.clear()
            if state:
                run.save(state)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="mnist10k.npz (else $SYMSCHED_DIGITS)")
    parser.add_argument("--output", type=Path, default=TARGET)
    parser.add_argument("--log", type=Path, default=Path("training/digits.log"))
    parser.add_argument("--every", type=int, default=1000, help="updates between checkpoints")
    parser.add_argument("--state", type=Path, help="where a stopped run keeps, and finds, what it needs to go on")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    train(find(given.data), given.output, Log(given.log), given.every, given.state)


if __name__ == "__main__":
    run(main)
