"""The price of a wrong score against κ."""

from matplotlib.figure import Figure

from symsched import plotting


def draw() -> Figure:
    return plotting.kl()
