"""Every formula that the catalogue gives rise to, as it is printed: `python -m written.forms`, in tests/, writes the
list anew, for a reader to look at; `git diff` shows what a change of the rules made of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import symsched as ss
from symsched import catalog
from symsched.derived.formula import short
from symsched.derived.quantities import source_time

KEPT = Path(__file__).with_name("forms.txt")
EXAMPLES = {"lazy": "lazy(kappa=1)", "shifted": "shifted(3)", "geometric": "geometric(2)"}
SCHEDULES = [EXAMPLES.get(name, name) for name in catalog.names()]
NORMAL = {"data": "gaussian(0, 1)"}
WIDE = {"data": "gaussian(m, rho)"}
ASKED = [
    ("schedule", {}), ("ratio", {}), ("epsstar", {}), ("variance", {}), ("diffusion", {}), ("lazy", {}),
    ("drift", {}), ("velocity", {}), ("score", {}), ("eta_z", {}), ("drift", NORMAL), ("eta_x", WIDE),
]  # fmt: skip


def derived(name: str | None) -> Iterator[str]:
    """All quantities of one schedule, or of any."""
    for quantity, given in ASKED:
        told = "".join(f" {key}={value}" for key, value in given.items())
        found = ss.derive(quantity, name, **given)
        yield from (f"{name or 'any'} {quantity}{told}: {formula.text}" for formula in found.formulas)


def converted(source: str) -> Iterator[str]:
    """τ and c of the conversions from one schedule to all."""
    for target in SCHEDULES:
        conversion = ss.convert(source, target)
        scale = short("scale", "c", "c", conversion.scale)
        yield f"{source} → {target}: {source_time(conversion).text}; {scale.text}"


def written(names: list[str]) -> Iterator[str]:
    """What is derived, and then what is converted."""
    for name in names:
        yield from derived(None if name == "any" else name)
    for name in names:
        yield from converted(name) if name != "any" else ()


if __name__ == "__main__":
    with KEPT.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in written(sys.argv[1:] or ["any", *SCHEDULES]))
