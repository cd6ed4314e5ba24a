"""Prose and SymPy's plain text, in the notation of the theory."""

from __future__ import annotations

import html
import re

from sympy.printing.pretty.pretty_symbology import greek_unicode

from symsched.report.html import Html

_LETTER = r"((?<!\w)d?[^\W\d_]|[Α-Ωα-ω])([\u0300-\u036f*]*)"
_INDEX = re.compile(_LETTER + r"_(\{[^{}]{1,20}\}|[^\W_])(?!\w)")
_POWER = re.compile(r"\^(\{[^{}]{1,20}\}|\((?:[^()]|\([^()]{1,9}\)){1,20}\)|[^\W_]\*?(?!\w))")
_SIGN = re.compile(r"(?:[A-Za-zÀ-ÿΑ-ωϑϕε][\u0300-\u036f]*)+")
_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
_SLOPE = re.compile(r"Derivative\(([A-Za-z]+)\(t\), (t|\(t, 2\))\)")
_VALUE = re.compile(r"\b([A-Za-z]+)\(t\)")
_NAME = re.compile(r"(?<![A-Za-z])([a-z]+?)(bar)?(?![a-zA-Z])")
_SCIENTIFIC = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-]?\d+)(?!\w)")
_POWERS = re.compile(r"\*\*(\d+|\([^()]{1,20}\))")


def prose(text: str) -> Html:
    """Text with its indices lowered (η_X), its powers raised (b^ε) and its arXiv numbers linked."""
    safe = html.escape(text)
    safe = _INDEX.sub(lambda m: f"{m[1]}{m[2]}<sub>{m[3].strip('{}')}</sub>", safe)
    safe = _POWER.sub(lambda m: f"<sup>{m[1][1:-1] if m[1][0] in '{(' else m[1]}</sup>", safe)
    return Html(_ARXIV.sub(r'<a href="https://arxiv.org/abs/\1">arXiv:\1</a>', safe))


def statement(text: str) -> Html:
    """Prose in which what is a formula by its looks is set as one: letters that stand alone, and words with Greek."""
    parts = re.split(r"(<[^>]*>|&#?\w+;)", prose(text))
    return Html("".join(part if k % 2 else _SIGN.sub(_italic, part) for k, part in enumerate(parts)))


def _italic(match: re.Match[str]) -> str:
    word = match[0]
    plain = re.sub("[\u0300-\u036f]", "", word)
    alone = len(plain) == 1 and plain not in "aA"
    return f"<var>{word}</var>" if alone or re.search("[Α-Ωα-ω]", plain) or re.fullmatch("d[A-Zt]", plain) else word


def finding(text: str) -> Html:
    """What a check reported, where SymPy wrote α(t) as `alpha(t)` and α̇ as `Derivative(alpha(t), t)`."""
    text = _SLOPE.sub(lambda m: _greek(m[1], m[0], "\u0307" if m[2] == "t" else "\u0308"), text)
    text = _VALUE.sub(lambda m: _greek(m[1], m[0]), text)
    text = _NAME.sub(lambda m: _greek(m[1], m[0], "\u0304" if m[2] else ""), text)
    text = _SCIENTIFIC.sub(_ten_to_the, _POWERS.sub(r"^\1", text))
    return prose(re.sub(r"(?<![\w.)])-(?=\d)", "−", text))


def number(value: float, digits: int = 5) -> Html:
    """A number to so many digits, with a proper minus sign and power of ten."""
    return finding(f"{value:.{digits}g}")


def _ten_to_the(match: re.Match[str]) -> str:
    mantissa, power = match[1], str(int(match[2])).replace("-", "−")
    return (f"{mantissa} × " if float(mantissa) != 1 else "") + f"10^{{{power}}}"


def _greek(name: str, otherwise: str, accent: str = "") -> str:
    letter = greek_unicode.get(name, name if len(name) == 1 else "")
    return f"{letter}{accent}" if letter else otherwise
