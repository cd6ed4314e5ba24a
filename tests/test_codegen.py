"""Generated code: it runs alone, passes its own self-test, and holds to the last digits where rivals lose them."""

import importlib.util
import math
import shutil
import subprocess
import sys

import pytest
import sympy as sp
from slowness import slow

import symsched.codegen as codegen
from symsched import catalog
from symsched.cli.app import run
from symsched.codegen.languages.c import CForms
from symsched.codegen.languages.numpy import NumPyForms
from symsched.codegen.stable.letters import reduced
from symsched.codegen.stable.rewriting import Stabiliser
from symsched.codegen.stable.rounding import u, unit_samples, worst, written_out
from symsched.conversion import Conversion
from symsched.errors import InputError
from symsched.exact.zero import decide_zero
from symsched.schedule import Schedule
from symsched.symbols import t

LINEAR, FOLLMER = catalog.linear(), catalog.follmer()
TARGETS = ("linear", "vp", "follmer", "linear_vp", "simple_linear", "polynomial")


def run_alone(text, tmp_path, name="emitted.py"):
    """Run the module in an empty directory, isolated from this package."""
    (tmp_path / name).write_text(text)
    return subprocess.run([sys.executable, "-I", name], cwd=tmp_path, capture_output=True, text=True, timeout=300)


def loaded(text):
    spec = importlib.util.spec_from_loader("emitted", loader=None)
    module = importlib.util.module_from_spec(spec)
    exec(compile(text, "emitted", "exec"), module.__dict__)  # noqa: S102 - our own output, from whitelisted nodes
    return module


# -- forms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TARGETS)
def test_stable_forms_are_equal_to_what_they_replace(name):
    schedule = catalog.entry(name).build()
    samples = unit_samples()
    stable = Stabiliser(samples)
    for exact in (schedule.alpha, schedule.beta, schedule.alpha_dot, schedule.log_r_dot):
        form = stable(exact)
        assert decide_zero(written_out(form) - exact).zero is True, f"{form} != {exact}"
        assert worst(samples, form) < 7


def test_a_wrong_form_is_told_from_a_right_one():
    assert decide_zero(written_out(sp.sin(sp.pi * u / 2)) - sp.cos(sp.pi * t / 2)).zero is True
    assert decide_zero(written_out(sp.sin(sp.pi * u / 3)) - sp.cos(sp.pi * t / 2)).zero is False


def test_the_rounding_bound_sees_cancellation():
    assert worst(unit_samples(), 1 - t**2) > 1e10
    assert worst(unit_samples(), u * (1 + t)) < 2


@pytest.mark.parametrize(
    ("naive", "limit"),
    [
        (sp.sqrt(1 - t**2), 3),
        (sp.cos(sp.pi * t / 2), 3),
        (1 - sp.exp(-3 * (1 - t)), 3),
        (1 - sp.sqrt(t), 4),
        (sp.sqrt(1 - sp.cos(sp.pi * (1 - t) / 3) ** 2), 6),
        (1 - t ** sp.Rational(1, 3), 5),
        (sp.log(2 - t), 4),
    ],
)
def test_what_cancels_is_rewritten(naive, limit):
    samples = unit_samples()
    assert worst(samples, naive) > 1e6
    assert worst(samples, Stabiliser(samples)(naive)) <= limit


def test_kernels_are_letters_in_algebra():
    heavy = sp.exp(sp.Rational(199, 20) * t**2 + t / 40)
    assert reduced((heavy**2 - 1) / (heavy - 1)) == heavy + 1


def test_powers_keep_their_parentheses():
    a, b = sp.symbols("a b")
    assert CForms().form(a / b**2) == "a/(b*b)"
    assert NumPyForms().form(a / b**2) == "a/b**2"
    assert NumPyForms().form(sp.pi * a / 2) == "1.5707963267948966*a"


# -- modules ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def conversion():
    return Conversion(LINEAR, FOLLMER)


def test_numpy_runs_alone(conversion, tmp_path):
    done = run_alone(codegen.generate(conversion, "numpy", self_test=True), tmp_path)
    assert done.returncode == 0, done.stderr
    assert "self-test passed" in done.stdout


