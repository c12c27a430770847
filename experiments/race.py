"""A race of optimizers on two real problems: each is tuned with equally many trials and gradients.

What is equal for all
- The problem, the rows for training and testing, and the starts. A seed fixes start and draws.
- The tuning: as many trials, at the same points of one Latin hypercube, laid over an optimizer's
  ranges on a logarithmic scale. A learning rate spans two decades, and there is at most one more
  setting. Every trial runs on the tuning seeds, and the one with the lowest median of the final
  training losses is taken. A run that diverged counts as infinite.
- The budget of every run, of a trial as of a final one, in gradients of a full pass as the library
  counts them: a mini-batch by its rows, a product H v as two gradients, a value as a third. A step
  that would lead beyond the budget is not looked at.
- Final runs on seeds that no trial has seen. Seconds are processor time of one thread, without the
  evaluations that only the curves need: quote ratios of them, not seconds.

What is not fair
- The ranges come from us. They stand around what the sources recommend, were moved after a pilot
  on a seed used nowhere else, so that the best learning rate is seldom the outermost, and are the
  same for both problems. Who has one setting to tune searches it eight times as finely as others
  search two. With the same eight points for all, luck is shared and not absent.
- No schedules: with a constant learning rate the noise of mini-batches stays to the end. That costs
  plain SGD most, and L-BFGS and Newton-CG, which take all rows at each step, nothing. On
  data that do not fit into memory these two would not run at all.
- Gradients do not see what a method does besides: roots, inverses, QR. Seconds do, but they are
  those of NumPy and of networks of a few thousand weights.
- The budget takes sides: the order at its end is not the one after ten times as many gradients,
  where methods that take all rows catch up. Look at whole curves.
- The networks are small and the data few. Who wins here may lose on a large model.
- The weight decay of AdamW is no part of the training loss it is judged by. Muon moves the outer
  matrices too, which its authors leave to Adam. Shampoo uses averages and momentum, as it is run
  today, and not the sums of its paper.

Levenberg-Marquardt is left out: its first step needs the Jacobian of all residuals, counted as n/2
products with 2 gradients each, which is more than the whole budget.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from _experiment import Experiment

from secondorder import data, methods, mlp
from secondorder.losses import cross_entropy, mean_squared_error
from secondorder.methods import Halt, Method
from secondorder.objectives import Objective

Settings = dict[str, Any]

MOMENTUM = {"lr": [0.002, 0.2], "momentum": [0.7, 0.99]}
SETTINGS: Settings = {
    "seed": 2018,  # of the split and of the hypercube
    "trials": 8,
    "tuning_seeds": [101, 102, 103],
    "seeds": [1, 2, 3, 4, 5, 6, 7],
    "train_share": 2 / 3,
    "batch": 128,
    "points": 25,  # of a curve
    "between": 4,  # a run is looked at so many times a point, to see when it reaches the target
    "problems": {
        "digits": {"sizes": [64, 32, 10], "ridge": 1e-3, "budget": 150, "target": 0.13},
        "autoencoder": {
            "sizes": [64, 32, 8, 32, 64],
            "ridge": 0.0,
            "budget": 200,
            "target": 0.5,
        },
    },
    "optimizers": {
        "gradient_descent": {"all_rows": True, "ranges": {"lr": [0.03, 3]}},
        "sgd": {"ranges": {"lr": [0.03, 3]}},
        "heavy_ball": {"ranges": MOMENTUM},
        "nesterov": {"ranges": MOMENTUM},
        "rmsprop": {"ranges": {"lr": [3e-4, 3e-2], "decay": [0.9, 0.999]}},
        "adam": {"ranges": {"lr": [1e-3, 1e-1], "beta2": [0.9, 0.999]}},
        "adamw": {"ranges": {"lr": [1e-3, 1e-1], "weight_decay": [1e-5, 1e-2]}},
        "adahessian": {"ranges": {"lr": [0.003, 0.3], "interval": [1, 10]}},
        "sophia": {"ranges": {"lr": [1e-4, 1e-2], "gamma": [3e-4, 3e-2]}},
        "kfac": {"ranges": {"lr": [0.01, 1], "damping": [1e-4, 1e-1]}},
        "shampoo": {
            "ranges": {"lr": [0.003, 0.3], "eps": [1e-7, 1e-3]},
            "fixed": {"momentum": 0.9, "decay": 0.95, "interval": 2},
        },
        "muon": {"ranges": {"lr": [0.001, 0.1], "adam_lr": [1e-3, 1e-1]}},
        "soap": {"ranges": {"lr": [1e-3, 1e-1], "beta2": [0.9, 0.999]}},
        "lbfgs": {"all_rows": True, "ranges": {"memory": [3, 300]}},
        "newton_cg": {
            "all_rows": True,
            "ranges": {"damping": [1e-4, 1e-1], "max_products": [3, 100]},
            "fixed": {"products": "ggn"},
        },
    },
}
SHORT = {
    "trials": 2,
    "tuning_seeds": [101],
    "seeds": [1, 2],
    "points": 5,
    "problems": {
        "digits": {"sizes": [64, 4, 10], "ridge": 1e-3, "budget": 6, "target": 2.0},
        "autoencoder": {"sizes": [64, 4, 2, 4, 64], "ridge": 0.0, "budget": 6, "target": 7.0},
    },
}

WHOLE = {"interval", "memory", "max_products"}
COMPLEMENT = {"momentum", "decay", "beta2"}  # 1 minus it is what is spread on a logarithmic scale


def units(settings: Settings) -> dict[str, Any]:
    """One optimizer on one problem: its trials, and then its final runs."""
    return {
        f"{problem}-{name}": {"problem": problem, "name": name}
        for problem in settings["problems"]
        for name in settings["optimizers"]
    }


# ── what is tried ─────────────────────────────────────────────────────────────────────────────────


def trials(settings: Settings, name: str) -> list[Settings]:
    """The settings that are tried: the same points of the unit square for every optimizer."""
    ranges = settings["optimizers"][name]["ranges"]
    return [
        {key: between(key, u, *ranges[key]) for key, u in zip(ranges, point, strict=False)}
        for point in hypercube(settings)
    ]


def hypercube(settings: Settings) -> Any:
    """Points of the unit square: each of both numbers once in each of equally many slices."""
    rng, count = np.random.default_rng(settings["seed"]), settings["trials"]
    slices = np.stack([rng.permutation(count) for _ in range(2)], axis=1)
    return (slices + rng.random((count, 2))) / count


def between(key: str, u: float, low: float, high: float) -> float:
    """The value at u of a range, on a logarithmic scale."""
    if key in COMPLEMENT:
        return float(f"{1 - between('', 1 - u, 1 - high, 1 - low):.4g}")
    value = float(f"{low * (high / low) ** u:.4g}")
    return round(value) if key in WHOLE else value


def task(settings: Settings, problem: str) -> tuple[Any, Objective, Objective]:
    """The network, and its objectives on the rows for training and, without ridge, for testing."""
    given, rng = settings["problems"][problem], np.random.default_rng(settings["seed"])
    parts = data.split(data.digits(), settings["train_share"], rng)
    net, classes = mlp(given["sizes"]), problem == "digits"
    loss = cross_entropy if classes else mean_squared_error
    train, test = (
        net.objective(loss, part.X, part.y if classes else part.X, weight_decay=ridge)
        for part, ridge in zip(parts, (given["ridge"], 0.0), strict=True)
    )
    return net, train, test


def made(settings: Settings, name: str, chosen: Settings, net: Any) -> Method:
    """The optimizer with these settings."""
    entry = settings["optimizers"][name]
    options = chosen | entry.get("fixed", {})
    if not entry.get("all_rows"):
        options["batch_size"] = settings["batch"]
    if name == "kfac":
        options["network"] = net
    return methods.METHODS[name](**options)


# ── a run ─────────────────────────────────────────────────────────────────────────────────────────


def sprint(method: Method, train: Objective, x0: Any, seed: int, grid: Any) -> Settings:
    """Run up to the last cost of the grid, and say where it was at each of them.

    The last x whose cost was not above that of the grid stands for it. A run that halts stays
    where it was.
    """
    steps = method(train, x0, rng=np.random.default_rng(seed))
    now, seen, reason = (x0, 0.0, 0.0), [], "budget spent"
    while len(seen) < len(grid):
        start = time.process_time()
        try:
            it = next(steps)
        except Halt as halt:
            reason = halt.reason
            seen += [now] * (len(grid) - len(seen))
            break
        seconds, cost = now[1] + time.process_time() - start, it.counts.in_gradients
        while len(seen) < len(grid) and cost > grid[len(seen)] * (1 + 1e-9):
            seen.append(now)
        now = it.x, seconds, cost
    xs, clock, costs = zip(*seen, strict=True)
    start, end = float(train(x0)), float(train(xs[-1]))
    lost = reason == "not finite" or not end <= start
    return {
        "xs": xs,
        "seconds": np.array(clock),
        "costs": np.array(costs),
        "loss": float("inf") if lost else end,
        "reason": reason,
    }


def run(*, settings: Settings, problem: str, name: str) -> Settings:
    """Tune one optimizer on one problem, and run it with what was found."""
    parts = net, train, _ = task(settings, problem)
    budget = settings["problems"][problem]["budget"]
    tried, found = trials(settings, name), []
    for chosen in tried:
        method = made(settings, name, chosen, net)
        found.append(
            [
                sprint(method, train, net.start(np.random.default_rng(seed)), seed, [budget])
                for seed in settings["tuning_seeds"]
            ]
        )
    losses = np.array([[one["loss"] for one in row] for row in found])
    best = int(np.argmin(np.median(losses, axis=1)))
    method = made(settings, name, tried[best], net)
    return {
        "trials": tried,
        "losses": losses,
        "best": best,
        "tuning_costs": [[one["costs"][-1] for one in row] for row in found],
        "final": [_final(settings, problem, method, parts, seed) for seed in settings["seeds"]],
    }


def _final(settings: Settings, problem: str, method: Method, parts: Any, seed: int) -> Settings:
    net, train, test = parts
    x0 = net.start(np.random.default_rng(seed))
    found = sprint(method, train, x0, seed, fine_grid(settings, problem))
    losses = np.array([float(train(x)) for x in found["xs"]])
    there = np.flatnonzero(losses <= settings["problems"][problem]["target"])
    kept = slice(settings["between"] - 1, None, settings["between"])
    return {
        "train": losses[kept],
        "test": [float(test(x)) for x in found["xs"][kept]],
        "accuracy": [_accuracy(net, test, x) for x in found["xs"][kept]],
        "seconds": found["seconds"][kept],
        "loss": found["loss"],
        "reason": found["reason"],
        "cost": found["costs"][-1],
        "target_gradients": found["costs"][there[0]] if there.size else None,
        "target_seconds": found["seconds"][there[0]] if there.size else None,
    }


def fine_grid(settings: Settings, problem: str) -> Any:
    """Costs at which a run is looked at: geometric, the last is the budget."""
    budget, count = settings["problems"][problem]["budget"], settings["points"]
    return np.geomspace(1, budget, count * settings["between"])


def _accuracy(net: Any, test: Objective, x: Any) -> float:
    X, y = test.data  # type: ignore[misc]
    return float(np.mean(np.argmax(net(x, X), axis=1) == y)) if y.ndim == 1 else float("nan")


# ── what is stored ────────────────────────────────────────────────────────────────────────────────


def assemble(settings: Settings, results: dict[str, Any]) -> Settings:
    """By problem: the costs of the curves, references, and what each optimizer did."""
    stored = {}
    for problem in settings["problems"]:
        kept = slice(settings["between"] - 1, None, settings["between"])
        stored[problem] = {
            "costs": fine_grid(settings, problem)[kept],
            **_references(settings, problem),
            "optimizers": {
                name: _entry(results[f"{problem}-{name}"]) for name in settings["optimizers"]
            },
        }
    return stored


def _entry(result: Settings) -> Settings:
    tried, final = result["trials"], result["final"]
    # The results went through a file, where what is not finite is null or Infinity.
    losses = [[_or_none(loss) for loss in row] for row in result["losses"]]
    entry = {
        "chosen": tried[result["best"]],
        "best": result["best"],
        "trials": {key: [one[key] for one in tried] for key in tried[0]},
        "tuning": _short(losses),
        "tuning_costs": _short(result["tuning_costs"]),
        "diverged": sum(loss is None for row in losses for loss in row),
        "loss": [_or_none(one["loss"]) for one in final],
        "reasons": [one["reason"] for one in final],
        "costs": _short([one["cost"] for one in final]),
        "target_gradients": _short([one["target_gradients"] for one in final]),
        "target_seconds": _short([one["target_seconds"] for one in final]),
        "total_seconds": _short([one["seconds"][-1] for one in final]),
        "seconds": _short(np.median([one["seconds"] for one in final], axis=0).tolist()),
        "train": _short([one["train"] for one in final]),
        "test": _short([one["test"] for one in final]),
    }
    if not np.isnan(final[0]["accuracy"][-1]):
        entry["accuracy"] = _short([one["accuracy"] for one in final])
    return entry


def _or_none(loss: float | None) -> float | None:
    return loss if loss is not None and np.isfinite(loss) else None


def _short(values: Any) -> Any:
    """Four digits are enough for a curve."""
    if isinstance(values, list):
        return [_short(value) for value in values]
    return values if values is None else float(f"{values:.4g}")


def _references(settings: Settings, problem: str) -> Settings:
    """The number of parameters, the first step of Levenberg-Marquardt, and what PCA reaches."""
    net, _, test = task(settings, problem)
    found = {"parameters": net.dim, "levenberg_marquardt": float(1 + net.dim)}
    if problem == "autoencoder":
        train = task(settings, problem)[1]
        mean = train.data[0].mean(axis=0)  # type: ignore[index]
        width = min(settings["problems"][problem]["sizes"])
        _, _, Vt = np.linalg.svd(train.data[0] - mean, full_matrices=False)  # type: ignore[index]
        for name, part in (("train", train), ("test", test)):
            rest = part.data[0] - mean  # type: ignore[index]
            rest = rest - rest @ Vt[:width].T @ Vt[:width]
            found[f"pca_{name}"] = float(np.mean(np.sum(rest**2, axis=1)) / 2)
    return found


EXPERIMENT = Experiment("race", SETTINGS, units, run, assemble, short=SHORT)

if __name__ == "__main__":
    raise SystemExit(EXPERIMENT.main())
