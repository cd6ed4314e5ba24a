"""The languages and formats by name; the file of each is imported when it is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from symsched.errors import InputError
from symsched.parsing import one_of

if TYPE_CHECKING:
    from symsched.codegen.module import Module
    from symsched.codegen.printing.language import Language

REGISTRY = {
    "numpy": "languages.numpy.NumPy",
    "numba": "languages.numba.Numba",
    "torch": "languages.torch.Torch",
    "jax": "languages.jax.Jax",
    "c": "languages.c.C",
    "c_float": "languages.c.CFloat",
    "cpp": "languages.cpp.Cpp",
    "javascript": "languages.javascript.JavaScript",
    "rust": "languages.rust.Rust",
    "fortran": "languages.fortran.Fortran",
    "matlab": "languages.matlab.Matlab",
    "julia": "languages.julia.Julia",
    "mathematica": "languages.mathematica.Mathematica",
    "onnx": "languages.onnx.Onnx",
    "latex": "languages.latex.LaTeX",
    "sigmas": "formats.Sigmas",
    "flow_matching": "formats.FlowMatching",
}
MEANT = {"python": "numpy"}  # a word for several, and the one that it stands for


def language(name: str) -> type[Language]:
    """The class of a language.  Raises InputError for an unknown one."""
    name = MEANT.get(name, name)
    one_of(name, REGISTRY, "language")
    file, _, found = REGISTRY[name].rpartition(".")
    return getattr(importlib.import_module(f"symsched.codegen.{file}"), found)


def emit(module: Module, lang: str, test: bool = False) -> str | Any:
    """The source text, or bytes.  Raises InputError for an unknown language, or a function that it lacks."""
    try:
        return language(lang)(module.name).text(module, test)
    except NotImplementedError as error:
        raise InputError(
            f"{lang}: there is no {error} in {lang} alone; choose another language, or a schedule without it"
        ) from None
