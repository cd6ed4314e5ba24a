"""The named schedules, each with its source: `symsched.schedules.<name>(...)`.

    schedules.linear()                       schedules.ddpm(b0=0.1, b1=20)
    schedules.lazy(kappa=1, rho=0.5)         schedules.shifted(3, base="vp")
    schedules.from_text("alpha=1-t; beta=t") schedules.names()

All are in this project's convention: time runs from t = 0 (noise) to t = 1 (data), α multiplies the noise and β the
data.  Papers that run diffusion time s from data to noise are read with s = 1 - t.  Parameters may be numbers (decimals
are exact: 0.1 is 1/10), text, or SymPy expressions with symbols of their own.
"""

from symsched.catalog.diffusions import cosine, ddpm, edm, scaled_linear, sigmoid, sub_vp, trigflow, ve
from symsched.catalog.flows import cosmap, linear, linear_vp, polynomial, shifted, simple_linear, vp
from symsched.catalog.optimal import follmer, geometric, lazy
from symsched.catalog.registry import ALIASES, Entry, as_schedule, entry, from_text, names

__all__ = [
    "ALIASES",
    "Entry",
    "as_schedule",
    "cosine",
    "cosmap",
    "ddpm",
    "edm",
    "entry",
    "follmer",
    "from_text",
    "geometric",
    "lazy",
    "linear",
    "linear_vp",
    "names",
    "polynomial",
    "scaled_linear",
    "shifted",
    "sigmoid",
    "simple_linear",
    "sub_vp",
    "trigflow",
    "ve",
    "vp",
]
