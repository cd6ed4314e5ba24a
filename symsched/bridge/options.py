"""Names with numeric options, as text: "angle(rho=2)", "ab2c", "karras(rho=7, sigma_max=80)"."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from symsched.errors import InputError
from symsched.parsing import did_you_mean, one_of, parse_call, quoted


def read_call(
    text: str, names: Iterable[str], find: Callable[[str], Callable[..., Any]], what: str
) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The function that `find` has for the name in `text`, and its options as numbers.

    A function's options are its parameters that are not positional-only.

    Raises InputError for an unknown name or option, with the closest one, or a value that is not a number.
    """
    known, plain = {_underscored(name): name for name in names}, _underscored(text)
    head = plain.partition("(")[0]
    name = known[head] if head in known else one_of(head, known.values(), what)
    call = parse_call(plain)
    function = find(name)
    options = option_names(function)
    if len(call.args) > len(options):
        raise InputError(f"{what} {quoted(text)}: too many values (options: {', '.join(options) or 'none'})")
    given = dict(zip(options, call.args, strict=False)) | call.kwargs
    for key in given:
        if key not in options:
            close = did_you_mean(key, options)
            raise InputError(
                f"{what} {name} has no option {quoted(key)}{close} (it has: {', '.join(options) or 'none'})"
            )
    missing = [key for key in options if key not in given and _is_required(function, key)]
    if missing:
        raise InputError(f"{what} {quoted(text)}: {', '.join(missing)} is missing; write {name}({missing[0]}=…)")
    return function, {key: _number(value, f"{what} {name}: {key}") for key, value in given.items()}


def option_names(function: Callable[..., Any]) -> list[str]:
    """The parameters that are not positional-only."""
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind is not p.POSITIONAL_ONLY]


def _is_required(function: Callable[..., Any], name: str) -> bool:
    return inspect.signature(function).parameters[name].default is inspect.Parameter.empty


def _underscored(name: str) -> str:
    head, bracket, rest = name.partition("(")
    return head.strip().replace("-", "_") + bracket + rest


def _number(value: Any, where: str) -> Any:
    if isinstance(value, list):
        return [_number(item, where) for item in value]
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InputError(f"{where} is {value}: expected a number") from None
