"""Letters that the text of a schedule declares, and values that it gives them: `alpha=(1-t)**p; beta=t; p>0`.

p>0   p>=0   p<0   0<p<1   1<=p   p real   p positive   p, q > 0        a letter and where it lives
p=2                                                                     its value
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sympy import Dummy, Expr, Symbol, oo

from symsched import symbols as letters
from symsched.errors import InputError
from symsched.parsing.expressions import CONSTANTS, parse_expression
from symsched.parsing.text import MAX_CALL, quoted
from symsched.parsing.whitelist import ALIASES, FUNCTIONS

MAX_LETTERS = 8
OURS: Mapping[str, Symbol] = {s.name: s for s in (letters.rho, letters.kappa, letters.mean)}
RESERVED = frozenset({"t", "x", "alpha", "beta", "tau", "eta_X", "epsilon", "I", "i", "j", "oo", "inf", "nan", "zoo"})
WORDS = {"real": (-oo, oo), "positive": (0, oo), "negative": (-oo, 0)}
USAGE = "declare a letter as p>0, p>=0, 0<p<1 or p real, and give it a value as p=2"

_NAME = r"[A-Za-z]\w*"
_NAMES = re.compile(rf"{_NAME}(\s*,\s*{_NAME})*", re.ASCII)
_WORD = re.compile(rf"(?P<names>{_NAMES.pattern})\s+(is\s+)?(?P<word>[a-z]+)", re.ASCII)
_VALUE = re.compile(rf"(?P<names>{_NAMES.pattern})\s*=(?P<value>[^=]*)", re.ASCII)
_RELATION = re.compile(r"(<=|>=|==|!=|<|>)")
_PLAIN = {ord("≤"): "<=", ord("≥"): ">=", ord("ρ"): "rho", ord("κ"): "kappa"}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, repr=False)
class Letter:
    """A letter, and the numbers that it stands for: from `low` to `high`, ends included where `closed`."""

    symbol: Symbol
    low: Expr = -oo
    high: Expr = oo
    closed: tuple[bool, bool] = (False, False)
    _free: tuple[Symbol, Symbol] = field(
        default_factory=lambda: (Dummy("q", positive=True), Dummy("q", nonnegative=True)), compare=False, repr=False
    )

    def __str__(self) -> str:
        low, high = ("<=" if end else "<" for end in self.closed)
        name = self.symbol.name
        if self.high == oo:
            return f"{name} real" if self.low == -oo else f"{name}{_TURNED[low]}{self.low}"
        return f"{name}{high}{self.high}" if self.low == -oo else f"{self.low}{low}{name}{high}{self.high}"

    __repr__ = __str__

    @property
    def is_told_by_its_sign(self) -> bool:
        """Whether the assumptions of the symbol say all of it."""
        return {self.low, self.high} <= {0, -oo, oo} and not (self.low == self.high == 0)

    def excludes(self, value: Expr) -> bool:
        """Whether a value is certainly none of these numbers."""
        below, above = self.low - value, value - self.high
        beyond = zip((below, above), self.closed, strict=True)
        return any(gap.is_positive or (gap.is_zero and not end) for gap, end in beyond)

    def forms(self) -> tuple[tuple[Expr, dict[Symbol, Expr]], ...]:
        """Expressions in a letter > 0, or ≥ 0, that together run through all of the numbers; and the way back."""
        if self.is_told_by_its_sign:
            return ((self.symbol, {}),)
        first, last = (self._free[end] for end in self.closed)
        if self.high == oo:
            return ((self.low + first, {first: self.symbol - self.low}),)
        if self.low == -oo:
            return ((self.high - last, {last: self.high - self.symbol}),)
        ratio, width = (self.symbol - self.low) / (self.high - self.symbol), self.high - self.low
        up = self.low + width * first / (1 + first), {first: ratio}
        down = self.high - width * last / (1 + last), {last: 1 / ratio}
        return (up, down) if self.closed[1] else (up,)


def declarations(text: str) -> tuple[str, dict[str, Letter], dict[str, Expr]]:
    """The text without its declarations, the letters by name, and the values that are given to some.

    Raises InputError for what is neither, and for letters that cannot be declared.
    """
    if len(text) > MAX_CALL:
        return text, {}, {}
    rest: list[str] = []
    declared: dict[str, Letter] = {}
    values: dict[str, Expr] = {}
    for part in map(str.strip, text.translate(_PLAIN).split(";")):
        formula = part.partition("=")[0].strip() in ("alpha", "beta", "α", "β")
        if (_RELATION.search(part) and not formula) or (_WORD.fullmatch(part) and rest):
            _declare(part, declared)
        elif rest and not formula and (given := _VALUE.fullmatch(part)):
            _assign(part, given, values)
        elif rest and part and "=" not in part:
            raise _refused(part, "it is no alpha, no beta and no letter")
        else:
            rest.append(part)
    for name, value in values.items():
        if name in declared and declared[name].excludes(value):
            raise InputError(f"cannot read {quoted(text)}: {name} = {value}, but it is declared as {declared[name]}")
    return "; ".join(filter(None, rest)), declared, values


def _declare(part: str, found: dict[str, Letter]) -> None:
    word = _WORD.fullmatch(part)
    if word is not None:
        if word["word"] not in WORDS:
            raise _refused(part, f"{quoted(word['word'])} is no kind of number that is known here")
        low, high = WORDS[word["word"]]
        _add(part, word["names"], low, high, (False, False), found)
        return
    pieces = [piece.strip() for piece in _RELATION.split(part)]
    if len(pieces) == 3:
        if _NAMES.fullmatch(pieces[0]):
            names, sign, bound = pieces
            sign, low, high = _TURNED.get(sign, sign), None, None
        else:
            bound, sign, names = pieces
        ends: tuple[str | None, str | None] = (bound, None) if sign[0] == "<" else (None, bound)
        closed = (sign == "<=", sign == ">=")
    elif len(pieces) == 5 and pieces[1][0] == pieces[3][0]:
        first, sign, names, other, last = pieces if pieces[1][0] == "<" else pieces[::-1]
        ends, closed = (first, last), (len(sign) == 2, len(other) == 2)
    else:
        raise _refused(part, "a letter stands between at most two numbers")
    if set(pieces[1::2]) & {"==", "!="}:
        raise _refused(part, "a letter is above or below a number")
    if not _NAMES.fullmatch(names):
        raise _refused(part, "it relates no letter to a number")
    low, high = (default if end is None else _bound(part, end) for end, default in zip(ends, (-oo, oo), strict=True))
    if not low < high:
        raise _refused(part, f"no number lies between {low} and {high}")
    _add(part, names, low, high, closed, found)


def _bound(part: str, text: str) -> Expr:
    if _NAMES.fullmatch(text) and text not in CONSTANTS:
        raise _refused(part, "letters are not related to each other here, only to numbers")
    return parse_expression(text, {})


def _add(part: str, names: str, low: Expr, high: Expr, closed: tuple[bool, bool], found: dict[str, Letter]) -> None:
    for name in (each.strip() for each in names.split(",")):
        if name in found:
            raise _refused(part, f"{name} is declared twice; say both at once, as in 0<{name}<1")
        _check_name(part, name)
        letter = Letter(_symbol(name, low, high, closed), low, high, closed)
        if name in OURS and letter.symbol != OURS[name]:
            supposed = " and ".join(OURS[name]._assumptions_orig)
            raise _refused(part, f"{name} is {supposed} in this library; declare it so, or take another letter")
        found[name] = letter
    if len(found) > MAX_LETTERS:
        raise _refused(part, f"more than {MAX_LETTERS} letters")


def _symbol(name: str, low: Expr, high: Expr, closed: tuple[bool, bool]) -> Symbol:
    if low >= 0:
        return Symbol(name, nonnegative=True) if low == 0 and closed[0] else Symbol(name, positive=True)
    if high <= 0:
        return Symbol(name, nonpositive=True) if high == 0 and closed[1] else Symbol(name, negative=True)
    return Symbol(name, real=True)


def _assign(part: str, given: re.Match[str], values: dict[str, Expr]) -> None:
    for name in (each.strip() for each in given["names"].split(",")):
        _check_name(part, name)
        if name in values:
            raise _refused(part, f"{name} has a value already")
        values[name] = parse_expression(given["value"], {})


def _check_name(part: str, name: str) -> None:
    known = {*RESERVED, *CONSTANTS, *FUNCTIONS, *ALIASES}
    if name in known or keyword.iskeyword(name):
        raise _refused(part, f"{name} has a meaning of its own; take another letter")
    if len(name) > 20 or name.startswith("_"):
        raise _refused(part, f"{quoted(name, 24)} is too long for a letter; at most 20 characters")


def _refused(part: str, why: str) -> InputError:
    return InputError(f"cannot read {quoted(part)}: {why}; {USAGE}")
