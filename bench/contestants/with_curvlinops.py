"""curvlinops: linear operators on torch."""

from __future__ import annotations

import numpy as np
import problems
import torch
from curvlinops import HessianLinearOperator, lanczos_approximate_spectrum
from scipy.sparse.linalg import eigsh

from .with_torch import flat, network, shaped

VERSIONS = ("curvlinops-for-pytorch",)


def operator(problem):
    net, loss, X, y = network(problem)
    params = [p for p in net.parameters() if p.requires_grad]
    return HessianLinearOperator(net, loss, params, [(X, y)], check_deterministic=False)


def fresh(problem):
    """Every product evaluates all anew, so the operator is made once: the better case for it."""
    H, v = operator(problem), shaped(problem, torch.tensor(problem.v))
    return lambda: H @ v, lambda parts: flat(problem, parts)


def columns(problem, rows):
    """A block as curvlinops takes it: in the module's order of parameters, vectors in columns."""
    return torch.cat(
        [p.reshape(len(rows), -1) for p in shaped(problem, rows)], dim=1
    ).T.contiguous()


def rows_back(problem, block):
    parts, at, M = [], 0, block.T
    for shape in problem.shapes:
        size = int(np.prod(shape))
        parts.append(M[:, at : at + size].reshape(len(M), *shape[::-1]))
        at += size
    return flat(problem, parts)


def block(problem):
    H = operator(problem)
    V = columns(problem, torch.tensor(np.ascontiguousarray(problem.V.T)))
    return lambda: H @ V, lambda out: rows_back(problem, out).T


def dense(problem):
    H, eye = operator(problem), columns(problem, torch.eye(problem.x.size))
    return lambda: H @ eye, lambda out: rows_back(problem, out)


def density(problem):
    H = operator(problem)

    def run(seed=0):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 (it draws from the global generator)
        return lanczos_approximate_spectrum(H, 100, num_points=4096, num_repeats=10)

    return run, lambda found: problems.drawn(run, lambda f: torch.stack(f).numpy(), found)


def top(problem):
    H = operator(problem).to_scipy()
    v0 = np.random.default_rng(0).standard_normal(H.shape[0])
    return lambda: eigsh(H, k=5, which="LA", v0=v0, tol=problems.TOLERANCE)[0], np.asarray


CONTESTANTS = {
    "curvlinops": {
        "hvp-fresh": fresh,
        "hvp-100": block,
        "dense": dense,
        "density": density,
        "top-5": top,
    }
}
