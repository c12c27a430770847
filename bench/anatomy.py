"""Where the time of our product H·v goes, as shares of it.

`run.py` calls this at the end of a whole run. "layers" are matrix products with the sums over rows
that belong to biases; "entries" go entry by entry; "python" is all that lies between the steps.
"recording" is what a fresh point costs more, in products at a kept one.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

LAYERS = ("affine", "affine_back", "affine_weights")
SECONDS = 0.5  # that each measurement may take


def seconds(run: Callable[[], Any]) -> float:
    """The median time of a run."""
    times: list[float] = []
    while sum(times) < SECONDS or len(times) < 7:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return median(times)


def one_pass(forward: Any, rows: Any) -> dict[str, float]:
    """Seconds that the steps of each kind take in one replay, in the order of the replay."""
    slots, spent = [rows], {"layers": 0.0, "entries": 0.0}
    for step, (apply, parents, last_use) in zip(
        forward.trace.steps[1:], forward._plan, strict=True
    ):
        given = [slots[parent] for parent in parents]
        start = time.perf_counter()
        slots.append(apply(*given))
        took = time.perf_counter() - start
        spent["layers" if step.fun.__name__ in LAYERS else "entries"] += took
        del given
        for slot in last_use:
            slots[slot] = None
    return spent


def shares(workload: str) -> dict[str, float]:
    """The shares of one product at a kept point, and what recording a fresh one costs."""
    import problems
    from contestants import ours

    from secondorder import hessian_operator

    problem = problems.make(workload)
    f = ours.objective(problem)
    H = hessian_operator(f, problem.x)
    whole = seconds(lambda: H @ problem.v)
    recording = seconds(lambda: hessian_operator(f, problem.x))
    forward = H.parts[0].recorded().__self__
    wholes, passes = [], []
    for _ in range(int(SECONDS / whole) + 7):  # in turn, so that both meet the same machine
        start = time.perf_counter()
        H @ problem.v
        wholes.append(time.perf_counter() - start)
        passes.append(one_pass(forward, problem.v[None]))
    spent = {kind: median(one[kind] for one in passes) for kind in passes[0]}
    whole = max(median(wholes), sum(spent.values()))
    found = {kind: took / whole for kind, took in spent.items()}
    return {**found, "python": 1 - sum(found.values()), "recording": recording / whole}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from tasks import NETWORKS

    print(json.dumps({workload: shares(workload) for workload in NETWORKS}))
