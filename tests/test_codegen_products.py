"""Products computed once for torch: the same roundings, fewer operations; and limits put in together."""

import random

import numpy as np
import pytest
import sympy as sp

import symsched as ss
from symsched.codegen.emit import emit
from symsched.codegen.languages.numpy import NumPyForms
from symsched.codegen.module import Module
from symsched.codegen.printing.language import unused_left_out
from symsched.codegen.printing.products import shared_products

x, y, z = sp.symbols("x y z")


def value(lines, given):
    """What the code does: the order of factors is the printer's."""
    known = {name: np.float64(number) for name, number in given.items()}
    for symbol, form in lines:
        known[symbol.name] = eval(NumPyForms().form(form), {"np": np}, known)  # noqa: S307 - our own output
    return known


def multiplications(lines):
    return sum(len(node.args) - 1 for _, form in lines for node in form.atoms(sp.Mul))


def test_every_rounding_stays():
    module = Module(ss.schedules.follmer(), ss.schedules.linear())
    numbers = random.Random(3)
    for function in module.functions:
        lines = unused_left_out(function)
        short = shared_products(lines)
        names = {o.name for o in function.outputs}
        for _ in range(20):
            t = numbers.random()
            given = {"t": t, "u": 1 - t, "kappa": numbers.random()}
            before, after = value(lines, given), value(short, given)
            assert {n: before[n] for n in names} == {n: after[n] for n in names}


def test_what_two_lines_begin_with_is_computed_once():
    lines = [(sp.Symbol("a"), sp.sqrt(x * y)), (sp.Symbol("b"), 1 / (2 * x * y)), (sp.Symbol("c"), x * y * z)]
    short = shared_products(lines)
    assert multiplications(short) < multiplications(lines)
    assert short[0][1] == x * y


@pytest.mark.parametrize("second", [3 * x * y, y * z, sp.sin(x) * y * z])
def test_nothing_else_is_touched(second):
    """The twins: a number that rounds in front, another product, no two names in front."""
    lines = [(sp.Symbol("a"), sp.sqrt(x * y)), (sp.Symbol("b"), second)]
    assert shared_products(lines) == lines


def test_a_sign_goes_into_a_difference():
    assert shared_products([(z, -x * (2 * y - 1))]) == [(z, x * (1 - 2 * y))]
    untouched = [(z, -x * (2 * y + 1))]
    assert shared_products(untouched) == untouched


def test_a_name_that_is_taken_is_not_used():
    lines = [(sp.Symbol("w1"), x + 1), (sp.Symbol("a"), sp.sqrt(x * y)), (sp.Symbol("b"), 1 / (x * y))]
    assert {s.name for s, _ in shared_products(lines)} == {"w1", "w2", "a", "b"}


def test_limits_are_put_in_together_where_they_can_be():
    module = Module(ss.schedules.follmer(), ss.schedules.linear())
    conversion = emit(module, "torch").split("def conversion")[1].split("@_floating")[0]
    assert "torch.where(end, at, tau)" in conversion
    assert "torch.where(end, torch.inf, tau_dot)" in conversion
    assert "torch.where(one, -torch.inf, torch.where(zero, torch.inf, scale_dot))" in conversion
