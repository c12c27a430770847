"""Training at the edge of stability: sharpness along the run, five starts a method.

Chapter 13 holds it against Cohen et al. (2021, 2022) and plots the first start of each method. The
catapult of Lewkowycz et al. (2020) is tried in the linear network of that paper and in ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _experiment import Experiment

SETTINGS = {
    "sizes": [1, 20, 20, 1],
    "activation": "tanh",
    "scheme": "lecun",
    "degree": 5,
    "rows": 20,
    "seeds": [0, 1, 2, 3, 4],
    "runs": {  # a method, its settings, the steps
        "gd-0.2": ["gradient_descent", {"lr": 0.2}, 9000],
        "gd-0.1": ["gradient_descent", {"lr": 0.1}, 16000],
        "gd-0.05": ["gradient_descent", {"lr": 0.05}, 24000],
        "ball-0.5": ["heavy_ball", {"lr": 0.1, "momentum": 0.5}, 9000],
        "ball-0.9": ["heavy_ball", {"lr": 0.1, "momentum": 0.9}, 3000],
        "nesterov-0.05": ["nesterov", {"lr": 0.05, "momentum": 0.9}, 6000],
        "nesterov-0.02": ["nesterov", {"lr": 0.02, "momentum": 0.9}, 9000],
        "adam-0.01": ["adam", {"lr": 0.01}, 4000],
        "adam-0.003": ["adam", {"lr": 0.003}, 6000],
        "sgd-10": ["gradient_descent", {"lr": 0.2, "batch_size": 10}, 6000],
        "sgd-5": ["gradient_descent", {"lr": 0.2, "batch_size": 5}, 6000],
        "sgd-2": ["gradient_descent", {"lr": 0.2, "batch_size": 2}, 6000],
    },
    "samples": 72,  # a run, at even spaces; each looks at two successive points
    "settled": 0.667,  # the share of the run after which it counts as settled
    "catapult": {"width": 500, "times": [2.5, 3.0, 3.5, 3.9, 4.1, 4.5], "steps": 1500},
}
SHORT = {
    "seeds": [0],
    "runs": {
        "gd-0.2": ["gradient_descent", {"lr": 0.2}, 300],
        "adam-0.01": ["adam", {"lr": 0.01}, 60],
    },
    "samples": 6,
    "catapult": SETTINGS["catapult"] | {"width": 50, "times": [2.5, 4.5], "steps": 200},
}


def units(settings: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return one run a unit, and one catapult."""
    names = [*settings["runs"], "catapult-linear", "catapult-tanh"]
    return {
        f"{name}-start-{start}": {"name": name, "start": start}
        for name in names
        for start in settings["seeds"]
    }


def run(*, settings: dict[str, Any], name: str, start: int) -> dict[str, Any]:
    """Return what was seen along a run, or what became of starts that are too sharp."""
    if name == "catapult-linear":
        return catapult(settings, *linear(settings["catapult"]["width"], start))
    if name == "catapult-tanh":
        return catapult(settings, *network(settings, start))
    return along(settings, *settings["runs"][name], start)


def network(settings: dict[str, Any], start: int) -> tuple[Any, np.ndarray]:
    """Return the loss of the network on the polynomial, and where a run starts."""
    from secondorder import mlp
    from secondorder.data import chebyshev
    from secondorder.losses import mean_squared_error

    data = chebyshev(settings["degree"], settings["rows"])
    net = mlp(settings["sizes"], settings["activation"])
    loss = net.objective(mean_squared_error, data.X, data.y)
    return loss, net.start(np.random.default_rng(start), settings["scheme"])


def linear(width: int, start: int) -> tuple[Any, np.ndarray]:
    """Return the model of Lewkowycz et al.: f = uᵀv/√n, one input, target 0, loss f²/2."""
    w = np.random.default_rng(start).normal(size=2 * width)

    def loss(w: Any) -> Any:
        return (w[:width] @ w[width:]) ** 2 / (2 * width)

    return loss, w


