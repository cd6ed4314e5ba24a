"""Mutation: wrong formulas, made on purpose, and which of three independent routes notices each of them."""

from symsched.mutation.run import Mutant, Mutation, mutate
from symsched.mutation.run import Mutant as Row  # its first name, which others may import

__all__ = ["Mutant", "Mutation", "Row", "mutate"]
