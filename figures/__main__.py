"""Remake the figures: all of them, or those named (`python -m figures readme kl`)."""

import sys
import time
from importlib import import_module
from pathlib import Path

from symsched.errors import InputError
from symsched.plotting import save

HERE = Path(__file__).parent
ALL = sorted(p.stem for p in HERE.glob("[a-z]*.py"))


def main(names: list[str]) -> int:
    """Draw each figure and save it in every format its module asks for."""
    unknown = [n for n in names if n not in ALL]
    if unknown:
        print(f"figures: no figure {unknown[0]!r} (known: {', '.join(ALL)})", file=sys.stderr)
        return 2
    for name in names or ALL:
        began = time.perf_counter()
        module = import_module(f"figures.{name}")
        figure = module.draw()
        for suffix, dpi in getattr(module, "OUTPUTS", {"png": 110, "svg": 110}).items():
            save(figure, HERE / f"{name}.{suffix}", dpi=dpi, palette=True)
        print(f"{name:16s} {time.perf_counter() - began:5.1f} s")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except InputError as error:
        sys.exit(f"figures: {error}")
