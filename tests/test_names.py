"""One name for one thing: no class and no file of the package has another's name."""

import ast
from collections import Counter
from pathlib import Path

import symsched

FILES = sorted(Path(symsched.__file__).parent.rglob("*.py"))


def doubled(names):
    return {name for name, count in Counter(names).items() if count > 1}


def test_no_class_has_another_ones_name():
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in FILES]
    assert doubled(n.name for tree in trees for n in ast.walk(tree) if isinstance(n, ast.ClassDef)) == set()
    assert doubled(["Plan", "Row", "Plan"]) == {"Plan"}


def test_no_file_has_another_ones_name():
    """But for a command's, which is its command's."""
    named = [file.name for file in FILES if file.name[0] != "_" and file.parent.name != "cli"]
    assert doubled(named) == set()
