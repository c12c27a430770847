"""What reference/performance.ipynb shows: tables and figures from results.json and targets.toml.

Nothing here measures; the same files give the same page.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

# The colour (its role in secondorder.plotting.COLORS) and the marker of each family of contestants.
FAMILIES = {
    "stock": ("curve", "o"),
    "numpy": ("muted", "|"),
    "torch": ("model", "s"),
    "JAX": ("path", "^"),
    "curvlinops": ("down", "D"),
    "PyHessian": ("down", "v"),
    "SciPy": ("curve", "P"),
    "numdifftools": ("muted", "x"),
}
OURS = "secondorder"
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50, 100, 200)
FEW_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)


class Page:
    """The results of one run, and the targets.

    `groups[task, workload]` maps the label of a contestant to its cell.
    """

    def __init__(self, results: dict[str, Any], targets: list[dict[str, Any]]) -> None:
        self.run, self.targets = results["run"], targets
        self.groups = {(g["task"], g["workload"]): g["cells"] for g in results["groups"]}
        self.shares = results.get("anatomy", {})
        self.titles = {g["task"]: g["title"] for g in results["groups"]}
        self.loads = [one for g in results["groups"] for one in g["load"]]

    @classmethod
    def read(cls, folder: Path | str) -> Page:
        """Read both files of a folder."""
        folder = Path(folder)
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        targets = tomllib.loads((folder / "targets.toml").read_text(encoding="utf-8"))
        return cls(results, targets["target"])

    def conditions(self) -> str:
        """Where, when and with what it was measured."""
        run = self.run
        versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
        cells = [cell for group in self.groups.values() for cell in group.values()]
        busy = max(cell.get("cpu", 0.0) for cell in cells)
        noisy = sum(cell.get("noisy", False) for cell in cells)
        failed = sum("error" in cell for cell in cells)
        before, after = run["load"]
        return table(
            ("", ""),
            [
                ("measured on", run["date"]),
                ("processor", f"{run['processor']}, {run['cores']} cores ({run['system']})"),
                (
                    "threads of each contestant",
                    f"{run['threads']}: CPU seconds over seconds are {busy:.2f} at most",
                ),
                ("rounds", run["rounds"]),
                (
                    "load average",
                    f"{before:.2f} at the start, {after:.2f} at the end, "
                    f"{max(self.loads):.2f} at most between",
                ),
                ("cells", f"{len(cells)}, of which {noisy} noisy (~) and {failed} failed"),
                ("versions", versions),
            ],
        )

    # ── targets

    def verdicts(self, task: str) -> str:
        """A table of the targets of a task: what was to be reached, and what was."""
        rows = [self._verdict(target) for target in self.targets if target["task"] == task]
        return table(("on", "against", "to reach", "measured", "verdict"), rows)

    def missed(self) -> list[dict[str, Any]]:
        """The targets that were not reached, or not measured."""
        return [t for t in self.targets if not self.reached(t)]

    def reached(self, target: dict[str, Any]) -> bool:
        """Whether a target was reached."""
        value = self.value(target)
        if value is None:
            return False
        low, high = target.get("at_least", -np.inf), target.get("at_most", np.inf)
        return low <= value <= high

    def value(self, target: dict[str, Any]) -> float | None:
        """The number that a target is about: their time over ours, or what `of` names."""
        cells = self.groups.get((target["task"], target["workload"]), {})
        of = target.get("of", "seconds")
        mine = cells.get(target.get("ours", OURS), {}).get(of)
        if "against" not in target or mine is None:
            return mine
        name = target["against"]
        family = name.removesuffix(" *")
        labels = (
            [label for label in cells if label.startswith(family)] if family != name else [name]
        )
        theirs = [cells[label][of] for label in labels if of in cells.get(label, {})]
        return min(theirs) / mine if theirs else None

    def _verdict(self, target: dict[str, Any]) -> tuple[str, ...]:
        value, work = self.value(target), target["workload"]
        ratio, stretch = "against" in target, "\u00a0†" if target.get("stretch") else ""
        bound = target.get("at_least", target.get("at_most"))
        unit = {"megabytes": " MB"}.get(target.get("of", ""), "")
        aim = (
            ("≥\u00a0" if "at_least" in target else "≤\u00a0")
            + number(bound)
            + ("×" if ratio else unit)
        )
        named = target.get("against", "").replace(" *", ", its fastest")
        if "ours" in target:
            named = f"{target['ours']}, against {named}"
        of = {"megabytes": "peak memory", "error_relative": "error"}.get(target.get("of", ""))
        against = " ".join(part for part in (of, named and f"of {named}" if of else named) if part)
        if value is None:
            return work, against, aim + stretch, "–", "**not measured**"
        said = number(value) + ("×" if ratio else unit)
        if self.reached(target):
            return work, against, aim + stretch, said, "reached"
        short = abs(value - bound) / bound
        why = target.get("why", "why: not written yet")
        return work, against, aim + stretch, said, f"**missed by {short:.0%}**: {why}"

    # ── everything that was measured

    def everything(self, *tasks: str) -> str:
        """A table of all contestants: their time over ours, spread and memory, each workload."""
        names = [key for key in self.groups if key[0] in tasks]
        labels = dict.fromkeys(label for key in names for label in self.groups[key])
        head = [f"{task}, {work}" if len(tasks) > 1 else work for task, work in names]
        rows = [(label, *(self._cell(key, label) for key in names)) for label in labels]
        return table(("contestant", *head), rows)

    def _cell(self, key: tuple[str, str], label: str) -> str:
        cells = self.groups[key]
        if label not in cells:
            return "–"
        cell, ours = cells[label], next(iter(cells.values()))
        if "error" in cell:
            return f"failed: {cell['error']}"
        ratio = f"{number(cell['seconds'] / ours['seconds'])}×" if "seconds" in ours else "no ratio"
        noise = " ~" if cell["noisy"] else ""
        parts = [f"**{ratio}**{noise} ±{cell['spread'] / 2:.0%}", f"{cell['megabytes']:.0f} MB"]
        if cell.get("error_relative") and "referee" not in cell:
            parts.append(f"error {cell['error_relative']:.0e}")
        return ", ".join(parts)

    def agreement(self) -> str:
        """How far our results are from those of JAX, everywhere it takes part."""
        rows = []
        for (task, workload), cells in self.groups.items():
            ours = cells.get(OURS, {})
            if str(ours.get("referee", "")).startswith("JAX"):
                off = ours["error_relative"]
                verdict = "reached" if off <= 1e-12 else "**missed**"
                rows.append((self.titles[task], workload, f"{off:.0e}", verdict))
        return table(("work", "on", "relative difference from JAX", "≤ 1e-12"), rows)

    def anatomy(self) -> str:
        """A table of what our own product at a kept point spends its time on."""
        heads = ("layers: matrix products", "entry by entry", "Python between")
        rows = [
            (work, *(f"{share[kind]:.0%}" for kind in ("layers", "entries", "python")),
             f"{number(share['recording'])} products")
            for work, share in self.shares.items()
        ]  # fmt: skip
        return table(("H·v on", *heads, "recording a fresh point takes"), rows)

    # ── scaling

    def sizes(self, task: str) -> tuple[list[float], dict[str, list[float]]]:
        """Sizes, and for each contestant the times there, in times of ours at the smallest size."""
        keys = [key for key in self.groups if key[0] == task]
        sizes = [float(workload.split()[-1]) for _, workload in keys]
        unit = self.groups[keys[0]][OURS]["seconds"]
        labels = dict.fromkeys(label for key in keys for label in self.groups[key])
        lines = {
            label: [self.groups[key].get(label, {}).get("seconds", np.nan) / unit for key in keys]
            for label in labels
        }
        return sizes, lines

    def workers(self) -> str:
        """What handing batches to workers costs, and from which work on it pays."""
        keys = [key for key in self.groups if key[0] == "by workers"]
        rows = []
        for kind in ("process pool", "Dask"):
            alone = np.array([self._seconds(key, OURS) for key in keys])
            one = np.array([self._seconds(key, f"{kind}, 1") for key in keys])
            two = np.array([self._seconds(key, f"{kind}, 2") for key in keys])
            gains = [number(g) + "×" for g in alone / two]
            overhead = f"{1000 * (one - alone)[0]:.0f} ms"
            rows.append((kind, overhead, *gains, _pays(alone, two)))
        heads = [f"2 workers, {key[1].split()[1]} × 1,797 rows" for key in keys]
        return table(("workers", "overhead of a product", *heads, "2 workers pay from"), rows)

    def _seconds(self, key: tuple[str, str], label: str) -> float:
        return float(self.groups[key].get(label, {}).get("seconds", np.nan))

    # ── figures

    def points(self, workload: str) -> list[tuple[str, str, str, float]]:
        """(work, label, family, ratio) of everything on a workload that can be compared with us."""
        found = []
        for (task, on), cells in self.groups.items():
            ours = cells.get(OURS, {}).get("seconds")
            for label, cell in cells.items():
                if on == workload and label != OURS and ours and "seconds" in cell:
                    found.append(
                        (self.titles[task], label, family_of(label), cell["seconds"] / ours)
                    )
        return found

    def ratios(self, ax: Any, workload: str) -> None:
        """Draw every contestant's time over ours: one row a task, one marker a family."""
        from secondorder.plotting import COLORS

        points = self.points(workload)
        rows = list(dict.fromkeys(task for task, *_ in points))
        for name, (role, marker) in FAMILIES.items():
            mine = [
                (ratio, rows.index(task)) for task, _, family, ratio in points if family == name
            ]
            if mine:
                x, y = zip(*mine, strict=True)
                size = 130 if marker == "|" else 45
                style = {"c": COLORS[role], "marker": marker, "linewidths": 2}
                ax.scatter(x, y, size, label=name, **style)
        ax.axvline(1, color=COLORS["muted"], linewidth=1)
        names = [row.split(",")[0] for row in rows]
        ax.set(xscale="log", yticks=range(len(rows)), yticklabels=names, xlabel="their time / ours")
        low, high = ax.get_xlim()
        ticks = [t for t in (TICKS if high < 20 * low else FEW_TICKS) if low <= t <= high]
        ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
        ax.set_xticks([], minor=True)
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.grid(axis="y")
        _legend_below(ax)
        faster = sum(ratio > 1 for *_, ratio in points)
        ax.set_title(f"{workload}: right of the line we are faster ({faster} of {len(points)})")

    def words(self, workload: str) -> str:
        """The same in words, as the alternative text of the figure."""
        said = []
        points = self.points(workload)
        for task in dict.fromkeys(task for task, *_ in points):
            its = [f"{label} {number(ratio)}" for t, label, _, ratio in points if t == task]
            said.append(f"{task}: {', '.join(its)}")
        return f"Times on {workload} as multiples of ours. " + ". ".join(said) + "."

    def growth(self, ax: Any, task: str, xlabel: str) -> None:
        """Draw times against size, in times of ours at the smallest size."""
        from secondorder.plotting import COLORS

        sizes, lines = self.sizes(task)
        for label, times in lines.items():
            role, marker = ("down", "o") if label == OURS else FAMILIES[family_of(label)]
            style = {"color": COLORS[role], "linewidth": 3 if label == OURS else 1.5}
            marker = "." if marker == "|" else marker
            dash = "-" if label == OURS else "--"
            ax.loglog(sizes, times, marker=marker, linestyle=dash, label=label, **style)
        ax.set(xlabel=xlabel, ylabel="time / ours at the left")
        _legend_below(ax)

    def growth_words(self, task: str, xlabel: str) -> str:
        """The same in words."""
        sizes, lines = self.sizes(task)
        ends = [
            f"{label} from {number(times[0])} to {number(times[-1])}"
            for label, times in lines.items()
            if np.isfinite(times[0]) and np.isfinite(times[-1])
        ]
        return (
            f"Times against {xlabel}, from {sizes[0]:g} to {sizes[-1]:g}, in units of ours at the "
            f"smallest: {'; '.join(ends)}."
        )


