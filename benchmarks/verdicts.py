"""The verdict of few_steps.py: the default against the strongest peer in PSNR, and against every peer in law.

Laws are compared in pairs, on samples from the same noise: the bootstrap draws both alike, and the reference with them.
An interval of one comparison is at 95 %; of the many comparisons in one table some fall outside by chance, so each
verdict also says which remain at 95 % for all of them together (Bonferroni).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import norm

from benchmarks import quality

LAW_COUNTS = (4, 6, 8, 12, 16)  # where laws are compared
JUDGED = (6, 8, 12, 16)  # where the default is held against the strongest peer
OWN = "own_"  # prefix of distances to the converged sampler's law
Row = dict[str, Any]
Laws = dict[str, quality.Draws]  # by measure
Found = dict[tuple[str, int], Laws]  # by contender and count


def verdict(name: str, rows: list[Row], found: Found, ours: str) -> Row:
    """`ours` against the strongest peer: the one with the best mean PSNR over the judged counts."""
    table = {(row["contender"], row["evaluations"]): row for row in rows if row["field"] == name}
    peers = {row["contender"] for row in table.values() if row["group"] == "rival"}
    mean = {peer: np.mean([table[peer, n]["psnr"] for n in JUDGED]) for peer in peers if (peer, JUDGED[0]) in table}
    best = max(sorted(mean), key=lambda peer: mean[peer])
    gains = {n: table[ours, n]["psnr"] - max(table[peer, n]["psnr"] for peer in mean) for n in JUDGED}
    return {
        "field": name,
        "ours": ours,
        "strongest": best,
        "mean_gain_over_strongest_db": float(np.mean([table[ours, n]["psnr"] for n in JUDGED]) - mean[best]),
        "gain_over_best_at_each_count_db": gains,
        "law_to_data": compare(found, ours, sorted(mean), own=False),
        "law_to_converged": compare(found, ours, sorted(mean), own=True),
    }


def control(name: str, found: Found, who: str, peers: list[str]) -> Row:
    """The same comparisons for the converged sampler: where it loses, a peer's error leans towards the reference."""
    return {
        "field": name,
        "ours": who,
        "law_to_data": compare(found, who, sorted(peers), own=False),
        "law_to_converged": compare(found, who, sorted(peers), own=True),
    }


def compare(found: Found, ours: str, peers: list[str], own: bool) -> Row:
    """Every peer at every count by every measure: how often ours is significantly closer, and where it is farther."""
    gaps = [
        (count, peer, key, found[ours, count][key] - draws)
        for count in LAW_COUNTS
        for peer in peers
        for key, draws in found.get((peer, count), {}).items()
        if key.startswith(OWN) == own
    ]
    strict = len(gaps)
    sides = [(side(gap, 1), side(gap, strict)) for *_, gap in gaps]
    return {
        "comparisons": strict,
        "closer": sum(alone < 0 for alone, _ in sides),
        "closer_together": sum(together < 0 for _, together in sides),
        "farther": sum(alone > 0 for alone, _ in sides),
        "farther_together": sum(together > 0 for _, together in sides),
        "farther_than": [
            record(*gap, together > 0) for gap, (alone, together) in zip(gaps, sides, strict=True) if alone > 0
        ],
    }


def side(gap: quality.Draws, comparisons: int) -> int:
    """1 where the difference is significantly above 0, −1 below, else 0, as one of so many comparisons."""
    value, width = gap.interval().value, float(norm.ppf(1 - 0.025 / comparisons)) * float(gap.drawn.std(ddof=1))
    return int(value > width) - int(value < -width)


def record(count: int, peer: str, key: str, gap: quality.Draws, together: bool) -> Row:
    return {"evaluations": count, "than": peer, "measure": key, "by": gap.interval().to_json(), "together": together}
