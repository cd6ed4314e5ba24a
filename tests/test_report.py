"""The verification report: complete, well-formed, offline, escaped, the same twice, and readable in a browser."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
import sympy as sp
from accessibility import faults
from browser import chromium

from symsched.report import render
from symsched.verification import verify

THEOREMS = """
import sympy as sp
from symsched.exhibit import Point
from symsched.symbols import alpha, beta, t
from symsched.theorem import Evidence, Theorem

square = Theorem(
    "SQ", "A square <b>& more</b>", "d(α²)/dt = 2αα̇ for α_t", ("α is C¹",), ("calculus",), "arXiv:2303.08797"
)
evil = sp.Symbol("</math><script>alert(1)</script>")


@square.step("Chain rule")
def chain(factor=2):
    return {"slope": (alpha**2).diff(t) - factor * alpha * alpha.diff(t), "none": sp.S.Zero,
            "long": sum((alpha + beta) ** k - sp.expand((alpha + beta) ** k) for k in range(2, 6)),
            "odd": (evil + alpha) ** 2 - evil**2 - 2 * evil * alpha - alpha**2}


@square.values("A number")
def number(value=sp.Rational(1, 2)):
    return [("half", value, "0.5")]


@square.interval("A sign")
def sign(variance=t + 1):
    return [("V", variance, "positive")]


@square.monte_carlo("A coin")
def coin(setting, fair=0.5):
    points = (("heads", 0.501, 0.005, fair), Point("sure", 0.0, 0.0, 0.0))
    return Evidence(fair == 0.5, "heads: 0.501", 1e-6, 0.9999, points)


square.sabotage(chain, "factor 3", factor=3)
square.sabotage(number, "a third", value=sp.Rational(1, 3))
square.sabotage(sign, "negative at the start", variance=t - sp.Rational(1, 2))
square.sabotage(coin, "a coin of 0.9", fair=0.9)

wrong = Theorem("NO", "A false claim", "α = β")


@wrong.step("They are equal")
def equal(other=beta):
    return alpha - other


