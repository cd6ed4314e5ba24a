"""Errors that speak to the user: one line that says what was given, what is wrong, and what would be right."""


class InputError(ValueError):
    """Bad input. The command line prints the message alone and exits with code 2."""


class UndecidedError(InputError):
    """The question is well posed, but no exact or interval argument settled it."""
