"""The explorer: one small file that needs nothing else, its derivations, its kept code, and its command."""

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest
import sympy as sp
from explorer_page import text

import symsched as ss
from symsched import explorer
from symsched.errors import InputError
from symsched.explorer import shelf
from symsched.explorer.assembly import KAPPAS
from symsched.explorer.entries import CLOCKS, clock_inverse, entries
from symsched.explorer.palette import DARK, contrast, looks, on_dark
from symsched.explorer.script import expression, function
from symsched.explorer.shared import drift_of_ancestral
from symsched.symbols import kappa, rho, t

# -- the file -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_is_one_small_file_that_needs_nothing_else():
    assert len(text().encode()) < 1_000_000
    assert "default-src 'none'" in html.unescape(text())
    for word in ("src=", "url(", "@import", "fetch(", "XMLHttpRequest", "import("):
        assert word not in re.sub(r'<script id="shelf".*?</script>', "", text(), flags=re.DOTALL), word
    assert not re.findall(r"https?://(?!www\.w3\.org/1998/Math)[^\"'<\s]+", text())


@pytest.mark.slow
def test_every_control_has_a_label():
    controls = re.findall(r"<(?:input|select)[^>]*", text())
    assert len(controls) > 10
    for control in controls:
        name = re.search(r'id="([^"]+)"', control)
        assert name is None or f'for="{name[1]}"' in text()
    assert len(re.findall(r"<canvas", text())) == len(re.findall(r'<canvas[^>]*role="img"', text())) == 9


def test_no_formula_is_typed_in_the_scripts():
    """Drawing and state alone: the names of functions of mathematics stand in what SymPy printed."""
    for name in ("model.js", "draw.js", "figures.js", "app.js"):
        own = (Path(explorer.__file__).parent / name).read_text(encoding="utf-8")
        assert not re.findall(r"Math\.(pow|exp|tan|atan|asin|acos|cot)\b", own), name


# -- the derivations ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", entries(), ids=lambda e: f"{e.name}-{e.regime}")
@pytest.mark.parametrize("clock", CLOCKS)
def test_forms_in_a_clock_are_those_of_the_schedule_in_that_clock(entry, clock):
    """ε* and the slope, multiplied by the pace of the clock, against the library's own derivation."""
    at = {kappa: {"zero": 0, "below": 0.4, "one": 1, "above": 2.5}.get(entry.regime, 0.7), rho: 0.6}
    phi = entry.clock(clock)
    own = ss.Schedule(*(sp.nsimplify(entry.forms[q].subs(at), rational=True).subs(t, phi) for q in ("alpha", "beta")))
    law = own.variance(sp.Rational(3, 5))
    slope = (law.diff(t) / 2 - sp.nsimplify(at[kappa]) * own.eps_star) / law
    for time in (0.1, 0.37, 0.9):
        put = {**at, t: time}
        for name, wanted in (("eps_star", own.eps_star), ("slope", slope)):
            found = float((entry.timed(entry.forms[name], clock) * phi.diff(t)).subs(put))
            assert found == pytest.approx(float(wanted.subs(t, time)), rel=1e-9, abs=1e-9), (name, time)
        back = clock_inverse(phi).subs(sp.Symbol("y", positive=True), phi.subs(t, time))
        assert float(back) == pytest.approx(time, abs=1e-12)


def test_the_step_of_the_fan_has_the_drift_of_the_theory():
    step, drift = drift_of_ancestral()
    assert sp.simplify(step - drift) == 0
    assert sp.simplify(step + drift) != 0


def test_what_javascript_cannot_say_is_refused():
    with pytest.raises(InputError, match="no counterpart"):
        expression(sp.gamma(t))
    with pytest.raises(InputError, match="no argument"):
        function([t], t + rho)
    assert expression(sp.Rational(1, 3)) == "(1/3)"


def test_colours_can_be_seen_on_the_dark_ground_and_are_those_of_the_figures():
    from symsched.plotting.style import style_of

    found = looks(KAPPAS)
    assert found["light"]["linear"] == style_of(ss.schedules.linear()).color
    assert found["light"]["lazy"][KAPPAS.index(1)] == style_of(ss.schedules.lazy(kappa=1)).color
    dark = [c for value in found["dark"].values() for c in ([value] if isinstance(value, str) else value)]
    assert all(contrast(c, DARK) >= 4.5 for c in dark)
    assert on_dark("#ffffff") == "#ffffff"


def stale(names, kept):
    """The entries that codegen would write differently today."""
    return [name for name in names if kept[name] != shelf.make(*name.split("|"))]


@pytest.mark.slow
def test_kept_code_is_what_codegen_writes():
    """If this fails, codegen has changed: python -m symsched.explorer.shelf --all"""
    kept = shelf.load()
    names = ["linear|linear|", "vp|vp|", "follmer|linear|"]
    assert stale(names, kept) == []
    assert {*map("|".join, shelf.keys())} == {name.removesuffix("|1") if name.count("|") > 2 else name for name in kept}
    assert all(set(code) == set(shelf.LANGUAGES) for code in kept.values())
    kept["vp|vp|"]["c"] = kept["vp|vp|"]["c"].replace("cos", "sin")
    assert stale(names, kept) == ["vp|vp|"]


@pytest.mark.exhaustive
def test_all_kept_code_is_what_codegen_writes():
    kept = shelf.load()
    assert stale(kept, kept) == []


# -- the command --------------------------------------------------------------------------------------------------


def command(*args):
    return subprocess.run(
        [sys.executable, "-m", "symsched.cli", "explore", *args], capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize("given", ["", "folder", "file/below.html", "missing/page.html"])
def test_a_path_that_cannot_be_written_is_refused_in_one_line(tmp_path, given):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    run = command("-o", str(tmp_path / given) if given else "")
    assert run.returncode == 2
    assert run.stderr.startswith("symsched: -o")
    assert run.stderr.count("\n") == 1
    assert not run.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.exhaustive
def test_the_command_writes_the_page(tmp_path):
    run = command("-o", str(tmp_path / "page.html"))
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == explorer.render()
    assert "page.html" in run.stdout
