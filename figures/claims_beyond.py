"""Any base, Doob's transform, likelihoods and matrix conversions, in numbers."""

from matplotlib.figure import Figure

from symsched import plotting


def draw() -> Figure:
    return plotting.claim(["C24", "C27", "C28", "C29"])
