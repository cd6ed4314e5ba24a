"""`symsched codegen`: closed-form schedule code in another language."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from symsched.cli.help import SCHEDULES, among, folded

HELP = folded("""
Write a self-contained module with the closed forms of a schedule or a conversion.

Coefficients, derivatives, signal-to-noise ratio, conversion, diffusion scale and the drift for every kind of
prediction; accurate on all of (0, 1), with the limits at both ends, and a self-test if wanted.

Languages: numpy, numba, torch, jax, c, c_float, cpp, javascript, rust, fortran, matlab, mathematica, julia, latex,
onnx (a graph);
also sigmas (a list for --steps N) and flow_matching (a scheduler class).

[bold]Examples[/bold]

  symsched codegen --from linear --to follmer --lang c -o follmer.h
  symsched codegen --from linear --to "lazy(kappa=1)" --kappa 1 --lang torch --self-test
  symsched codegen --to cosine --lang sigmas --steps 20
""")


def _languages() -> Iterable[str]:
    from symsched.codegen import LANGUAGES

    return LANGUAGES


def codegen(
    target: Annotated[
        str, typer.Option("--to", help="The schedule to emit, or to convert to.", autocompletion=SCHEDULES)
    ],
    lang: Annotated[str, typer.Option("--lang", help="Language or format.", autocompletion=among(heavy=_languages))],
    source: Annotated[
        str | None, typer.Option("--from", help="The schedule to convert from.", autocompletion=SCHEDULES)
    ] = None,
    kappa: Annotated[str | None, typer.Option(help="κ = ε/ε*; a parameter of the code unless given.")] = None,
    eps: Annotated[str | None, typer.Option(help="Instead: diffusion scale ε of the source, in t.")] = None,
    steps: Annotated[int | None, typer.Option(help="Number of steps of the sigmas list; 20 unless given.")] = None,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Where to write ('-': stdout).")] = "-",
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    self_test: Annotated[bool, typer.Option("--self-test", help="Add reference values and a check.")] = False,
) -> None:
    import sys

    from symsched.cli.output import writable, write_text
    from symsched.cli.verify import progress_bar
    from symsched.codegen import LANGUAGES, generate
    from symsched.codegen.emit import MEANT, language
    from symsched.errors import InputError
    from symsched.parsing import one_of

    if lang in MEANT:
        typer.echo(f"symsched: --lang {lang} means {MEANT[lang]} here", err=True)
    lang = MEANT.get(lang, lang)
    one_of(lang, LANGUAGES, "language")
    if steps is not None and lang != "sigmas":
        raise InputError(f"--steps {steps}: only --lang sigmas is a list of steps, and this is --lang {lang}")
    path = writable(output, "-o")
    if output == "-" and language(lang).binary and sys.stdout.isatty():
        raise InputError(f"--lang {lang}: this is a file of bytes, and stdout is a terminal; give the file with -o")
    _refuse_existing(output, force)
    with progress_bar("deriving closed forms"):
        text = generate(
            _what(source, target), lang, kappa=kappa, eps=eps, self_test=self_test, steps=20 if steps is None else steps
        )
    write_text(path or "-", text, "-o")


def _what(source: str | None, target: str):  # type: ignore[no-untyped-def]
    from symsched.conversion import convert

    return target if source is None else convert(source, target)


def _refuse_existing(output: str, force: bool) -> None:
    import os

    from symsched.errors import InputError
    from symsched.parsing.text import quoted

    if output != "-" and not force and os.path.isfile(output):
        raise InputError(f"-o {quoted(output)}: the file exists; give --force to replace it, or another name")
