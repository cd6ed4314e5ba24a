"""The application: its commands, and the one place where errors become a line and an exit code."""

import contextlib
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated

import typer

import symsched
from symsched.cli import cache, certify, codegen, convert, derive, explore, plot, sample, schedules, simulate, verify
from symsched.cli.help import Commands, folded, spelled_out
from symsched.errors import InputError

HELP = folded("""
Derive, prove, simulate and convert interpolation schedules for flows and diffusions.

An interpolant is I = α Z + β X: α multiplies the noise Z, β the data X; time runs from t = 0 (noise) to t = 1 (data).
A schedule is written as a catalogue call, [bold]"lazy(kappa=1, rho=0.5)"[/bold], or as a pair,
[bold]"alpha=1-t; beta=t"[/bold].

[bold]Examples[/bold]

  symsched verify                               # prove and simulate it all
  symsched certify -o certificates              # the same for Coq
  symsched derive lazy --kappa 1 --rho 1        # α² = β(1 − β)
  symsched derive epsstar --schedule vp
  symsched convert --from linear --to follmer --at 0.25
  symsched simulate --schedule vp --data "gaussian(1,.5)" --kappa 1
  symsched codegen --from linear --to follmer --lang c
  symsched plot families --kappa 0,0.25,1,4 -o families.svg
  symsched explore                              # an offline page with sliders
  symsched sample --model digits --steps 8 -o digits.png
  symsched schedules                            # the catalogue

Exit codes: 0 all well, 1 a claim failed, 2 bad input.
""")

INTERRUPTED = 130
BROKEN_PIPE = 141  # what a shell reports for a process that its reader left

app = Commands(name="symsched", help=HELP)
app.command("verify", help=verify.HELP)(verify.verify)
app.command("certify", help=certify.HELP)(certify.certify)
app.command("derive", help=derive.HELP)(derive.derive)
app.command("convert", help=convert.HELP)(convert.convert)
app.command("codegen", help=codegen.HELP)(codegen.codegen)
app.command("simulate", help=simulate.HELP)(simulate.simulate)
app.add_typer(plot.plots)
app.command("explore", help=explore.HELP)(explore.explore)
app.command("sample", help=sample.HELP)(sample.sample)
app.command("schedules", help=schedules.HELP)(schedules.schedules)
app.command("cache", help=cache.HELP)(cache.cache)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"symsched {symsched.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


# Typer carries its own copy of click since 0.2x; its exceptions are found through the class it exports.
_ClickError: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


def run(args: Sequence[str]) -> int:
    """Run one command; every foreseen error is one line on stderr and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Greek letters is no reason to fail
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            code = typer.main.get_command(app).main(args=spelled_out(args), prog_name="symsched", standalone_mode=False)
        if code == INTERRUPTED:  # what newer Typer makes of Ctrl-C, without a word
            raise KeyboardInterrupt
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except InputError as error:
        return _complain(str(error))
    except _ClickError as error:
        return _complain(_usage(error))
    except (typer.Abort, KeyboardInterrupt):
        return _complain("interrupted", INTERRUPTED)
    except (BrokenPipeError, SystemExit) as left:
        if isinstance(left, SystemExit) and not isinstance(left.__context__, BrokenPipeError):  # Typer makes it of one
            return left.code if left.code in (0, INTERRUPTED) else 2  # by completion; by what has said its part
        _silence()  # the reader left: say nothing more
        return BROKEN_PIPE
    except OSError as error:
        _silence()
        from symsched.parsing.text import quoted

        where = quoted(error.filename) if error.filename else "the output"
        return _complain(f"{where} could not be read or written ({error.strerror or error})")
    except MemoryError:
        return _complain("not enough memory for this; ask for fewer paths, times, points or schedules")


def _silence() -> None:
    """What is left in the buffer of stdout has no reader, or no room: let it go without another error."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(message: str, code: int = 2) -> int:
    line = "".join(c if c.isprintable() else "?" for c in " ".join(message.split()))
    print(f"symsched: {line}", file=sys.stderr)
    return code


def _warn(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """A warning is one line too; what is deprecated concerns programmers."""
    if not issubclass(category, DeprecationWarning | PendingDeprecationWarning | FutureWarning):
        _complain(f"warning: {message}")


def _usage(error: Exception) -> str:
    """A usage error in one line that names the command whose help has the rest."""
    message = error.format_message().rstrip(".")  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "symsched"
    if message.startswith("No such command"):
        from symsched.parsing import did_you_mean

        name = message.split("'")[1]
        known = list(context.command.commands) if context else []
        what = context.info_name if context and context.parent else "command"
        return f"unknown {what} '{name}'{did_you_mean(name, known)} (known: {', '.join(known)})"
    return f"{message} (see '{command} --help')" if message else f"nothing to do (see '{command} --help')"
