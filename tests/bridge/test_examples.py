"""The scripts in examples/ run without a network, and say what they should."""

from __future__ import annotations

import ast
import os
import re
import runpy
import sys
import tomllib
from pathlib import Path

import pytest
from slowness import slow

pytest.importorskip("torch", reason="the bridge needs torch: pip install 'symsched[torch]'")

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.slow
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


EXTRAS = tomllib.loads((EXAMPLES.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def required(extra):
    """What an extra and the core require, by the names that are imported."""
    found = set()
    for line in EXTRAS["dependencies"] + EXTRAS["optional-dependencies"][extra]:
        name, inner = re.match(r"([\w-]+)(?:\[(\w+)\])?", line).groups()
        found |= required(inner) if name == "symsched" else {name.replace("-", "_")}
    return found


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_says_the_one_line_that_installs_what_it_imports(example):
    """Pipelines of diffusers need transformers too, though no example imports it."""
    tree = ast.parse(example.read_text(encoding="utf-8"))
    (extra,) = re.findall(r"^    pip install '\.\[(\w+)\]' && ", ast.get_docstring(tree, clean=False), re.MULTILINE)
    imports = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imports |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    others = {name.partition(".")[0] for name in imports} - set(sys.stdlib_module_names) - {"symsched"}
    others |= {"transformers"} if "Pipeline" in example.read_text(encoding="utf-8") else set()
    assert others <= required(extra)
