"""Curvature as operators: matrices that are known by their products, never built.

Each is a SciPy `LinearOperator`. `estimators` takes them, and so does all of SciPy.
"""

from ._operator import CurvatureOperator
from .fisher import empirical_fisher_operator, fisher_operator
from .ggn import ggn_operator
from .hessian import hessian_operator
from .jacobian import JacobianOperator, jacobian_operator

__all__ = [
    "CurvatureOperator",
    "JacobianOperator",
    "empirical_fisher_operator",
    "fisher_operator",
    "ggn_operator",
    "hessian_operator",
    "jacobian_operator",
]
