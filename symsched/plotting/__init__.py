"""Figures of schedules, conversions, paths and errors; every function returns a matplotlib Figure."""

from symsched.plotting.canvas import save
from symsched.plotting.discretisation import error
from symsched.plotting.overview import overview
from symsched.plotting.paths import paths

__all__ = ["error", "overview", "paths", "save"]
