"""The torch module: shapes, dtypes, no host round trip, torch.compile, gradients; JAX: jit, grad and vmap."""

import math
import sys
import types

import numpy as np
import pytest
import sympy as sp

import symsched as ss
from symsched.codegen.emit import emit
from symsched.codegen.module import Module
from symsched.codegen.references import evaluate

torch = pytest.importorskip("torch", reason="torch is not installed")
pytestmark = pytest.mark.slow  # its modules take ten seconds to derive; test_codegen.py runs one in torch, too

FUNCTIONS = ("schedule", "levels", "conversion", "diffusion", "drift_data", "drift_velocity", "drift_v")
TARGETS = {
    "follmer": ss.schedules.follmer(),
    "vp": ss.schedules.vp(),
    "open": ss.Schedule(sp.Symbol("rho", positive=True) * sp.sqrt(1 - ss.t**2), ss.t),
}


@pytest.fixture(scope="module")
def modules():
    found = {name: Module(target, ss.schedules.linear()) for name, target in TARGETS.items()}
    found["newton"] = Module(ss.schedules.follmer(), ss.Schedule("1 - t**3", "t"))
    return found


def loaded(text, name="emitted"):
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(text, name, "exec"), module.__dict__)  # noqa: S102 - our own output, from whitelisted nodes
    return module


@pytest.fixture(scope="module")
def emitted(modules):
    return {name: loaded(emit(module, "torch"), f"torch_{name}") for name, module in modules.items()}


def arguments(modules, name, function):
    (found,) = (f for f in modules[name].functions if f.name == function)
    return [{"kappa": 0.5, "rho": 1.25}[p.name] for p in found.parameters]


def results(found):
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 1)])
@pytest.mark.parametrize("name", ["follmer", "vp", "open", "newton"])
def test_shape_and_dtype_are_those_of_t(modules, emitted, name, dtype, shape):
    t = torch.rand(shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    for function in FUNCTIONS:
        for value in results(getattr(emitted[name], function)(t, *arguments(modules, name, function))):
            assert value.shape == t.shape, function
            assert value.dtype == dtype, function


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["follmer", "vp"])
def test_half_precision_is_rounded_once(modules, emitted, name, dtype):
    t = torch.linspace(0, 1, 33).to(dtype)
    for function in FUNCTIONS:
        given = arguments(modules, name, function)
        low = results(getattr(emitted[name], function)(t, *given))
        high = results(getattr(emitted[name], function)(t.double(), *given))
        for got, want in zip(low, high, strict=True):
            there = want.isfinite() & (want.abs() < torch.finfo(dtype).max)
            # Next to a zero (log SNR at the middle) single precision has an error of its own.
            near = {"rtol": torch.finfo(dtype).eps, "atol": 1e-6}
            torch.testing.assert_close(got[there].double(), want[there].to(dtype).double(), **near)


def test_whole_numbers_and_plain_floats_are_times(emitted):
    tau, scale, *_ = emitted["follmer"].conversion(torch.tensor([0, 1]))
    assert tau.tolist() == [0.0, 1.0]
    assert scale.tolist() == [0.0, 1.0]
    assert float(emitted["follmer"].schedule(0.25)[1]) == 0.25


def test_the_result_is_never_the_callers_tensor(emitted):
    t = torch.tensor([0.25, 0.5])
    _, beta, *_ = emitted["follmer"].schedule(t)
    beta.mul_(2)
    assert t.tolist() == [0.25, 0.5]


@pytest.mark.parametrize("name", ["follmer", "vp", "open", "newton"])
def test_nothing_is_read_back_from_the_device(modules, emitted, name):
    """A meta tensor has no data: any question about a value raises."""
    t = torch.empty(4, device="meta")
    kappa = torch.empty((), device="meta")
    for function in FUNCTIONS:
        given = [kappa if g == 0.5 else g for g in arguments(modules, name, function)]
        for value in results(getattr(emitted[name], function)(t, *given)):
            assert value.shape == t.shape


def test_the_meta_probe_sees_a_question_about_a_value():
    with pytest.raises((RuntimeError, NotImplementedError)):
        bool(torch.empty(4, device="meta").sum() > 0)


@pytest.mark.parametrize("name", ["follmer", "vp", pytest.param("newton", marks=pytest.mark.exhaustive)])
def test_torch_compile_takes_the_whole_graph(modules, emitted, name):
    t = torch.tensor([0.0, 0.1, 0.5, 0.9, 1.0], dtype=torch.float64)
    for function in ("conversion", "drift_data"):
        plain = getattr(emitted[name], function)
        compiled = torch.compile(plain, fullgraph=True, backend="aot_eager")
        given = arguments(modules, name, function)
        for got, want in zip(compiled(t, *given), plain(t, *given), strict=True):
            torch.testing.assert_close(got, want, rtol=0, atol=0, equal_nan=False)


