"""The figures of few_steps.py: PSNR curves by field, and pictures by solver and number of evaluations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.contenders import CONTENDERS, SHOWN

mpl.use("Agg")

STYLE = {"rival": ("0.45", "--"), "paper": ("tab:orange", "-."), "ours": ("tab:blue", "-")}
TITLES = {
    "psnr": "PSNR to the converged endpoint, dB",
    "fid": "feature FID to data",
    "own_fid": "feature FID to the converged law",
}
NAMES = [contender.name for contender in CONTENDERS]
HIGHEST = 90  # dB: beyond it, where endpoints are remembered images, there is nothing to see
MARKS = "osv^D<>pP*Xh"
Table = dict[str, Any]


def draw(table: Table, output: Path) -> None:
    """Two figures beside the JSON file: NAME.png and NAME_pictures.png."""
    curves(table).savefig(output.with_suffix(".png"), dpi=150)
    if any("pictures" in row for row in table["rows"]):
        pictures(table).savefig(output.with_name(f"{output.stem}_pictures.png"), dpi=150)


def curves(table: Table) -> Figure:
    """PSNR to the converged endpoint, a panel for each field; for the digits feature FIDs, the converged law dotted."""
    fields = list(dict.fromkeys(row["field"] for row in sorted(table["rows"], key=lambda row: row["field"])))
    panels = [(name, "psnr") for name in fields]
    panels += [("digits", "fid"), ("digits", "own_fid")] if "digits" in fields else []
    columns = min(3, len(panels))
    figure = Figure(figsize=(5.2 * columns, 4.2 * -(-len(panels) // columns) + 1), layout="constrained")
    axes = np.atleast_1d(figure.subplots(-(-len(panels) // columns), columns)).ravel()
    for axis, (name, key) in zip(axes, panels, strict=False):
        _panel(axis, [row for row in table["rows"] if row["field"] == name and key in row], key)
        axis.set_title(f"{name}: {TITLES[key]}")
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    handles = [axis.get_legend_handles_labels() for axis in axes]
    shown = {label: line for lines, labels in handles for line, label in zip(lines, labels, strict=True)}
    shown = {name: shown[name] for name in NAMES if name in shown}
    figure.legend(
        shown.values(), shown.keys(), loc="outside lower center", ncols=2 * columns, fontsize=7, frameon=False
    )
    return figure


def _panel(axis: Axes, rows: list[Table], key: str) -> None:
    for row in rows:
        if row["group"] == "floor":
            axis.axhline(row[key]["value"], ls=":", color="black", lw=1)
    rows = [row for row in rows if row["group"] != "floor"]
    names = sorted({row["contender"] for row in rows}, key=NAMES.index)
    for name in names:
        own = sorted((row for row in rows if row["contender"] == name), key=lambda row: row["evaluations"])
        color, line = STYLE[_group(rows, name)]
        counts = [row["evaluations"] for row in own]
        values = [row[key] if key == "psnr" else row[key]["value"] for row in own]
        mark, width = MARKS[NAMES.index(name) % len(MARKS)], 2.5 if name == "lazy-auto" else 1
        axis.plot(counts, values, line, color=color, marker=mark, ms=4, lw=width, label=name)
    axis.set_xscale("log", base=2)
    if key == "psnr":
        axis.set_ylim(top=min(axis.get_ylim()[1], HIGHEST))
    if key != "psnr":
        axis.set_yscale("symlog" if key == "own_fid" else "log", **({"linthresh": 0.1} if key == "own_fid" else {}))
    ticks = sorted({row["evaluations"] for row in rows})
    axis.set_xticks(ticks, ticks)
    axis.minorticks_off()
    axis.set_xlabel("evaluations of the model")
    axis.grid(alpha=0.25, lw=0.5)


def _group(rows: list[Table], name: str) -> str:
    return next(row["group"] for row in rows if row["contender"] == name)


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
