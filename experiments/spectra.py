"""Spectra of small networks while they train: when outliers show, and what the gradient does.

Networks learn small digits whose pixels have a mean, or have it subtracted. A second task projects
the steps on the top of the Hessian, or takes that part away (Song, Ahn & Yun 2024). A third one
counts outliers for two Gaussian blobs (Sagun, Bottou & LeCun 2016). A fourth follows the Hessian of
the 481 parameters that fit a Chebyshev polynomial.
"""

from __future__ import annotations

import warnings
from itertools import islice
from typing import Any

import numpy as np
from _experiment import Experiment

from secondorder import KinkWarning, gradient, mlp
from secondorder.curvature import empirical_fisher_operator, ggn_operator, hessian_operator
from secondorder.data import chebyshev, small_digits
from secondorder.estimators import top_eigenpairs
from secondorder.losses import cross_entropy, mean_squared_error
from secondorder.methods import Stop, gradient_descent, minimize, sgd

SETTINGS = {
    "seeds": [0, 1, 2, 3, 4],
    "rows": 100,  # of each class
    "hidden": 16,
    "eta": 0.1,
    "batch": 32,
    "digits": {
        "classes": {"tanh": [2, 3, 6, 10], "relu": [3, 6]},
        "inputs": ["with a mean", "centred"],
        "steps": [0, 10, 30, 100, 300, 1000, 3000],
        "tail": 20,  # iterates at the end whose gradients are looked at
        "kept": 16,  # eigenvalues of the top
        "batches": [8, 32],  # sizes for the bias of the sharpness
        "edges": [-2.0, 1.0, 25],  # of the bins: 10^low … 10^high, how many; see `bins`
    },
    "projected": {"classes": 3, "before": 800, "after": 600, "refresh": 5, "every": 20},
    "blobs": {
        "hidden": [2, 6, 10, 14, 18],
        "deviations": [0.3, 0.6],
        "rows": 50,
        "eta": 0.2,
        "gradient": 1e-3,
        "most": 4000,
    },
    "chebyshev": {"eta": 0.1, "steps": [0, 100, 300, 1000, 2000]},
}
SHORT = {
    "seeds": [0],
    "rows": 20,
    "digits": SETTINGS["digits"]
    | {"classes": {"tanh": [2, 3], "relu": [3]}, "steps": [0, 30], "batches": [8]},
    "projected": SETTINGS["projected"] | {"before": 20, "after": 40},
    "blobs": SETTINGS["blobs"] | {"hidden": [2], "most": 20},
    "chebyshev": SETTINGS["chebyshev"] | {"steps": [0, 20]},
}

Settings = dict[str, Any]
MODES = {"all of it": None, "top only": True, "without the top": False}


