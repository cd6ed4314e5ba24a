"""The C headers: no warning under strict C99, no allocation, both precisions side by side, loops that vectorise."""

import re
import shutil
import subprocess

import pytest
from slowness import slow

import symsched as ss
from symsched.codegen.emit import emit
from symsched.codegen.module import Module

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
VECTOR = ["-O3", "-fno-math-errno", "-fno-trapping-math"]

BOTH = """
#include "double.h"
#include "float.h"
#include <stdio.h>
#define N 97
int main(void)
{
    double t[N], tau[N], scale[N], tau_dot[N], scale_dot[N], worst = 0.0;
    float s[N], tau_f[N], scale_f[N], tau_dot_f[N], scale_dot_f[N];
    for (int k = 0; k < N; ++k) { s[k] = (float)k/(N - 1); t[k] = s[k]; }
    linear_to_follmer_conversion_n(N, t, tau, scale, tau_dot, scale_dot);
    linear_to_follmer_f32_conversion_n(N, s, tau_f, scale_f, tau_dot_f, scale_dot_f);
    for (int k = 0; k < N; ++k) {
        const linear_to_follmer_conversion_t v = linear_to_follmer_conversion(t[k]);
        if (v.tau != tau[k] || v.scale_dot != scale_dot[k]) return 1;
        if (k == 0 || k == N - 1) { if (tau_dot_f[k] != tau_dot[k]) return 2; continue; }
        const double error = fabs(tau_f[k]/tau[k] - 1.0) + fabs(tau_dot_f[k]/tau_dot[k] - 1.0);
        if (error > worst) worst = error;
    }
    printf("%.3g\\n", worst);
    return !(worst < 64*1.2e-7);
}
"""

CPP = ["-std=c++17", *STRICT[1:]]


@pytest.fixture(scope="module")
def modules():
    linear, follmer = ss.schedules.linear(), ss.schedules.follmer()
    return {
        "closed": Module(follmer, linear),
        "newton": Module(follmer, ss.Schedule("1 - t**3", "t")),
        "kappa": Module(ss.schedules.vp(), kappa=1),
    }


def gcc(folder, *arguments, compiler="gcc"):
    return subprocess.run([compiler, *arguments], cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("lang", ["c", "c_float"])
@pytest.mark.parametrize("name", ["closed", slow("newton"), "kappa"])
def test_strict_c99_without_a_warning_and_the_self_test_passes(modules, name, lang, tmp_path):
    (tmp_path / "emitted.h").write_text(emit(modules[name], lang, True))
    for level in ("-O0", "-O3"):
        built = gcc(tmp_path, *STRICT, level, "-DSELF_TEST", "-x", "c", "emitted.h", "-o", "emitted", "-lm")
        assert built.returncode == 0, built.stderr
        done = subprocess.run([tmp_path / "emitted"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
@pytest.mark.parametrize("lang", ["c", "c_float"])
@pytest.mark.parametrize("name", ["closed", slow("newton")])
def test_the_header_is_cpp_too(modules, name, lang, tmp_path):
    text = emit(modules[name], lang, True)
    (tmp_path / "emitted.h").write_text(text)
    built = gcc(tmp_path, *CPP, "-DSELF_TEST", "-x", "c++", "emitted.h", "-o", "emitted", compiler="g++")
    assert built.returncode == 0, built.stderr
    assert subprocess.run([tmp_path / "emitted"], capture_output=True).returncode == 0
    (tmp_path / "bare.h").write_text(text.replace("*SYMSCHED_RESTRICT", "*restrict"))  # the twin
    assert gcc(tmp_path, *CPP, "-fsyntax-only", "-x", "c++", "bare.h", compiler="g++").returncode != 0


@pytest.mark.parametrize("lang", ["c", "c_float"])
def test_the_self_test_rejects_a_wrong_sign(modules, lang, tmp_path):
    text = emit(modules["closed"], lang, True)
    wrong = re.sub(r"const (\w+) scale = ", r"const \1 scale = -", text)
    assert wrong != text
    (tmp_path / "wrong.h").write_text(wrong)
    gcc(tmp_path, *STRICT, "-DSELF_TEST", "-x", "c", "wrong.h", "-o", "wrong", "-lm")
    assert subprocess.run([tmp_path / "wrong"], capture_output=True).returncode == 1


@pytest.mark.parametrize("lang", ["c", "c_float"])
def test_nothing_is_allocated(modules, lang):
    text = emit(modules["newton"], lang)
    assert not re.search(r"\b(malloc|calloc|realloc|alloca)\b|stdlib", text)


def test_floats_and_doubles_live_in_one_program(modules, tmp_path):
    (tmp_path / "double.h").write_text(emit(modules["closed"], "c"))
    (tmp_path / "float.h").write_text(emit(modules["closed"], "c_float"))
    (tmp_path / "main.c").write_text(BOTH)
    built = gcc(tmp_path, *STRICT, *VECTOR, "main.c", "-o", "main", "-lm")
    assert built.returncode == 0, built.stderr
    done = subprocess.run([tmp_path / "main"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_header_of_floats_computes_with_floats(modules):
    text = emit(modules["closed"], "c_float")
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    assert not re.search(r"\bdouble\b|\d\.\d+(?!\d*f)\b", code)


@pytest.mark.parametrize("lang", ["c", "c_float"])
def test_loops_over_arrays_vectorise(modules, lang, tmp_path):
    text = emit(modules["closed"], lang).replace("static inline void", "void")
    (tmp_path / "loops.c").write_text(text)
    done = gcc(tmp_path, "-std=c99", *VECTOR, "-c", "loops.c", "-fopt-info-vec-optimized")
    vectorised = {int(n) for n in re.findall(r"loops\.c:(\d+):\d+: optimized: loop vectorized", done.stderr)}
    lines = text.splitlines()
    starts = [k + 1 for k, line in enumerate(lines) if "for (size_t k" in line]
    # log has no vector form without -ffast-math, and so has pow in the data step for an open κ; ε is one number.
    scalar = [k for k in starts if re.search(r"_(levels|data_step|diffusion)_n\(", "\n".join(lines[max(0, k - 8) : k]))]
    assert set(starts) - set(scalar) <= vectorised


@pytest.mark.parametrize("beta", [slow("t**2*(3 - 2*t)"), "t**(3/2)"])
def test_references_below_the_floats_are_written_as_they_are_read(beta, tmp_path):
    """β is 3·10⁻⁶⁰⁰ at t = 10⁻³⁰⁰: to a compiler that is 0, and a constant it warns of."""
    text = emit(Module(ss.Schedule("1 - t", beta)), "c", True)
    assert not re.search(r"\de-(3[3-9]|[4-9]\d)\d", text)
    (tmp_path / "emitted.h").write_text(text)
    built = gcc(tmp_path, *STRICT, "-DSELF_TEST", "-x", "c", "emitted.h", "-o", "emitted", "-lm")
    assert built.returncode == 0, built.stderr
    assert subprocess.run([tmp_path / "emitted"], capture_output=True).returncode == 0
