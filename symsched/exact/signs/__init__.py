"""Proved signs of expressions on (0, 1)."""

from symsched.exact.signs.proof import resolve_abs, sign_on_unit
from symsched.exact.signs.sign import Sign

__all__ = ["Sign", "resolve_abs", "sign_on_unit"]
