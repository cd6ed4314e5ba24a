"""The letters that the package's own source makes, with their assumptions, read from its syntax trees."""

import ast
import re
from functools import cache
from pathlib import Path

import symsched

MAKERS = {"Symbol", "Dummy", "symbols", "Function", "numbered_symbols"}
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,14}'?")
ROOT = Path(symsched.__file__).parent


def _called(node):
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)


def _makers(tree):
    """(call, the statement it stands in): names may come from a loop around the call."""
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Return | ast.Expr):
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and _called(node) in MAKERS:
                    yield node, statement


def _names(call, statement):
    """The words that the call names, or else those that a comprehension around it goes through."""
    loops = [node.iter for node in ast.walk(statement) if isinstance(node, ast.comprehension)]
    given = call.args if any(isinstance(n, ast.Constant) for a in call.args for n in ast.walk(a)) else loops
    nodes = (node for part in given for node in ast.walk(part))
    texts = (n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str))
    for word in (word for text in texts for word in text.split()):
        many = re.fullmatch(r"([a-z]+)(\d*):(\d*)", word)  # c0:3
        found = [f"{many[1]}{k}" for k in range(3)] if many else [word]
        yield from (name for name in found if WORD.fullmatch(name))


def _assumptions(call):
    facts = {k.arg: k.value.value for k in call.keywords if k.arg and isinstance(k.value, ast.Constant)}
    return frozenset((fact, holds) for fact, holds in facts.items() if isinstance(holds, bool))


@cache
def private_letters():
    """Pairs (name, assumptions), in order: every letter of ours, and the constants that SymPy's dsolve makes."""
    found = {("C1", frozenset()), ("C2", frozenset())}
    for path in sorted(ROOT.rglob("*.py")):
        for call, statement in _makers(ast.parse(path.read_text(encoding="utf-8"))):
            found |= {(name, _assumptions(call)) for name in _names(call, statement)}
    return sorted(found, key=lambda pair: (pair[0], sorted(pair[1])))
