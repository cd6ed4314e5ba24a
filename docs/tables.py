"""Fill in the tables of the pages from what the commands named there wrote to benchmarks/results.

python -m docs.tables
"""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGES, RESULTS = (HERE / "proofs.md", HERE / "tutorials" / "sampler.md"), HERE.parent / "benchmarks" / "results"
PLACE = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
MARKS = {True: "✓", False: "✗", None: "–"}
COUNTED = ("residuals", "by_evaluation", "derivatives")
ROUTES = {"normal_form": "normal form", "numeric": "50 digits", "coq": "Coq"}
FIELDS = {
    "digits": "digits",
    "mixture2": "mixture in 2-D",
    "mixture64": "mixture in 64-D",
    "empirical": "400 digits, exact",
}
WHO = ("lazy-auto", "converged")
SAMPLERS = {
    "Euler, best shift": "Euler",
    "Heun, best shift": "Heun",
    **{name: name for name in ("DPM-Solver++(2M)", "DPM-Solver++(3M)", "UniPC-2", "UniPC-3")},
    "lazy VP, best rho": "lazy step, best ρ",
    "lazy-auto": "`lazy-auto`",
}


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
    return table(["claim", "", *routes, "residuals", "0 = 0", "derivatives"], rows, right=8)


def assumptions() -> str:
    """What is left to believe, claim by claim."""
    lines = [f"- **{one['name']}**: {'; '.join(one['assumptions'])}." for one in result("verification")["claims"]]
    return "\n".join(line for line in lines if not line.endswith(": ."))


def left_out() -> str:
    """Residuals and derivatives without a lemma."""
    kinds = ("not_certified", "derivatives_not_certified")
    claims = result("certificates")["claims"]
    found = [(one["name"], left) for one in claims for kind in kinds for left in one.get(kind, [])]
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


def few_steps() -> str:
    """PSNR and FID of the digits by sampler and number of evaluations, the best of each column in bold."""
    rows = {(r["contender"], r["evaluations"]): r for r in result("few_steps")["rows"] if r["field"] == "digits"}
    counts = sorted({count for name, count in rows if name == "lazy-auto" and "fid" in rows[name, count]})
    cells = {name: [rows[name, n] for n in counts] for name in SAMPLERS}
    columns = list(zip(*cells.values(), strict=True))
    nearest = [f"{max(row['psnr'] for row in column):.1f}" for column in columns]
    likest = [f"{min(row['fid']['value'] for row in column):.2f}" for column in columns]
    shown = [[SAMPLERS[name], *map(_both, own, nearest, likest)] for name, own in cells.items()]
    (floor,) = (row for (name, _), row in rows.items() if name == "converged")
    return table(["evaluations", *counts], [*shown, ["converged", *[f"∞ / {floor['fid']['value']:.2f}"] * len(counts)]])


def _both(row: dict[str, Any], nearest: str, likest: str) -> str:
    pair = ((f"{row['psnr']:.1f}", nearest), (f"{row['fid']['value']:.2f}", likest))
    return " / ".join(f"**{text}**" if text == best else text for text, best in pair)


def leads() -> str:
    """By field: the lead over the best peer at each count, and how often the law is farther than a peer's."""
    found = result("few_steps")["verdicts"]
    rows = []
    for name, title in FIELDS.items():
        ours, floor = (next(v for v in found if v["field"] == name and v["ours"] == who) for who in WHO)
        gains = [f"{gain:+.1f}" for gain in ours["gain_over_best_at_each_count_db"].values()]
        rows.append([title, *gains, f"{ours['mean_gain_over_strongest_db']:+.1f} ({ours['strongest']})"])
        rows[-1] += [_farther(ours["law_to_data"]), _farther(floor["law_to_data"])]
    counts = next(v for v in found if v["ours"] == WHO[0])["gain_over_best_at_each_count_db"]
    return table(["dB over the best peer at", *counts, "mean, over", "farther from the data", "the converged"], rows)


def _farther(law: dict[str, Any]) -> str:
    return f"{law['farther']}, {law['farther_together']} of {law['comparisons']}"


def untuned() -> str:
    """By model: PSNR of the uncalibrated default, and its leads over UniPC-3 as it comes and over the best peer."""
    found, rows = result("untuned")["fields"], []
    for name, field in sorted(found.items(), key=lambda pair: not pair[1]["chosen_on"]):
        title = FIELDS.get(name, name) + ("" if field["chosen_on"] else " (not seen)")
        for measure in ("pooled", "mean"):
            leads = [lead for lead in field["leads"] if lead["measure"] == measure]
            rows.append([title, measure, *(f"{lead['ours']:.1f} ({_over(lead)})" for lead in leads)])
    return table(["model", "PSNR", *(lead["evaluations"] for lead in leads)], rows)


def _over(lead: dict[str, Any]) -> str:
    return ", ".join(f"{lead['ours'] - lead[other]:+.1f}" for other in ("UniPC-3", "best", "before"))


def tuned() -> str:
    """By contender: PSNR on fresh noise by number of evaluations, and what tuning cost."""
    found, rows = result("tuned")["fields"], []
    for name, field in found.items():
        known = {(row["contender"], row["evaluations"]): row for row in field["rows"]}
        counts = sorted({n for _, n in known})
        for who in dict.fromkeys(who for who, _ in known):
            own = [known.get((who, n)) for n in counts]
            levels = [f"{row['pooled']:.1f} / {row['mean']:.1f}" if row else "–" for row in own]
            asked, back = (sum(row[key] for row in own if row) for key in ("forward", "backward"))
            rows.append([FIELDS.get(name, name), who, *levels, f"{asked:,}", f"{back:,}"])
    return table(["model", "tuned by", *counts, "evaluations", "backward"], rows)


def budget() -> str:
    """By model and number of evaluations: mean PSNR by what the calibration may ask."""
    found = result("budget")["rows"]
    budgets = sorted({row["budget"] for row in found if row["budget"] != "full"})
    rows = []
    for name, n in dict.fromkeys((row["field"], row["evaluations"]) for row in found):
        own = {row["budget"]: row for row in found if (row["field"], row["evaluations"]) == (name, n)}
        levels = [f"{own[b]['mean']:.1f}" if b in own else "–" for b in (*budgets, "full")]
        rows.append([FIELDS.get(name, name), n, *levels, f"{own['full']['spent']:,}" if "full" in own else "–"])
    heads = ["none" if b == 0 else f"{b:,}" for b in budgets]
    return table(["model", "evaluations", *heads, "full", "which takes"], rows)


TABLES: dict[str, Callable[[], str]] = {
    f.__name__: f
    for f in (
        claims,
        assumptions,
        left_out,
        axioms,
        mutants,
        unnoticed,
        bounds,
        few_steps,
        leads,
        untuned,
        tuned,
        budget,
    )
}


def filled(text: str) -> str:
    """The page with its tables as the results are now."""
    return PLACE.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}\n{found[4]}", text)


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