@pytest.mark.parametrize("name", ["follmer", "vp", "newton"])
def test_gradients_are_finite_at_the_ends_and_right_between(modules, emitted, name):
    times = [0.0, 0.03125, 0.25, 0.625, 0.96875, 1.0]
    for function in FUNCTIONS:
        (made,) = (f for f in modules[name].functions if f.name == function)
        given = arguments(modules, name, function)
        for k, output in enumerate(made.outputs):
            t = torch.tensor(times, dtype=torch.float64, requires_grad=True)
            value = results(getattr(emitted[name], function)(t, *given))[k]
            if not value.requires_grad:
                continue  # the same at all times
            # What is finite may be used; what is not must not poison the batch.
            torch.where(value.isfinite(), value, 0 * value.detach().nan_to_num()).sum().backward()
            assert t.grad.isfinite().all(), (function, output.name)
            for at, slope in list(zip(times, t.grad.tolist(), strict=True))[1:-1]:
                known = {p.name: sp.Rational(g) for p, g in zip(made.parameters, given, strict=True)}
                _, want = evaluate(modules[name], output.quantity.exact, at, known)
                assert slope == pytest.approx(float(want), rel=1e-9, abs=1e-9), (function, output.name, at)


def test_the_usual_mask_would_fail_this_test():
    """Masking the result alone, the trap: a NaN comes back through the branch that was not taken."""
    t = torch.tensor([0.0, 0.5], dtype=torch.float64, requires_grad=True)
    torch.where(t == 0, 0.0, torch.sqrt(t * (1 - t)) * torch.log(t)).sum().backward()
    assert not t.grad.isfinite().all()


def test_gradients_with_respect_to_kappa(emitted):
    """The weights are affine in κ: the slope is the difference of two values."""
    t = torch.tensor([0.25, 0.75], dtype=torch.float64)
    below, above = (emitted["follmer"].drift_data(t, kappa) for kappa in (0.0, 1.0))
    for k in range(2):
        kappa = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
        emitted["follmer"].drift_data(t, kappa)[k].sum().backward()
        assert float(kappa.grad) == pytest.approx(float((above[k] - below[k]).sum()), rel=1e-13)


# -- JAX --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def jax_modules(modules):
    jax = pytest.importorskip("jax", reason="jax is not installed")
    jax.config.update("jax_enable_x64", True)
    return jax, {name: loaded(emit(module, "jax"), f"jax_{name}") for name, module in modules.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["follmer", "vp", "open"])
def test_jax_jit_vmap_and_grad(modules, emitted, jax_modules, name):
    jax, found = jax_modules
    times = np.array([0.0, 0.03125, 0.25, 0.625, 1.0])
    for function in FUNCTIONS:
        given = arguments(modules, name, function)
        plain = getattr(found[name], function)
        wanted = results(getattr(emitted[name], function)(torch.tensor(times), *given))
        for way in (plain, jax.jit(plain), jax.vmap(plain, in_axes=(0, *[None] * len(given)))):
            for got, want in zip(results(way(times, *given)), wanted, strict=True):
                np.testing.assert_allclose(got, want.numpy(), rtol=1e-13)
        for k in range(len(wanted)):
            one = jax.grad(lambda t, plain=plain, given=given, k=k: results(plain(t, *given))[k])
            for at in (0.0, 0.25, 1.0):
                assert math.isfinite(one(at)) or not math.isfinite(float(results(plain(at, *given))[k])), (function, at)


def test_jax_half_precision(jax_modules):
    jax, found = jax_modules
    t = jax.numpy.linspace(0, 1, 17).astype(jax.numpy.bfloat16)
    assert {str(v.dtype) for v in found["follmer"].conversion(t)} == {"bfloat16"}


@pytest.mark.slow
def test_a_coefficient_that_is_a_plain_number_under_a_root():
    """beta = 1 of an exploding schedule was once given to torch.sqrt as an int."""
    module = Module(ss.schedules.ve(), ss.schedules.polynomial())
    found = loaded(emit(module, "torch"), "torch_ve").conversion(torch.tensor([0.25, 0.5], dtype=torch.float64))
    assert all(v.isfinite().all() for v in found)


@pytest.mark.slow
def test_a_limit_takes_plain_numbers_under_its_roots():
    """The noise of an Euler step of edm at 0 is put in as a number times √h √κ, and κ is a plain number."""
    euler = loaded(emit(Module(ss.schedules.edm()), "torch")).euler_step
    start, after = (euler(torch.tensor(t, dtype=torch.float64), 0.5, 0.25)[2] for t in (0.0, 1e-9))
    assert float(start) == pytest.approx(float(after), rel=1e-6)
    assert float(start) > 1


@pytest.mark.slow
def test_a_source_time_that_is_no_float_is_0():
    """r goes like the root of τ, which at 1e-200 is no float, and at 1e-100 one."""
    source = ss.Schedule("1 - t**2", "sqrt(t)")
    module = loaded(emit(Module(ss.schedules.linear(), source), "torch"))
    tau, *_ = module.conversion(torch.tensor([1e-300, 1e-200, 1e-100], dtype=torch.float64))
    assert tau[:2].tolist() == [0, 0]
    assert float(tau[2]) == pytest.approx(1e-200, rel=1e-15)
