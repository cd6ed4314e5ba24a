"""The drift that is left as the modes of a mixture part, and when it is spent."""

from matplotlib.figure import Figure

from symsched import plotting


def draw() -> Figure:
    return plotting.energy()
