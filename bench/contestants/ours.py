"""secondorder."""

from __future__ import annotations

import numpy as np
import problems

VERSIONS = ("secondorder", "dask", "distributed")


def objective(problem):
    if isinstance(problem, problems.Rosenbrock):
        from secondorder.objectives import rosenbrock

        return rosenbrock(problem.x.size)
    from secondorder import mlp
    from secondorder.losses import cross_entropy

    return mlp(problem.sizes).objective(cross_entropy, problem.X, problem.y)


def operator(problem, **options):
    from secondorder import hessian_operator

    return hessian_operator(objective(problem), problem.x, **options)


def kept(problem):
    H = operator(problem)
    return lambda: H @ problem.v, np.asarray


def fresh(problem):
    from secondorder import hessian_operator

    f = objective(problem)
    return lambda: hessian_operator(f, problem.x) @ problem.v, np.asarray


def block(problem):
    H = operator(problem)
    return lambda: H @ problem.V, np.asarray


def dense(problem):
    from secondorder import hessian

    f = objective(problem)
    return lambda: hessian(f, problem.x), np.asarray


def density(problem):
    from secondorder.estimators import spectral_density

    H = operator(problem)

    def run(seed=0):
        return spectral_density(H, steps=100, probes=10, rng=np.random.default_rng(seed)).merged()

    return run, lambda found: problems.drawn(run, np.array, found)


def top(problem):
    from secondorder.estimators import top_eigenpairs

    H = operator(problem)
    return lambda: top_eigenpairs(H, 5, tolerance=problems.TOLERANCE), lambda pairs: pairs.values


def _minimize(problem, method):
    from secondorder import Stop, minimize

    f, stop = objective(problem), Stop(gradient=None, value=problems.LOSS)
    starts = problems.starts(problem)
    run = lambda: [minimize(f, x, method, stop=stop) for x in starts]
    return run, lambda found: np.array([one.value for one in found])


def newton_cg(problem):
    from secondorder import methods

    return _minimize(problem, methods.newton_cg())


def lbfgs(problem):
    from secondorder import methods

    return _minimize(problem, methods.lbfgs())


def first(problem):
    def run():
        from secondorder import hessian

        return hessian(lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2, problem.x)

    return run, np.asarray


def over_workers(kind, workers):
    """H·v over four batches, each handed to a worker."""

    def make(problem):
        if kind == "process pool":
            from concurrent.futures import ProcessPoolExecutor

            executor = ProcessPoolExecutor(workers)
        elif kind == "Dask":
            from dask.distributed import Client, LocalCluster

            cluster = LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
            )
            executor = Client(cluster).get_executor()
        rows = np.array_split(np.arange(len(problem.y)), 4)
        batches = [(problem.X[r], problem.y[r]) for r in rows]
        H = operator(problem, batches=batches, map=executor.map if workers else map)
        return lambda: H @ problem.v, np.asarray

    return make


CONTESTANTS = {
    "secondorder": {
        "hvp-kept": kept,
        "hvp-fresh": fresh,
        "hvp-100": block,
        "dense": dense,
        "density": density,
        "top-5": top,
        "newton-cg": newton_cg,
        "l-bfgs": lbfgs,
        "first": first,
        "by n: H·v": kept,
        "by n: H": dense,
        "by rows": kept,
        "by workers": over_workers("none", 0),
    },
    **{
        f"{kind}, {workers}": {"by workers": over_workers(kind, workers)}
        for kind in ("process pool", "Dask")
        for workers in (1, 2)
    },
}
