"""secondorder: slopes, gradients, Jacobians, Hessians and optimizers, for people who look inside.

The names below load on first use, so that ``import secondorder`` costs nothing: a kernel that only
grades exercises never pays for pyplot or the widgets.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_MODULES = (
    "check",
    "curvature",
    "data",
    "derivatives",
    "differences",
    "estimators",
    "geometry",
    "layout",
    "local_models",
    "losses",
    "methods",
    "networks",
    "objectives",
    "plotting",
    "published",
    "runs",
)
_NAMES = {
    "Objective": "objectives",
    "VectorMap": "objectives",
    "derivative": "derivatives",
    "directional_derivative": "derivatives",
    "gradient": "derivatives",
    "hessian": "derivatives",
    "hvp": "derivatives",
    "jacobian": "derivatives",
    "jvp": "derivatives",
    "vjp": "derivatives",
    "ConstantWarning": "derivatives",
    "KinkWarning": "derivatives",
    "central_difference": "differences",
    "check_derivatives": "differences",
    "complex_step": "differences",
    "forward_difference": "differences",
    "second_difference": "differences",
    "NoMinimumError": "local_models",
    "line": "local_models",
    "parabola": "local_models",
    "quadric": "local_models",
    "tangent_plane": "local_models",
    "empirical_fisher_operator": "curvature",
    "fisher_operator": "curvature",
    "ggn_operator": "curvature",
    "hessian_operator": "curvature",
    "jacobian_operator": "curvature",
    "Stop": "methods",
    "minimize": "methods",
    "mlp": "networks",
    "explore": "_explore",
}
__all__ = sorted([*_MODULES, *_NAMES])


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
    elif name in _MODULES:
        value = import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
