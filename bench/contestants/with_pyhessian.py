"""PyHessian. Its density calls `torch.eig`, which torch removed in 2.0: a shim stands in for it."""

from __future__ import annotations

import numpy as np
import problems
import torch

from .with_torch import network

VERSIONS = ("pyhessian",)


def _eig(T, eigenvectors=True):
    """What torch.eig returned: eigenvalues as (real, imaginary) columns, and eigenvectors."""
    values, vectors = torch.linalg.eigh(T)
    return torch.stack([values, torch.zeros_like(values)], dim=1), vectors


torch.eig = _eig
from pyhessian import hessian  # noqa: E402  (after the shim)


def operator(problem):
    net, loss, X, y = network(problem)
    return hessian(net, loss, data=(X, y), cuda=False)


def density(problem):
    H = operator(problem)

    def run(seed=0):
        torch.manual_seed(seed)
        return H.density(iter=100, n_v=10)

    def points(found):
        nodes, weights = map(np.concatenate, found)
        return np.array([nodes, weights / 10])

    return run, lambda found: problems.drawn(run, points, found)


def top(problem):
    H = operator(problem)

    def run():
        torch.manual_seed(0)
        return H.eigenvalues(maxIter=100, tol=problems.TOLERANCE, top_n=5)[0]

    return run, np.array


CONTESTANTS = {"PyHessian": {"density": density, "top-5": top}}
