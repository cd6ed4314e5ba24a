"""Errors that speak to the user: one line that says what was given, what is wrong, and what would be right."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input. The command line prints the message alone and exits with code 2."""


class UndecidedError(InputError):
    """The question is well posed, but no exact or interval argument settled it."""


class BeyondReachError(UndecidedError):
    """What more digits would not settle either."""


def clipped(value: object, width: int = 80) -> str:
    """What something says of itself, in one line of at most `width` characters."""
    try:
        text = " ".join(str(value).split())
    except RecursionError:
        text = "a deeply nested expression"
    except ValueError:  # Python prints no whole number of more than 4300 digits
        text = "an expression with a number of thousands of digits"
    return text if len(text) <= width else f"{text[: width - 1]}…"
