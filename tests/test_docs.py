"""The documentation is what happens: every block of code runs and prints what its comments say; the site builds."""

import contextlib
import importlib.util
import io
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from slowness import slow

from symsched.collection import load, theory
from symsched.plotting import PLOTS
from symsched.plotting.two_sides import PANELS

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
PARTS = re.compile(r"^```(python|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SITE = ("sphinx", "myst_parser", "furo", "latex2mathml")


def blocks(page):
    return PARTS.findall(page.read_text(encoding="utf-8"))


WITH_CODE = [page for page in PAGES if blocks(page)]
HEAVY = ("add_schedule", "certify", "codegen", "convert", "montecarlo", "pipeline", "plot", "sampler")


def run_page(page, folder):
    """Run the blocks of a page in order, in one namespace; returns what was printed and what was promised."""
    names, printed, promised = {"__name__": "page"}, [], []
    for kind, text in blocks(page):
        lines = text.splitlines()
        if (needs := re.match(r"# needs: (\S+)$", lines[0])) and not here(needs[1]):
            continue
        if kind == "console":
            console(text, folder)
            continue
        if named := re.match(r"# file: (\S+)$", lines[0]):
            (folder / named[1]).write_text(text, encoding="utf-8")
            continue
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(text, page.name, "exec"), names)  # noqa: S102  (our own pages)
        told = re.findall(r"^print\(.*\)  +# (.*)$", text, re.MULTILINE)
        if told and text.count("print(") == len(told):
            printed += out.getvalue().splitlines()
            promised += told
    return printed, promised


def here(name):
    """Whether a package or a program is installed."""
    return importlib.util.find_spec(name) is not None or shutil.which(name) is not None


def console(text, folder):
    """Run the lines that begin with "$"; each line below begins, word by word, a line printed ("…": and so on)."""
    printed = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            printed = spoken(shlex.split(line[2:]), folder)
        elif line and not line.startswith("#"):
            words = line.rstrip(" …").split()
            assert any(found.split()[: len(words)] == words for found in printed), (line, printed)


def spoken(command, folder):
    """The lines that a command prints; it must succeed."""
    first, *rest = command
    assert first in ("symsched", "python"), command
    call = [sys.executable, *(["-m", "symsched.cli"] if first == "symsched" else []), *rest]
    run = subprocess.run(call, capture_output=True, text=True, cwd=folder, timeout=300)
    assert run.returncode == 0, (command, run.stderr)
    return run.stdout.splitlines()


@pytest.mark.parametrize("page", [slow(p) if p.stem in HEAVY else p for p in WITH_CODE], ids=lambda p: p.stem)
def test_every_block_runs_and_prints_what_it_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed, promised = run_page(page, tmp_path)
    assert printed == promised


def test_a_page_that_says_something_wrong_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1 + 1)      # 3\n```\n")
    printed, promised = run_page(page, tmp_path)
    assert printed != promised
    page.write_text("```console\n$ symsched schedules nothing_of_that_name\n```\n")
    with pytest.raises(AssertionError):
        run_page(page, tmp_path)
    page.write_text("```console\n$ symsched schedules vp\nanother line than it prints\n```\n")
    with pytest.raises(AssertionError, match="another line"):
        run_page(page, tmp_path)


def test_links_and_pictures_exist():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
            assert "://" in target or (page.parent / target).is_file(), (page.name, target)
        assert str(DOCS.parent.resolve()) not in text  # of the machine it was written on


def sections(page):
    """Each section of a page by the anchor of its heading."""
    parts = re.split(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {
        re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-"): text for h, text in zip(*[iter(parts)] * 2, strict=True)
    }


def test_each_claim_has_its_proof_its_code_and_its_picture_one_click_from_its_statement():
    text = (DOCS / "theory.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (C\d+): (.*) \| \[(.*)\]\((.*)\) \| \[(.*)\]\((.*)\) \| (.*) \|$", text, re.MULTILINE)
    theorems = [(found.name, found.title, path) for path in theory() for found in load(str(path))]
    assert [(name, title, file) for name, title, file, *_ in rows] == [(n, t, path.name) for n, t, path in theorems]
    for name, _, _, proof, code, place, picture in rows:
        assert len(re.findall(rf"\b{name}\b", text)) >= 2, f"{name} is stated nowhere"
        assert (DOCS / proof).is_file()
        page, anchor = place.split("#")
        assert code.strip("`").split(".")[-1].lower() in sections(DOCS / page)[anchor].lower(), (name, code)
        page, anchor = re.fullmatch(r"\[.+\]\((.*)#(.*)\)", picture).groups()
        assert "![" in sections(DOCS / page)[anchor], (name, picture)
        if name in PANELS:  # and it is this claim's
            assert re.search(rf"symsched plot claim .*\b{name}\b", sections(DOCS / page)[anchor]), name


def test_every_plot_is_named_where_plots_are_taught():
    taught = (DOCS / "howto" / "plot.md").read_text(encoding="utf-8")
    assert [name for name in PLOTS if f"`{name}`" not in taught] == []


def test_the_architecture_names_what_is_there():
    """Every folder and file that its sentences name, in the package or beside it."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*)`", text))
    assert len(named) > 40
    places = [DOCS.parent, DOCS.parent / "symsched"]
    missing = [n for n in named if not any((p / n).is_dir() or (p / f"{n}.py").is_file() for p in places)]
    assert missing == []


def test_every_page_is_reached_from_the_index():
    first = DOCS / "index.md"
    listed, seen = [first], set()
    while listed:
        page = listed.pop()
        seen.add(page)
        for tree in re.findall(r"^```{toctree}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            names = [line for line in tree.splitlines() if line and not line.startswith(":")]
            listed += [page.parent / f"{name}.md" for name in names]
    assert seen == set(PAGES)


def test_there_are_enough_blocks():
    assert sum(len(blocks(page)) for page in PAGES) >= 25


@pytest.mark.exhaustive
def test_the_site_builds_offline_with_warnings_as_errors(tmp_path):
    missing = [name for name in SITE if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: pip install 'symsched[docs]' to build the site")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-E", "-b", "html", str(DOCS), str(tmp_path / "site")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    theory = (tmp_path / "site" / "theory.html").read_text(encoding="utf-8")
    assert "<math" in theory
    assert "\\alpha" not in theory
    for page in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(r'(?:src|<link[^>]*href)="(https?://[^"]+)"', page.read_text(encoding="utf-8"))
        assert not loaded, (page.name, loaded)
