"""When to ask a linear model, and how to scale its state, for four targets."""

from matplotlib.figure import Figure

from symsched import plotting


def draw() -> Figure:
    return plotting.conversion()
