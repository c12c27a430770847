"""What products with a symmetric matrix tell about it: eigenvalues, trace, diagonal, spectrum.

Every estimator takes any square symmetric matrix: a SciPy `LinearOperator`, a sparse matrix, an
array. It multiplies, mostly by whole blocks `A @ V`, and never looks inside. It returns the
estimate with an error and the number of products that it took.
"""

from ._operator import Estimate
from .conditioning import condition_number, effective_dimension, log_determinant
from .density import SpectralDensity, spectral_density
from .diagonal import diagonal
from .eigen import Eigenpairs, NoConvergenceError, bottom_eigenpairs, top_eigenpairs
from .lanczos import Lanczos, lanczos, lanczos_runs
from .trace import hutch_pp_trace, hutchinson_trace, xtrace

__all__ = [
    "Eigenpairs",
    "Estimate",
    "Lanczos",
    "NoConvergenceError",
    "SpectralDensity",
    "bottom_eigenpairs",
    "condition_number",
    "diagonal",
    "effective_dimension",
    "hutch_pp_trace",
    "hutchinson_trace",
    "lanczos",
    "lanczos_runs",
    "log_determinant",
    "spectral_density",
    "top_eigenpairs",
    "xtrace",
]
