"""Two processes over gloo make the images that one process makes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from torched import torch

EXAMPLE = Path(__file__).parents[2] / "examples" / "sample_sharded.py"

pytestmark = pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this torch has no gloo")


def launched(tmp_path, processes, *more):
    output = tmp_path / f"{processes}.npy"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command += [str(EXAMPLE), "--model", "random", "--count", "5", "--steps", "2", "-o", str(output), *more]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return np.load(output)


@pytest.mark.slow
def test_any_sharding_gives_the_same_images(tmp_path):
    two = launched(tmp_path, 2, "--batch", "2")
    one = launched(tmp_path, 1)
    assert two.shape == (5, 1, 28, 28)
    np.testing.assert_allclose(two, one, atol=2e-6)
    assert len({image.tobytes() for image in two}) == 5  # and no two of them are one
