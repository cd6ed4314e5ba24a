"""What only a GPU can tell: no synchronisation, CUDA graphs, and the CPU's images.  Skipped where there is none."""

import pytest
from torched import torch

from symsched.bridge import FlowField, Sampler, build_plan, sample

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

SHAPE = (4, 16, 16)
PLANS = {
    "ab2c": {"steps": 4, "solver": "ab2c"},
    "unipc3": {"steps": 4, "solver": "unipc3"},
    "sde": {"steps": 4, "kappa": 1, "solver": "sde-dpmpp"},
}


def field(device, dtype=torch.float32):
    torch.manual_seed(0)
    network = torch.nn.Conv2d(4, 4, 3, padding=1).to(device, dtype)
    return FlowField(lambda x, _: torch.tanh(network(x)), "linear", shape=SHAPE, device=device, dtype=dtype)


@pytest.fixture(autouse=True)
def exact_products():
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    with torch.no_grad():
        yield


@pytest.mark.parametrize("options", PLANS.values(), ids=PLANS)
def test_the_images_are_those_of_the_cpu(options):
    found = [sample(field(device), 3, seed=5, **options).cpu() for device in ("cpu", "cuda")]
    torch.testing.assert_close(found[1], found[0], atol=1e-4, rtol=0)


@pytest.mark.parametrize("options", PLANS.values(), ids=PLANS)
def test_the_loop_never_waits_for_the_device(options):
    sampler, numbers = Sampler(field("cuda"), build_plan("linear", **options), SHAPE), torch.arange(3, device="cuda")
    sampler(numbers)
    torch.cuda.set_sync_debug_mode("error")
    try:
        sampler(numbers)
        with pytest.raises(RuntimeError):
            bool(numbers.any())  # the mode would have told
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("options", PLANS.values(), ids=PLANS)
def test_the_loop_can_be_captured_as_a_graph(options):
    sampler, numbers = (
        Sampler(field("cuda"), build_plan("linear", **options), SHAPE, seed=2),
        torch.arange(3, device="cuda"),
    )
    expected = sampler(numbers + 7)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        sampler(numbers)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        images = sampler(numbers)
    numbers += 7
    graph.replay()
    torch.testing.assert_close(images, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_half_precision_on_the_gpu(name):
    half = sample(field("cuda", getattr(torch, name)), 3, seed=5, steps=4)
    assert half.dtype == torch.float32
    assert (half.cpu() - sample(field("cpu"), 3, seed=5, steps=4)).abs().max() < 0.1
