"""ONNX: one graph of float64, from a vector of times to all quantities, that any runtime of opset 15 takes.

The functions are written as for NumPy, and run on names instead of numbers: what they do is noted as nodes of the
graph.  ONNX has no log1p and no expm1, and onnxruntime of float64 often exp, log, sin and tanh alone:
`prelude` makes the others of these, right to a few units of 2⁻⁵².
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from symsched.codegen import header
from symsched.codegen.module import Module
from symsched.codegen.newton import Inverse
from symsched.codegen.printing.arrays import ArrayForms, Arrays
from symsched.codegen.printing.forms import ERROR_FUNCTIONS, NAMES
from symsched.codegen.printing.python import executed, helpers
from symsched.codegen.stable import expm1, log1p
from symsched.errors import InputError, clipped
from symsched.version import __version__

OPSET, IR = 15, 8
NOTES = ["", f"ONNX, opset {OPSET}, float64. Inputs: t, a vector of any length, and the parameters, numbers."]
TESTED = "self_test: the worst error of all that is tested in units of 2^-52, or inf where one is beyond its bound."
MADE = (
    sp.cos, sp.tan, sp.asin, sp.acos, sp.atan, sp.atan2, sp.sinh, sp.cosh, sp.asinh, sp.acosh, sp.atanh, expm1, log1p
)  # fmt: skip
OPERATIONS = {
    "abs": "Abs", "exp": "Exp", "log": "Log", "maximum": "Max", "minimum": "Min", "sign": "Sign",
    "sin": "Sin", "sqrt": "Sqrt", "tanh": "Tanh", "where": "Where",
}  # fmt: skip
OPERATORS = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "truediv": "Div", "pow": "Pow", "and": "And", "or": "Or", "eq": "Equal",
    "lt": "Less", "le": "LessOrEqual", "gt": "Greater", "ge": "GreaterOrEqual",
}  # fmt: skip


class OnnxForms(ArrayForms):
    """Functions of a `Graph`."""

    prefix = "np."
    names = tuple((function, f"_{NAMES[function]}") for function in MADE)
    lacks = ERROR_FUNCTIONS
    choice = "np.where({}, {}, {})"


class Onnx(Arrays):
    """A graph of all functions of one time."""

    binary = True
    forms = OnnxForms()
    decorator = ""
    start = "_times({})"
    safe = False
    floored = "np.maximum({}, floor)"
    error_helpers = helpers("    product, wide = a * b, True\n")
    prelude = """
def _times(t):
    return np.where(np.abs(t) < np.finfo(t.dtype).tiny, 0, t)


def _log1p(x):
    whole = 1 + x
    near = np.where(whole == 1, x, x * (np.log(whole) / (whole - 1)))
    return np.where(np.abs(x) < 0.5, near, np.log(whole))


def _expm1(x):
    whole = np.exp(x)
    near = np.where(whole == 1, x, (whole - 1) * (x / np.log(whole)))
    return np.where(np.abs(x) < 0.7, near, whole - 1)


def _cos(x):
    return np.sin((1.5707963267948966 - np.abs(x)) + 6.123233995736766e-17)


def _tan(x):
    return np.sin(x) / _cos(x)


def _atan(x):
    far = np.abs(x) > 1
    x, outside = np.where(far, 1 / x, x), np.sign(x) * 1.5707963267948966
    s = np.single_atan(x)
    s = s + (x * _cos(s) - np.sin(s)) / (_cos(s) + x * np.sin(s))
    return np.where(far, outside - s, s)


def _asin(x):
    return _atan(x / np.sqrt((1 - x) * (1 + x)))


def _acos(x):
    return 2 * _atan(np.sqrt((1 - x) / (1 + x)))


def _atan2(y, x):
    turn = np.where(y < 0, -3.141592653589793, 3.141592653589793)
    return _atan(y / x) + np.where(x < 0, turn, 0)


def _sinh(x):
    near = _expm1(x)
    return np.where(np.abs(x) < 1, (near + near / (1 + near)) / 2, (np.exp(x) - np.exp(-x)) / 2)


def _cosh(x):
    return (np.exp(x) + np.exp(-x)) / 2