def along(
    settings: dict[str, Any], method: str, options: dict[str, Any], steps: int, start: int
) -> dict[str, Any]:
    """Return loss and sharpness at even steps, at odd ones, and half-way between the two."""
    from secondorder import methods

    f, x = network(settings, start)
    every = 2 * (steps // settings["samples"] // 2)
    seen: dict[str, list[float]] = {key: [] for key in ("step", "even", "middle", "odd", "loss")}
    losses, before = [], None
    for it in getattr(methods, method)(**options)(f, x, rng=np.random.default_rng(start)):
        losses.append(it.value)
        if it.step % every == 1 and it.step > 1:
            divide = divisor(options, it.state) if method == "adam" else None
            for key, x in (("even", before), ("middle", (before + it.x) / 2), ("odd", it.x)):
                seen[key].append(sharpness(f, x, divide))
            seen["step"].append(it.step - 1)
            seen["loss"].append(float(np.mean(losses[-every:])))
        before = it.x
        if it.step == steps:
            break
    rises = float(np.mean(np.diff(losses[int(settings["settled"] * steps) :]) > 0))
    return seen | {"rises": rises}


def sharpness(f: Any, x: np.ndarray, divide: np.ndarray | None = None) -> float:
    """Return the largest eigenvalue of H, or of P⁻¹H with P = diag(divide)."""
    from secondorder import hessian
    from secondorder.geometry import sharpness as top

    if divide is None:
        return float(top(f, x))
    root = np.sqrt(divide)  # P^(−½) H P^(−½) has the same eigenvalues, and is symmetric
    return float(np.linalg.eigvalsh(hessian(f, x) / np.outer(root, root))[-1])


def divisor(options: dict[str, Any], state: Any) -> np.ndarray:
    """Return what Adam divides its step by: (√v̂ + ε), with the correction of its momentum."""
    beta1, beta2 = options.get("beta1", 0.9), options.get("beta2", 0.999)
    size = np.sqrt(state.memory.v / (1 - beta2**state.at.step)) + options.get("eps", 1e-8)
    return size * (1 - beta1**state.at.step)


def catapult(settings: dict[str, Any], f: Any, x: np.ndarray) -> dict[str, Any]:
    """Return η λ at the end of each run, by η λ at the start; nan where it diverged."""
    from secondorder import methods

    first, options = sharpness(f, x), settings["catapult"]
    ends = []
    for times in options["times"]:
        eta = times / first
        method = methods.gradient_descent(eta)
        found = methods.minimize(f, x, method, stop=methods.Stop(steps=options["steps"]))
        ends.append(eta * sharpness(f, found.x) if found.value < 1e3 else np.nan)
    return {"first": first, "ends": ends}


def assemble(settings: dict[str, Any], results: dict[str, Any]) -> dict[str, Any]:
    """Return the first start of each method in full, and the settled levels of every start."""
    starts = settings["seeds"]
    stored: dict[str, Any] = {"first": {}, "settled": {}, "catapult": {}}
    for name, (_, _, steps) in settings["runs"].items():
        found = [results[f"{name}-start-{start}"] for start in starts]
        late = np.array(found[0]["step"]) > settings["settled"] * steps
        stored["first"][name] = {key: v for key, v in found[0].items() if key != "rises"}
        stored["settled"][name] = {
            key: [np.array(one[key])[late] for one in found] for key in ("even", "middle", "odd")
        }
        stored["settled"][name] |= {
            "rises": [one["rises"] for one in found],
            "loss": [one["loss"][-1] for one in found],
        }
    for kind in ("linear", "tanh"):
        found = [results[f"catapult-{kind}-start-{start}"] for start in starts]
        stored["catapult"][kind] = [one["ends"] for one in found]
    return stored


EXPERIMENT = Experiment("edge", SETTINGS, units, run, assemble, short=SHORT)

if __name__ == "__main__":
    raise SystemExit(EXPERIMENT.main())
