"""Muon: momentum whose singular values are all brought near 1, matrix by matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._inputs import Matrix, as_count, as_floats, as_vector, describe
from ..layout import Layout
from ._arrays import blocks, joined, layout_of, need_layout
from ._core import Method, Oracle, Point, Step
from ._moments import Moments
from ._settings import need_between, need_positive

Averages = tuple[Any, ...]  # of each array: B of a matrix, the moments of what is none
QUINTIC = (3.4445, -4.7750, 2.0315)  # Muon's: steep at 0, and it never settles at 1


def newton_schulz(M: ArrayLike, steps: int = 5, coefficients: Sequence[float] = QUINTIC) -> Matrix:
    r"""Return M with its singular values brought near 1, by products of matrices alone.

    .. math:: X_0 = M / \lVert M \rVert_F, \qquad
              X_{k+1} = a X_k + b\, (X_k X_k^\top) X_k + c\, (X_k X_k^\top)^2 X_k

    The singular vectors stay, and every singular value σ becomes aσ + bσ³ + cσ⁵.

    Parameters
    ----------
    M : array of shape (m, n)
    steps : int
    coefficients : sequence of floats
        Of σ, σ³, σ⁵ …: Muon's quintic when left out. The cubic (1.5, −0.5) converges to the polar
        factor of M, whose singular values are 1.

    Returns
    -------
    array of shape (m, n), dtype of M
        A matrix of zeros stays as it is.

    Raises
    ------
    TypeError, ValueError
        M is not a matrix of finite floats, the steps are no whole number from 1 on, or the
        coefficients no flat list of floats.

    Notes
    -----
    ‖M‖_F is at least the largest singular value, so all start in [0, 1]. Muon's quintic multiplies
    a small one by 3.4445 a step: after 5 steps, whatever was above 1 % of ‖M‖_F lies between 0.68
    and 1.13, and does not come nearer to 1.
    Cost: 2 products of matrices a step, and one more for every coefficient beyond two.
    Source: Jordan et al., *Muon: An optimizer for hidden layers in neural networks* (2024), where
    bfloat16 is used; Bernstein & Newhouse, *Old Optimizer, New Norm: An Anthology* (2024).

    Examples
    --------
    >>> newton_schulz(np.diag([3.0, 1.0]), 20, (1.5, -0.5)).round(6)
    array([[1., 0.],
           [0., 1.]])
    >>> newton_schulz(np.diag([3.0, 1.0])).diagonal().round(2)
    array([0.75, 1.13])
    """
    X = as_floats("M", M)
    if X.ndim != 2:
        raise ValueError(f"M must be a matrix, got {describe(X)}")
    if not isinstance(coefficients, Sequence | np.ndarray):
        raise TypeError(f"coefficients must be a list of floats, got {describe(coefficients)}")
    odd, steps = as_vector("coefficients", coefficients).tolist(), as_count("steps", steps)
    largest = np.max(np.abs(X), initial=0)
    if largest == 0:
        return X.copy()
    X = X / largest  # so that the squares below neither vanish nor overflow
    X = X / np.linalg.norm(X)
    tall = X.shape[0] > X.shape[1]
    X = X.T if tall else X
    for _ in range(steps):
        A, Y = X @ X.T, odd[-1] * X
        for factor in odd[-2::-1]:
            Y = A @ Y + factor * X
        X = Y
    return X.T if tall else X


def muon(
    lr: float = 0.02,
    momentum: float = 0.95,
    steps: int = 5,
    weight_decay: float = 0.0,
    *,
    adam_lr: float = 3e-4,
    beta1: float = 0.9,
    beta2: float = 0.95,
    eps: float = 1e-10,
    layout: Layout | None = None,
    hidden_only: bool = False,
    batch_size: int | None = None,
) -> Method:
    r"""Return Muon for the matrices of a layout, and AdamW for all else.

    .. math:: B_k = \mu B_{k-1} + (1 - \mu) G_k, \quad
              W_{k+1} = W_k - \eta \left( s\, \mathrm{NS}\bigl( (1 - \mu) G_k + \mu B_k \bigr)
              + \lambda W_k \right), \quad
              s = \sqrt{\max(1, \text{outputs} / \text{inputs})}

    NS is `newton_schulz`.

    Parameters
    ----------
    lr : float
        The learning rate η: about the largest singular value of a step.
    momentum : float
        μ, at least 0 and below 1, in the form of Nesterov.
    steps : int
        Of `newton_schulz`.
    weight_decay : float
        λ, from 0 on, no part of the objective. It shrinks what AdamW moves too, times `adam_lr`.
    adam_lr, beta1, beta2, eps : float
        For what is no matrix, as in `adamw`.
    layout : Layout, optional
        Which entries of x are a matrix. Left out: that of the objective; without one x is a vector.
    hidden_only : bool
        Leave the first and the last matrix to AdamW too.
    batch_size : int, optional
        Rows of the mini-batch of each step; all rows without it.

    Raises
    ------
    TypeError, ValueError
        A setting out of its range. While running: a layout of another size than x.

    Notes
    -----
    Without momentum and with the exact polar factor it is the first step of `shampoo`, every step:
    G (GᵀG)^(−½), the steepest descent where a matrix is as long as its largest singular value.
    The factor s is the one of the authors' code, max(1, rows/columns)^½ of PyTorch's (outputs,
    inputs). A matrix of a `Network` is the transpose, (inputs, outputs): here s is
    max(1, columns/rows)^½. The authors leave first and last layers to AdamW; in a network with one
    hidden layer there is then no matrix left, so `hidden_only` has to be asked for. An array of
    more than two axes is left to AdamW.
    Cost: 1 gradient a step, and about 3 products of matrices for each of the `steps`. Memory: 1
    vector, and 1 more for what is no matrix.
    Source: Jordan, Jin, Boza, You, Cesista, Newhouse & Bernstein, *Muon: An optimizer for hidden
    layers in neural networks* (2024), and the code that goes with it.

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder import objectives
    >>> from secondorder.layout import Layout
    >>> f, square = objectives.quadratic([1.0] * 4), Layout(("W",), ((2, 2),))
    >>> run = muon(0.1, layout=square)(f, [0.0, 3.0, 3.0, 0.0])
    >>> [it.x.round(2).tolist() for it in islice(run, 2)]
    [[0.0, 3.0, 3.0, 0.0], [0.0, 2.89, 2.89, 0.0]]
    """
    lr, adam_lr, eps = (
        need_positive(name, value)
        for name, value in (("lr", lr), ("adam_lr", adam_lr), ("eps", eps))
    )
    momentum, beta1, beta2 = (
        need_between(name, value, 0, 1)
        for name, value in (("momentum", momentum), ("beta1", beta1), ("beta2", beta2))
    )
    steps, decay = as_count("steps", steps), need_between("weight_decay", weight_decay, 0, np.inf)
    given = need_layout(layout)

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> Averages:
        arrays = layout_of(oracle, given)
        parts = zip(_matrices(arrays, hidden_only), blocks(arrays, at.x), strict=True)
        return tuple(np.zeros_like(W) if matrix else Moments.zero(W) for matrix, W in parts)

    def update(oracle: Oracle, at: Point, past: Averages, rng: np.random.Generator) -> Step:
        arrays = layout_of(oracle, given)
        new, moved = [], []
        for W, G, old in zip(blocks(arrays, at.x), blocks(arrays, at.g), past, strict=True):
            now: Any
            if isinstance(old, Moments):
                now, rate = old.after(G, G**2, beta1, beta2), adam_lr
                p = now.direction(at.step + 1, beta1, beta2, eps)
            else:
                now, rate = momentum * old + (1 - momentum) * G, lr
                p = newton_schulz((1 - momentum) * G + momentum * now, steps)
                p = p * max(1.0, W.shape[1] / W.shape[0]) ** 0.5
            new.append(now)
            moved.append(W - rate * (p + decay * W))
        return Step(joined(moved), tuple(new))

    return Method("Muon", update, init, batch_size=batch_size)


def _matrices(layout: Layout, hidden_only: bool) -> list[bool]:
    """Return which arrays are matrices for Muon."""
    found = [len(shape) == 2 for shape in layout.shapes]
    if hidden_only:
        places = [i for i, is_one in enumerate(found) if is_one]
        for i in {*places[:1], *places[-1:]}:
            found[i] = False
    return found
