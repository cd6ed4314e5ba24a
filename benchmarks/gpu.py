"""What the sampler costs beside the model, on a GPU where there is one; its CPU part runs anywhere.

    python -m benchmarks.gpu [--quick] [-o benchmarks/results/gpu.json]

CPU: microseconds per evaluation of the loop around a model that costs nothing.
GPU: the same; the loop around a DiT-XL-sized random model in bfloat16 beside bare calls (goal: under 1 %, under 30 µs
a step); the same images as on the CPU; torch.compile of model and loop; the loop as a CUDA graph; digits per second.
Each figure is the median of rounds in which the cases take turns, so that a drifting machine moves them alike.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from symsched.bridge import FlowField, Sampler, build_plan
from symsched.writing import whole

SOLVERS = {
    "euler": {"target": "linear", "solver": "euler"},
    "ab2c": {"solver": "ab2c"},
    "unipc3": {"target": "linear", "solver": "unipc3"},
    "sde-dpmpp": {"kappa": 1, "solver": "sde-dpmpp"},
}
STEPS = 20


class Block(nn.Module):
    """A transformer block with adaptive layer norm, as in DiT."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width, elementwise_affine=False) for _ in range(2))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.modulation = nn.Linear(width, 6 * width)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        shift, scale, gate, shift2, scale2, gate2 = self.modulation(condition)[:, None].chunk(6, dim=-1)
        inner = self.norms[0](x) * (1 + scale) + shift
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(inner).chunk(3, dim=-1))
        x = x + gate * self.out(nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return x + gate2 * self.mlp(self.norms[1](x) * (1 + scale2) + shift2)


class Transformer(nn.Module):
    """A random model of the size of DiT-XL/2 on 4 × 32 × 32 latents: 28 blocks of width 1152, 256 tokens."""

    def __init__(self, depth: int = 28, width: int = 1152, heads: int = 16) -> None:
        super().__init__()
        self.embed, self.time = nn.Linear(16, width), nn.Linear(1, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.last = nn.Linear(width, 16)

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        tokens = nn.functional.pixel_unshuffle(x, 2).flatten(2).transpose(1, 2)
        state, condition = self.embed(tokens), self.time(time[:, None].to(x.dtype))
        for block in self.blocks:
            state = block(state, condition)
        return nn.functional.pixel_shuffle(self.last(state).transpose(1, 2).unflatten(2, (16, 16)), 2)


def medians(cases: dict[str, Callable[[], Any]], rounds: int, device: str) -> dict[str, float]:
    """Median seconds of each case; the first round warms up and is dropped."""
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds + 1):
        for name, case in cases.items():
            _wait(device)
            started = time.perf_counter()
            case()
            _wait(device)
            taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(values[1:]) for name, values in taken.items()}


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def sampler(field: FlowField, shape: tuple[int, ...], solver: str, steps: int = STEPS) -> Sampler:
    return Sampler(field, build_plan("linear", steps=steps, **SOLVERS[solver]), shape)


def loop_alone(device: str, rounds: int) -> dict[str, float]:
    """Microseconds per evaluation around a model that returns a tensor it had before."""
    shape, count = (4, 32, 32), 1
    answer = torch.randn(count, *shape, device=device)
    field = FlowField(lambda _x, _t: answer, "linear", shape=shape, device=device)
    numbers = torch.arange(count, device=device)
    start = torch.randn(count, *shape, device=device)
    cases = {}
    for name in SOLVERS:
        run = sampler(field, shape, name)
        cases[name] = lambda run=run: run(numbers, start)
    return {name: 1e6 * seconds / STEPS for name, seconds in medians(cases, rounds, device).items()}


def beside_the_model(rounds: int) -> dict[str, Any]:
    """Bare calls of the transformer, and the sampler's loop around it."""
    shape, found = (4, 32, 32), {}
    model = Transformer().to("cuda", torch.bfloat16).eval()
    field = FlowField(model, "linear", shape=shape)
    for count in (1, 8, 32):
        x, times = torch.randn(count, *shape, device="cuda", dtype=torch.bfloat16), torch.rand(count, device="cuda")
        numbers = torch.arange(count, device="cuda")
        start = x.float()
        cases: dict[str, Callable[[], Any]] = {"bare": lambda x=x, times=times: [model(x, times) for _ in range(STEPS)]}
        for name in SOLVERS:
            run = sampler(field, shape, name)
            cases[name] = lambda run=run, numbers=numbers, start=start: run(numbers, start)
        seconds = medians(cases, rounds, "cuda")
        bare = seconds.pop("bare")
        found[f"batch {count}"] = {
            "bare_ms_per_call": 1e3 * bare / STEPS,
            **{
                name: {"overhead_percent": 100 * (s / bare - 1), "overhead_us_per_step": 1e6 * (s - bare) / STEPS}
                for name, s in seconds.items()
            },
        }
    return found


