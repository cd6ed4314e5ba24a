"""Laws of the data: Gaussian, Gaussian mixture, empirical points, with exact mean fields, score and moments."""

from symsched.data.empirical import Empirical
from symsched.data.gaussian import Gaussian
from symsched.data.law import DataLaw
from symsched.data.mixture import GaussianMixture

__all__ = ["DataLaw", "Empirical", "Gaussian", "GaussianMixture", "from_text"]


def from_text(text: str) -> DataLaw:
    """The law that a text such as `gaussian(0, 1)` describes; see `symsched.data.reading.from_text`."""
    from symsched.data.reading import from_text as read

    return read(text)
