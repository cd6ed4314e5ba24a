"""Three users' paths, as scripts of what they type: each runs in an empty folder, and ends where a step breaks."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parent / "users").glob("*.sh"))
pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell")


def walked(script, folder, symsched):
    """The script in an empty folder, where these are the commands; its lines are told as they are run."""
    commands = {"python": f'exec "{sys.executable}" "$@"', "symsched": symsched}
    (folder / "bin").mkdir()
    for name, line in commands.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / "bin" / name).chmod(0o755)
    (folder / "empty").mkdir()
    path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    return subprocess.run(
        ["sh", "-x", script], cwd=folder / "empty", env={**os.environ, "PATH": path}, capture_output=True, text=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_path_is_walked_to_its_end(script, tmp_path):
    if script.stem == "model" and importlib.util.find_spec("torch") is None:
        pytest.skip("needs torch: pip install 'symsched[torch]'")
    done = walked(script, tmp_path, f'exec "{sys.executable}" -m symsched.cli "$@"')
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("broken", ["exit 0", "echo nothing", "exit 1"])
def test_a_command_that_breaks_ends_the_path(script, broken, tmp_path):
    assert len(SCRIPTS) == 3
    assert walked(script, tmp_path, broken).returncode != 0
