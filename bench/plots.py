"""Plots renewals per second against how many there are and how many are charged at once, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"

Points = Sequence[tuple[int, float]]


def draw(against_total: Points, against_batch: Mapping[str, Points]) -> None:
    """Draws two small pictures beside each other; the same figures give the same file."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "perennial", "font.size": 9, "svg.fonttype": "none"})
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    left.plot(*zip(*against_total, strict=True), "o-")
    left.set(xscale="log", xlabel="subscriptions (M), 1,000 of them due", ylim=(0, None))
    left.set(ylabel="renewals per second of CPU")
    for name, points in against_batch.items():
        right.plot(*zip(*points, strict=True), "o-", label=name)
    right.set(xscale="log", xlabel="charged at once", ylim=(0, None))
    right.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.3)
    figure.savefig(DOCS / "bench.svg", metadata={"Date": None})
    plt.close(figure)
