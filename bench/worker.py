"""One contestant at one task, in a process of its own: told over stdin when to run.

    python bench/worker.py MODULE LABEL TASK WORKLOAD RESULT.npy

Reads a number of runs a line, and answers each with a line of JSON: the median seconds of a run,
CPU seconds over wall seconds, and the peak memory in MB. The first answer comes after the first
run, whose result is written to RESULT.npy.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from statistics import median
from typing import Any

BEGUN = time.perf_counter(), time.process_time()

import numpy as np  # noqa: E402  (within the time of the first Hessian)


def main(module: str, label: str, task: str, workload: str, result: str) -> None:
    """Prepare, run once, then run as often as each line of stdin says."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints goes to stderr, and not between the answers
    tell = lambda **answer: answers.write(json.dumps(answer) + "\n")
    try:
        import problems

        problem = problems.make(workload)
        made = import_module(f"contestants.{module}").CONTESTANTS[label][task](problem)
        if made is None:
            return tell(skipped=True)
        run, finish = made
        # the first Hessian of an interpreter is timed with all imports
        start = BEGUN if task == "first" else (time.perf_counter(), time.process_time())
        found = run()
        answer = _answer(start, [time.perf_counter() - start[0]])
        np.save(result, np.asarray(finish(found), dtype=float))
        del found
        tell(**answer)
        for line in sys.stdin:
            tell(**timed(run, int(line)))
    except BaseException as error:
        traceback.print_exc()
        tell(error=f"{type(error).__name__}: {error}".split("\n")[0][:200])


def timed(run: Callable[[], Any], runs: int) -> dict[str, float]:
    """Seconds of each of some runs in a row, their median reported."""
    gc.collect()
    start, seconds = (time.perf_counter(), time.process_time()), []
    for _ in range(runs):
        before = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - before)
    return _answer(start, seconds)


def _answer(start: tuple[float, float], seconds: list[float]) -> dict[str, float]:
    wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
    return {"seconds": median(seconds), "cpu": cpu / wall, "megabytes": peak_memory()}


def peak_memory() -> float:
    """The most memory this process has had, in MB."""
    try:  # unlike ru_maxrss, this does not begin with what the parent had
        with open("/proc/self/status", encoding="ascii") as status:
            line = next(line for line in status if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    except OSError:
        import resource

        unit = 2**20 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    main(*sys.argv[1:])
