"""Hessian-free beside gradient descent and L-BFGS on an autoencoder of digits, for four budgets.

Chapter 11 holds it against Martens (2010). Descent gets the best of eight step sizes for each
budget, chosen on starts that are used nowhere else; the two others are not tuned. A run counts by
the loss of its last point within the budget, in gradients of all rows.
"""

from __future__ import annotations

from itertools import takewhile
from typing import Any

import numpy as np
from _experiment import Experiment

SETTINGS = {
    "sizes": [64, 24, 6, 24, 64],
    "every": 12,  # of the digits: 150 rows
    "seeds": [0, 1, 2, 3, 4, 5, 6],
    "tuning_seeds": [100, 101, 102],
    "etas": [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.6],
    "damping": 1.0,
    "budgets": [50, 200, 600, 1600],
}
SHORT = {"every": 200, "seeds": [0], "tuning_seeds": [100], "etas": [0.1, 0.2], "budgets": [5, 20]}


def units(settings: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return one run a unit: a method and a start."""
    found = {
        f"{name}-{seed}": {"name": name, "seed": seed}
        for name in ("hessian-free", "l-bfgs")
        for seed in settings["seeds"]
    }
    return found | {
        f"descent-{eta}-{seed}": {"name": "descent", "eta": eta, "seed": seed}
        for eta in settings["etas"]
        for seed in [*settings["tuning_seeds"], *settings["seeds"]]
    }


def run(
    *, settings: dict[str, Any], name: str, seed: int, eta: float | None = None
) -> dict[str, Any]:
    """Return the loss when each budget is spent; infinite where the run has diverged."""
    from secondorder import methods, mlp
    from secondorder.data import digits
    from secondorder.losses import mean_squared_error

    network, rows = mlp(settings["sizes"]), digits().X[:: settings["every"]]
    task = network.objective(mean_squared_error, rows, rows)
    method = {
        "hessian-free": lambda: methods.newton_cg("ggn", damping=settings["damping"]),
        "l-bfgs": methods.lbfgs,
        "descent": lambda: methods.gradient_descent(eta),
    }[name]()
    start = network.start(np.random.default_rng(seed))
    most = settings["budgets"][-1]
    within = lambda it: it.counts.in_gradients <= most and it.value < 100
    seen = [(it.counts.in_gradients, it.value) for it in takewhile(within, method(task, start))]
    costs, losses = np.array(seen).T
    lost = name == "descent" and costs[-1] < most - 1
    ends = [losses[costs <= budget][-1] for budget in settings["budgets"]]
    alive = [not lost or costs[-1] >= budget for budget in settings["budgets"]]
    return {"loss": [end if well else np.inf for end, well in zip(ends, alive, strict=True)]}


def assemble(settings: dict[str, Any], results: dict[str, Any]) -> dict[str, Any]:
    """Return the losses of each method, a row a start and a column a budget, and what was tuned."""
    loss = lambda name, seed: results[f"{name}-{seed}"]["loss"]
    tried = np.array(
        [
            np.median([loss(f"descent-{eta}", seed) for seed in settings["tuning_seeds"]], axis=0)
            for eta in settings["etas"]
        ]
    )
    best = np.argmin(tried, axis=0)
    etas = [settings["etas"][k] for k in best]
    descent = [
        [loss(f"descent-{eta}", seed)[k] for k, eta in enumerate(etas)]
        for seed in settings["seeds"]
    ]
    others = {
        name: [loss(name, seed) for seed in settings["seeds"]]
        for name in ("hessian-free", "l-bfgs")
    }
    return {"etas": etas, "tuning": tried, "loss": {"descent": descent, **others}}


EXPERIMENT = Experiment("hessian_free", SETTINGS, units, run, assemble, short=SHORT)

if __name__ == "__main__":
    raise SystemExit(EXPERIMENT.main())
