"""Figures of schedules, conversions, paths, drifts and errors; every function returns a matplotlib Figure.

    ss.plot.families(kappa=[0, "1/4", 1, 4])        ss.plot.plane(rho=[0.5, 1, 2])
    ss.plot.conversion("linear", ["vp", "follmer"]) ss.plot.paths("linear", "follmer", kappa=1)
    ss.plot.drift("linear", "follmer")              ss.plot.error(["linear", "lazy(kappa=0, rho=0.5)"])
    ss.plot.law()   ss.plot.orders()   ss.plot.kl() ss.plot.overview()
    ss.plot.energy()        ss.plot.spacing()       ss.plot.guidance()      ss.plot.start()
    ss.plot.claim(["C21", "C22"])
    ss.plot.save(figure, "families.svg")

Schedules and data laws are objects or their text.  A schedule has the same colour, dashes and marker in every figure.
Every plot takes `title=` ('' for none), `labels=` (names of the schedules), `legend=` (False, "outside" or a place) and
`style=` ("paper": columns of 3.25 or 6.75 inches; "slides").  `ax=` takes the caller's axes, with the caller's fonts.
"""

from symsched.plotting.canvas import FORMATS, check_output, check_size, save
from symsched.plotting.conversions import conversion
from symsched.plotting.discretisation import error
from symsched.plotting.drifts import drift
from symsched.plotting.energies import energy
from symsched.plotting.final_laws import law
from symsched.plotting.guided_laws import guidance
from symsched.plotting.optimality import kl
from symsched.plotting.orders import orders
from symsched.plotting.overview import overview
from symsched.plotting.paths import paths
from symsched.plotting.portraits import families, plane
from symsched.plotting.spacings import spacing
from symsched.plotting.starting import start
from symsched.plotting.style import label_of, style_of
from symsched.plotting.two_sides import claim
from symsched.plotting.wishes import resize

PLOTS = (
    "claim",
    "conversion",
    "drift",
    "energy",
    "error",
    "families",
    "guidance",
    "kl",
    "law",
    "orders",
    "overview",
    "paths",
    "plane",
    "spacing",
    "start",
)

__all__ = [
    "FORMATS",
    "PLOTS",
    "check_output",
    "check_size",
    "claim",
    "conversion",
    "drift",
    "energy",
    "error",
    "families",
    "guidance",
    "kl",
    "label_of",
    "law",
    "orders",
    "overview",
    "paths",
    "plane",
    "resize",
    "save",
    "spacing",
    "start",
    "style_of",
]
