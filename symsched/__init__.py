"""symsched: derive, prove, simulate and ship interpolation schedules for flows and diffusions."""

__version__ = "0.1.0"
