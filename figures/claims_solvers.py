"""DDIM's η as a κ, and which steps know their schedule."""

from matplotlib.figure import Figure

from symsched import plotting


def draw() -> Figure:
    return plotting.claim(["C21", "C22"])
