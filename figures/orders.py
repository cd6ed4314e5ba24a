"""Strong and weak order of Euler steps, and none to speak of in a lazy frame."""

from matplotlib.figure import Figure

from symsched import plotting


def draw() -> Figure:
    return plotting.orders()
