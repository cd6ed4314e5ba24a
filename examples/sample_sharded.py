"""Sampling on many processes, GPUs or machines: any sharding gives the same images.

    pip install '.[torch]' && torchrun --nproc-per-node 2 examples/sample_sharded.py --count 1000 -o digits.npy

The noise of an image belongs to (seed, number of the image, evaluation), so a process needs to know only which numbers
are its own: there is nothing to synchronise before the images are gathered.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

import symsched as ss
from symsched.writing import whole


def random_field() -> ss.bridge.FlowField:
    """A small untrained network, for a look at the machinery without weights."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.Tanh(), torch.nn.Conv2d(8, 1, 3, padding=1)
    )
    return ss.bridge.FlowField(lambda x, _: network(x), "linear", shape=(1, 28, 28))


def digits_field() -> ss.bridge.FlowField:
    """The model that comes with symsched."""
    from symsched.bridge import digits

    return digits.load()


def sample_shard(field: ss.bridge.FlowField, numbers: np.ndarray, steps: int, seed: int, batch: int) -> torch.Tensor:
    """The images of these numbers, on the CPU."""
    if not len(numbers):
        return torch.empty(0, *field.shape)
    return ss.bridge.sample(field, len(numbers), steps=steps, seed=seed, indices=numbers, batch=batch).cpu()


def save(images: np.ndarray, path: Path) -> None:
    """Whole or not at all."""
    with whole(path, "wb") as file:
        np.save(file, images)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=["digits", "random"], default="digits")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=250)
    parser.add_argument("-o", "--output", type=Path, default=Path("images.npy"))
    given = parser.parse_args()

    dist.init_process_group("gloo")  # gathers finished images only; sampling itself never communicates
    rank, world = dist.get_rank(), dist.get_world_size()
    field = {"digits": digits_field, "random": random_field}[given.model]()
    mine = np.arange(rank, given.count, world)
    images = sample_shard(field, mine, given.steps, given.seed, given.batch)

    shards = [None] * world if rank == 0 else None
    dist.gather_object((mine, images.numpy()), shards)
    if shards is not None:
        whole = np.empty((given.count, *field.shape), dtype=np.float32)
        for numbers, part in shards:
            whole[numbers] = part
        save(whole, given.output)
        print(f"{given.output}: {given.count} images from {world} processes")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
