"""Mutation: wrong formulas, made on purpose, and which of three independent routes notices each of them."""

from symsched.mutation.run import Mutation, Row, mutate

__all__ = ["Mutation", "Row", "mutate"]
