"""Newton's method, pure: no damping, no line search."""

from __future__ import annotations

import numpy as np

from ._core import Halt, Method, Oracle, Point, Step
from ._spectrum import spectrum


def newton() -> Method:
    r"""Return Newton's method: a step to where the gradient of the quadratic model is zero.

    .. math:: H_k p_k = -g_k, \qquad x_{k+1} = x_k + p_k

    Raises
    ------
    Halt
        While running: "singular Hessian", with a direction in which H is zero.

    Notes
    -----
    Exact in one step on a quadratic. Near a minimiser with positive definite H the number of right
    digits doubles with every step. Far from it nothing is promised: the step goes to *any* critical
    point of the model, so saddles and maxima attract it as minima do. Where H has a negative
    eigenvalue the note says so, and the direction is kept.
    Cost: 2 gradients and n products a step, and one eigendecomposition of H.
    Source: Nocedal & Wright, *Numerical Optimization* (2006), section 3.3.

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder import objectives
    >>> run = newton()(objectives.quadratic([1.0, -2.0]), [3.0, 1.0])
    >>> [(it.gradient_norm > 0, it.note) for it in islice(run, 2)]
    [(True, ''), (False, 'indefinite Hessian')]
    """

    def update(oracle: Oracle, at: Point, memory: None, rng: np.random.Generator) -> Step:
        H = spectrum(oracle.hessian(at.x))
        if not at.g.any():
            return H.stay(at)
        if H.singular:
            null = H.Q[:, np.argmin(np.abs(H.values))]
            raise Halt("singular Hessian", "H has no inverse here: use damped_newton", null)
        note = ""
        if H.downward is not None:
            note = "indefinite Hessian" if H.values[-1] > 0 else "negative definite Hessian"
        return Step(at.x + H.solve(at.g), None, note, H.downward)

    return Method("Newton", update)
