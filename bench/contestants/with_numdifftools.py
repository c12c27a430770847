"""numdifftools: extrapolated finite differences, so only small n, and not to the last digits."""

from __future__ import annotations

import numdifftools
import numpy as np

VERSIONS = ("numdifftools",)
LARGEST = 30
APPROXIMATE = True  # its error is stated, and does not stop the run


def dense(problem):
    if problem.x.size > LARGEST:
        return None  # it takes part where it can end: the cost grows as n²
    f = lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    H = numdifftools.Hessian(f)
    return lambda: H(problem.x), np.asarray


CONTESTANTS = {"numdifftools": {"by n: H": dense}}
