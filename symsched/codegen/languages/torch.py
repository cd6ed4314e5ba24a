"""torch: functions of tensors, with finite gradients at the ends, and no step that a compiler cannot unroll."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy as sp

from symsched.codegen.newton import Inverse
from symsched.codegen.printing.arrays import ArrayForms, Arrays
from symsched.codegen.printing.language import Lines
from symsched.codegen.printing.products import shared_products
from symsched.codegen.printing.python import helpers
from symsched.codegen.program import Routine
from symsched.codegen.quantities import Ends


class TorchForms(ArrayForms):
    """`torch.` functions, of tensors only."""

    prefix = "torch."
    choice = "torch.where({}, {}, {})"

    def conditional(self, test: str, yes: str, no: str) -> str:
        """Of two numbers torch makes a float32; a number that is none becomes a tensor like the parameter."""
        if _needs_double(yes) or _needs_double(no):
            yes = f"torch.full_like({test.split()[0]}, {yes})" if _is_number(yes) else yes
        return super().conditional(test, yes, no)


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "").isdigit() or text.removeprefix("-") == "torch.inf"


def _needs_double(text: str) -> bool:
    """Whether a number of code has more digits than float32 holds."""
    try:
        return float(np.float32(text)) != float(text)
    except ValueError:
        return False


class Torch(Arrays):
    """Functions of tensors."""

    forms = TorchForms()
    decorator = "@_floating"
    itself = "t.detach()"
    own = "{}.clone()"
    floored = "({}).clamp(min=floor)"
    untraced = "@torch.no_grad()"
    test_start = "    torch.set_default_dtype(torch.float64)\n"
    test_time = "torch.tensor(t, dtype=torch.float64)"
    error_helpers = helpers("""    product = a * b
    wide = product.dtype == torch.float64
    a, b = (torch.as_tensor(x, dtype=product.dtype, device=product.device) for x in (a, b))
""")
    prelude = '''import functools

import torch


def _floating(function):
    """Numbers become tensors; half precision is computed in single and rounded once, at the end."""

    @functools.wraps(function)
    def widened(t, *parameters, **named):
        t = torch.as_tensor(t)
        dtype = t.dtype if t.is_floating_point() else torch.get_default_dtype()
        wide = torch.promote_types(dtype, torch.float32)
        t = t.to(wide)
        t = torch.where(t.abs() < torch.finfo(wide).tiny, 0.0, t)  # the inverse of a subnormal number is none
        parameters = [p.to(wide) if torch.is_tensor(p) else p for p in parameters]
        found = function(t, *parameters, **named)
        return tuple(v.to(dtype) for v in found) if isinstance(found, tuple) else found.to(dtype)

    return widened
'''

    def lines(self, function: Routine) -> Lines:
        """A root of a plain number is no tensor: it stands where it is used."""
        lines = super().lines(function)
        numbers = {s: f for s, f in lines if not f.free_symbols and s in inside_functions(function)}
        return shared_products([(s, f.xreplace(numbers)) for s, f in lines])

    def converted(self, function: Routine, ends: Sequence[Ends]) -> list[str]:
        """The other times, and the parameters that a function or a choice takes: no plain numbers there."""
        chosen = {s for pair in ends for e in pair if isinstance(e, sp.Piecewise) for s in e.free_symbols}
        names = {s.name for s in chosen | inside_functions(function)}
        given = [*function.times[1:], *(p for p in map(str, function.parameters) if p in names)]
        return [f"{name} = torch.as_tensor({name}, dtype=t.dtype)" for name in given]

    def loop(self, inverse: Inverse) -> list[str]:
        """A loop that compilers unroll."""
        return self.unrolled(inverse)


def inside_functions(function: Routine) -> set[sp.Symbol]:
    """Names that a function or a root is applied to."""
    nodes = [a for _, f in function.lines for a in f.atoms(sp.Function, sp.Pow)]
    limits = {e for o in function.outputs for e in (*o.ends, *o.quantity.ends) if e is not None}
    nodes += [a for e in limits for a in e.atoms(sp.Function, sp.Pow)]
    return {s for a in nodes if not (a.is_Pow and a.exp.is_Integer) for s in a.free_symbols}
