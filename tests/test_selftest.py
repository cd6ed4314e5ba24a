"""The packaged self-check: passes here, and says what is broken where something is."""

import subprocess
import sys

import pytest

from symsched import catalog, selftest


@pytest.mark.slow
def test_it_passes_in_a_process_of_its_own_away_from_the_source_tree(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "symsched.selftest"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1] == f"{len(selftest.CHECKS)} passed, 0 failed"
    assert list(tmp_path.iterdir()) == []


def test_a_broken_part_is_named_and_the_others_still_run(monkeypatch, capsys):
    def broken():
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(selftest, "CHECKS", (broken, selftest.numbers))
    assert selftest.main() == 1
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith("FAILED broken")
    assert first.endswith("RuntimeError: two lines")
    assert second.startswith("ok     numbers")
    assert last == "1 passed, 1 failed"


@pytest.mark.parametrize(
    ("check", "target", "value"),
    [
        ("files", "symsched.collection.theory", list),
        ("numbers", "symsched.catalog.follmer", catalog.vp),
        ("formulas", "symsched.catalog.follmer", catalog.vp),
    ],
)
def test_each_check_rejects_a_wrong_installation(monkeypatch, check, target, value):
    monkeypatch.setattr(target, value)
    with pytest.raises(AssertionError):
        getattr(selftest, check)()
