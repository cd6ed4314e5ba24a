"""`<!-- commands -->` in a page becomes what `symsched --help` says, command by command."""

import re

MARK = "<!-- commands -->"


def prose(text):
    """Help text as Markdown: nothing in it is markup, but for the bold words that a terminal shows."""
    return re.sub(r"([*_|<$])", r"\\\1", re.sub(r"\[/?bold\]", "", text))


def paragraphs(text):
    """Help with its examples as code: lines that are indented, and what continues them."""
    code = []
    for block in text.strip().split("\n\n"):
        if block.startswith("  "):
            code += [line[2:] for line in block.splitlines()]
            continue
        if code:
            yield "\n".join(["```text", *code, "```"])
            code = []
        yield prose(block)
    if code:
        yield "\n".join(["```text", *code, "```"])


def options(command):
    """A table of the arguments and options."""
    yield "| | |"
    yield "|---|---|"
    for given in command.params:
        name = ", ".join(given.opts + given.secondary_opts) if given.param_type_name == "option" else given.name.upper()
        said = prose(getattr(given, "help", "") or "")
        default = given.default
        shown = default not in (None, False, "", []) and not callable(default) and not given.required
        yield f"| `{name}` | {said}{f' By default `{default}`.' if shown else ''} |"


def section(command, name):
    """A command, and those under it."""
    yield f"## symsched {name}" if " " not in name else f"### symsched {name}"
    yield from paragraphs(command.help or "")
    if hasattr(command, "commands"):
        for below, inner in command.commands.items():
            yield from section(inner, f"{name} {below}")
    else:
        yield "\n".join(options(command))


def fill(_app, _name, source):
    if MARK in source[0]:
        from typer.main import get_command

        from symsched.cli.app import app

        parts = [part for name, command in get_command(app).commands.items() for part in section(command, name)]
        source[0] = source[0].replace(MARK, "\n\n".join(parts))


def setup(app):
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
