"""The law after N Euler steps beside the data."""

from matplotlib.figure import Figure

from symsched import plotting


def draw() -> Figure:
    return plotting.law()
