"""SOAP: Adam in coordinates in which Shampoo's factors are diagonal."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._inputs import Matrix, as_count
from ..layout import Layout
from ._arrays import Axes, along_axes, blocks, joined, layout_of, need_layout, second_moment
from ._core import Method, Oracle, Point, Step
from ._settings import need_between, need_positive


class Turned(NamedTuple):
    """Of one array: m in its own coordinates, v in the turned ones, L and R, and their bases."""

    m: Any
    v: Any
    factors: Axes
    bases: Axes


def soap(
    lr: float = 3e-3,
    beta1: float = 0.95,
    beta2: float = 0.95,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    *,
    layout: Layout | None = None,
    precondition_frequency: int = 10,
    largest: int = 10_000,
    batch_size: int | None = None,
) -> Method:
    r"""Return SOAP, which is Adam in the eigenbasis of Shampoo's factors.

    .. math:: L_k = \beta_2 L_{k-1} + (1 - \beta_2) G_k G_k^\top, \quad
              R_k = \beta_2 R_{k-1} + (1 - \beta_2) G_k^\top G_k, \quad
              G'_k = Q_L^\top G_k Q_R, \\
              V_k = \beta_2 V_{k-1} + (1 - \beta_2) {G'_k}^2, \quad
              W_{k+1} = W_k - \eta\, Q_L \frac{Q_L^\top \hat M_k Q_R}
              {\sqrt{\hat V_k} + \varepsilon} Q_R^\top - \eta \lambda W_k

    for every matrix W of the layout, with M and the corrections as in `adam`. The columns of Q_L
    and Q_R are eigenvectors of L and R: at first by `eigh`, then renewed by one step of power
    iteration, Q ← the orthogonal factor of LQ by QR. What is no matrix is left to AdamW.

    Parameters
    ----------
    lr : float
        The learning rate η.
    beta1, beta2, eps : float
        As in `adam`; β₂ is that of L and R too.
    weight_decay : float
        λ, from 0 on, no part of the objective.
    layout : Layout, optional
        Which entries of x are a matrix. Left out: that of the objective; without one x is a vector.
    precondition_frequency : int
        New eigenvectors every so many steps.
    largest : int
        An axis that is longer keeps its own coordinates.
    batch_size : int, optional
        Rows of the mini-batch of each step; all rows without it.

    Raises
    ------
    TypeError, ValueError
        A setting out of its range. While running: a layout of another size than x.

    Notes
    -----
    The first step is skipped, as in the authors' code: its gradient makes the first basis, and a
    gradient is never looked at in a basis that it went into. At a renewal, M is turned along, and
    V is only sorted with its columns.
    Turning the rows of W turns the steps along; those of Adam change. With Q = I it is Adam.
    Cost: 1 gradient a step, 8 products of matrices for each matrix, and a QR for each axis every
    `precondition_frequency` steps. Memory: 2 vectors, and 2(m² + n²) numbers for m × n weights.
    Source: Vyas, Morwani, Zhao et al., *SOAP: Improving and Stabilizing Shampoo using Adam*, arXiv
    2409.11321 (2024), Algorithm 3, and the code that goes with it, whose eigenvectors these are;
    ε is added to the corrected root here, as in `adam`.

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder import objectives
    >>> from secondorder.layout import Layout
    >>> f, square = objectives.quadratic([1.0] * 4), Layout(("W",), ((2, 2),))
    >>> run = soap(0.5, layout=square)(f, [3.0, 4.0, -8.0, 6.0])
    >>> [it.x.round(6).tolist() for it in islice(run, 3)][1:]
    [[3.0, 4.0, -8.0, 6.0], [2.7, 3.6, -7.6, 5.7]]
    """
    lr, eps = need_positive("lr", lr), need_positive("eps", eps)
    beta1, beta2 = need_between("beta1", beta1, 0, 1), need_between("beta2", beta2, 0, 1)
    decay, given = need_between("weight_decay", weight_decay, 0, np.inf), need_layout(layout)
    every = as_count("precondition_frequency", precondition_frequency)
    largest = as_count("largest", largest)

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> tuple[Turned, ...]:
        return tuple(_first(G, 1 - beta2, largest) for G in blocks(layout_of(oracle, given), at.g))

    def update(
        oracle: Oracle, at: Point, past: tuple[Turned, ...], rng: np.random.Generator
    ) -> Step:
        t = at.step
        if t == 0:
            return Step(at.x, past, "first basis")
        arrays = layout_of(oracle, given)
        new, moved = [], []
        for W, G, old in zip(blocks(arrays, at.x), blocks(arrays, at.g), past, strict=True):
            m = beta1 * old.m + (1 - beta1) * G
            v = beta2 * old.v + (1 - beta2) * along_axes(G, old.bases) ** 2
            turned = along_axes(m / (1 - beta1**t), old.bases)
            p = along_axes(turned / (np.sqrt(v / (1 - beta2**t)) + eps), old.bases, 1)
            moved.append(W - lr * (p + decay * W))
            factors = _factors(G, old.factors, beta2)
            now = Turned(m, v, factors, old.bases)
            new.append(_renewed(now) if t % every == 0 else now)
        return Step(joined(moved), tuple(new))

    return Method("SOAP", update, init, batch_size=batch_size)


def _first(G: Any, share: float, largest: int) -> Turned:
    """Return averages of zero, and the factors and bases of the first gradient."""
    zero = np.zeros_like(G)
    if G.ndim < 2:
        return Turned(zero, zero, (), ())
    factors = tuple(
        share * second_moment(G, i) if n <= largest else np.ones(n, G.dtype)
        for i, n in enumerate(G.shape)
    )
    return Turned(zero, zero, factors, tuple(_eigenvectors(A) for A in factors))


def _eigenvectors(A: Matrix) -> Matrix:
    """Return the eigenvectors as columns, that of the largest eigenvalue first."""
    return A if A.ndim == 1 else np.ascontiguousarray(np.linalg.eigh(A)[1][:, ::-1])


def _factors(G: Any, past: Axes, keep: float) -> Axes:
    return tuple(
        A if A.ndim == 1 else keep * A + (1 - keep) * second_moment(G, i)
        for i, A in enumerate(past)
    )


def _renewed(now: Turned) -> Turned:
    """Return the bases after a step of power iteration, their columns sorted, and V with them."""
    v, bases = now.v, []
    for i, (A, Q) in enumerate(zip(now.factors, now.bases, strict=True)):
        if A.ndim == 2:
            AQ = A @ Q
            order = np.argsort(-np.sum(Q * AQ, axis=0), kind="stable")
            v, Q = np.take(v, order, axis=i), np.linalg.qr(AQ[:, order])[0]
        bases.append(Q)
    return now._replace(v=v, bases=tuple(bases))
