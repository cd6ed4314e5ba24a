"""Whole files: header, prelude, functions, and the self-test if wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from symsched.codegen import carry, header, newton, newton_scalars, scalars, selftest
from symsched.codegen.c99 import C99
from symsched.codegen.languages import JAX, NUMPY, TORCH, Arrays
from symsched.codegen.module import Module
from symsched.errors import InputError

Emitter = Callable[[Module, bool], str]


def identifier(module: Module) -> str:
    """A name for the module that every language accepts: linear_to_follmer."""
    parts = [module.target] if module.source is None else [module.source, module.target]
    words = [re.sub("[^A-Za-z0-9]+", "_", str(s)).strip("_").lower() or "custom" for s in parts]
    words = [w if len(w) <= 24 and not w.startswith("alpha_") else "custom" for w in words]
    name = "_to_".join(words)
    return name if name[:1].isalpha() else f"schedule_{name}"


def _docstring(module: Module) -> str:
    return header.docstring([*header.lines(module), ""]) + "\n"


def _helpers(module: Module, language: str, single: bool = False) -> list[str]:
    used = carry.is_used((*module.functions, *module.steps))
    return [carry.prelude(language, single)] if used else []


def _arrays(dialect: Arrays, module: Module, test: bool, name: str) -> str:
    parts = [selftest.python(module, name)] if test else []
    return _docstring(module) + "\n" + _joined([body(dialect, module), *parts])


def body(dialect: Arrays, module: Module) -> str:
    """Imports and functions, without a word that anybody else wrote."""
    parts = [newton.arrays(dialect, module)] if not module.closed else []
    parts += [dialect.write(f) for f in (*module.functions, *module.steps)]
    text = _joined([*_helpers(module, dialect.prefix), *parts])
    return _joined([dialect.opening(text), text])


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part.rstrip("\n") + "\n" for part in parts)


def numpy(module: Module, test: bool) -> str:
    return _arrays(NUMPY, module, test, "numpy")


def torch(module: Module, test: bool) -> str:
    return _arrays(TORCH, module, test, "torch")


def jax(module: Module, test: bool) -> str:
    return _arrays(JAX, module, test, "jax")


def numba(module: Module, test: bool) -> str:
    parts = [_docstring(module) + "\nimport math\n\nfrom numba import njit\n", *_helpers(module, "math.")]
    if not module.closed:
        parts.append(newton_scalars.numba(module))
    parts += [scalars.numba_function(f) for f in (*module.functions, *module.steps)]
    if test:
        parts.append(selftest.python(module, "numba"))
    return "\n\n".join(part.rstrip("\n") + "\n" for part in parts)


def c(module: Module, test: bool, single: bool = False) -> str:
    prefix = identifier(module) + ("_f32" if single else "")
    guard = f"{prefix.upper()}_H"
    rows = [f" * {row}".rstrip() for row in header.lines(module)]
    top = ["/*", *map(_harmless, rows), " *", *C_NOTES]
    top += [" * Test it: cc -std=c99 -DSELF_TEST -x c FILE -lm"] if test else []
    top += [" */", f"#ifndef {guard}", f"#define {guard}", "", "#include <math.h>", "#include <stddef.h>"]
    parts = ["\n".join(top), *_helpers(module, "c", single)]
    if not module.closed:
        parts.append(newton_scalars.c(module, prefix))
    parts += [C99(prefix, single).write(f) for f in (*module.functions, *module.steps)]
    if test:
        parts.append(selftest.c(module, prefix, single))
    return "\n\n".join(part.rstrip("\n") for part in parts) + f"\n\n#endif /* {guard} */\n"


def _harmless(row: str) -> str:
    """A row of a comment that ends no comment, begins none, and holds no trigraph and no joint of two lines."""
    for mark in ("*/", "/*", "??"):
        row = row.replace(mark, " ".join(mark))
    return row + "." if row.endswith("\\") else row


def c_float(module: Module, test: bool) -> str:
    return c(module, test, single=True)


C_NOTES = (
    " * Header only, C99, no allocation: include it and link with -lm.  The loops over arrays (suffix _n) become",
    " * vector code with -O3 -fno-math-errno -fno-trapping-math, where the formulas need no function but sqrt.",
)


def julia(module: Module, test: bool) -> str:
    name = "".join(word.capitalize() for word in identifier(module).split("_"))
    parts = [
        "\n".join(f"# {row}".rstrip() for row in header.lines(module)) + f"\nmodule {name}",
        *_helpers(module, "julia"),
    ]
    if not module.closed:
        parts.append(newton_scalars.julia(module))
    parts += [scalars.julia_function(f) for f in (*module.functions, *module.steps)]
    if test:
        parts.append(selftest.julia(module))
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n\nend\n"


EMITTERS: dict[str, Emitter] = {
    "numpy": numpy,
    "numba": numba,
    "torch": torch,
    "jax": jax,
    "c": c,
    "c_float": c_float,
    "julia": julia,
}


def emit(module: Module, lang: str, test: bool = False) -> str:
    """The source text.  Raises InputError for an unknown language."""
    from symsched.codegen import latex, lists

    emitters = {**EMITTERS, "latex": latex.latex, "flow_matching": lists.flow_matching}
    if lang not in emitters:
        raise InputError(f"unknown language '{lang}': expected one of {', '.join([*emitters, 'sigmas'])}")
    try:
        return emitters[lang](module, test)
    except NotImplementedError as error:
        raise InputError(
            f"{lang}: there is no {error} in {lang} alone; choose another language, or a schedule without it"
        ) from None
