"""DDIM on Gaussian data: the variance that equal angles keep, and the best grid of several modes."""

from matplotlib.figure import Figure

from symsched import plotting


def draw() -> Figure:
    return plotting.spacing()
