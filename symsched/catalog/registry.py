"""What a catalogue entry is: a builder, the domain of each parameter, its kind, and where it comes from."""

import functools
import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeAlias

from sympy import Expr, Integer, Rational, Symbol

from symsched.errors import InputError
from symsched.parsing import Call, declarations, did_you_mean, parse_call, parse_expression, parse_pair, quoted
from symsched.parsing.calls import PARAMETERS
from symsched.precision import alone
from symsched.schedule import Schedule
from symsched.symbols import t

Number: TypeAlias = Any  # int, float, text or SymPy expression; a builder always receives the expression
Pair: TypeAlias = tuple[Expr, Expr]
P = ParamSpec("P")

ALIASES = {"condot": "linear", "rectified": "linear", "trig": "vp", "gvp": "vp", "foellmer": "follmer"}
_ENTRIES: dict[str, "Entry"] = {}
_PAIR = re.compile(r"\s*(alpha|beta|α|β)\s*=|.*;", re.DOTALL)


@dataclass(frozen=True)
class Domain:
    """The values a parameter may take: the words for a message, and the test (False only when certainly outside).

    `moves` says that it may be a function of t; in a constant, t would be taken for the time of the schedule.
    """

    words: str
    test: Callable[[Expr], bool | None]
    moves: bool = False

    def holds(self, value: Expr) -> bool:
        return self.test(value) is not False


POSITIVE = Domain("> 0", lambda v: v.is_extended_positive if v.is_finite is not False else False)
NONNEGATIVE = Domain(">= 0", lambda v: v.is_extended_nonnegative if v.is_finite is not False else False)
INCREASING = Domain("increasing in t", lambda _: True, moves=True)
ANY = Domain("a schedule", lambda _: True)


@dataclass(frozen=True)
class Entry:
    """One named schedule: how to build it, what its parameters may be, which kind it is, who introduced it."""

    name: str
    build: Callable[..., Schedule]
    domains: Mapping[str, Domain]
    kind: str
    source: str

    @property
    def summary(self) -> str:
        return (self.build.__doc__ or "").strip().splitlines()[0]

    @property
    def signature(self) -> str:
        parameters = inspect.signature(self.build).parameters.values()
        shown = (p.name if p.default is p.empty else f"{p.name}={p.default or '…'}" for p in parameters)
        return f"{self.name}({', '.join(shown)})"

    @property
    def domain(self) -> str:
        return ", ".join(f"{name} {domain.words}" for name, domain in self.domains.items() if domain is not ANY)

    def general(self) -> Schedule:
        """The schedule with a symbol for every numeric parameter: the formula as papers print it."""
        numeric = [name for name, domain in self.domains.items() if domain not in (ANY, INCREASING)]
        return self.build(**{name: PARAMETERS.get(name, Symbol(name, positive=True)) for name in numeric})


def schedule(*, source: str, kind: str, **domains: Domain) -> Callable[[Callable[P, Pair]], Callable[P, Schedule]]:
    """Register a builder of (α, β): its arguments are read, made exact and checked before it sees them."""

    def register(builder: Callable[P, Pair]) -> Callable[P, Schedule]:
        name = builder.__name__
        signature = inspect.signature(builder)

        @functools.wraps(builder)
        @alone
        def build(*args: P.args, **kwargs: P.kwargs) -> Schedule:
            given = _bound(_ENTRIES[name], signature, args, kwargs)
            label = ", ".join(f"{key}={_label(value)}" for key, value in given.items())
            complete = signature.bind(**given)
            complete.apply_defaults()
            values = {k: _read(_ENTRIES[name], k, v) for k, v in complete.arguments.items()}
            alpha, beta = builder(**values)  # type: ignore[call-arg]
            return Schedule(alpha, beta, name=f"{name}({label})" if label else name, source=source)

        build.__signature__ = signature  # type: ignore[attr-defined]
        _ENTRIES[name] = Entry(name, build, domains, kind, source)
        return build

    return register


def _bound(entry: Entry, signature: inspect.Signature, args: Any, kwargs: Any) -> dict[str, Any]:
    """The given arguments by name; a wrong or missing one is named together with what is right."""
    unknown = [key for key in kwargs if key not in signature.parameters]
    if unknown:
        close = did_you_mean(unknown[0], signature.parameters)
        raise InputError(f"{entry.name} has no parameter {quoted(unknown[0])}{close} (it is {_usage(entry)})")
    try:
        bound = signature.bind_partial(*args, **kwargs).arguments
    except TypeError:
        raise InputError(f"{entry.name} was given too many parameters (it is {_usage(entry)})") from None
    for key, parameter in signature.parameters.items():
        if parameter.default is parameter.empty and key not in bound:
            raise InputError(f"{entry.name} needs {key} {entry.domains[key].words} (it is {_usage(entry)})")
    return {key: _exact(value, key, entry) if entry.domains[key] is not ANY else value for key, value in bound.items()}


