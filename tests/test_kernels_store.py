"""Generated modules on disk: private, verified, reused by the second process, with a fallback."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from symsched.kernels import store
from symsched.kernels.machinecode import MachineCode

PROGRAM = """
import numba, sys
from numba.core import event
from symsched.montecarlo import Diffusion, simulate
with event.install_recorder("numba:compile") as compiled:
    found = simulate(Diffusion("-x**3 + sin(t)/3", "1/2", 0), 300, 5, seed=1)
print(repr(float(found.mean[-1])), len(compiled.buffer))
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMSCHED_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_directory_is_private(own):
    assert store.directory() == own / "kernels"
    assert stat.S_IMODE((own / "kernels").stat().st_mode) == 0o700


def test_xdg_is_the_second_choice(tmp_path, monkeypatch):
    monkeypatch.delenv("SYMSCHED_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store.wanted_directory() == tmp_path / "symsched" / "kernels"


def test_a_module_is_named_by_its_content_and_loaded_once(own):
    text = "value = 41 + 1\n"
    module = store.load(text)
    assert module.value == 42
    assert store.load(text) is module
    assert [p.suffix for p in (own / "kernels").glob("symsched_kernel_*")] == [".py"]


@pytest.mark.usefixtures("own")
def test_a_changed_file_is_written_anew():
    text = "value = 'right'\n"
    path = store.save(text)
    path.write_text("value = 'wrong'\n")
    assert store.load(text).value == "right"
    assert path.read_text() == text


def test_a_directory_that_cannot_be_written_warns_and_falls_back(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    monkeypatch.setenv("SYMSCHED_CACHE_DIR", str(blocked))
    with pytest.warns(RuntimeWarning, match="Set SYMSCHED_CACHE_DIR"):
        where = store.directory()
    assert where.is_dir()
    assert where != blocked


@pytest.mark.slow
def test_the_second_process_compiles_nothing(own):
    environment = {**os.environ, "SYMSCHED_CACHE_DIR": str(own)}
    runs = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert runs[0][0] == runs[1][0]
    assert int(runs[0][1]) > 0
    assert runs[1][1] == "0"
    assert Path(own / "kernels").exists()


def test_functions_that_close_over_different_values_are_kept_apart():
    def make(step):
        def add(x):
            return x + step

        return MachineCode(add)

    assert make(1).code == make(1).code != make(2).code


def test_what_is_relied_on_of_numba_is_there():
    """Private parts, for want of public ones: see `symsched.kernels.machinecode`."""
    from numba import njit
    from numba.core.caching import _Cache
    from numba.core.compiler import CompileResult

    asked = {"cache_path", "load_overload", "save_overload", "enable", "disable", "flush"}
    assert set(_Cache.__abstractmethods__) == asked
    assert callable(CompileResult._reduce)
    assert callable(CompileResult._rebuild)
    dispatcher = njit(lambda value: value + 1)
    assert hasattr(dispatcher, "_cache")
    calls = []

    class Seen(MachineCode):
        def load_overload(self, sig, target_context):
            calls.append("load")
            return super().load_overload(sig, target_context)

        def save_overload(self, _sig, data):
            calls.append("save")
            assert hasattr(data.library, "has_dynamic_globals")

    dispatcher._cache = Seen(dispatcher.py_func)
    assert dispatcher(1) == 2
    assert calls == ["load", "save"]
