"""The verification report: one offline HTML page with typeset mathematics.

    report = symsched.verify(record=True)
    Path("report.html").write_text(symsched.report.render(report), encoding="utf-8")

On the command line: `symsched verify --report DIR`.
"""

from symsched.report.page import render

__all__ = ["render"]
