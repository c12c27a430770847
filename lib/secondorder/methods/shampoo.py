"""Shampoo: a matrix of weights has its gradient divided by its own size, from both sides."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._inputs import Vector, as_count
from ..layout import Layout
from ._arrays import Axes, along_axes, blocks, joined, layout_of, need_layout, second_moment
from ._core import Method, Oracle, Point, Step
from ._settings import need_between, need_positive


class Sides(NamedTuple):
    """The average of the gradient; of every array, one sum and one root for each axis."""

    m: Vector
    sums: tuple[Axes, ...]
    roots: tuple[Axes, ...]


def shampoo(
    lr: float = 0.1,
    eps: float = 1e-4,
    momentum: float = 0.0,
    decay: float | None = None,
    *,
    layout: Layout | None = None,
    interval: int = 1,
    largest: int = 1000,
    batch_size: int | None = None,
) -> Method:
    r"""Return Shampoo, which divides the gradient of a matrix from both sides.

    .. math:: L_k = L_{k-1} + G_k G_k^\top, \quad R_k = R_{k-1} + G_k^\top G_k, \quad
              W_{k+1} = W_k - \eta\, L_k^{-1/4} G_k R_k^{-1/4}

    with L₀ = εI and R₀ = εI, for every matrix W of the layout. An array of p axes has p such
    factors and the power −1/2p: a vector, such as a bias, is divided by the root of Σ g gᵀ.

    Parameters
    ----------
    lr : float
        The learning rate η.
    eps : float
        ε, above 0.
    momentum : float
        β: the step is made of the average of the gradient instead, which keeps so much of itself.
    decay : float, optional
        Averages of G Gᵀ and Gᵀ G that keep so much of themselves, instead of the sums of the
        paper. ε is added to them.
    layout : Layout, optional
        Which entries of x are a matrix. Left out: that of the objective; without one x is a vector.
    interval : int
        New roots every so many steps, and at each of the first so many: a root of few gradients
        divides by √ε what they do not reach.
    largest : int
        Of an axis that is longer only the diagonal of its factor is kept.
    batch_size : int, optional
        Rows of the mini-batch of each step; all rows without it.

    Raises
    ------
    TypeError, ValueError
        A setting out of its range. While running: a layout of another size than x.

    Notes
    -----
    L and R are sizes of gradients, not curvatures. L^½ ⊗ R^½ stands for the matrix Σ g gᵀ of the
    flat gradient, whose root full AdaGrad divides by. The first step, with ε → 0, is
    η G (GᵀG)^(−½): all singular values of G become 1. With sums the steps shrink as 1/√k; averages
    are divided by 1 − βᵏ because they started from 0, as in `adam`. It is left to η to set the
    length of a step: the paper has no grafting.
    Cost: 1 gradient a step, and an eigendecomposition for each axis every `interval` steps.
    Memory: 1 vector, and 2 matrices for each axis: 2(m² + n²) numbers for m × n weights.
    Source: Gupta, Koren & Singer, *Shampoo: Preconditioned Stochastic Tensor Optimization*, ICML
    (2018), Algorithm 1; Algorithm 2 for any number of axes.

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder import objectives
    >>> from secondorder.layout import Layout
    >>> f, square = objectives.quadratic([1.0] * 4), Layout(("W",), ((2, 2),))
    >>> run = shampoo(0.5, eps=1e-12, layout=square)(f, [0.0, 100.0, 3.0, 0.0])
    >>> [it.x.round(6).tolist() for it in islice(run, 2)]
    [[0.0, 100.0, 3.0, 0.0], [0.0, 99.5, 2.5, 0.0]]
    """
    lr, eps = need_positive("lr", lr), need_positive("eps", eps)
    momentum = need_between("momentum", momentum, 0, 1)
    keep = None if decay is None else need_between("decay", decay, 0, 1)
    given, every = need_layout(layout), as_count("interval", interval)
    largest = as_count("largest", largest)

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> Sides:
        layout_of(oracle, given)
        return Sides(np.zeros_like(at.x), (), ())

    def update(oracle: Oracle, at: Point, past: Sides, rng: np.random.Generator) -> Step:
        arrays, t = layout_of(oracle, given), at.step + 1
        new = tuple(_factors(G, largest) for G in blocks(arrays, at.g))
        sums, roots = _gathered(past.sums, new, keep), past.roots
        if t <= every or at.step % every == 0:
            share = 1.0 if keep is None else 1 - keep**t
            roots = tuple(tuple(_root(S / share, eps, len(axes)) for S in axes) for axes in sums)
        m = momentum * past.m + (1 - momentum) * at.g
        G = blocks(arrays, m / (1 - momentum**t))
        p = joined(along_axes(block, axes) for block, axes in zip(G, roots, strict=True))
        return Step(at.x - lr * p, Sides(m, sums, roots))

    return Method("Shampoo", update, init, batch_size=batch_size)


def _factors(G: Any, largest: int) -> Axes:
    """Return GGᵀ along every axis, of a long one the diagonal."""
    return tuple(second_moment(G, i, diagonal=n > largest) for i, n in enumerate(G.shape))


def _gathered(past: tuple[Axes, ...], new: tuple[Axes, ...], keep: float | None) -> Any:
    """Return the sums, or the averages, with one more term."""
    a, b = (1.0, 1.0) if keep is None else (keep, 1 - keep)
    if not past:
        return tuple(tuple(b * term for term in axes) for axes in new)
    return tuple(
        tuple(a * S + b * term for S, term in zip(*pair, strict=True))
        for pair in zip(past, new, strict=True)
    )


def _root(S: Any, eps: float, axes: int) -> Any:
    """Return (S + εI) to the power −1/2p, a diagonal for a diagonal."""
    power = -1 / (2 * axes)
    if S.ndim == 1:
        return (S + eps) ** power
    values, Q = np.linalg.eigh(S)
    return (Q * (np.maximum(values, 0) + eps) ** power) @ Q.T
