"""One Brownian motion, two schedules, a mixture of two Gaussians."""

from matplotlib.figure import Figure

from symsched import plotting

OUTPUTS = {"png": 110}
DATA = "mixture(weights=[0.5, 0.5], means=[-0.9, 0.9], stds=[0.3, 0.3])"


def draw() -> Figure:
    return plotting.paths(data=DATA, seed=5)
