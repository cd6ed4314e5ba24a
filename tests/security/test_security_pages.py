"""Promises 5 and 7 of SECURITY.md, attacked: pages escape what they show, and messages are plain lines."""

import html.parser

import pytest

from symsched.cli.app import run

MARKUP = '<script>alert(1)</script><img src=x onerror=alert(1)>" onload="alert(1)\' </style></title>&lt;'
THEOREM = """
from symsched.symbols import alpha, t
from symsched.theorem import Theorem

evil = {evil!r}
theorem = Theorem("C13x", evil, evil, (evil,), (evil,), evil)


@theorem.step(evil)
def chain(factor=2):
    return {{evil: (alpha**2).diff(t) - factor * alpha * alpha.diff(t)}}


theorem.sabotage(chain, evil, factor=3)
"""


class Scripts(html.parser.HTMLParser):
    """What in a page would run."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "img", "iframe", "object", "embed", "base", "form"):
            self.found.append(tag)
        self.found += [name for name, value in attrs if name.startswith("on") or "javascript:" in (value or "")]


def test_names_of_a_theorem_are_text_in_the_report(tmp_path):
    (tmp_path / "evil.py").write_text(THEOREM.format(evil=MARKUP))
    assert run(["verify", str(tmp_path / "evil.py"), "--level", "symbolic", "--report", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert "&lt;script&gt;" in page
    scripts = Scripts()
    scripts.feed(page)
    assert scripts.found == []


@pytest.fixture
def hostile_explorer(monkeypatch):
    """The explorer's page with markup for every name, and no formulas, which take long."""
    from symsched.explorer import assembly as page

    for name in ("TITLES", "CLOCK_TITLES", "CURVES"):
        monkeypatch.setattr(page, name, dict.fromkeys([*getattr(page, name), MARKUP], MARKUP))
    monkeypatch.setattr(page, "__version__", MARKUP)
    for name, nothing in (("formulas", {}), ("entries", []), ("_schedules", {}), ("_conversions", {})):
        monkeypatch.setattr(page, name, lambda nothing=nothing: nothing)
    return page.render(quiet=True)


def test_names_are_text_in_the_explorer(hostile_explorer):
    scripts = Scripts()
    scripts.feed(hostile_explorer)
    assert scripts.found == ["form", "script", "script"]  # its own
    assert hostile_explorer.count("</script>") == 2
    assert "&lt;script&gt;" in hostile_explorer


def test_the_probe_sees_a_script():
    scripts = Scripts()
    scripts.feed(MARKUP)
    assert scripts.found == ["script", "img", "onerror"]


def test_a_message_cannot_steer_the_terminal(capsys):
    assert run(["schedules", "\x1b[2J\x07"]) == 2
    assert run(["\x1b[2J"]) == 2
    assert run(["derive", "drift", "--\x1b]0;x\x07"]) == 2
    assert "\x1b" not in capsys.readouterr().err
