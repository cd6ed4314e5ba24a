"""Fill in the tables of docs/proofs.md from what the commands named there wrote to benchmarks/results.

python -m docs.tables
"""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE, RESULTS = HERE / "proofs.md", HERE.parent / "benchmarks" / "results"
PLACE = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
MARKS = {True: "✓", False: "✗", None: "–"}
COUNTED = ("residuals", "by_evaluation", "derivatives")
ROUTES = {"normal_form": "normal form", "numeric": "50 digits", "coq": "Coq"}


def result(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def table(heads: Iterable[str], rows: Iterable[Iterable[Any]], right: int = 99) -> str:
    """Markdown; columns from number `right` on are aligned to the right."""
    columns = list(heads)
    lines = [columns, ["--:" if k >= right else "---" for k in range(len(columns))], *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def claims() -> str:
    """Which routes each claim passed."""
    certificates = {one["name"]: one for one in result("certificates")["claims"]}
    rows = []
    for claim in result("verification")["claims"]:
        coq = certificates[claim["name"]]
        proved = [MARKS[coq["coq"]], *(coq[key] for key in COUNTED)]
        routes = [MARKS[claim[route]] for route in ("exact", "numeric", "interval")]
        sabotage = f"{claim['sabotage']['rejected']} of {claim['sabotage']['tried']}"
        rows.append([claim["name"], claim["title"], *routes, MARKS[claim["montecarlo"]], sabotage, *proved])
    rows.append(["all", *[""] * 7, *(sum(one[key] for one in certificates.values()) for key in COUNTED)])
    routes = ["exact", "50 digits", "interval", "Monte Carlo", "sabotage rejected", "Coq"]
    return table(["claim", "", *routes, "residuals", "of these 0 = 0", "derivatives"], rows, right=8)


def assumptions() -> str:
    """What is left to believe, claim by claim."""
    lines = [f"- **{one['name']}**: {'; '.join(one['assumptions'])}." for one in result("verification")["claims"]]
    return "\n".join(line for line in lines if not line.endswith(": ."))


def left_out() -> str:
    """Derivatives without a lemma."""
    found = [(one["name"], left) for one in result("certificates")["claims"] for left in one["not_certified"]]
    return "\n".join(f"- **{name}**: `{text}`" for name, text in found)


def axioms() -> str:
    """What the certificates rest on."""
    found = sorted({axiom for one in result("certificates")["claims"] for axiom in one["axioms"]})
    return "\n".join(f"- `{axiom}`" for axiom in found)


def mutants() -> str:
    """Shares noticed, by kind."""
    rows = result("mutation")["rows"]
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    groups = {
        **{kind: [row for row in rows if row["kind"] == kind] for kind in kinds},
        "in claims": [row for row in rows if re.match(r"C\d+ ", row["place"])],
        "in the library": [row for row in rows if not re.match(r"C\d+ ", row["place"])],
        "all": rows,
    }
    heads = ["", "mutants", "equivalent", "refused", "broken", "change meaning", *ROUTES.values(), "two or more"]
    return table(heads, ([name, *_counts(group)] for name, group in groups.items()), right=1)


def _counts(rows: list[dict[str, Any]]) -> list[int]:
    moved = [row for row in rows if row["status"] in ("changed", "survives")]
    others = [sum(row["status"] == status for row in rows) for status in ("equivalent", "refused", "broken")]
    noticed = [sum(row[route] is True for row in moved) for route in ROUTES]
    return [len(rows), *others, len(moved), *noticed, sum(row["noticed"] >= 2 for row in moved)]


def unnoticed() -> str:
    """Every mutant that is not plainly noticed, by name."""
    rows = [row for row in result("mutation")["rows"] if row["status"] != "changed" or row["noticed"] < 2]
    shown = [[*map(_code, (r["place"], r["description"])), r["status"], r["noticed"], _code(r["detail"])] for r in rows]
    return table(["where", "change", "status", "noticed by", "why"], shown) if shown else "None."


def _code(text: str) -> str:
    """As code, so that no sign is markup, and not too long for a table."""
    return f"`{text if len(text) <= 90 else text[:89] + '…'}`"


def bounds() -> str:
    """Errors of the kernels' functions."""
    rows = [[one["statement"], one["outcome"], one["most"], one["pieces"]] for one in result("bounds")["bounds"]]
    return table(["statement", "outcome", "largest found", "pieces"], rows, right=2)


TABLES: dict[str, Callable[[], str]] = {
    f.__name__: f for f in (claims, assumptions, left_out, axioms, mutants, unnoticed, bounds)
}


def filled(text: str) -> str:
    """The page with its tables as the results are now."""
    return PLACE.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}\n{found[4]}", text)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
