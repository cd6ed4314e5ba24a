"""The toolkit at a glance: the same Brownian motion under two schedules, and the steps each needs."""

from matplotlib.figure import Figure

from symsched import plotting

OUTPUTS = {"png": 100}


def draw() -> Figure:
    return plotting.overview()