def units(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return one network a unit."""
    digits, blobs = settings["digits"], settings["blobs"]
    found: dict[str, dict[str, Any]] = {}
    for seed in settings["seeds"]:
        for inputs in digits["inputs"]:
            for activation, counts in digits["classes"].items():
                for classes in counts:
                    name = f"digits-{inputs.split()[0]}-{activation}-{classes}-{seed}"
                    one = {"inputs": inputs, "activation": activation, "classes": classes}
                    found[name] = {"task": "digits", "seed": seed, **one}
            found[f"projected-{inputs.split()[0]}-{seed}"] = {
                "task": "projected",
                "seed": seed,
                "inputs": inputs,
            }
        for hidden in blobs["hidden"]:
            for deviation in blobs["deviations"]:
                one = {"hidden": hidden, "deviation": deviation}
                found[f"blobs-{hidden}-{deviation}-{seed}"] = {"task": "blobs", "seed": seed, **one}
        found[f"chebyshev-{seed}"] = {"task": "chebyshev", "seed": seed}
    return found


def run(*, settings: Settings, task: str, **unit: Any) -> dict[str, Any]:
    """Return what was seen of one network."""
    tasks = {
        "digits": on_digits,
        "projected": projected,
        "blobs": on_blobs,
        "chebyshev": on_chebyshev,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KinkWarning)  # relu units that are off for all rows
        return tasks[task](settings, **unit)


def digits_task(settings: Settings, classes: int, inputs: str, activation: str = "tanh") -> Any:
    """Return a network and its objective: inputs of mean square 1, with a mean or without."""
    data = small_digits(classes, settings["rows"])
    X = data.X if inputs == "with a mean" else data.X - data.X.mean(axis=0)
    network = mlp([16, settings["hidden"], classes], activation)
    return network, network.objective(cross_entropy, X / np.sqrt(np.mean(X**2)), data.y)


def dense(operator: Any) -> Any:
    """Return the symmetric matrix that an operator stands for."""
    A = operator @ np.eye(operator.shape[0])
    return (A + A.T) / 2


def bins(settings: Settings) -> Any:
    """Return the edges of the bins of eigenvalues: even in log |λ|, and one around 0."""
    low, high, count = settings["digits"]["edges"]
    up = np.logspace(low, high, count)
    return np.concatenate([-up[::-1], up])


def shares(V: Any, g: Any) -> Any:
    """Return how much of ‖g‖² the first k columns of V hold, for k = 1, 2 …"""
    return np.cumsum((V.T @ g) ** 2) / max(g @ g, 1e-300)


def on_digits(
    settings: Settings, inputs: str, activation: str, classes: int, seed: int
) -> dict[str, Any]:
    """Return spectra along a run of SGD, and where the gradients of its end lie."""
    own, rng = settings["digits"], np.random.default_rng(seed)
    network, f = digits_task(settings, classes, inputs, activation)
    method = sgd(settings["eta"], batch_size=settings["batch"])
    steps, found = own["steps"], []
    at = list(islice(method(f, network.start(rng), rng=rng), steps[-1] + 1))
    for step in steps:
        x = at[step].x
        H, G, E = (
            dense(make(f, x))
            for make in (hessian_operator, ggn_operator, empirical_fisher_operator)
        )
        values = np.linalg.eigvalsh(H)[::-1]
        found.append(
            {
                "loss": f(x),
                "top": values[: own["kept"]],
                "lowest": values[-1],
                "counts": np.histogram(values, bins(settings))[0],
                "H-G": np.linalg.norm(H - G) / np.linalg.norm(H),
                "E/G": np.trace(E) / np.trace(G),
                "E-G": np.linalg.norm(E - G) / np.linalg.norm(G),
            }
        )
    series = {key: np.array([one[key] for one in found]) for key in found[0]}
    V = np.linalg.eigh(dense(hessian_operator(f, at[-1].x)))[1][:, ::-1]
    V = V[:, : own["kept"]]
    X, y = f.data
    full, part = [], []
    for it in at[-own["tail"] :]:
        rows = rng.choice(len(y), settings["batch"], replace=False)
        full.append(shares(V, gradient(f, it.x)))
        part.append(shares(V, gradient(lambda x, b=(X[rows], y[rows]): f(x, b), it.x)))
    bias = []
    for size in own["batches"]:
        order = rng.permutation(len(y))[: len(y) // size * size].reshape(-1, size)
        sharpest = [sharpness(f, at[-1].x, (X[rows], y[rows])) for rows in order]
        bias.append([np.mean(sharpest), np.min(sharpest)])
    return series | {"full": np.mean(full, 0), "part": np.mean(part, 0), "bias": bias}


def sharpness(f: Any, x: Any, batch: Any) -> float:
    """Return the largest eigenvalue of the Hessian of one batch."""
    return float(top_eigenpairs(hessian_operator(f, x, batches=[batch]), k=1).values[0])


def projected(settings: Settings, inputs: str, seed: int) -> dict[str, Any]:
    """Return losses of three runs from one point: whole steps, their top part, and the rest."""
    own, rng = settings["projected"], np.random.default_rng(seed)
    network, f = digits_task(settings, own["classes"], inputs)
    eta, size, k = settings["eta"], settings["batch"], own["classes"]
    X, y = f.data

    def steps(x: Any, count: int, top: bool | None, rng: Any) -> Any:
        losses, aligned = [f(x)], []
        for t in range(count):
            if t % own["refresh"] == 0 and (top is not None or count == own["before"]):
                V = np.linalg.eigh(dense(hessian_operator(f, x)))[1][:, -k:]
            rows = rng.choice(len(y), size, replace=False)
            g = gradient(lambda z, b=(X[rows], y[rows]): f(z, b), x)
            if top is not None or count == own["before"]:
                part = V @ (V.T @ g)
                aligned.append(np.linalg.norm(part) / np.linalg.norm(g))
                g = g if top is None else part if top else g - part
            x = x - eta * g
            if (t + 1) % own["every"] == 0:
                losses.append(f(x))
        return x, losses, aligned

    x, _, aligned = steps(network.start(rng), own["before"], None, rng)
    out = {"aligned": np.mean(aligned[-100:])}
    for name, top in MODES.items():
        out[name] = steps(x, own["after"], top, np.random.default_rng([seed, 1]))[1]
    return out


def on_blobs(settings: Settings, hidden: int, deviation: float, seed: int) -> dict[str, Any]:
    """Return the top of the spectrum of a relu network that tells two blobs apart."""
    own, rng = settings["blobs"], np.random.default_rng(seed)
    y = np.repeat([0, 1], own["rows"])
    X = np.where(y == 0, -1.0, 1.0)[:, None] + deviation * rng.normal(size=(y.size, 2))
    network = mlp([2, hidden, hidden, 2], "relu")
    f = network.objective(cross_entropy, X, y)
    stop = Stop(gradient=own["gradient"], steps=own["most"])
    end = minimize(f, network.start(rng, "he"), gradient_descent(own["eta"]), stop=stop)
    top = np.linalg.eigvalsh(dense(hessian_operator(f, end.x)))[::-1]
    return {"top": top[:10], "loss": end.value, "dim": f.dim}


def on_chebyshev(settings: Settings, seed: int) -> dict[str, Any]:
    """Return how many eigenvalues of H exceed 1 % of the largest, and ‖H − G‖ / ‖H‖."""
    own, data = settings["chebyshev"], chebyshev()
    network = mlp([1, 20, 20, 1])
    f = network.objective(mean_squared_error, data.X, data.y)
    start = network.start(np.random.default_rng(seed))
    at = list(islice(gradient_descent(own["eta"])(f, start), own["steps"][-1] + 1))
    found = []
    for step in own["steps"]:
        H, G = (dense(make(f, at[step].x)) for make in (hessian_operator, ggn_operator))
        values = np.linalg.eigvalsh(H)
        large = int(np.sum(np.abs(values) > 0.01 * values[-1]))
        found.append([large, np.linalg.norm(H - G) / np.linalg.norm(H), values[-1]])
    large, apart, top = np.array(found).T
    return {"large": large, "H-G": apart, "sharpness": top}


def assemble(settings: Settings, results: dict[str, Any]) -> dict[str, Any]:
    """Return the data by task; the first axis of every array is the seed."""
    own, seeds = settings["digits"], settings["seeds"]

    def stack(names: list[str], keys: list[str] | None = None) -> dict[str, Any]:
        rows = [results[name] for name in names]
        return {key: np.array([row[key] for row in rows]) for key in keys or rows[0]}

    digits: dict[str, Any] = {}
    counts: dict[str, Any] = {}
    for inputs in own["inputs"]:
        for activation, several in own["classes"].items():
            for classes in several:
                start = f"digits-{inputs.split()[0]}-{activation}-{classes}-"
                found = stack([f"{start}{seed}" for seed in seeds])
                name = f"{inputs}, {activation}, {classes}"
                counts[name] = found.pop("counts")[0].astype(int)  # of one seed
                digits[name] = found
    blobs = {
        str(deviation): {
            str(results[f"blobs-{hidden}-{deviation}-{seeds[0]}"]["dim"]): stack(
                [f"blobs-{hidden}-{deviation}-{seed}" for seed in seeds], ["top", "loss"]
            )
            for hidden in settings["blobs"]["hidden"]
        }
        for deviation in settings["blobs"]["deviations"]
    }
    return {
        "steps": own["steps"],
        "edges": bins(settings),
        "digits": digits,
        "counts": counts,
        "projected": {
            inputs: stack([f"projected-{inputs.split()[0]}-{seed}" for seed in seeds])
            for inputs in own["inputs"]
        },
        "blobs": blobs,
        "chebyshev": stack([f"chebyshev-{seed}" for seed in seeds]),
    }


EXPERIMENT = Experiment("spectra", SETTINGS, units, run, assemble, short=SHORT)

if __name__ == "__main__":
    raise SystemExit(EXPERIMENT.main())