def small_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(4, 32, 3, padding=1), nn.SiLU(), nn.Conv2d(32, 4, 3, padding=1)).eval()


def agreement() -> dict[str, float]:
    """Largest difference between the images of CPU and GPU, from the same seed."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    images = {}
    for device in ("cpu", "cuda"):
        network = small_network().to(device)
        field = FlowField(lambda x, _t, network=network: network(x), "linear", shape=(4, 32, 32), device=device)
        numbers = torch.arange(4, device=device)
        images[device] = {name: sampler(field, (4, 32, 32), name)(numbers).cpu() for name in SOLVERS}
    return {name: float((images["cpu"][name] - images["cuda"][name]).abs().max()) for name in SOLVERS}


def graphs(device: str, rounds: int) -> dict[str, Any]:
    """The loop eager, with the model compiled, with the whole loop compiled, and (GPU) as a CUDA graph."""
    shape, count = (4, 32, 32), 8
    network = small_network().to(device)
    numbers = torch.arange(count, device=device)
    start = torch.randn(count, *shape, device=device)
    field = FlowField(lambda x, _t: network(x), "linear", shape=shape, device=device)
    run = sampler(field, shape, "ab2c")
    cases: dict[str, Callable[[], Any]] = {
        "eager": lambda: run(numbers, start),
        "model compiled": lambda: inner(numbers, start),
        "loop compiled": lambda: loop(numbers, start),
    }
    inner, loop = sampler(field.compiled(), shape, "ab2c"), torch.compile(run.__call__)
    if device == "cuda":
        replay, out = captured(run, numbers, start)
        cases["CUDA graph"] = replay
    expected = run(numbers, start)
    gaps = {name: float((case() - expected).abs().max()) for name, case in cases.items() if name != "CUDA graph"}
    if device == "cuda":
        replay()
        gaps["CUDA graph"] = float((out - expected).abs().max())
    seconds = medians(cases, rounds, device)
    return {name: {"us_per_step": 1e6 * seconds[name] / STEPS, "largest_gap": gaps[name]} for name in cases}


def captured(run: Sampler, numbers: torch.Tensor, start: torch.Tensor) -> tuple[Callable[[], Any], torch.Tensor]:
    """(replay, its output) of the loop captured once; new noise is copied into `start`."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        run(numbers, start)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = run(numbers, start)
    return graph.replay, out


def throughput(device: str, rounds: int, count: int) -> dict[str, float]:
    """Digits per second at 8 evaluations."""
    from symsched.bridge import digits

    field = digits.load(device=device)
    run = sampler(field, field.shape, "ab2c", steps=8)
    numbers = torch.arange(count, device=device)
    return {"images_per_second": count / medians({"": lambda: run(numbers)}, rounds, device)[""], "batch": count}


def machine() -> dict[str, Any]:
    known: dict[str, Any] = {"cores": os.cpu_count(), "python": platform.python_version(), "torch": torch.__version__}
    known["load"] = round(os.getloadavg()[0], 1)
    if torch.cuda.is_available():
        known["gpu"] = torch.cuda.get_device_name()
    return known


def save(document: dict[str, Any], path: Path) -> None:
    with whole(path) as file:
        file.write(json.dumps(document, indent=2) + "\n")


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rounds; no torch.compile on the CPU")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results" / "gpu.json")
    given = parser.parse_args()
    rounds = 3 if given.quick else 15
    torch.set_num_threads(1)
    document: dict[str, Any] = {
        "machine": machine(),
        "steps": STEPS,
        "cpu": {"loop_us_per_step": loop_alone("cpu", rounds)},
    }
    if not given.quick:
        document["cpu"]["graphs"] = graphs("cpu", rounds)
    document["cpu"]["digits"] = throughput("cpu", 1 if given.quick else 3, 16)
    if torch.cuda.is_available():
        document["gpu"] = {
            "loop_us_per_step": loop_alone("cuda", rounds),
            "beside_the_model": beside_the_model(rounds),
            "largest_gap_to_cpu": agreement(),
            "graphs": graphs("cuda", rounds),
            "digits": throughput("cuda", rounds, 1000),
        }
    else:
        print("no CUDA device here: only the CPU part was run")
    save(document, given.output)
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
