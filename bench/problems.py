"""The workloads: plain numpy arrays and flat parameters, the same for every contestant."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

VECTORS = 100  # columns of the block V
DRAWS = 10  # of random probes: the error of a density is the mean over so many
LOSS = 1e-3  # the loss that optimizers are to reach on d32
STARTS = 5  # points that an optimizer is run from, since one may favour one of them
TOLERANCE = 1e-3  # of leading eigenvalues, relative: PyHessian's default


@dataclass(frozen=True, eq=False)
class Network:
    """Cross-entropy of a tanh network, the mean over rows; x holds W1, b1, W2, b2 … row by row.

    h = tanh(h W + b) for every layer but the last, which gives the logits.
    """

    name: str
    sizes: tuple[int, ...]
    X: np.ndarray
    y: np.ndarray
    x: np.ndarray  # where derivatives are taken
    v: np.ndarray  # a vector, (n,)
    V: np.ndarray  # a block, (n, VECTORS)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of W1, b1, W2, b2 …"""
        pairs = pairwise(self.sizes)
        return [shape for d, c in pairs for shape in ((d, c), (c,))]

    def split(self, x):
        """The flat vector as a list of W1, b1 …; any array type with slices and reshape."""
        parts, at = [], 0
        for shape in self.shapes:
            size = int(np.prod(shape))
            parts.append(x[at : at + size].reshape(shape))
            at += size
        return parts


@dataclass(frozen=True, eq=False)
class Rosenbrock:
    """f(x) = Σ 100 (x_{i+1} − x_i²)² + (1 − x_i)²."""

    name: str
    x: np.ndarray
    v: np.ndarray


_NETWORKS = {
    "b64": ((64, 32, 10), 64),
    "d32": ((64, 32, 10), 1797),
    "d128": ((64, 128, 128, 10), 1797),
    "m256": ((784, 256, 10), 512),
}


def make(name: str) -> Network | Rosenbrock:
    """b64, d32, d128, m256; "rows N": d32 on N rows; "copies N": d128 on N times all rows;
    "n N": Rosenbrock in N dimensions."""
    rng = np.random.default_rng(0)
    kind, _, number = name.partition(" ")
    if kind == "n":
        x, v = rng.uniform(-1, 1, int(number)), rng.standard_normal(int(number))
        return Rosenbrock(name, x, v)
    sizes, rows = _NETWORKS[{"rows": "d32", "copies": "d128"}.get(kind, kind)]
    if kind == "m256":
        X, y = rng.random((rows, sizes[0])), rng.integers(10, size=rows)
    else:
        X, y = _digits()
        rows = int(number) if kind == "rows" else rows
        X, y = X[:rows], y[:rows]
    if kind == "copies":
        X, y = np.tile(X, (int(number), 1)), np.tile(y, int(number))
    x = start(sizes, rng)
    block = rng.standard_normal((x.size, VECTORS)) if x.size < 10_000 else np.empty((x.size, 0))
    return Network(name, sizes, X, y, x, rng.standard_normal(x.size), block)


def start(sizes, rng):
    """Weights by Glorot's rule, and small biases."""
    parts = []
    for d, c in pairwise(sizes):
        limit = np.sqrt(6 / (d + c))
        parts += [rng.uniform(-limit, limit, d * c), rng.normal(0, 0.1, c)]
    return np.concatenate(parts)


def starts(problem):
    """Where an optimizer is run from, one after the other; the first is `problem.x` on digits."""
    return [start(problem.sizes, np.random.default_rng(seed)) for seed in range(STARTS)]


def drawn(run, points, found):
    """A density, and those of further seeds: (draws, 2, points)."""
    return np.stack([points(found), *(points(run(seed)) for seed in range(1, DRAWS))])


def _digits() -> tuple[np.ndarray, np.ndarray]:
    from secondorder.data import digits

    data = digits()
    return data.X, data.y
