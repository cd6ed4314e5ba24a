"""From raw text to a Python syntax tree, or to one line that says why not."""

import ast
import difflib
import re
import warnings
from collections.abc import Iterable

from symsched.errors import InputError

MAX_EXPRESSION = 1_000
MAX_CALL = 20_000
MAX_NESTING = 40

# What people paste from papers; all else outside ASCII is refused, so no look-alike letter gets through.
_FRIENDLY = str.maketrans(
    {
        "−": "-",
        "–": "-",
        "·": "*",
        "×": "*",
        "^": "**",
        "π": "pi",
        "κ": "kappa",
        "ρ": "rho",
        "α": "alpha",
        "β": "beta",
    }
)
_ALLOWED = re.compile(r"[A-Za-z0-9_ .+\-*/(),=\[\]]")
_PRODUCT = re.compile(r"(?<![A-Za-z_])(?!0[xX])\d+\.?\s*(?![eE][+-]?\d)[A-Za-z_(]|\)\s*[A-Za-z0-9_(]")
_SIGNS = re.compile(r"(?:[+-]\s*){12}")
_WHY = {
    "'": "quotes are not allowed",
    '"': "quotes are not allowed",
    "{": "braces are not allowed",
    "}": "braces are not allowed",
    ":": "':' is not allowed",
    ";": "only a pair such as 'alpha=1-t; beta=t' has a ';'",
    "%": "'%' is not allowed",
    "!": "factorials are not allowed",
    "|": "absolute values have a kink and are not allowed",
}


def quoted(text: object, width: int = 60) -> str:
    """The input as it appears in a message: one line, in quotes, shortened in the middle."""
    line = " ".join(str(text)[:4000].split())
    line = "".join(c if c.isprintable() else "?" for c in line)
    if len(line) > width:
        line = f"{line[: width // 2]} … {line[-(width // 4) :]}"
    return f"'{line}'"


#: What other libraries call what we call otherwise: the first of these that is known where the word was given.
ELSEWHERE = {
    "noise": ("epsilon", "eps", "epsilon_prediction", "eps_pred"),
    "data": ("x0", "x_0", "x_start", "sample", "sample_prediction", "denoised"),
    "v": ("v_prediction", "v_pred"),
    "velocity": ("flow", "flow_prediction", "u"),
    "dpmpp2m": ("dpm++", "dpm_solver++", "dpm_solver_multistep"),
    "sde-dpmpp": ("dpm++ 2m sde", "dpm++ sde", "sde_dpm_solver++"),
    "unipc3": ("unipc",),
    "em": ("euler_ancestral", "euler_a", "euler_maruyama"),
    "euler": ("euler_maruyama", "em", "ode"),
    "linear": ("rectified_flow", "flow_matching", "flow", "ot"),
    "cosine": ("squaredcos_cap_v2",),
    "numpy": ("python", "py"),
    "cpp": ("c++", "cxx", "c++17"),
    "javascript": ("js", "typescript", "ts", "node"),
    "matlab": ("octave",),
    "mathematica": ("wolfram",),
    "torch": ("pytorch",),
    "onnx": ("onnxruntime", "ort"),
    "latex": ("tex",),
    "epsstar": ("eps_star", "epsilon_star"),
    "float64": ("double",),
    "float32": ("single",),
}


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """'; did you mean sqrt?' when something known is close to `name`, or another word for it; else an empty string."""
    known = list(known)
    names = {_plain(word): ours for ours in ELSEWHERE if ours in known for word in ELSEWHERE[ours]}
    names |= {_plain(ours): ours for ours in known}
    given = _plain(name[:80])
    close = [given] if given in names else difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    return f"; did you mean {names[close[0]]}?" if close else ""


def _plain(name: str) -> str:
    """A name as it sounds: dpm++_2M, DPM++ 2M and dpmpp-2m are one."""
    return re.sub(r"[\s_-]", "", name.lower().replace("+", "p"))


def one_of(name: object, known: Iterable[str], what: str) -> str:
    """The name.  Raises InputError, with the closest one and the whole list, for one that is not known."""
    known = list(known)
    if isinstance(name, str) and name in known:
        return name
    raise InputError(f"unknown {what} {quoted(name)}{did_you_mean(str(name), known)} (known: {', '.join(known)})")


def syntax_tree(text: object, limit: int) -> tuple[ast.expr, str]:
    """The syntax tree of `text` and the ASCII source that its positions refer to.

    Raises InputError for anything that is not one short, shallow expression made of whitelisted characters.
    """
    source = _checked(text, limit)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source, mode="eval").body, source
    except (RecursionError, MemoryError):
        raise InputError(f"cannot read {quoted(text)}: too many operations; write a shorter formula") from None
    except (SyntaxError, ValueError):
        raise InputError(f"cannot read {quoted(text)}: {_syntax_hint(source)}") from None


def _checked(text: object, limit: int) -> str:
    if not isinstance(text, str):
        raise InputError(f"cannot read {quoted(text)}: expected text such as '1-t', got {type(text).__name__}")
    if len(text) > limit:
        raise InputError(f"cannot read {quoted(text)}: {len(text)} characters; at most {limit} are read")
    source = " ".join(text.translate(_FRIENDLY).split())
    if not source:
        raise InputError("cannot read '': the text is empty; write for example '1-t'")
    for char in source:
        if not _ALLOWED.match(char):
            why = _WHY.get(char, f"the character {char!r} is not allowed")
            raise InputError(f"cannot read {quoted(text)}: {why}; write mathematics such as 'sqrt(t*(1-t))'")
    if _nesting(source) > MAX_NESTING or _SIGNS.search(source):
        raise InputError(f"cannot read {quoted(text)}: nested too deeply; at most {MAX_NESTING} brackets deep")
    return source


def _nesting(source: str) -> int:
    depth = deepest = 0
    for char in source:
        depth += (char in "([") - (char in ")]")
        deepest = max(deepest, depth)
    return deepest


def _syntax_hint(source: str) -> str:
    if re.search(r"\d{1000}", source):
        return "a number in it has too many digits; at most 60 are read"
    if source.count("(") != source.count(")"):
        return "the brackets do not match; close every '('"
    if _PRODUCT.search(source):
        return "a product needs its sign; write 2*t, not 2t"
    if "=" in source:
        return "'=' belongs only in a pair such as 'alpha=1-t; beta=t' or a call such as 'lazy(kappa=1)'"
    return "this is not a formula; write for example 'sqrt(t*(1-t))'"
