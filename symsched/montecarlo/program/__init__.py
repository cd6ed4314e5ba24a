"""A model becomes the source of one step, and the expressions that its tables are to hold."""

from symsched.montecarlo.program.source import SCHEMES, Program, StepKind, program_of

__all__ = ["SCHEMES", "Program", "StepKind", "program_of"]
