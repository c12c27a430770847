"""autograd as it comes, on the plain formulas."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
import problems
from autograd.scipy.special import logsumexp

VERSIONS = ("autograd", "numpy")


def objective(problem):
    if isinstance(problem, problems.Rosenbrock):
        return lambda x: anp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    rows = np.arange(len(problem.y))

    def f(x):
        h, parts = problem.X, problem.split(x)
        for W, b in zip(parts[:-2:2], parts[1:-2:2], strict=True):
            h = anp.tanh(anp.dot(h, W) + b)
        z = anp.dot(h, parts[-2]) + parts[-1]
        return anp.mean(logsumexp(z, axis=1) - z[rows, problem.y])

    return f


def traced(f, x):
    """The product with H at x, traced once."""
    return autograd.make_hvp(f)(x)[0]


def kept(problem):
    product = traced(objective(problem), problem.x)
    return lambda: product(problem.v), np.asarray


def fresh(problem):
    product = autograd.hessian_vector_product(objective(problem))
    return lambda: product(problem.x, problem.v), np.asarray


def block_kept(problem):
    product = traced(objective(problem), problem.x)
    return lambda: np.stack([product(v) for v in problem.V.T], axis=1), np.asarray


def block_fresh(problem):
    product = autograd.hessian_vector_product(objective(problem))
    return lambda: np.stack([product(problem.x, v) for v in problem.V.T], axis=1), np.asarray


def dense(problem):
    H = autograd.hessian(objective(problem))
    return lambda: H(problem.x), np.asarray


def dense_kept(problem):
    def run():
        product = traced(objective(problem), problem.x)
        return np.stack([product(e) for e in np.eye(problem.x.size)])

    return run, np.asarray


CONTESTANTS = {
    "stock autograd": {
        "hvp-fresh": fresh,
        "hvp-100": block_fresh,
        "by n: H": dense,
    },
    "stock autograd, traced once": {
        "hvp-kept": kept,
        "hvp-100": block_kept,
        "dense": dense_kept,
        "by n: H·v": kept,
        "by n: H": dense_kept,
        "by rows": kept,
    },
}
