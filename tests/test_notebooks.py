"""The notebooks of the documentation: their scripts run, and show what was kept of them."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
sys.path.append(str(DOCS / "_ext"))

import notebooks  # noqa: E402

SCRIPTS = sorted(notebooks.FOLDER.glob("*.py"))


def seen(notebook):
    """The cells without pictures, and without how long something took."""
    text = json.dumps(
        [
            [
                cell["source"],
                [output.get("text") or output["data"] | {"image/png": ""} for output in cell.get("outputs", ())],
            ]
            for cell in notebook["cells"]
        ]
    )
    return re.sub(r"\d+\.\d s\b", "… s", text)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_was_kept(script):
    text = script.read_text(encoding="utf-8")
    if (needs := re.match(r"# needs: (\w+)", text)) and importlib.util.find_spec(needs[1]) is None:
        pytest.skip(f"the notebook needs {needs[1]}")
    kept = json.loads(script.with_suffix(".ipynb").read_text(encoding="utf-8"))
    assert seen(notebooks.executed(text)) == seen(kept), "python -m docs --notebooks writes it anew"


def test_each_notebook_is_short_and_has_a_page_with_all_of_it():
    assert [script.stem for script in SCRIPTS] == ["engineer", "model", "researcher"]
    for script in SCRIPTS:
        kept = json.loads(script.with_suffix(".ipynb").read_text(encoding="utf-8"))
        assert kept["nbformat"] == 4
        assert len(kept["cells"]) <= 20
        assert f"<!-- notebook {script.stem} -->" in script.with_suffix(".md").read_text(encoding="utf-8")
        page = "\n\n".join(notebooks.page(kept))
        assert page.startswith("# ")
        assert all(cell["source"] in page for cell in kept["cells"])


def test_a_cell_that_fails_is_no_notebook():
    with pytest.raises(ZeroDivisionError):
        notebooks.executed("# %%\n1 / 0\n")


def test_a_cell_shows_its_last_value_and_what_it_printed():
    (cell,) = notebooks.executed("# %%\nprint('a')\nx = 1\nx + 1\n")["cells"]
    assert [o.get("text") or o["data"] for o in cell["outputs"]] == ["a\n", {"text/plain": "2"}]
