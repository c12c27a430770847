"""SAM beside gradient descent: sharpness along the run, and accuracy on new digits.

A chapter holds the sharpness against SAM's edge of stability (Long & Bartlett 2024), and the
accuracy against the claim that SAM generalises better (Foret et al. 2021).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _experiment import Experiment

SETTINGS = {
    "sizes": [1, 20, 20, 1],
    "activation": "tanh",
    "degree": 5,
    "rows": 20,
    "eta": 0.2,
    "radii": [0.0, 0.05, 0.2],
    "seeds": [0, 1, 2, 3, 4],
    "steps": 6000,
    "every": 100,
    "digits": {
        "sizes": [64, 16, 10],
        "activation": "relu",
        "scheme": "he",
        "fraction": 0.3,
        "eta": 0.2,
        "steps": 1000,
        "splits": list(range(20)),
    },
}
SHORT = {
    "seeds": [0],
    "steps": 300,
    "digits": SETTINGS["digits"] | {"splits": [0], "steps": 20},
}


def units(settings: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return one run a unit."""
    seeds = {"start": settings["seeds"], "split": settings["digits"]["splits"]}
    return {
        f"radius-{radius}-{task}-{seed}": {"radius": radius, "task": task, "seed": seed}
        for radius in settings["radii"]
        for task in seeds
        for seed in seeds[task]
    }


def run(*, settings: dict[str, Any], radius: float, task: str, seed: int) -> dict[str, Any]:
    """Return what was seen along a run, or the network that a run on digits ends with."""
    follow = along if task == "start" else generalise
    return follow(settings, radius, seed)


def along(settings: dict[str, Any], radius: float, start: int) -> dict[str, Any]:
    """Return loss, sharpness and gradient norm, every so many steps."""
    from secondorder import hessian, methods, mlp
    from secondorder.data import chebyshev
    from secondorder.losses import mean_squared_error

    data = chebyshev(settings["degree"], settings["rows"])
    network = mlp(settings["sizes"], settings["activation"])
    f = network.objective(mean_squared_error, data.X, data.y)
    descent = methods.gradient_descent(settings["eta"])
    method = methods.sam(radius, descent) if radius else descent
    found = []
    for it in method(f, network.start(np.random.default_rng(start))):
        if it.step % settings["every"] == 0:
            sharpness = np.linalg.eigvalsh(hessian(f, it.x))[-1]
            found.append([it.value, sharpness, it.gradient_norm])
        if it.step == settings["steps"]:
            break
    losses, sharpness, norms = np.transpose(found)
    return {"loss": losses, "sharpness": sharpness, "gradient_norm": norms}


def generalise(settings: dict[str, Any], radius: float, seed: int) -> dict[str, Any]:
    """Return training loss, sharpness and percent of new digits that are read right."""
    from secondorder import methods, mlp
    from secondorder.curvature import hessian_operator
    from secondorder.data import digits, split
    from secondorder.estimators import top_eigenpairs
    from secondorder.losses import cross_entropy

    own = settings["digits"]
    train, test = split(digits(), own["fraction"], np.random.default_rng(seed))
    network = mlp(own["sizes"], own["activation"])
    f = network.objective(cross_entropy, train.X, train.y)
    descent = methods.gradient_descent(own["eta"])
    method = methods.sam(radius, descent) if radius else descent
    stop = methods.Stop(steps=own["steps"], gradient=None, stagnation=None)
    start = network.start(np.random.default_rng(seed), own["scheme"])
    found = methods.minimize(f, start, method, stop=stop)
    top = top_eigenpairs(hessian_operator(f, found.x), 1, rng=np.random.default_rng(0))
    right = np.argmax(network(found.x, test.X), axis=1) == test.y
    return {
        "loss": found.value,
        "sharpness": top.values[0],
        "accuracy": 100 * np.mean(right),
    }


def assemble(settings: dict[str, Any], results: dict[str, Any]) -> dict[str, Any]:
    """Return the steps, and by radius what was seen, of shape (starts, records)."""
    stored: dict[str, Any] = {
        "step": np.arange(0, settings["steps"] + 1, settings["every"]).tolist()
    }
    stored["digits"] = {}
    for radius in settings["radii"]:
        runs = [results[f"radius-{radius}-start-{start}"] for start in settings["seeds"]]
        stored[f"{radius:g}"] = {key: [one[key] for one in runs] for key in runs[0]}
        splits = settings["digits"]["splits"]
        runs = [results[f"radius-{radius}-split-{split}"] for split in splits]
        stored["digits"][f"{radius:g}"] = {key: [one[key] for one in runs] for key in runs[0]}
    return stored


EXPERIMENT = Experiment("sam", SETTINGS, units, run, assemble, short=SHORT)

if __name__ == "__main__":
    raise SystemExit(EXPERIMENT.main())
