"""Monte Carlo of symbolic SDEs: simulate one, couple two, estimate an expectation to a tolerance."""

from symsched.montecarlo.coupling import Coupled, System, couple
from symsched.montecarlo.model import Diffusion
from symsched.montecarlo.multilevel import Estimate, estimate
from symsched.montecarlo.result import Result
from symsched.montecarlo.runs import simulate

__all__ = ["Coupled", "Diffusion", "Estimate", "Result", "System", "couple", "estimate", "simulate"]
