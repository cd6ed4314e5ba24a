"""Timestep shifts, spectral frames and Lipschitz-optimal schedules, in numbers."""

from matplotlib.figure import Figure

from symsched import plotting


def draw() -> Figure:
    return plotting.claim(["C13", "C14", "C15"])
