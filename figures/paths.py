"""One Brownian motion, two schedules, Gaussian data."""

from matplotlib.figure import Figure

from symsched import plotting

OUTPUTS = {"png": 110}  # thousands of path points: the vector file is large


def draw() -> Figure:
    return plotting.paths()
