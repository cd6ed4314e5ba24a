"""The figures of few_steps.py: PSNR curves by field, and pictures by solver and number of evaluations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.contenders import CONTENDERS, SHOWN
from symsched.plotting import save
from symsched.plotting.style import look

mpl.use("Agg")

#: Contenders that have a name in the figure: colour (told apart without colour sight), mark and width of the line.
STYLES = {
    "Euler, best shift": ("#999999", "o", 1.2),
    "DPM-Solver++(3M)": ("#009e73", "s", 1.2),
    "UniPC-3": ("#cc79a7", "v", 1.2),
    "lazy VP, best rho": ("#e69f00", "^", 1.2),
    "lazy-auto, uncalibrated": ("#56b4e9", "D", 1.2),
    "lazy-auto": ("#0072b2", "P", 2.5),
}
LEGEND = (*STYLES, "others", "converged")
TITLES = {
    "digits": "Digits",
    "mixture2": "Mixture in 2-D",
    "mixture64": "Mixture in 64-D",
    "empirical": "400 digits, exact",
}
MEASURES = {"psnr": "PSNR to the converged endpoint (dB)", "fid": "feature FID to data"}
NAMES = [contender.name for contender in CONTENDERS]
HIGHEST = 90  # dB: beyond it, where endpoints are remembered images, there is nothing to see
Table = dict[str, Any]


def draw(table: Table, output: Path) -> None:
    """Two figures beside the JSON file: NAME.png and NAME_pictures.png."""
    save(curves(table), output.with_suffix(".png"), dpi=150, palette=True)
    if any("pictures" in row for row in table["rows"]):
        save(pictures(table), output.with_name(f"{output.stem}_pictures.png"), dpi=150, palette=True)


def curves(table: Table) -> Figure:
    """PSNR to the converged endpoint, a panel for each field; for the digits feature FID, the converged law dotted."""
    fields = [name for name in TITLES if any(row["field"] == name for row in table["rows"])]
    panels = [(name, "psnr") for name in fields] + [("digits", "fid")] * ("digits" in fields)
    columns = min(3, len(panels) + 1)
    lines = -(-(len(panels) + 1) // columns)
    with look():
        figure = Figure(figsize=(4.4 * columns, 3.7 * lines), layout="constrained")
        axes = np.atleast_1d(figure.subplots(lines, columns)).ravel()
        for axis, (name, key) in zip(axes, panels, strict=False):
            rows = [row for row in table["rows"] if row["field"] == name and key in row]
            _panel(axis, rows, key)
            cut = key == "psnr" and any(row["psnr"] > HIGHEST for row in rows if row["group"] != "floor")
            axis.set(title=TITLES[name] + f", up to {HIGHEST} dB" * cut, ylabel=MEASURES[key])
        for axis in axes[len(panels) :]:
            axis.set_axis_off()
        handles = [axis.get_legend_handles_labels() for axis in axes]
        shown = {label: line for lines, labels in handles for line, label in zip(lines, labels, strict=True)}
        names = [name for name in LEGEND if name in shown]
        axes[-1].legend([shown[name] for name in names], names, loc="center")
        figure.suptitle(_finding(table), x=0.01, ha="left")
    return figure


def _finding(table: Table) -> str:
    """Read off the verdict on the digits: by how much the lead is kept at each number of evaluations."""
    found = [v for v in table.get("verdicts", []) if v["field"] == "digits" and v["ours"] == "lazy-auto"]
    gains = {n: gain for verdict in found for n, gain in verdict["gain_over_best_at_each_count_db"].items()}
    if not gains or min(gains.values()) <= 0:
        return "PSNR to the converged endpoint, and distance to the data, against evaluations"
    least, most = min(gains.values()), max(gains.values())
    where = f"at {', '.join(map(str, gains))} evaluations of the digits model"
    return f"Calibrated lazy-auto is {least:.1f} to {most:.1f} dB ahead of the best peer {where}"


def _panel(axis: Axes, rows: list[Table], key: str) -> None:
    for row in rows:
        if row["group"] == "floor" and key != "psnr":
            axis.axhline(row[key]["value"], ls=":", color="black", lw=1, label="converged")
    rows = [row for row in rows if row["group"] != "floor"]
    for name in sorted({row["contender"] for row in rows}, key=_last):
        own = sorted((row for row in rows if row["contender"] == name), key=lambda row: row["evaluations"])
        counts = [row["evaluations"] for row in own]
        values = [row[key] if key == "psnr" else row[key]["value"] for row in own]
        color, mark, width = STYLES.get(name, ("0.82", "", 0.8))
        axis.plot(counts, values, color=color, marker=mark, ms=4, lw=width, label=name if name in STYLES else "others")
    axis.set_xscale("log", base=2)
    if key == "psnr":
        axis.set_ylim(0, min(axis.get_ylim()[1], HIGHEST))
    else:
        axis.set_yscale("log")
    ticks = sorted({row["evaluations"] for row in rows})
    axis.set_xticks(ticks, ticks)
    axis.minorticks_off()
    axis.set_xlabel("evaluations of the model")


def _last(name: str) -> tuple[bool, int]:
    """What is named lies above the others."""
    return name in STYLES, NAMES.index(name)


def pictures(table: Table) -> Figure:
    """The same four noises through each solver: rows are solvers, columns the number of evaluations."""
    cells = {(row["contender"], row["evaluations"]): row for row in table["rows"] if "pictures" in row}
    names = [name for name in (*SHOWN, "converged") if any(name == key[0] for key in cells)]
    floor = next((row for row in cells.values() if row["group"] == "floor"), None)
    counts = sorted({key[1] for key, row in cells.items() if row["group"] != "floor"})
    figure = Figure(figsize=(1.1 + 2.4 * len(counts), 0.3 + 0.68 * len(names)), layout="constrained")
    axes = np.asarray(figure.subplots(len(names), len(counts), squeeze=False))
    for i, name in enumerate(names):
        for j, count in enumerate(counts):
            _strip(axes[i, j], floor if name == "converged" else cells.get((name, count)))
            if i == 0:
                axes[i, j].set_title(f"{count} evaluations", fontsize=9)
        axes[i, 0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    return figure


def _strip(axis: Axes, row: Table | None) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_visible(False)
    if row is not None:
        images = [np.frombuffer(bytes.fromhex(text), np.uint8).reshape(28, 28) for text in row["pictures"]]
        axis.imshow(np.concatenate(images, axis=1), cmap="gray", vmin=0, vmax=255)