def _legend_below(ax: Any) -> None:
    """Where it takes no width from the axes: phones are narrow."""
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.65 / ax.figure.get_figheight()), ncols=3)


def family_of(label: str) -> str:
    """The family of a contestant: what its label begins with."""
    return next((name for name in FAMILIES if label.startswith(name)), "SciPy")


def number(value: float) -> str:
    """Three digits, and no exponent where that reads well."""
    return f"{value:.0e}" if value and abs(value) < 1e-3 else f"{float(f'{value:.3g}'):g}"


def table(head: Iterable[Any], rows: Iterable[Iterable[Any]]) -> str:
    """A table in Markdown."""
    lines = [head := list(head), ["---"] * len(head), *rows]
    clean = lambda cell: str(cell).replace("|", "\\|").replace("\n", " ")
    return "\n".join("| " + " | ".join(map(clean, line)) + " |" for line in lines)


def _pays(alone: np.ndarray, two: np.ndarray) -> str:
    """The time of a product, in one process, from which two workers take less; interpolated."""
    gain = np.log(alone / two)
    if not np.all(np.isfinite(gain)) or gain[-1] <= 0:
        return f"nothing up to {1000 * alone[-1]:.0f} ms a product"
    if gain[0] > 0:
        return f"less than {1000 * alone[0]:.0f} ms a product"
    return f"{1000 * np.exp(np.interp(0, gain, np.log(alone))):.0f} ms a product"