def test_numba_runs_alone(conversion, tmp_path):
    done = run_alone(codegen.generate(conversion, "numba", self_test=True), tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("lang", ["torch", slow("jax")])
def test_tensor_libraries_run_alone(conversion, lang, tmp_path):
    pytest.importorskip(lang, reason=f"{lang} is not installed")
    done = run_alone(codegen.generate(conversion, lang, self_test=True), tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
def test_c_compiles_without_a_warning_and_passes(conversion, tmp_path):
    (tmp_path / "emitted.h").write_text(codegen.generate(conversion, "c", self_test=True))
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2", "-DSELF_TEST", "-x", "c"]
    built = subprocess.run(
        ["gcc", *flags, "emitted.h", "-o", "emitted", "-lm"], cwd=tmp_path, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    assert subprocess.run([tmp_path / "emitted"], capture_output=True).returncode == 0


@pytest.mark.skipif(shutil.which("julia") is None, reason="julia is not installed")
def test_julia_passes(conversion, tmp_path):
    text = codegen.generate(conversion, "julia", self_test=True)
    (tmp_path / "emitted.jl").write_text(text + "LinearToFollmer.self_test()\n")
    assert subprocess.run(["julia", "emitted.jl"], cwd=tmp_path, capture_output=True).returncode == 0


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(conversion, tmp_path):
    (tmp_path / "sheet.tex").write_text(codegen.generate(conversion, "latex"))
    done = subprocess.run(["pdflatex", "-halt-on-error", "sheet.tex"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stdout[-500:]


def test_the_self_test_rejects_a_wrong_sign(conversion, tmp_path):
    text = codegen.generate(conversion, "numpy", self_test=True)
    wrong = text.replace("scale = alpha + beta", "scale = -(alpha + beta)")
    assert wrong != text
    assert run_alone(wrong, tmp_path).returncode != 0


def test_output_is_deterministic(conversion):
    assert codegen.generate(conversion, "c") == codegen.generate(conversion, "c")


def test_ends_are_limits(conversion):
    module = loaded(codegen.generate(conversion, "numpy"))
    tau, scale, tau_dot, scale_dot = (float(v) for v in module.conversion(0.0))
    assert (tau, scale, tau_dot, scale_dot) == (0.0, 0.0, math.inf, math.inf)
    assert [float(v) for v in module.conversion(1.0)] == [1.0, 1.0, math.inf, -math.inf]


def test_reference_numbers_of_the_theory(conversion):
    module = loaded(codegen.generate(conversion, "numpy"))
    tau, scale, *_ = module.conversion(0.25)
    assert abs(float(tau) - 0.3660254037844386) < 1e-15
    assert abs(float(scale) - 0.6830127018922193) < 1e-15


def test_float32_stays_float32(conversion):
    import numpy as np

    module = loaded(codegen.generate(conversion, "numpy"))
    found = module.conversion(np.linspace(0, 1, 5, dtype=np.float32))
    assert {str(v.dtype) for v in found} == {"float32"}


@pytest.mark.slow
def test_newton_inverse_reaches_full_precision(tmp_path):
    source = Schedule("1 - t**3", "t", name="cubic")
    module = Conversion(source, LINEAR)
    assert not module.closed_form
    text = codegen.generate(module, "numpy", self_test=True)
    assert "_source_time" in text
    done = run_alone(text, tmp_path)
    assert done.returncode == 0, done.stderr


def test_kappa_stays_a_parameter_unless_fixed(conversion):
    free = loaded(codegen.generate(conversion, "numpy"))
    fixed = loaded(codegen.generate(conversion, "numpy", kappa=1))
    assert [float(v) for v in free.drift_data(0.25, 1.0)] == pytest.approx([float(v) for v in fixed.drift_data(0.25)])


def test_sigmas_descend_to_zero():
    text = codegen.generate(FOLLMER, "sigmas", steps=4)
    names = {}
    exec(text, names)  # noqa: S102 - our own output
    sigmas = names["sigmas"]
    assert sigmas == sorted(sigmas, reverse=True)
    assert sigmas[0] == 1.0
    assert sigmas[-1] == 0.0
    assert len(names["timesteps"]) == 4


@pytest.mark.slow
def test_flow_matching_puts_the_data_first():
    text = codegen.generate(FOLLMER, "flow_matching")
    assert "SchedulerOutput(alpha_t=data, sigma_t=noise, d_alpha_t=data_dot, d_sigma_t=noise_dot)" in text
    compile(text, "scheduler", "exec")


# -- bad input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "vp", "--lang", "cobol"], "unknown language"),
        (["--to", "nope", "--lang", "c"], "unknown schedule"),
        (["--to", "vp", "--lang", "c", "--kappa", "-1"], ">= 0"),
        (["--to", "vp", "--lang", "sigmas", "--steps", "0"], "steps = 0"),
        (["--to", "vp", "--lang", "c", "--eps", "t"], "source"),
    ],
)
def test_bad_input_is_one_line(arguments, message, capsys):
    assert run(["codegen", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_an_existing_file_is_kept(tmp_path, capsys):
    path = tmp_path / "kept.py"
    path.write_text("mine")
    assert run(["codegen", "--to", "linear", "--lang", "numpy", "-o", str(path)]) == 2
    assert path.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert run(["codegen", "--to", "linear", "--lang", "numpy", "-o", str(path), "--force"]) == 0
    assert "def schedule" in path.read_text()


def test_the_package_is_callable():
    import symsched

    assert symsched.codegen(LINEAR, lang="julia").startswith("# Schedule linear")
    with pytest.raises(InputError, match="unknown language"):
        symsched.codegen(LINEAR, lang="cobol")