def _asinh(x):
    size = np.abs(x)
    near = _log1p(size + size * size / (1 + np.sqrt(1 + size * size)))
    return np.sign(x) * np.where(size > 1e8, np.log(size) + 0.6931471805599453, near)


def _acosh(x):
    near = _log1p(x - 1 + np.sqrt(x - 1) * np.sqrt(1 + x))
    return np.where(x > 1e8, np.log(x) + 0.6931471805599453, near)


def _atanh(x):
    size = np.abs(x)
    return np.sign(x) * (0.5 * _log1p(2 * size / (1 - size)))


def _error(got, want, size, allowed):
    error = np.where(got == want, 0, np.abs(got - want) / size / 2.0**-52)
    error = np.where(error <= allowed, error, np.inf)
    return np.largest(np.where(np.abs(size) >= 0, error, 0))
"""

    def absent(self, forms: Iterable[sp.Expr]) -> str | None:
        """Raises InputError where the package that writes the file is missing, before anything is derived."""
        if importlib.util.find_spec("onnx") is None:
            raise InputError("onnx needs the package of that name: pip install 'symsched[onnx]'")
        return super().absent(forms)

    def text(self, module: Module, test: bool = False) -> bytes:
        """The file, once the one with the self-test has been run."""
        tested = self._model(module, test=True)
        _run(tested, header.title(module))
        return bytes((tested if test else self._model(module, test=False)).SerializeToString())

    def loop(self, inverse: Inverse) -> list[str]:
        return self.unrolled(inverse)

    def _model(self, module: Module, test: bool) -> Any:
        graph = Graph()
        code = executed(self.body(module), graph)
        outputs: dict[str, tuple[Tensor, list[Any], str]] = {}
        for function in module.functions:
            given = [graph.input("t", ["n"]), *(graph.input(s.name, []) for s in function.parameters)]
            for output, found in zip(function.outputs, _called(code[function.name], given), strict=True):
                outputs[output.name] = found, ["n"], function.summary
        rows = [*header.timely_lines(module), *NOTES]
        if test:
            outputs["self_test"] = _worst(code, module, graph), [], TESTED
        return graph.model(self.name, "\n".join(rows), outputs)


def _called(function: Any, given: Iterable[Any]) -> tuple[Tensor, ...]:
    found = function(*given)
    return found if isinstance(found, tuple) else (found,)


def _worst(code: dict[str, Any], module: Module, graph: Graph) -> Tensor:
    """The functions at the times of the references, constants of the graph, compared with the values there."""
    worst = graph.tensor(0.0)
    for function in module.functions:
        rows = [row for row in module.references if row.function == function.name]
        given = [graph.tensor(column) for column in zip(*(row.arguments for row in rows), strict=True)]
        expected = zip(*(row.expected for row in rows), strict=True)
        for found, values in zip(_called(code[function.name], given), expected, strict=True):
            want = [np.nan if v is None else v.number for v in values]
            size = [np.nan if v is None else v.measure for v in values]
            worst = graph.maximum(worst, code["_error"](found, want, size, [row.ulps for row in rows]))
    return worst


def _run(model: Any, title: str) -> None:
    """Raises InputError where the graph fails its self-test: by onnxruntime where that is, else as onnx defines it."""
    library = "onnxruntime" if importlib.util.find_spec("onnxruntime") else "onnx"
    who = f"no onnx for {title}: run by {library} {importlib.import_module(library).__version__}"
    given = {i.name: np.zeros([1] * len(i.type.tensor_type.shape.dim)) for i in model.graph.input}
    try:
        with np.errstate(all="ignore"):
            (worst,) = _runner(library, model)(["self_test"], given)
    except Exception as error:  # of kinds that onnxruntime does not name
        raise InputError(f"{who} it fails ({clipped(error)}); take a newer one, or another language") from None
    if not worst < np.inf:
        raise InputError(f"{who} it is not what was derived; choose another language")


def _runner(library: str, model: Any) -> Callable[[list[str], dict[str, Any]], list[Any]]:
    if library == "onnx":
        from onnx.reference import ReferenceEvaluator

        return ReferenceEvaluator(model).run
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run


class Tensor:
    """A name in a graph.  What is computed with it is a node of the graph."""

    dtype = np.dtype(float)

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph, self.name = graph, name

    def __neg__(self) -> Tensor:
        return self.graph.node("Neg", self)


def _operator(operation: str, turned: bool) -> Callable[[Tensor, Any], Tensor]:
    def made(one: Tensor, other: Any) -> Tensor:
        return one.graph.node(operation, *((other, one) if turned else (one, other)))

    return made


for _mark, _operation in OPERATORS.items():
    setattr(Tensor, f"__{_mark}__", _operator(_operation, False))
    setattr(Tensor, f"__r{_mark}__", _operator(_operation, True))


class Graph:
    """Nodes by what they compute, so that nothing is computed twice.  To emitted code it is the library `np`."""

    inf, nan, finfo = np.inf, np.nan, np.finfo

    def __init__(self) -> None:
        self.inputs: dict[str, list[Any]] = {}
        self.constants: dict[tuple[tuple[int, ...], bytes], str] = {}
        self.nodes: dict[tuple[str, tuple[str, ...], tuple[tuple[str, int], ...]], str] = {}

    def __getattr__(self, name: str) -> Callable[..., Tensor]:
        if name not in OPERATIONS:
            raise NotImplementedError(name)
        return partial(self.node, OPERATIONS[name])

    def input(self, name: str, shape: list[Any]) -> Tensor:
        self.inputs[name] = shape
        return Tensor(self, name)

    def tensor(self, value: Any) -> Tensor:
        """The value, a constant where it is of numbers."""
        if isinstance(value, Tensor):
            return value
        numbers = np.asarray(value, dtype=float)
        return Tensor(self, self.constants.setdefault((numbers.shape, numbers.tobytes()), self._fresh()))

    def node(self, operation: str, *inputs: Any, **attributes: int) -> Tensor:
        names = tuple(self.tensor(value).name for value in inputs)
        key = operation, names, tuple(attributes.items())
        return Tensor(self, self.nodes.setdefault(key, self._fresh()))

    def _fresh(self) -> str:
        return f"_{len(self.constants) + len(self.nodes)}"  # no parameter begins so

    def full_like(self, like: Tensor, value: Any) -> Tensor:
        return self.node("Expand", value, self.node("Shape", like))

    def zeros_like(self, like: Tensor) -> Tensor:
        return self.full_like(like, 0.0)

    def ones_like(self, like: Tensor) -> Tensor:
        return self.full_like(like, 1.0)

    def single_atan(self, x: Tensor) -> Tensor:
        """To seven digits: of float32."""
        return self.node("Cast", self.node("Atan", self.node("Cast", x, to=1)), to=11)

    def largest(self, x: Tensor) -> Tensor:
        return self.node("ReduceMax", x, keepdims=0)

    def model(self, name: str, about: str, outputs: dict[str, tuple[Tensor, list[Any], str]]) -> Any:
        """The model, with the nodes that its outputs need."""
        from onnx import TensorProto, helper

        wanted = {tensor.name for tensor, _, _ in outputs.values()}
        nodes = [helper.make_node("Identity", [tensor.name], [key]) for key, (tensor, _, _) in outputs.items()]
        for (operation, inputs, attributes), made in reversed(self.nodes.items()):
            if made in wanted:
                wanted.update(inputs)
                nodes.append(helper.make_node(operation, inputs, [made], **dict(attributes)))
        constants = [
            helper.make_tensor(key, TensorProto.DOUBLE, shape, data, raw=True)
            for (shape, data), key in self.constants.items()
            if key in wanted
        ]
        described = partial(helper.make_tensor_value_info, elem_type=TensorProto.DOUBLE)
        given = [described(key, shape=shape) for key, shape in self.inputs.items()]
        returned = [described(key, shape=shape, doc_string=doc) for key, (_, shape, doc) in outputs.items()]
        graph = helper.make_graph(nodes[::-1], name, given, returned, constants)
        opset = [helper.make_opsetid("", OPSET)]
        whole = helper.make_model(graph, opset_imports=opset, ir_version=IR, producer_name="symsched")
        whole.producer_version, whole.doc_string = __version__, about
        return whole
