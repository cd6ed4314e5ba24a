"""What N steps of a scheme do to Gaussian data, exactly: a discretisation error without sampling (theory C11)."""

from symsched.discretize.affine import SCHEMES, Steps, affine_steps, noise_variance, retention
from symsched.discretize.closed import ClosedForm, closed_form, exact_law
from symsched.discretize.distances import kl, w2
from symsched.discretize.grids import as_grid
from symsched.discretize.law import Trajectory, trajectory
from symsched.discretize.pathwise import Stepper

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
