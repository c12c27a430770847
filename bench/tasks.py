"""What is measured: tasks, the workloads of each, and how its results are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NETWORKS = ("b64", "d32", "d128", "m256")
ROSENBROCK = tuple(f"n {n}" for n in (10, 30, 100, 300, 1000))
ROWS = tuple(f"rows {N}" for N in (16, 64, 256, 1024))
COPIES = tuple(f"copies {k}" for k in (1, 4, 16))
AGREE = 1e-8  # relative: results that differ by more stop the run


@dataclass(frozen=True)
class Task:
    """One piece of work.

    `compare` says what a result is: "equal" (arrays that all contestants agree on), "spectrum" (an
    estimate, whose error against the dense spectrum of the first contestant of `dense` is stated),
    "top" (leading eigenvalues, likewise), or "reach" (a loss, at most `problems.LOSS`).
    """

    name: str
    title: str
    workloads: tuple[str, ...]
    compare: str = "equal"
    fresh: bool = False  # every run needs a fresh interpreter


TASKS = (
    Task("hvp-kept", "H·v at a kept point", NETWORKS),
    Task("hvp-fresh", "H·v at a fresh point", NETWORKS),
    Task("hvp-100", "100 H·v", ("b64", "d32")),
    Task("dense", "dense Hessian", ("b64", "d32")),
    Task("density", "density, 100 steps × 10 probes", ("b64", "d32"), "spectrum"),
    Task("top-5", "top-5 eigenpairs", ("b64", "d32"), "top"),
    Task("newton-cg", "Newton-CG to a loss", ("d32",), "reach"),
    Task("l-bfgs", "L-BFGS to a loss", ("d32",), "reach"),
    Task("first", "import and first 2×2 Hessian", ("n 2",), fresh=True),
    Task("by n: H·v", "H·v at a kept point by n", ROSENBROCK),
    Task("by n: H", "dense Hessian by n", ROSENBROCK),
    Task("by rows", "H·v at a kept point by rows", ROWS),
    Task("by workers", "H·v over 4 batches by workers", COPIES),
)


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """max |a − b| relative to max |b|; inf where shapes differ or a number is not finite."""
    if a.shape != b.shape or not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        return float("inf")
    if not b.size:
        return 0.0
    return float(np.max(np.abs(a - b)) / (np.max(np.abs(b)) or 1.0))


def wasserstein(nodes: np.ndarray, weights: np.ndarray, exact: np.ndarray) -> float:
    """W1 between a discrete density and eigenvalues, relative to the width of the spectrum."""
    nodes, weights = np.ravel(nodes), np.ravel(weights) / np.sum(weights)
    points = np.concatenate([nodes, exact])
    steps = np.concatenate([weights, np.full(exact.size, -1 / exact.size)])
    order = np.argsort(points, kind="stable")
    gap = np.abs(np.cumsum(steps[order])[:-1]) @ np.diff(points[order])
    return float(gap / np.ptp(exact))


def error(task: Task, result: np.ndarray, exact: np.ndarray) -> float:
    """How far an estimate is from the dense spectrum, ascending."""
    if task.compare == "spectrum":
        return float(np.mean([wasserstein(*density, exact) for density in result]))
    top = np.sort(exact)[::-1][: result.size]
    return difference(np.sort(result)[::-1], top)
