"""SciPy's optimizers, given our gradients; its Newton-CG with our products and with stock ones."""

from __future__ import annotations

import autograd
import numpy as np
import problems
from scipy.optimize import minimize

from . import ours, stock

VERSIONS = ("scipy",)


def value_and_gradient(f):
    """Our value and gradient in one pass, as our own methods get them."""
    from secondorder.methods import Oracle

    return Oracle(f).value_and_gradient


def run_to_loss(problem, method, **options):
    fun = value_and_gradient(ours.objective(problem))

    def stop(intermediate_result):
        if intermediate_result.fun <= problems.LOSS:
            raise StopIteration

    settings = {"maxiter": 100_000, "xtol": 1e-12} if method == "Newton-CG" else {
        "maxiter": 100_000, "maxfun": 100_000, "ftol": 0, "gtol": 0, "maxcor": 10}  # fmt: skip

    def one(x):
        return minimize(fun, x, jac=True, method=method, callback=stop, options=settings, **options)

    starts = problems.starts(problem)
    return lambda: [one(x) for x in starts], lambda found: np.array([end.fun for end in found])


def newton_cg_ours(problem):
    from secondorder import hessian_operator

    f = ours.objective(problem)
    return run_to_loss(problem, "Newton-CG", hess=lambda x: hessian_operator(f, x))


def newton_cg_stock(problem):
    product = autograd.hessian_vector_product(stock.objective(problem))
    return run_to_loss(problem, "Newton-CG", hessp=product)


def newton_cg_kept(problem):
    f, last = stock.objective(problem), [None, None]

    def hessp(x, p):
        if last[0] is None or not np.array_equal(last[0], x):
            last[:] = x.copy(), stock.traced(f, x.copy())
        return last[1](p)

    return run_to_loss(problem, "Newton-CG", hessp=hessp)


def lbfgs(problem):
    return run_to_loss(problem, "L-BFGS-B")


CONTESTANTS = {
    "SciPy, our products": {"newton-cg": newton_cg_ours},
    "SciPy, stock products": {"newton-cg": newton_cg_stock},
    "SciPy, stock products traced once": {"newton-cg": newton_cg_kept},
    "SciPy L-BFGS-B": {"l-bfgs": lbfgs},
}
