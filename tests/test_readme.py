"""What the README shows is what happens: its Python runs and prints what its comments say, its commands exist."""

import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from slowness import slow

from symsched import codegen, convert
from symsched.verification import verify

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = re.findall(r"^    (symsched .*?)(?:  +#.*)?$", README, re.MULTILINE)


def test_the_first_block_prints_what_its_comments_say(capsys, tmp_path):
    (tmp_path / "block.py").write_text(BLOCKS[0])
    runpy.run_path(str(tmp_path / "block.py"))
    expected = re.findall(r"^print\(.*\)  +# (.*)$", BLOCKS[0], re.MULTILINE)
    assert len(expected) >= 5
    assert capsys.readouterr().out.splitlines() == expected


def test_the_function_shown_is_that_of_the_file():
    code = codegen(convert("linear", "follmer"), "c")
    typedef, function = re.findall(r"```c\n(.*?)\n\n(.*?)```", README, re.DOTALL)[0]
    assert typedef in code
    assert function in code


def test_the_theorem_of_the_readme_holds_and_its_falsehood_does_not(tmp_path):
    true, false = tmp_path / "my_theorem.py", tmp_path / "false_theorem.py"
    true.write_text(BLOCKS[1])
    false.write_text(BLOCKS[1].replace("claimed=-(rho**2)", "claimed=-2*(rho**2)"))
    assert verify(str(true), workers=1).passed
    report = verify(str(false), workers=1)
    assert not report.passed
    assert "residual = rho**2*beta(t)*Derivative(beta(t), t)" in next(iter(report)).failures[0]


@pytest.mark.slow
def test_the_sampler_of_the_readme_runs(capsys, tmp_path, monkeypatch):
    pytest.importorskip("torch", reason="the bridge needs torch: pip install 'symsched[torch]'")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "block.py").write_text(next(block for block in BLOCKS if "bridge.sample" in block))
    runpy.run_path(str(tmp_path / "block.py"))
    assert capsys.readouterr().out.splitlines() == ["(16, 1, 28, 28)"]
    assert (tmp_path / "digits4.json").exists()


@pytest.mark.parametrize("command", [slow(c) if re.search("sample|plot|codegen", c) else c for c in COMMANDS])
def test_each_command_of_the_readme_runs(command, tmp_path):
    if command.startswith("symsched sample"):
        pytest.importorskip("torch", reason="the bridge needs torch: pip install 'symsched[torch]'")
    call = [sys.executable, "-m", "symsched.cli", *shlex.split(command)[1:]]
    run = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() or any(tmp_path.iterdir())


def test_there_are_exactly_two_set_up_commands_and_two_pictures():
    assert len(re.findall(r"^    python3 -m venv", README, re.MULTILINE)) == 2
    pictures = re.findall(r"!\[.+?\]\((.+?)\)", README)
    assert pictures == ["figures/readme.png", "figures/digits.png"]
