"""The catalogue against time: coefficients, log SNR, variance, optimal scale, and the (α, β) plane."""

from matplotlib.figure import Figure

from symsched import plotting


def draw() -> Figure:
    return plotting.families()
