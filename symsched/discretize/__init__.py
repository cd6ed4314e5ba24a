"""What N steps of a scheme do to Gaussian data, exactly: a discretisation error without sampling (theory C11)."""

from symsched.discretize.affine import SCHEMES, affine_steps, as_grid, noise_variance, retention
from symsched.discretize.affine import AffineSteps as Steps
from symsched.discretize.closed import ClosedForm, closed_form, exact_law
from symsched.discretize.distances import kl, w2
from symsched.discretize.pathwise import PathStepper as Stepper
from symsched.discretize.recursion import SchemeLaws as Trajectory
from symsched.discretize.recursion import trajectory

__all__ = [
    "SCHEMES",
    "ClosedForm",
    "Stepper",
    "Steps",
    "Trajectory",
    "affine_steps",
    "as_grid",
    "closed_form",
    "exact_law",
    "kl",
    "noise_variance",
    "retention",
    "trajectory",
    "w2",
]
