"""The explorer: one offline page with sliders, curves, a fan of paths, errors, formulas and code.

    Path("explorer.html").write_text(symsched.explorer.render(), encoding="utf-8")

On the command line: `symsched explore -o explorer.html`.
"""

from symsched.explorer.assembly import render

__all__ = ["render"]
