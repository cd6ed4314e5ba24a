"""Euler's order from a point, against the noise that it starts with."""

from matplotlib.figure import Figure

from symsched import plotting


def draw() -> Figure:
    return plotting.start()
