"""Names in generated code: that of the module, and which parameters may enter it.

A parameter is a plain identifier that means nothing else in any of the languages."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable

from sympy import Symbol

from symsched.errors import InputError
from symsched.parsing.text import quoted
from symsched.schedule import Schedule

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}")
_C = (
    "auto break case char const continue default do double else enum extern float for goto if inline int long register "
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while main errno "
    "sqrt exp log sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh erf erfc expm1 log1p cbrt pow fabs "
    "fmin fmax copysign isnan NAN INFINITY HUGE_VAL M_PI abort printf"
)
_JULIA = "begin end function global let local macro module mutable quote struct using export baremodule abstract"
_CPP = (
    "alignas alignof and_eq asm bitand bitor catch char16_t char32_t compl const_cast constexpr decltype delete "
    "dynamic_cast explicit export friend mutable namespace new noexcept not_eq nullptr operator or_eq private "
    "protected public reinterpret_cast static_assert static_cast std template this thread_local throw typeid typename "
    "using virtual wchar_t xor xor_eq Schedule Levels Conversion Diffusion SourceTime"
)
_JAVASCRIPT = "arguments debugger eval function implements instanceof interface let package super var Math Infinity NaN"
_RUST = (
    "Self abstract become box crate dyn final fn impl loop macro match mod move mut override priv pub ref self trait "
    "type unsafe unsized use where yield f64"
)
_FORTRAN = "dp merge sign upper_half"
_MATLAB = "elseif endfunction end_try_catch otherwise parfor pick far Inf spmd"
_MODULES = "np jnp jsp jax torch math numpy njit Base"
_OURS = (
    "t u x tau tau_left t_next u_next h keep ratio x_weight p_weight z_weight zero one covered result source n k v "
    "alpha beta alpha_dot beta_dot rate scale tau_dot scale_dot eps eps_star r log_snr "
    "s left z log_r above below near_above near_below inverse_r goal low high gap close newton moved nudge done most "
    "own_above own_below at tiny floor inside step state going found kappa off "
    "schedule levels conversion diffusion source_time self_test check worst error_of"
)
_WORDS = " ".join((_C, _CPP, _JAVASCRIPT, _RUST, _FORTRAN, _MATLAB, _JULIA, _MODULES, _OURS))
_TAKEN = frozenset([*keyword.kwlist, *dir(builtins), *_WORDS.split()])
#: Names that the generated code makes of others: w1, alpha_squared, inverse_t, t_next, alpha_source, A_data, u_low; and
#: of functions: drift_data, lazy_step.
_MADE = re.compile(r"w\d+|(inverse|A|B|drift)_\w+|\w+_(squared|next|source|low|step)")


def check_parameters(parameters: Iterable[Symbol]) -> None:
    """Raises InputError for a name that is no identifier, or that a language or the generated code itself uses."""
    for name in sorted(symbol.name for symbol in parameters):
        stem = re.sub(r"_\d+$", "", name)  # alpha_1 and so on carry the rounding errors of alpha
        if not _IDENTIFIER.fullmatch(name) or stem in _TAKEN or _MADE.fullmatch(stem):
            raise InputError(
                f"the parameter {quoted(name)} cannot be a name in generated code: expected letters, digits and _ "
                "(at most 31) that spell no keyword or function, and nothing that the code itself names; rename it"
            )


def identifier(schedules: Iterable[Schedule]) -> str:
    """A name for a module of these schedules that every language accepts: linear_to_follmer."""
    words = [re.sub("[^A-Za-z0-9]+", "_", str(s)).strip("_").lower() or "custom" for s in schedules]
    words = [w if len(w) <= 24 and not w.startswith("alpha_") else "custom" for w in words]
    name = "_to_".join(words)
    return name if name[:1].isalpha() and name not in _TAKEN else f"schedule_{name}"
