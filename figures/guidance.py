"""Guided laws against κ, and the tilted law that they approach."""

from matplotlib.figure import Figure

from symsched import plotting


def draw() -> Figure:
    return plotting.guidance()