def _usage(entry: Entry) -> str:
    return f"{entry.signature}, {entry.domain}" if entry.domain else entry.signature


def _read(entry: Entry, key: str, value: Any) -> Any:
    domain = entry.domains[key]
    if domain is ANY or value is None:
        return value
    value = _exact(value, key, entry)
    if value.has(t) and not domain.moves:
        raise InputError(
            f"{entry.name}: {key} is {quoted(value)}, but must be free of t and {domain.words} (it is {_usage(entry)})"
        )
    if not domain.holds(value):
        raise InputError(f"{entry.name}: {key} is {quoted(value)}, but must be {domain.words} (it is {_usage(entry)})")
    return value


def _exact(value: Any, key: str, entry: Entry) -> Expr:
    """A number as SymPy: decimals become the rational that their digits say."""
    if isinstance(value, str):
        return parse_expression(value, PARAMETERS)
    if isinstance(value, bool) or not isinstance(value, int | float | Expr):
        given, how = quoted(value), ""
        if isinstance(value, Call):
            given = quoted(value.name)
            how = f"; declare a letter of your own, as in '{entry.name}({key}=a); a>0'" if not value.args else ""
        wanted = f"{_article(entry, key)} {entry.domains[key].words}"
        raise InputError(f"{entry.name}: {key} must be {wanted}, not {given}{how}")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"{entry.name}: {key} is {value}, but must be finite and {entry.domains[key].words}")
        return Rational(repr(float(value)))
    return Integer(value) if isinstance(value, int) else value


def _article(entry: Entry, key: str) -> str:
    return "an expression" if entry.domains[key] is INCREASING else "a number"


def _label(value: Any) -> str:
    if isinstance(value, Call):
        return value.name
    return (value.name or "custom") if isinstance(value, Schedule) else str(value)


def names() -> tuple[str, ...]:
    """The names of the catalogue, in order."""
    return tuple(sorted(_ENTRIES))


def entry(name: str) -> Entry:
    """The entry called `name` (aliases such as condot and gvp included).

    Raises InputError for an unknown name, with the closest one and the whole list.
    """
    key = ALIASES.get(name.lower(), name.lower())
    if key not in _ENTRIES:
        close = did_you_mean(name, [*names(), *ALIASES])
        known = ", ".join(names())
        raise InputError(f"unknown schedule {quoted(name)}{close} (known: {known}; or a pair 'alpha=1-t; beta=t')")
    return _ENTRIES[key]


def from_text(text: str) -> Schedule:
    """The schedule that `text` names: a catalogue call `lazy(kappa=1)` or a pair `alpha=1-t; beta=t`.

    Letters of its own are declared after it, and may get a value: `alpha=(1-t)**p; beta=t; p>0; p=2`.

    Raises InputError when the text cannot be read, the name is unknown, or a parameter is missing or out of domain.
    """
    rest, declared, values = declarations(text) if isinstance(text, str) else (text, {}, {})
    own = {name: letter.symbol for name, letter in declared.items()} | values
    found = _read_alone(rest, own)
    used = found.alpha.free_symbols | found.beta.free_symbols
    letters = tuple(letter for letter in declared.values() if letter.symbol in used)
    for name in own:
        if (name not in values and own[name] not in used) or not re.search(rf"\b{name}\b", rest):
            raise InputError(f"{quoted(text)} has no letter {name} in it, of which it says something; leave that out")
    return replace(found, letters=letters) if letters else found


def _read_alone(text: Any, own: Mapping[str, Expr]) -> Schedule:
    """A call or a pair in letters of its own."""
    if isinstance(text, str) and _PAIR.match(text):
        alpha, beta = parse_pair(text, {"t": t, **own})
        return Schedule(alpha, beta)
    head = text.partition("(")[0].strip() if isinstance(text, str) else ""
    if head and not head.isidentifier() and (close := did_you_mean(head, [*names(), *ALIASES])):
        raise InputError(f"unknown schedule {quoted(text)}{close}")  # such as scaled-linear, which is no Python
    return _called(parse_call(text, {**PARAMETERS, **own}, "'lazy(kappa=1)', or a pair 'alpha=1-t; beta=t'"))


def as_schedule(value: Any, what: str = "schedule") -> Schedule:
    """The schedule itself, or the one its text names: the one reader of what is given for a schedule.

    Raises InputError for anything else.
    """
    if isinstance(value, Schedule):
        return value
    if isinstance(value, Call):
        return _called(value)
    if not isinstance(value, str):
        right = "a Schedule, or its text such as 'vp' or 'alpha=1-t; beta=t'"
        raise InputError(f"{what} is {quoted(value)} ({type(value).__name__}); it should be {right}")
    return from_text(value)


def _called(call: Call) -> Schedule:
    return entry(call.name).build(*call.args, **call.kwargs)
