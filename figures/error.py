"""W2 and KL after N Euler steps, exactly."""

from matplotlib.figure import Figure

from symsched import plotting


def draw() -> Figure:
    return plotting.error()
