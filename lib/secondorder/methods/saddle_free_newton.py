"""Saddle-free Newton: Newton's step with every curvature taken as positive."""

from __future__ import annotations

import numpy as np

from ._core import Method, Oracle, Point, Step
from ._settings import need_positive
from ._spectrum import spectrum


def saddle_free_newton(damping: float = 1e-6) -> Method:
    r"""Return saddle-free Newton, which divides by the sizes of the eigenvalues of H.

    .. math:: p_k = -|H_k|^{-1} g_k, \qquad |H| = Q \, \mathrm{diag}(|\lambda_i|) \, Q^\top

    Parameters
    ----------
    damping : float
        Eigenvalues smaller in size are taken to be this large. It keeps flat directions in check.

    Raises
    ------
    ValueError
        A setting out of its range.

    Notes
    -----
    Newton's own step where H is positive definite. Where an eigenvalue is negative, Newton walks
    to the saddle along its eigenvector; this step walks the same distance away from it. On a
    quadratic saddle the stable part goes to 0 in one step, and the unstable part doubles.
    Exactly at a saddle g = 0, and it stays; the note says "saddle" and the direction is kept.
    Cost: 2 gradients and n products a step, and one eigendecomposition of H.
    Source: Dauphin, Pascanu, Gulcehre, Cho, Ganguli & Bengio, *Identifying and attacking the saddle
    point problem in high-dimensional non-convex optimization*, NeurIPS (2014).

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder import objectives
    >>> run = saddle_free_newton()(objectives.saddle(), [1.0, 0.5])
    >>> [it.x.tolist() for it in islice(run, 3)]
    [[1.0, 0.5], [0.0, 1.0], [0.0, 2.0]]
    """
    damping = need_positive("damping", damping)

    def update(oracle: Oracle, at: Point, memory: None, rng: np.random.Generator) -> Step:
        H = spectrum(oracle.hessian(at.x))
        if not at.g.any():
            return H.stay(at)
        sizes = np.maximum(np.abs(H.values), damping)
        note = "" if H.downward is None else "negative curvature"
        return Step(at.x + H.solve(at.g, sizes), None, note, H.downward)

    return Method("saddle-free Newton", update)
