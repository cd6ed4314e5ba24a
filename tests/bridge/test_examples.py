"""The scripts in examples/ run without a network, and say what they should."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import pytest
from slowness import slow

pytest.importorskip("torch", reason="the bridge needs torch: pip install 'symsched[torch]'")

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("name", "needs", "lines"),
    [
        ("flux_pipeline", ("diffusers", "transformers"), 2),
        ("ddpm_pipeline", ("diffusers",), 3),
        ("k_diffusion_loop", (), 3),
        slow("flow_matching_solver", ("flow_matching",), 3),
    ],
)
def test_examples_run_offline(name, needs, lines, capsys, monkeypatch):
    for library in needs:
        pytest.importorskip(library, reason=f"the example needs {library}")
    monkeypatch.setitem(os.environ, "HF_HUB_OFFLINE", "1")
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    said = capsys.readouterr().out
    assert said.count("rms distance") == lines
