"""A canary that notices code of an attack."""

import ast
import builtins
import contextlib
import sys

import pytest

from symsched.errors import InputError


@pytest.fixture
def canary(tmp_path, monkeypatch):
    """Runs an attack; fails if code of it ran, by `eval`, `exec`, `compile` or anything that writes a file."""
    monkeypatch.chdir(tmp_path)

    def attack(call, *expected):
        with monkeypatch.context() as guard:
            for name in ("eval", "exec", "compile"):
                guard.setattr(builtins, name, guarded(getattr(builtins, name)))
            with contextlib.suppress(InputError, *expected):
                call()
        assert list(tmp_path.iterdir()) == []

    return attack


def guarded(function):
    def call(source, *args, **kwargs):
        tree_only = function.__name__ == "compile" and len(args) > 2 and args[2] & ast.PyCF_ONLY_AST
        assert tree_only or "canary" not in str(source), f"{function.__name__} on text from outside"
        if function.__name__ != "compile" and not args:
            frame = sys._getframe(1)
            args = (frame.f_globals, frame.f_locals)
        return function(source, *args, **kwargs)

    return call
