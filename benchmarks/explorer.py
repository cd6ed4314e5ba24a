"""What a frame of the explorer costs while its noise flows and a slider moves, in a headless Chromium.

    python -m benchmarks.explorer [--page explorer.html] [--seconds 4] [-o benchmarks/results/explorer.json]

At 60 frames per second a frame has 16.7 ms.  From Chromium's own trace of the page's main thread, for each frame:
`script` is our code (with the layout it forces), `layout` the style and layout that follow, `paint` the recording of
what to draw; milliseconds of wall time, and of CPU time of the thread where the browser counts it.  A driver moves the
slider one notch in every frame, faster than a hand.  Frames that the browser presents depend on its renderer, here in
software and on the same cores: `frames per second` is what came out, and is not a claim about a screen.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from symsched.explorer import render
from symsched.report.machine import machine
from symsched.writing import whole

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from browser import Browser, Page, chromium

BUDGET = 1000 / 60
SCREENS = {"desktop": (1300, 900), "phone": (390, 800)}
SLIDERS = {"noise flows": None, "and κ moves": "kappa", "and ρ moves": "rho", "and N moves": "steps"}
LAYOUT = {"UpdateLayoutTree", "Layout", "PrePaint", "HitTest"}
PAINT = {"Paint", "Layerize"}
SCRIPT = {"FireAnimationFrame", "FunctionCall", "EventDispatch", "TimerFire", "MinorGC", "MajorGC"}
DRIVER = """new Promise(done => {
  const slider = SLIDER && document.getElementById(SLIDER), begin = performance.now();
  let frames = 0, way = 1;
  const drive = now => {
    if (now - begin > SECONDS * 1000) return done([frames, (now - begin) / 1000]);
    frames++;
    if (slider) {
      if (Number(slider.value) + way > slider.max || Number(slider.value) + way < slider.min) way = -way;
      slider.value = Number(slider.value) + way;
      slider.dispatchEvent(new Event("input", {bubbles: true}));
    }
    requestAnimationFrame(drive);
  };
  requestAnimationFrame(drive);
})"""


def traced(browser: Browser, page: Page, slider: str | None, seconds: float) -> tuple[list[dict[str, Any]], float]:
    """(trace events of the page's main thread, frames per second)."""
    browser.events.clear()
    browser.call(
        "Tracing.start", transferMode="ReportEvents", traceConfig={"includedCategories": ["devtools.timeline"]}
    )
    frames, span = page.evaluate(DRIVER.replace("SLIDER", json.dumps(slider)).replace("SECONDS", str(seconds)))
    browser.call("Tracing.end")
    while not any(e.get("method") == "Tracing.tracingComplete" for e in browser.events):
        browser.events.append(browser.read())
    batches = [e["params"]["value"] for e in browser.events if e.get("method") == "Tracing.dataCollected"]
    events = [event for batch in batches for event in batch if event.get("ph") == "X" and "dur" in event]
    thread = main_thread(events)
    return [e for e in events if (e["pid"], e["tid"]) == thread], frames / span


def main_thread(events: list[dict[str, Any]]) -> tuple[int, int]:
    """(process, thread) with the most animation frames."""
    fired = [(e["pid"], e["tid"]) for e in events if e["name"] == "FireAnimationFrame"]
    return max(set(fired), key=fired.count)


def per_frame(events: list[dict[str, Any]], field: str = "dur") -> dict[str, list[float]]:
    """Milliseconds of each kind of work, frame by frame; nested events count once, by the outer."""
    kinds = {name: kind for kind, names in (("script", SCRIPT), ("layout", LAYOUT), ("paint", PAINT)) for name in names}
    found: dict[str, list[float]] = {"script": [], "layout": [], "paint": []}
    now = dict.fromkeys(found, 0.0)
    end, began = 0, False
    for event in sorted(events, key=lambda e: (e["ts"], -e["dur"])):
        kind = kinds.get(event["name"])
        if kind is None or event["ts"] < end:
            continue
        end = event["ts"] + event["dur"]
        now[kind] += event.get(field, 0) / 1000
        if event["name"] != "Layerize":
            continue
        if began:  # the first frame may have been cut
            for name, spent in now.items():
                found[name].append(spent)
        began, now = True, dict.fromkeys(found, 0.0)
    return found


def summary(spent: dict[str, list[float]]) -> dict[str, Any]:
    """Median and 95th percentile of each kind, of script and layout together, and how often those fit into a frame."""
    parts = {name: np.array(values) for name, values in spent.items()}
    both = parts["script"] + parts["layout"]
    told = {**parts, "script and layout": both}
    return {
        "frames": len(both),
        "ms": {name: [round(float(q), 2) for q in np.percentile(v, [50, 95])] for name, v in told.items()},
        "within 16.7 ms": round(float((both < BUDGET).mean()), 4),
    }


def measure(page_file: Path, seconds: float) -> dict[str, Any]:
    """Every screen and slider."""
    results: dict[str, Any] = {}
    with chromium() as browser:
        for screen, (width, height) in SCREENS.items():
            page = browser.open(page_file, width, height)
            for scene, slider in SLIDERS.items():
                events, rate = traced(browser, page, slider, seconds)
                wall, busy = summary(per_frame(events)), summary(per_frame(events, "tdur"))
                counted = any("tdur" in e for e in events)
                results[f"{screen}, {scene}"] = {
                    **wall, "CPU ms": busy["ms"] if counted else None, "frames per second": round(rate, 1)
                }  # fmt: skip
                print(f"{screen}, {scene}: {json.dumps(results[f'{screen}, {scene}'])}")
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", type=Path, help="an explorer made before; by default a new one")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each scene")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results" / "explorer.json")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = given.page
        if page is None:
            page = Path(folder) / "explorer.html"
            page.write_text(render(), encoding="utf-8")
        document = {
            "machine": machine(),
            "load": round(os.getloadavg()[0], 1),
            "page bytes": page.stat().st_size,
            "ms": "median and 95th percentile of a frame",
            "scenes": measure(page, given.seconds),
        }
    with whole(given.output) as file:
        json.dump(document, file, indent=1, ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    main()
