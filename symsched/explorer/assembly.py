"""The page: formulas as JavaScript and MathML, the generated code, style and drawing, in one file."""

from __future__ import annotations

import base64
import html
import json
from importlib.resources import files
from typing import Any

import sympy as sp

from symsched.exact import shortest
from symsched.explorer import shelf
from symsched.explorer.entries import CLOCKS, QUANTITIES, PageEntry, clock_inverse, entries, short, tidy_powers
from symsched.explorer.palette import dashes, looks, path_colors
from symsched.explorer.script import function, table
from symsched.explorer.shared import LAWS, formulas
from symsched.inversion import R
from symsched.report.html import Html, element
from symsched.report.mathml import formula as mathml
from symsched.report.mathml import math
from symsched.symbols import kappa, rho, t
from symsched.version import __version__

#: R as the page calls it, beside the private letter of `closed_inverse`.
RATIO = sp.Symbol("R", positive=True)
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
TITLES = {
    "linear": "linear",
    "vp": "VP",
    "ddpm": "DDPM",
    "follmer": "Föllmer",
    "lazy": "lazy(κ, ρ)",
}
CLOCK_TITLES = {"own": "its own", "angle": "sin(πt/2)", "square": "t²", "smooth": "sin²(πt/2)"}
CURVES = {
    "alpha": "noise coefficient α",
    "beta": "data coefficient β",
    "log_snr": "log SNR",
    "variance": "variance V = α² + ρ²β²",
    "eps_star": "optimal scale ε*",
    "plane": "the (α, β) plane: β against α",
}
RHOS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3)
SHIFTS = (0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 4, 5)
KAPPAS = (
    *(round(0.05 * k, 2) for k in range(20)),
    *(round(1 + 0.1 * k, 2) for k in range(10)),
    *(round(2 + 0.2 * k, 2) for k in range(11)),
)
alpha_bar, beta_bar = sp.Symbol("alphabar", positive=True), sp.Symbol("betabar", positive=True)


def render(quiet: bool = False) -> str:
    """The explorer as one HTML page that needs nothing else.

    Args:
        quiet: do not let the noise of the fan flow when the page opens.
    """
    body = _read("template.html")
    for name, text in _slots().items():
        body = body.replace("{{" + name + "}}", text)
    scripts = [
        element("script", Html(base64.b64encode(_shelf()).decode()), id="shelf", type="application/octet-stream"),
        element("script", Html("\n".join([*_data(quiet), *map(_read, ("model.js", "draw.js", "figures.js", "app.js")),
                                          "start();"]).replace("</", "<\\/"))),
    ]  # fmt: skip
    page = element("html", _head(), Html(body), *scripts, lang="en")
    return "<!DOCTYPE html>\n" + page.replace("</script></html>", "</script></body></html>") + "\n"


def _read(name: str) -> str:
    text = files("symsched.explorer").joinpath(name).read_text(encoding="utf-8")
    return text.replace('"use strict";\n', "")


def _shelf() -> bytes:
    kept = files("symsched.explorer").joinpath(shelf.SHELF)
    return kept.read_bytes() if kept.is_file() else b""


def _head() -> Html:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content=f"symsched {__version__}"),
        element("title", "symsched: schedule explorer"),
        element("style", Html(_read("style.css"))),
    )


def _slots() -> dict[str, str]:
    curves = [
        element(
            "figure", element("h3", title), element("canvas", id=f"curve-{name}", role="img", aria_label=title),
            class_="curve",
        )
        for name, title in CURVES.items()
    ]  # fmt: skip
    made = (
        f"Written by symsched {__version__}. Every formula was derived by SymPy and printed as JavaScript, MathML and "
        "code; the page opens no connection. Theory: Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789."
    )
    return {
        "names": _options(TITLES),
        "clocks": _options(CLOCK_TITLES),
        "languages": _options(shelf.LANGUAGES),
        "curves": "".join(curves),
        "kappa_max": str(len(KAPPAS) - 1),
        "rho_max": str(len(RHOS) - 1),
        "shift_max": str(len(SHIFTS) - 1),
        "made": html.escape(made),
    }


def _options(titles: dict[str, str]) -> str:
    return "".join(element("option", title, value=value) for value, title in titles.items())


# -- data of the scripts ----------------------------------------------------------------------------------------------


