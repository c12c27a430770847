"""Optimizers, one a file. Each factory returns a `Method`; `minimize` runs it to the end.

`METHODS` lists the factories by name: tests, plots and the reference page read it. To add a method,
write its file and import its factory below.
"""

from __future__ import annotations

from collections.abc import Callable

from ._core import Counts, Halt, Iterate, Method, Oracle, Point, State, Step
from ._minimize import Result, Stop, minimize
from .adahessian import adahessian
from .adam import adam
from .adamw import adamw
from .bfgs import bfgs
from .conjugate_gradient import conjugate_gradient
from .cubic_newton import cubic_newton
from .damped_newton import damped_newton
from .gauss_newton import gauss_newton
from .gradient_descent import decaying, gradient_descent
from .heavy_ball import heavy_ball
from .kfac import kfac
from .lbfgs import lbfgs
from .levenberg_marquardt import levenberg_marquardt
from .line_search import armijo, exact, strong_wolfe
from .muon import muon, newton_schulz
from .natural_gradient import natural_gradient
from .nesterov import nesterov
from .newton import newton
from .newton_cg import newton_cg
from .nonlinear_cg import nonlinear_cg
from .rmsprop import rmsprop
from .saddle_free_newton import saddle_free_newton
from .sam import sam
from .sgd import sgd
from .shampoo import shampoo
from .soap import soap
from .sophia import sophia
from .trust_region import trust_region

METHODS: dict[str, Callable[..., Method]] = {
    name: value
    for name, value in list(globals().items())
    if callable(value) and str(getattr(value, "__annotations__", {}).get("return")) == "Method"
}

__all__ = [
    "METHODS",
    "Counts",
    "Halt",
    "Iterate",
    "Method",
    "Oracle",
    "Point",
    "Result",
    "State",
    "Step",
    "Stop",
    "armijo",
    "decaying",
    "exact",
    "minimize",
    "newton_schulz",
    "strong_wolfe",
    *METHODS,
]
