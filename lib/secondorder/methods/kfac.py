"""K-FAC: the natural gradient of a network, layer by layer, with Kronecker-factored curvature."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._inputs import Matrix, Vector, as_count, describe
from ..networks import Network
from ._core import Method, Oracle, Point, Step
from ._settings import need_between, need_positive

Matrices = tuple[Matrix, ...]


class Factors(NamedTuple):
    """The averages A and S of every layer, their damped inverses, and how often they were taken."""

    A: Matrices
    S: Matrices
    inverses: tuple[tuple[Matrix, Matrix], ...]
    times: int


def kfac(
    network: Network,
    lr: float | None = None,
    damping: float = 1e-2,
    decay: float = 0.95,
    *,
    interval: int = 1,
    batch_size: int | None = None,
) -> Method:
    r"""Return K-FAC for a multilayer perceptron.

    .. math:: F_l \approx A_l \otimes S_l, \quad A_l = E[\bar a \bar a^\top], \quad
              S_l = E[g g^\top], \\
              \Delta W_l = -\alpha\, (A_l + \pi_l \sqrt\lambda I)^{-1} \, G_l \,
              (S_l + \tfrac{\sqrt\lambda}{\pi_l} I)^{-1}

    ā is what goes into a layer, with a 1 for the bias; g is the gradient by what comes out before
    the activation, for targets drawn from the model; G is the gradient by the weights and bias, of
    shape (inputs + 1, outputs), inputs as rows.

    Parameters
    ----------
    network : Network
        The network of the objective: it knows the inputs and output gradients of its layers.
    lr : float, optional
        α. Left out: the step that the quadratic model with the exact, damped Fisher matrix asks
        for, by one product.
    damping : float
        λ, above 0. The `ridge` of the objective is added to it.
    decay : float
        How much of A and S each new estimate leaves, at most; 1 − 1/k in the first k estimates.
    interval : int
        New factors every so many steps.
    batch_size : int, optional
        Rows of the mini-batch of each step; all rows without it.

    Raises
    ------
    TypeError, ValueError
        No network, or a setting out of its range. While running: an objective with other parameters
        than those of the network.

    Notes
    -----
    πₗ² is the mean diagonal entry of A over that of S. For one layer of squared error, S is a
    multiple of I and the approximation is exact. The momentum and the adaptive λ of the paper are
    left out.
    Cost: 1 gradient a step; with `lr` left out 1 gradient and 1 product more; about 1 gradient and
    two inversions a layer for new factors. Memory: 4 matrices a layer.
    Source: Martens & Grosse, *Optimizing Neural Networks with Kronecker-factored Approximate
    Curvature*, ICML (2015), sections 3 to 6.4.

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder.losses import mean_squared_error
    >>> from secondorder.networks import mlp
    >>> net = mlp([1, 1])
    >>> f = net.objective(mean_squared_error, np.array([[1.0], [-1.0]]), np.array([[2.0], [0.0]]))
    >>> run = kfac(net, damping=1e-8)(f, np.zeros(2), rng=np.random.default_rng(0))
    >>> [it.x.round(3).tolist() for it in islice(run, 2)]
    [[0.0, 0.0], [1.0, 1.0]]
    """
    if not isinstance(network, Network):
        raise TypeError(f"network must be a Network made by mlp, got {describe(network)}")
    fixed = None if lr is None else need_positive("lr", lr)
    damping, every = need_positive("damping", damping), as_count("interval", interval)
    decay = need_between("decay", decay, 0, 1)

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> Factors:
        if oracle.objective.dim != network.dim:
            raise ValueError(
                f"network has {network.dim} parameters, the objective {oracle.objective.dim}: "
                "pass the network that the objective was made from"
            )
        return Factors((), (), (), 0)

    def update(oracle: Oracle, at: Point, past: Factors, rng: np.random.Generator) -> Step:
        shift = damping + oracle.objective.ridge
        if at.step % every == 0 or not past.inverses:
            past = _renewed(past, *_estimates(network, oracle, at, rng), decay, shift)
        p = -_blockwise(network, past.inverses, at.g)
        if not p.any():
            return Step(at.x, past, "stationary")
        alpha = _rescaled(oracle, at, p, shift) if fixed is None else fixed
        return Step(at.x + alpha * p, past)

    return Method("K-FAC", update, init, ("data", "likelihood"), batch_size)


def _estimates(
    network: Network, oracle: Oracle, at: Point, rng: np.random.Generator
) -> tuple[Matrices, Matrices]:
    """Return A and S of every layer for these rows. Cost: counted as one gradient."""
    data: Any = oracle.objective.data if at.batch is None else at.batch
    X, likelihood = data[0], oracle.objective.likelihood
    layers = network.layers(at.x, X)
    z = layers[-1].preactivations
    G = likelihood.gradients(z, likelihood.sample(z, rng)).astype(at.x.dtype)
    slopes = network.backward(at.x, X, G, layers=layers)
    oracle.charge(at.batch, gradients=1)
    A = tuple(_second_moment(_with_ones(layer.inputs)) for layer in layers)
    return A, tuple(_second_moment(g) for g in slopes)


def _with_ones(a: Matrix) -> Matrix:
    return np.concatenate([a, np.ones((len(a), 1), a.dtype)], axis=1)


def _second_moment(a: Matrix) -> Matrix:
    return a.T @ a / a.dtype.type(len(a))


def _renewed(past: Factors, A: Matrices, S: Matrices, decay: float, shift: float) -> Factors:
    times = past.times + 1
    keep = min(1 - 1 / times, decay)
    if past.times:
        A = tuple(keep * old + (1 - keep) * new for old, new in zip(past.A, A, strict=True))
        S = tuple(keep * old + (1 - keep) * new for old, new in zip(past.S, S, strict=True))
    pairs = zip(A, S, strict=True)
    return Factors(A, S, tuple(_damped_inverses(a, s, shift) for a, s in pairs), times)


def _damped_inverses(A: Matrix, S: Matrix, shift: float) -> tuple[Matrix, Matrix]:
    large, small = float(np.trace(A)) / len(A), float(np.trace(S)) / len(S)
    pi, root = (large / max(small, float(np.finfo(S.dtype).tiny))) ** 0.5, shift**0.5
    one, other = np.eye(len(A), dtype=A.dtype), np.eye(len(S), dtype=S.dtype)
    return np.linalg.inv(A + pi * root * one), np.linalg.inv(S + root / pi * other)


def _blockwise(network: Network, inverses: tuple[tuple[Matrix, Matrix], ...], g: Vector) -> Vector:
    """Return A⁻¹ G S⁻¹ of every layer: W and b lie one after the other in x, so G is a view."""
    out, start = np.empty_like(g), 0
    for A, S in inverses:
        stop = start + len(A) * len(S)
        G = g[start:stop].reshape(len(A), len(S))
        out[start:stop] = (A @ G @ S).ravel()
        start = stop
    return out


def _rescaled(oracle: Oracle, at: Point, p: Vector, shift: float) -> float:
    """Return the lowest point of gᵀp α + ½ pᵀ(F + λI)p α²."""
    F = oracle.fisher_operator(at.x, at.batch)
    return float(-(at.g @ p) / (p @ (F @ p) + shift * (p @ p)))
