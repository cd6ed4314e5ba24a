"""What all commands have in common on the screen: the group, the option that they share, and help that fits it."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

WIDTH = 78  # of an example: a terminal of 80 columns, less the margins of the page
_PIECE = re.compile(r'-\S+ (?:"[^"]*"|[^-\s]\S*)|(?:"[^"]*"|\S)+')  # an option with its value, or a word

Json = Annotated[
    str | None, typer.Option("--json", metavar="[FILE]", help="Write JSON to FILE, or alone to stdout ('-').")
]


def among(*names: str, heavy: Callable[[], Iterable[str]] | None = None) -> Callable[[str], list[str]]:
    """What a shell completes a word to: these names, or those that are worth an import."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in (heavy() if heavy else names) if name.startswith(incomplete)]

    return complete


def _catalogue() -> Iterable[str]:
    from symsched.catalog import names

    return names()


SCHEDULES = among(heavy=_catalogue)


class _Untyped:
    """Shows no type for an option that takes no value; some Typers write <bool>."""

    def get_params(self, ctx: Any) -> list[Any]:
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for option in params:
            if getattr(option, "is_flag", False):
                option.metavar = ""
        return params


class _Command(_Untyped, TyperCommand):
    pass


class _Group(_Untyped, TyperGroup):
    pass


class Commands(typer.Typer):
    """A group of commands, with the settings that all of ours have."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            cls=_Group, rich_markup_mode="rich", no_args_is_help=True, pretty_exceptions_enable=False,
            context_settings={"help_option_names": ["-h", "--help"]}, **settings,
        )  # fmt: skip

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """A decorator that makes a command of a function."""
        return super().command(name, cls=_Command, **settings)


def spelled_out(args: Sequence[str]) -> list[str]:
    """The words of a command line with `--json` alone, before another option or at the end, as `--json -`."""
    words = list(args)
    for place in range(len(words) - 1, -1, -1):
        following = words[place + 1 : place + 2]
        if words[place] == "--json" and (not following or (following[0][:1] == "-" and following[0] != "-")):
            words.insert(place + 1, "-")
    return words


def folded(text: str) -> str:
    """Join the lines of each paragraph; keep the lines of examples, which are indented, and break the long ones."""
    paragraphs = []
    for paragraph in text.strip().split("\n\n"):
        lines = paragraph.splitlines()
        examples = any(line.startswith("  ") for line in lines)
        paragraphs.append("\n".join(map(_broken, lines)) if examples else " ".join(lines))
    return "\n\n".join(paragraphs)


def _broken(line: str) -> str:
    """A command as lines that a shell reads as one; words in quotes stay whole."""
    if len(line) <= WIDTH or not line.startswith("  symsched "):
        return line
    lines = [" "]
    for piece in _PIECE.findall(line):
        if len(lines[-1]) + len(piece) + 3 > WIDTH:  # room for a space and the backslash
            lines.append("     ")
        lines[-1] += f" {piece}"
    return " \\\n".join(lines)
