"""The shipped digits model: what a few evaluations make of the same noise, as benchmarks/few_steps.py kept it."""

import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from symsched.plotting.style import look

OUTPUTS = {"png": 110}
KEPT = Path(__file__).parent.parent / "benchmarks" / "results" / "few_steps.json"
ROWS = {"Euler, best shift": "Euler", "UniPC-3": "UniPC-3", "lazy-auto": "lazy-auto", "converged": "converged"}
COUNTS = (2, 4, 6)


def draw() -> Figure:
    table = json.loads(KEPT.read_text(encoding="utf-8"))["rows"]
    kept = {(row["contender"], row["evaluations"]): row["pictures"] for row in table if "pictures" in row}
    (ends,) = (pictures for (name, _), pictures in kept.items() if name == "converged")
    with look():
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        panels = figure.subplots(len(ROWS), len(COUNTS))
        for row, (name, shown) in zip(panels, ROWS.items(), strict=True):
            row[0].set_ylabel(shown, rotation=0, ha="right", va="center")
            for panel, count in zip(row, COUNTS, strict=True):
                images = [
                    np.frombuffer(bytes.fromhex(t), np.uint8).reshape(28, 28) for t in kept.get((name, count), ends)
                ]
                panel.imshow(np.concatenate(images, axis=1), cmap="gray", vmin=0, vmax=255)
                panel.set(xticks=[], yticks=[])
                panel.grid(False)
                panel.spines[:].set_visible(False)
        for panel, count in zip(panels[0], COUNTS, strict=True):
            panel.set_title(f"{count} evaluations")
        figure.suptitle(
            "The same noise, few evaluations: calibrated lazy-auto is near the converged image", x=0.01, ha="left"
        )
        return figure
