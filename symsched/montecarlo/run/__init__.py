"""Tables become numbers: chunks of paths stepped, summed, and kept on disk while they last."""

from symsched.montecarlo.run.chunks import Job, stepped
from symsched.montecarlo.run.result import Result
from symsched.montecarlo.run.workers import run

__all__ = ["Job", "Result", "run", "stepped"]
