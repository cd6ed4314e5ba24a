"""The drift before and after conversion: blank for Gaussian data, less for a mixture of the same variance."""

from matplotlib.figure import Figure

from symsched import plotting

OUTPUTS = {"png": 110}


def draw() -> Figure:
    return plotting.drift()