def _data(quiet: bool) -> list[str]:
    settings = {
        "kappas": KAPPAS,
        "rhos": RHOS,
        "shifts": SHIFTS,
        "names": TITLES,
        "clocks": {name: "own clock" if name == "own" else f"clock {title}" for name, title in CLOCK_TITLES.items()},
        "clockText": {name: str(clock) for name, clock in CLOCKS.items()},
        "laws": dict.fromkeys(LAWS, 1),
        "languages": shelf.LANGUAGES,
        "looks": looks(KAPPAS),
        "dashes": dashes(),
        "paths": path_colors(),
        "quiet": quiet,
    }
    return [
        '"use strict";',
        f"const SETTINGS = {_json(settings)};",
        f"const FORMULAS = {table({name: function(args, form) for name, (args, form) in formulas().items()})};",
        f"const CLOCKS = {table({name: _clock(clock) for name, clock in CLOCKS.items()})};",
        f"const ENTRIES = {table({f'{e.name}|{e.regime}': _entry(e) for e in entries()})};",
        f"const MATH = {_json({'schedules': _schedules(), 'conversions': _conversions()})};",
    ]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _clock(clock: sp.Expr) -> dict[str, str]:
    y = sp.Symbol("y", positive=True)
    return {
        "phi": function([t], clock),
        "rate": function([t], clock.diff(t)),
        "inverse": function([y], clock_inverse(clock)),
    }


def _entry(entry: PageEntry) -> dict[str, Any]:
    forms, letters = entry.forms, [kappa, rho]
    own = next(name for name, clock in reversed(CLOCKS.items()) if clock == entry.clock("own"))
    limits = {(name, end): entry.ends(name, end) for name in CLOCKS for end in (0, 1)}
    ends = {
        name: {str(end): function(letters, [limits[name, end][q] for q in QUANTITIES]) for end in (0, 1)}
        for name in CLOCKS
    }
    return {
        "own": f'"{own}"',
        "fill": function([t, *letters], [forms[q] for q in QUANTITIES]),
        "inverse": function([RATIO, *letters], entry.inverse.xreplace({R: RATIO})),
        "ends": ends,
        "text": {name: _json(str(forms[name])) for name in ("alpha", "beta")},
    }


# -- mathematics ------------------------------------------------------------------------------------------------------


def _schedules() -> dict[str, list[str]]:
    """Formulas of each schedule in each clock."""
    return {f"{e.name}|{e.regime}|{clock}": _schedule(e, clock) for e in entries() for clock in CLOCKS}


def _schedule(entry: PageEntry, clock: str) -> list[str]:
    pace = entry.clock(clock).diff(t)
    made = {name: entry.timed(form, clock) for name, form in entry.forms.items()}
    drift = sp.S.Zero if made["slope"] == 0 else None
    rows = [
        _equation("α", made["alpha"]),
        _equation("β", made["beta"]),
        _equation("V", entry.timed(entry.variance, clock)),
        _equation(("ε", "*"), tidy_powers(made["eps_star"] * pace)),
    ]
    if drift is not None:
        rows.append(_equation("b", drift, " on Gaussian data"))
    return rows


def _conversions() -> dict[str, list[str]]:
    """τ and c from each source, in the ᾱ and β̄ of any target."""
    return {f"{e.name}|{e.regime}": _conversion(e) for e in entries()}


def _conversion(entry: PageEntry) -> list[str]:
    source = entry.schedule
    own = entry.clock("own")
    time = clock_inverse(own).subs(sp.Symbol("y", positive=True), entry.inverse) if own != t else entry.inverse
    tau = short(time.subs(R, beta_bar / alpha_bar))
    inner = entry.inverse.subs(R, beta_bar / alpha_bar)
    forms = [bar / f.subs(t, inner) for bar, f in ((alpha_bar, source.alpha), (beta_bar, source.beta))]
    scale = shortest(*(sp.simplify(tidy_powers(f)) for f in forms))
    return [_equation("τ", tau), _equation("c", scale), _path(), _scale()]


def _equation(left: str | tuple[str, str], right: sp.Expr, after: str = "") -> str:
    letter = element("mi", left) if isinstance(left, str) else element("msup", *(element("mi", part) for part in left))
    words = element("span", after, class_="plain") if after else ""
    return math(letter, element("mo", "=")) + " " + mathml(right) + words


def _path() -> str:
    """X̄ = c X at τ."""
    bar = element("mover", element("mi", "X"), element("mo", "¯", scriptlevel="-1"))
    state = element("msub", element("mi", "X"), element("mi", "τ"))
    return math(element("msub", bar, element("mi", "t")), element("mo", "="), element("mi", "c"), state)


def _scale() -> str:
    """ε̄ = c² τ̇ ε at τ."""
    bar = element("mover", element("mi", "ε"), element("mo", "¯", scriptlevel="-1"))
    pace = element("mover", element("mi", "τ"), element("mo", "˙", scriptlevel="-1"))
    square = element("msup", element("mi", "c"), element("mn", "2"))
    return math(bar, element("mo", "="), square, pace, element("msub", element("mi", "ε"), element("mi", "τ")))
