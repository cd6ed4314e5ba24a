"""The explorer in a browser: quiet, usable by keyboard and on a phone, and no frame does more than it must."""

import json
import re
import subprocess
import sys

import pytest
from accessibility import faults
from explorer_page import choose, settle, shown, text, timed

import symsched as ss
from symsched.explorer import shelf
from symsched.explorer.assembly import KAPPAS
from symsched.explorer.entries import CLOCKS, NAMES
from symsched.symbols import t


def test_it_opens_without_complaint_and_asks_for_nothing(page, path):
    assert page.errors == []
    assert page.requests == [path.as_uri()]
    for name in NAMES:
        for clock in CLOCKS:
            choose(page, {"target": name, "clock": clock, "kappa": 0.25})
    assert page.errors == []
    assert page.requests == [path.as_uri()]


def test_sliders_move_by_keyboard(page):
    page.evaluate("document.getElementById('kappa').focus()")
    before = shown(page, "kappa-out")
    for kind in ("rawKeyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key="ArrowRight", code="ArrowRight", windowsVirtualKeyCode=39)
    settle(page)
    assert shown(page, "kappa-out") == KAPPAS[KAPPAS.index(before) + 1]
    assert page.evaluate("document.getElementById('kappa').getAttribute('aria-valuetext')") == "1.1"
    order = page.evaluate("[...document.querySelectorAll('input, select, button')].filter(e => e.tabIndex < 0).length")
    assert order == 0


def test_the_address_brings_the_view_back(page):
    choose(page, {"source": "vp", "target": "linear", "kappa": 0.35, "rho": 2, "clock": "smooth"})
    page.evaluate("new Promise(done => setTimeout(done, 300))")
    address = page.evaluate("location.hash")
    assert "kappa=0.35" in address
    page.evaluate("document.getElementById('reset').click(); new Promise(done => setTimeout(done, 300))")
    page.evaluate(f"location.hash = {json.dumps(address)}; new Promise(done => setTimeout(done, 100))")
    settle(page)
    assert page.evaluate("document.getElementById('source').value") == "vp"
    assert shown(page, "rho-out") == 2
    page.evaluate("location.hash = 'kappa=nonsense&source=<b>&steps=1e9&time=-4'; new Promise(d => setTimeout(d, 100))")
    settle(page)
    assert page.evaluate("state.source") == "linear"
    assert page.evaluate("[state.kappa, state.steps, state.time]") == [1, 64, 0]
    assert page.errors == []


def test_formulas_follow_the_choice(page):
    choose(page, {"target": "lazy", "kappa": 1})
    first = page.evaluate("document.getElementById('formulas-target').innerText")
    choose(page, {"target": "vp"})
    assert page.evaluate("document.getElementById('formulas-target').innerText") != first
    choose(page, {"source": "vp"})
    assert "arctan" in page.evaluate("document.getElementById('formulas-conversion').textContent")


def test_the_code_is_that_of_codegen_and_the_command_runs(page, tmp_path):
    choose(page, {"source": "linear", "target": "lazy", "kappa": 1})
    page.evaluate("new Promise(done => setTimeout(done, 200))")
    kept = shelf.load()
    entry = kept.get("linear|lazy|1") or kept["linear|lazy|1|1"]
    assert page.evaluate("document.getElementById('code').textContent") == entry["numpy"]
    choose(page, {"lang": "rust"})
    assert page.evaluate("document.getElementById('code').textContent") == entry["rust"]
    choose(page, {"lang": "numpy"})
    (tmp_path / "copied.py").write_text(entry["numpy"])
    subprocess.run([sys.executable, "-c", "import copied"], cwd=tmp_path, check=True)
    choose(page, {"source": "linear", "target": "vp", "clock": "square", "shift": 2, "kappa": 0.5})
    command = page.evaluate("document.getElementById('command').textContent")
    target = ss.schedules.from_text(re.search(r'--to "(.*?)"', command)[1])
    wanted = timed(ss.schedules.vp(), "square", 2)
    for found, expected in zip((target.alpha, target.beta), wanted, strict=True):
        assert float(found.subs(t, 0.3)) == pytest.approx(float(expected.subs(t, 0.3)), rel=1e-12)


def test_motion_stops_where_it_is_not_wanted(browser, path):
    moving = path.with_name("moving.html")
    moving.write_text(text().replace('"quiet":true', '"quiet":false'), encoding="utf-8")
    page = browser.open(moving)
    settle(page)
    assert page.evaluate("flowing") is True
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    settle(page)
    assert page.evaluate("flowing") is False
    page.evaluate("document.getElementById('convert').click()")
    settle(page)
    assert page.evaluate("[state.morph, frame]") == [0, 0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_with_other_eyes(browser, path, scheme):
    page = browser.open(path, 1440, 900, scheme)
    settle(page)
    assert faults(page) == []
    page.evaluate(
        "document.querySelector('h2').style.color = '#777777'; document.querySelector('h3').outerHTML = '<h6>?'"
    )
    assert len(faults(page)) == 2


@pytest.mark.parametrize("width", [360, 390, 768, 1440])
def test_it_fits_the_screen(browser, path, width):
    page = browser.open(path, width, 800)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate(
        "[...document.querySelectorAll('button, select, input[type=range]')]"
        ".filter(e => e.getBoundingClientRect().height < 24).length"
    )
    assert small == 0


WORK = ("remodel", "paintFans", "paintFigures", "words")
TOUCHED = {
    "kappa": set(WORK),
    "rho": set(WORK),
    "time": {"paintFans", "paintFigures", "words"},
    "morph": {"paintFans", "words"},
    "steps": {"paintFigures", "words"},
}


def touched(page, slider):
    """Which work a move of a slider by one notch asks for, in the one frame that follows it; the noise is held."""
    settle(page)
    for name in WORK:
        page.evaluate(f"(real => {{ {name} = () => {{ done.push('{name}'); real(); }}; }})({name}); var done = [];")
    place = page.evaluate(f"Number(document.getElementById('{slider}').value)")
    page.set_value(f"#{slider}", place - 1)
    settle(page)
    assert page.evaluate("frame") == 0  # and then it rests
    found = page.evaluate("done")
    assert len(found) == len(set(found))
    return set(found)


@pytest.mark.parametrize("slider", TOUCHED)
def test_a_slider_does_what_it_must_and_no_more(page, slider):
    assert touched(page, slider) == TOUCHED[slider]


@pytest.mark.slow
def test_work_that_nothing_asked_for_is_noticed(browser, tmp_path):
    """What frames cost is measured in benchmarks/explorer.py."""
    sane = 'change("steps", Number($("steps").value), "figures")'
    assert sane in text()
    wrong = tmp_path / "wrong.html"
    wrong.write_text(text().replace(sane, sane.replace('"figures"', '"figures", "model"')), encoding="utf-8")
    assert touched(browser.open(wrong, 1440, 900), "steps") != TOUCHED["steps"]
