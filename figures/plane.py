"""Lazy schedules in the (α, β) plane."""

from matplotlib.figure import Figure

from symsched import plotting


def draw() -> Figure:
    return plotting.plane()
