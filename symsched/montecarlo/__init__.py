"""Monte Carlo of symbolic SDEs: simulate one, couple two, estimate an expectation to a tolerance.

Four stations, each a value that the next one takes: `model` (formulas), `program` (source), `tables` (numbers), `run`.
"""

from symsched.montecarlo.coupling import Coupled, System, couple
from symsched.montecarlo.model import Diffusion
from symsched.montecarlo.multilevel import Estimate, estimate
from symsched.montecarlo.run import Result
from symsched.montecarlo.simulation import simulate

__all__ = ["Coupled", "Diffusion", "Estimate", "Result", "System", "couple", "estimate", "simulate"]
