"""The lazy family for unit data, κ from 0 to 4."""

from matplotlib.figure import Figure

from symsched import plotting


def draw() -> Figure:
    return plotting.families(kappa=[0, "1/4", 1, 4])
