"""Docstrings are plain text with mathematics in Unicode: what reStructuredText would read as markup is escaped."""

import re

MARKUP = re.compile(r"(?<!`)`[^`\n]+`(?!`)|([*|]|(?<=\w)_(?!\w))")
SECTION = re.compile(r"(Args|Raises|Returns|Attributes|Yields|Note|Example):$")


def escape(line):
    """ε* is not emphasis, |x| no substitution, W_ no reference; `code` stays code."""
    return MARKUP.sub(lambda found: found[0] if found[1] is None else "\\" + found[0], line)


def marked(lines):
    """The lines with prose escaped, and indented lines outside of a section shown as they stand."""
    section = code = False
    for line in lines:
        if line and not line[0].isspace():
            section, code = bool(SECTION.match(line)), False
        elif line.strip() and not section and not code:
            code = True
            yield from ("::", "")
        yield line if code else escape(line)


def process(_app, what, _name, _obj, _options, lines):
    first = [""] if what in ("property", "attribute") else []  # napoleon would read "words: more" as a type
    lines[:] = [*first, *marked(lines)]


def setup(app):
    app.connect("autodoc-process-docstring", process, priority=400)  # before napoleon, which makes markup of its own
    return {"parallel_read_safe": True, "parallel_write_safe": True}
