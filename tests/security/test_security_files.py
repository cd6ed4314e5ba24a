"""Promises 3, 4 and 6 of SECURITY.md, attacked: the cache, files that are read, and names that are no paths."""

import json
import os
import re
import stat
from pathlib import Path

import numpy as np
import pytest

from symsched.cli.app import run
from symsched.errors import InputError
from symsched.kernels import store
from symsched.montecarlo import Diffusion, simulate
from symsched.schedule import Schedule
from symsched.symbols import t, x

# -- 3. the cache -----------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMSCHED_CACHE_DIR", str(tmp_path))
    return store.directory()


def test_the_cache_is_private_and_so_are_its_files(cache, monkeypatch):
    monkeypatch.setattr(os, "umask", os.umask)
    old = os.umask(0)
    try:
        store.write("symsched_code_x.bin", b"x")
    finally:
        os.umask(old)
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert stat.S_IMODE((cache / "symsched_code_x.bin").stat().st_mode) == 0o600


def test_a_planted_module_is_not_run(cache):
    text = "value = 'right'  # asked for here alone\n"
    path = cache / f"{store.name_of(text)}.py"
    path.write_text("value = 'planted'\n")
    folder = cache / "__pycache__"
    folder.mkdir()
    (folder / f"{path.stem}.cpython-311.pyc").write_bytes(b"planted")
    assert store.load(text).value == "right"
    assert path.read_text() == text


class Evil:
    """A pickle that runs code when it is read."""

    def __reduce__(self):
        return (Path.touch, (Path("canary"),))


def test_a_planted_pickle_is_not_read(cache, monkeypatch):
    import pickle

    from numba import float64

    from symsched.kernels.machinecode import MachineCode

    kept = MachineCode(test_a_planted_pickle_is_not_read)
    monkeypatch.setattr(kept, "entry", lambda *_: "symsched_code_x.bin")
    (cache / "symsched_code_x.bin").write_bytes(b"0" * 64 + pickle.dumps(Evil()))
    dispatcher = __import__("symsched.kernels.compiled", fromlist=["kernel"]).kernel(lambda a: a)
    monkeypatch.chdir(cache)
    assert kept.load_overload((float64,), dispatcher.targetctx) is None
    assert not (cache / "canary").exists()


# -- 4. files that are read -------------------------------------------------------------------------------------------


def test_a_checkpoint_with_a_pickle_is_refused_unread(tmp_path, canary):
    file = tmp_path.parent / "planted.npz"
    content = np.array([Evil()], dtype=object)
    with open(file, "wb") as out:
        np.savez(out, job=content, rows=content, counts=content, kept=content, next_unit=content, lost=content)
    with pytest.raises(InputError, match="cannot be read; delete it to start anew"):
        simulate(Diffusion(t - x, 0.5, 0), 8, 2, checkpoint=file)
    canary(lambda: None)


# -- 6. names are no paths --------------------------------------------------------------------------------------------


def test_a_name_is_no_path(tmp_path, monkeypatch):
    from symsched.codegen.module import Module

    monkeypatch.chdir(tmp_path)
    for name in ("../../etc/passwd", "/etc/passwd", "a/b", "..", "con", "a b"):
        assert re.fullmatch(r"[A-Za-z0-9_]*", Module(Schedule("1-t", "t", name=name)).name)
    assert run(["verify", "../../etc/passwd.py"]) == 2
    assert run(["schedules", "../linear"]) == 2
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_is_what_was_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["codegen", "--to", "linear", "--lang", "latex", "-o", "a.tex"]) == 0
    assert run(["schedules", "linear", "--json", "b.json"]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tex", "b.json"]
    assert json.loads((tmp_path / "b.json").read_text())["schedules"][0]["name"] == "linear"
    capsys.readouterr()
