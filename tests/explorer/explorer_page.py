"""The explorer, written once for the tests that open it, and the hands that move its controls."""

import math
from functools import cache

from symsched import explorer
from symsched.explorer.assembly import KAPPAS, RHOS, SHIFTS
from symsched.parsing import parse_expression
from symsched.symbols import t


@cache
def text():
    """The page, its noise held."""
    return explorer.render(quiet=True)


def timed(schedule, clock, shift):
    """The schedule in a clock and a shift, made here from text."""
    phi = {"own": "t", "angle": "sin(pi*t/2)", "square": "t**2", "smooth": "sin(pi*t/2)**2"}[clock]
    time = parse_expression(f"t/(t + {shift}*(1 - t))")
    return tuple(f.subs(t, parse_expression(phi).subs(t, time)) for f in (schedule.alpha, schedule.beta))


def choose(page, given):
    """Move the sliders and menus as a user would."""
    stops = {"kappa": KAPPAS, "rho": RHOS, "shift": SHIFTS}
    page.evaluate("document.getElementById('reset').click()")
    for key, value in given.items():
        place = stops[key].index(value) if key in stops else round(200 * value) if key == "time" else value
        page.set_value(f"#{key}", place)
    settle(page)


def settle(page):
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def shown(page, name):
    """A displayed number."""
    words = page.evaluate(f"document.getElementById('{name}').textContent").replace("−", "-")
    if words in ("–", "∞", "-∞"):
        return {"–": math.nan, "∞": math.inf, "-∞": -math.inf}[words]
    if "·" in words:
        digits, power = words.split(" · 10")
        return float(digits) * 10.0 ** int(power.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")))
    return float(words)
