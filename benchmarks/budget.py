"""What a calibration is worth, by the evaluations of the model that it may take.

    python benchmarks/budget.py                      # ten minutes on one core; what is done is kept, row by row
    python benchmarks/budget.py --fields "HSC 32"    # one more model into the same table and figure

`calibrate(budget=…)` for one number of evaluations, beside the default without a calibration (budget 0) and the full
calibration (64 paths, 28 grids).  PSNR in decibels (data range 2) to the converged ends of fresh noise, all error
pooled, and mean and median of the samples' own, with 95 % bootstrap intervals.  The mixtures and "HSC 32" were looked
at when the rule of the budget was made; "digits" and "ZTF 32" were not.
Writes benchmarks/results/budget.json and a figure beside it.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

import matplotlib as mpl
import torch
from matplotlib.figure import Figure

from benchmarks.untuned import Place, place
from symsched.bridge import calibrate, sample
from symsched.errors import InputError
from symsched.plotting import save
from symsched.plotting.style import look
from symsched.version import __version__
from symsched.writing import whole
from training.data import run

mpl.use("Agg")

BUDGETS = (100, 300, 1000, 10_000, 100_000)
COUNTS = {"mixture2": (4, 6, 8), "mixture64": (4, 6, 8), "HSC 32": (6,), "digits": (6,), "ZTF 32": (6,)}
CHOSEN_ON = ("mixture2", "mixture64", "HSC 32")
TITLES = {"mixture2": "Mixture in 2-D", "mixture64": "Mixture in 64-D", "digits": "Digits"}
TITLES |= {"HSC 32": "Galaxies, HSC 32", "ZTF 32": "Galaxies, ZTF 32"}
COLORS = {4: ("#e69f00", "^"), 6: ("#0072b2", "P"), 8: ("#009e73", "s")}  # told apart without colour sight
NONE, FULL = 0, "full"


def measure(name: str, here: Place, n: int, budget: int | str) -> dict[str, Any]:
    """One row: the calibration made, and what it gives on noise that it does not know."""
    known: Any = False
    if budget == FULL:
        known = calibrate(here.field, 64, steps=[n], seed=5, batch=64)
    elif budget:
        known = calibrate(here.field, steps=[n], budget=int(budget), seed=5, batch=64)
    found = here.psnr(sample(here.field, noise=here.noise, steps=n, calibration=known))
    pilot = dict(known.pilot) if known else {"count": 0, "steps": 0, "evaluations": 0}
    spent = pilot["count"] * pilot["evaluations"] + pilot.get("scouting", 0)
    return {"field": name, "evaluations": n, "budget": budget, "spent": spent} | found


@look()
def draw(rows: list[dict[str, Any]], output: Path) -> None:
    """A panel for each model: PSNR against the budget; dashes the full calibration, dots the default without one."""
    names = [name for name in TITLES if any(row["field"] == name for row in rows)]
    figure = Figure(figsize=(max(4.2 * len(names), 8), 4.2), layout="constrained")
    for axis, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for n, (color, mark) in COLORS.items():
            own = [row for row in rows if (row["field"], row["evaluations"]) == (name, n)]
            if not own:
                continue
            paid = [row for row in own if row["budget"] not in (NONE, FULL)]
            axis.plot([row["spent"] for row in paid], [row["mean"] for row in paid], color=color, marker=mark, ms=5,
                      label=f"{n} evaluations")  # fmt: skip
            low, high = zip(*(row["mean_95"] for row in paid), strict=True)
            axis.fill_between([row["spent"] for row in paid], low, high, color=color, alpha=0.15, lw=0)
            for budget, line in ((FULL, "--"), (NONE, ":")):
                for row in own:
                    if row["budget"] == budget:
                        axis.axhline(row["mean"], color=color, ls=line, lw=1)
        axis.set_xscale("log")
        axis.set_xlim(60, 170_000)
        axis.set_title(TITLES[name] + ("" if name in CHOSEN_ON else ", not chosen on"))
        axis.set_xlabel("evaluations to calibrate")
    figure.axes[0].set_ylabel("mean PSNR to the converged end (dB)")
    figure.axes[0].plot([], [], "k--", lw=1, label="full calibration")
    figure.axes[0].plot([], [], "k:", lw=1, label="uncalibrated")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    figure.suptitle(finding(rows), x=0.01, ha="left")
    save(figure, output.with_suffix(".png"), dpi=150, palette=True)


def finding(rows: list[dict[str, Any]]) -> str:
    """Read off the rows: what a budget of a thousand is worth beside none and beside the full calibration."""
    at = {(row["field"], row["evaluations"], row["budget"]): row["mean"] for row in rows}
    cases = [key[:2] for key in at if key[2] == 1000]
    gained = [at[*case, 1000] - at[*case, NONE] for case in cases]
    lacking = max(at[*case, FULL] - at[*case, 1000] for case in cases)
    share = f"{min(gained):.0f} to {max(gained):.0f} dB"
    return f"1,000 evaluations gain {share}; the full calibration up to {lacking:.0f} more"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fields", nargs="*", default=list(COUNTS), choices=COUNTS)
    parser.add_argument("--samples", type=int, default=48, help="of an image; 8 times as many of a point")
    parser.add_argument("--most", type=int, default=10_000, help="the largest budget on images")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results" / "budget.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = json.loads(given.output.read_text())["rows"] if given.output.exists() else []
    for name in given.fields:
        budgets = [NONE, *(b for b in BUDGETS if name.startswith("mixture") or b <= given.most), FULL]
        todo = [
            (n, budget)
            for n in COUNTS[name]
            for budget in budgets
            if not any((row["field"], row["evaluations"], row["budget"]) == (name, n, budget) for row in rows)
        ]
        here = place(name, given.samples) if todo else None
        for n, budget in todo:
            try:
                rows.append(measure(name, here, n, budget))
            except InputError as error:  # too small for data of such a mean or scale
                print(name, n, budget, error, sep="  ", flush=True)
                continue
            versions = {"symsched": __version__, "torch": version("torch")}
            with whole(given.output) as file:
                json.dump({"versions": versions, "chosen_on": CHOSEN_ON, "rows": rows}, file, indent=1)
            print(*(f"{key}: {value}" for key, value in rows[-1].items()), sep="  ", flush=True)
    draw(rows, given.output)


if __name__ == "__main__":
    run(main)
