"""Laws of the data: Gaussian, Gaussian mixture, empirical points, with exact mean fields, score and moments."""

from typing import Any

from symsched.data.empirical import Empirical
from symsched.data.gaussian import Gaussian
from symsched.data.law import DataLaw
from symsched.data.mixture import GaussianMixture
from symsched.data.unknown import ANY_DATA, ETA_X, AnyData
from symsched.errors import InputError
from symsched.parsing import quoted

__all__ = ["ANY_DATA", "ETA_X", "AnyData", "DataLaw", "Empirical", "Gaussian", "GaussianMixture", "as_law", "from_text"]


def from_text(text: str) -> DataLaw:
    """The law that a text such as `gaussian(0, 1)` describes; see `symsched.data.reading.from_text`."""
    from symsched.data.reading import from_text as read

    return read(text)


def as_law(value: Any, what: str = "data") -> DataLaw:
    """The law itself, or the one its text describes.  Raises InputError for anything else."""
    if isinstance(value, DataLaw):
        return value
    if not isinstance(value, str):
        right = "a data law, or its text such as 'gaussian(0, 1)'"
        raise InputError(f"{what} is {quoted(value)} ({type(value).__name__}); it should be {right}")
    return from_text(value)