wrong.sabotage(equal, "β²", other=beta**2)
"""


@pytest.fixture(scope="module")
def theorems(tmp_path_factory):
    path = tmp_path_factory.mktemp("theorems") / "theorems.py"
    path.write_text(THEOREMS)
    return str(path)


@pytest.fixture(scope="module")
def report(theorems):
    return verify(theorems, workers=1, record=True)


@pytest.fixture(scope="module")
def page(report):
    return render(report)


class Structure(HTMLParser):
    """Every element with its attributes; fails on elements that are not closed in order."""

    VOID = frozenset({"meta", "br", "link"})

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture(scope="module")
def structure(page):
    return Structure(page)


# -- structure ---------------------------------------------------------------------------------------------------


def test_headings_descend_one_at_a_time(structure):
    levels = [int(tag[1]) for tag, _ in structure.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_the_page_is_accessible(structure):
    assert structure.all("html") == [{"lang": "en"}]
    assert all(th.get("scope") in ("col", "row") for th in structure.all("th"))
    assert all(svg.get("role") == "img" and svg.get("aria-label") for svg in structure.all("svg"))
    assert len(structure.all("caption")) == len(structure.all("table"))
    scrolling = [a for _, a in structure.elements if "tabindex" in a]
    assert scrolling
    assert all(a.get("aria-label") for a in scrolling)
    ids = [a["id"] for _, a in structure.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in structure.all("a") if a["href"].startswith("#")} <= set(ids)


def test_nothing_is_loaded_from_anywhere(structure, page):
    assert not structure.all("script")
    assert not structure.all("link")
    assert not structure.all("img")
    assert [found for found in re.findall(r"url\((.{5})", page) if found != "data:"] == []  # the font for formulas
    assert "@import" not in page
    addresses = {a["href"] for _, a in structure.elements if a.get("href", "#")[0] != "#"}
    assert addresses == {"https://arxiv.org/abs/2303.08797", "https://arxiv.org/abs/2602.03789"}
    assert set(re.findall(r"\bhttps?://[^\"<\s]+", page)) == addresses


def test_every_claim_check_and_twin_is_there(report, structure):
    text = "".join(structure.texts)
    for verdict in report:
        for told in (verdict.name, *verdict.hypotheses, *verdict.assumptions):
            assert told in text
        for check in verdict.checks:
            assert check.description in text
            assert all(twin[0] in text for twin in check.twins)
    assert text.count("✓ rejected") == sum(verdict.sabotage[1] for verdict in report) == 5


def test_the_outcome_is_told_first_and_failures_by_name(structure, page):
    text = "".join(structure.texts)
    assert "1 of 2 failed: NO" in text.split("Summary")[0]
    assert "What failed" in page
    assert "residual = α - β" in text


def test_what_it_was_made_with_is_stated_without_names_of_hosts_and_paths(theorems, page):
    import platform

    for told in (platform.python_version(), f"sympy {sp.__version__}", "Seed", "core", "@software{symsched"):
        assert told in page
    assert "symsched verify SQ NO --level all --seed 0" in page
    assert str(Path(theorems).parent) not in page
    assert len(platform.node()) < 4 or platform.node() not in page


def test_two_reports_differ_in_their_times_alone(theorems, page):
    def timeless(text):
        return re.sub(r"<time.*?</time>", "", text)

    again = verify(theorems, workers=1, record=True)
    assert timeless(render(again)) == timeless(page)


def contrast(one, two):
    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_text_colour_has_contrast_on_both_backgrounds(page):
    palettes = [
        dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", part)) for part in re.findall(r":root \{(.*?)\}", page, re.S)
    ]
    assert len(palettes) >= 2
    for palette in palettes:
        for text in ("ink", "soft", "good", "bad", "link", "accent"):
            for ground in ("paper", "panel"):
                if text in palette and ground in palette:
                    assert contrast(palette[text], palette[ground]) >= 4.5, (text, ground)


def test_names_of_symbols_cannot_end_their_element(page):
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<b>& more" not in page


# -- the command -------------------------------------------------------------------------------------------------


def command(*args):
    line = [sys.executable, "-m", "symsched.cli", "verify", *args]
    return subprocess.run(line, capture_output=True, text=True, timeout=300)


def test_the_command_writes_one_whole_file(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(THEOREMS.split("wrong = ")[0])
    run = command(str(path), "--report", str(tmp_path / "new" / "folder"))
    assert run.returncode == 0, run.stderr
    assert [p.name for p in (tmp_path / "new" / "folder").iterdir()] == ["report.html"]
    assert "report.html" in run.stdout
    text = (tmp_path / "new" / "folder" / "report.html").read_text(encoding="utf-8")
    assert "1 claim holds" in text
    assert str(tmp_path) not in text


@pytest.mark.parametrize("given", ["file", "file/below", ""])
def test_a_folder_that_cannot_be_written_is_refused_before_the_run(tmp_path, given):
    (tmp_path / "file").write_text("")
    run = command("--report", str(tmp_path / given) if given else "")
    assert run.returncode == 2
    assert run.stderr.startswith("symsched: --report")
    assert run.stderr.count("\n") == 1
    assert "folder" in run.stderr
    assert not run.stdout


# -- in a browser ------------------------------------------------------------------------------------------------


def test_a_browser_opens_it_without_a_complaint(page, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    with chromium() as browser:
        opened = browser.open(path)
        assert opened.errors == []
        assert [one for one in opened.requests if not one.startswith("data:font/woff;")] == [path.as_uri()]
        assert opened.evaluate("document.querySelector('h1').innerText") == "Verification report"
        opened.screenshot(tmp_path / "page.png")
        assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
        # The mathematics is laid out as mathematics: a fraction's numerator stands above its denominator.
        above = "(f => f.children[0].getBoundingClientRect().bottom <= f.children[1].getBoundingClientRect().top + 2)"
        fractions = f"[...document.querySelectorAll('mfrac')].filter(f => f.checkVisibility()).every({above})"
        assert opened.evaluate(fractions)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_with_other_eyes(page, tmp_path, scheme):
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    with chromium() as browser:
        opened = browser.open(path, scheme=scheme)
        opened.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert faults(opened) == []
        opened.evaluate("document.querySelector('svg').removeAttribute('aria-label')")
        assert len(faults(opened)) == 1


def test_it_fits_a_phone_and_prints_what_is_folded(page, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    with chromium() as browser:
        opened = browser.open(path, 360, 740)
        assert opened.evaluate("document.documentElement.scrollWidth") <= 360
        folded = "[...document.querySelectorAll('details > :not(summary)')]"
        assert not any(opened.evaluate(f"{folded}.map(e => e.checkVisibility())"))
        opened.call("Emulation.setEmulatedMedia", media="print")
        shown = opened.evaluate(f"{folded}.map(e => e.getBoundingClientRect().height)")
        assert shown
        assert min(shown) > 0
        opened.pdf(tmp_path / "page.pdf")
        assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
