"""Docstrings are plain text with mathematics in Unicode: what reStructuredText would read as markup is escaped."""

import re

MARKUP = re.compile(r"(?<!`)`[^`\n]+`(?!`)|([*|]|(?<=\w)_(?!\w))")


def escape(line):
    """ε* is not emphasis, |x| no substitution, W_ no reference; `code` stays code."""
    return MARKUP.sub(lambda found: found[0] if found[1] is None else "\\" + found[0], line)


def process(_app, _what, _name, _obj, _options, lines):
    lines[:] = [line if line.startswith("    ") and "::" not in line else escape(line) for line in lines]


def setup(app):
    app.connect("autodoc-process-docstring", process, priority=400)  # before napoleon, which makes markup of its own
    return {"parallel_read_safe": True, "parallel_write_safe": True}
