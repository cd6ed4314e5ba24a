"""Compiled kernels: counter-based random streams, vector mathematics, generated steppers, streaming moments.

Paths advance together in blocks of `LANES`, so that LLVM turns every inner loop into vector instructions.
"""
