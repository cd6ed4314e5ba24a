"""Importing symsched stays cheap: nothing heavy is loaded before it is needed."""

import contextlib
import subprocess
import sys

import pytest

import symsched

HEAVY = {"numba", "matplotlib", "torch", "scipy", "jax", "dask"}


def loaded(code):
    probe = f"{code}\nimport sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in run.stdout.split()}


@pytest.mark.parametrize(
    "code",
    [
        "import symsched",
        "import symsched as s; s.Schedule('1-t', 't').validate()",
        "import symsched as s; s.convert(s.schedules.linear(), s.schedules.vp()).at([0, 0.25, 1])",
        "import symsched.cli",
    ],
)
def test_symbolic_work_loads_nothing_heavy(code):
    assert not loaded(code) & (HEAVY - {"scipy"})


def test_the_probe_would_see_a_heavy_import():
    assert "numba" in loaded("import symsched as s; s.simulate")


def test_every_public_name_resolves():
    for name in symsched.__all__:
        assert getattr(symsched, name) is not None
    assert set(symsched.__all__) <= set(dir(symsched))


def test_an_unknown_name_is_refused_by_name():
    with pytest.raises(AttributeError, match="no attribute 'schedule_of_nobody'"):
        _ = symsched.schedule_of_nobody


ADAPTERS = {
    "LazyScheduler": "diffusers",
    "LazyVPScheduler": "diffusers",
    "sample_lazy": "torch",
    "LazyModel": "flow_matching",
    "LazySolver": "flow_matching",
    "SymbolicScheduler": "flow_matching",
}


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_stands_in_the_bridge_or_says_what_to_install(name, monkeypatch):
    import symsched.bridge as bridge

    with contextlib.suppress(symsched.InputError):
        assert getattr(bridge, name).__name__ == name
    for module in [m for m in sys.modules if m.startswith(("symsched.bridge.adapters", "flow_matching."))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, ADAPTERS[name], None)
    with pytest.raises(
        symsched.InputError, match=rf"symsched\.bridge\.{name} needs {ADAPTERS[name]}: pip install 'symsched\["
    ):
        getattr(bridge, name)
