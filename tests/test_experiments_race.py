"""The race is fair where it says so: the same trials, the same budget, other seeds at the end."""

import sys
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import canon
from secondorder import runs

sys.path.insert(0, str(canon.ROOT / "experiments"))
race = import_module("race")
sys.path.pop(0)

SETTINGS = race.SETTINGS
NAMES = list(SETTINGS["optimizers"])
LONG = runs.load("race")
ENTRIES = [(problem, name) for problem in SETTINGS["problems"] for name in NAMES]
EACH = pytest.mark.parametrize(("problem", "name"), ENTRIES)
SPANS = {"lr": 100, "adam_lr": 100}


def entry(problem: str, name: str) -> Any:
    return LONG[problem]["optimizers"][name]


# ── what the settings promise ─────────────────────────────────────────────────────────────────────


def test_twelve_optimizers_or_more_on_two_problems() -> None:
    assert len(NAMES) >= 12 and len(SETTINGS["problems"]) == 2
    assert len(SETTINGS["seeds"]) >= 5


def test_no_seed_is_used_for_both() -> None:
    seeds = SETTINGS["seeds"], SETTINGS["tuning_seeds"]
    assert len({*seeds[0], *seeds[1]}) == len(seeds[0]) + len(seeds[1])


@pytest.mark.parametrize("name", NAMES)
def test_as_many_trials_for_all_and_no_range_wider_than_the_others(name: str) -> None:
    ranges = SETTINGS["optimizers"][name]["ranges"]
    tried = race.trials(SETTINGS, name)
    assert len(tried) == SETTINGS["trials"] and 1 <= len(ranges) <= 2
    for key, (low, high) in ranges.items():
        assert all(low <= one[key] <= high for one in tried)
        if key in SPANS:
            assert high / low == pytest.approx(SPANS[key])
    assert all(one.keys() == ranges.keys() for one in tried)


def test_everybody_searches_at_the_same_points() -> None:
    points = race.hypercube(SETTINGS)
    slices = np.sort(np.floor(points * SETTINGS["trials"]), axis=0)
    np.testing.assert_array_equal(slices, np.arange(SETTINGS["trials"])[:, None] * [1, 1])
    for name in NAMES:
        for key, (low, high) in SETTINGS["optimizers"][name]["ranges"].items():
            if key == "lr":
                tried = [one["lr"] for one in race.trials(SETTINGS, name)]
                u = np.log(np.array(tried) / low) / np.log(high / low)
                np.testing.assert_allclose(u, points[:, 0], atol=1e-3)


@pytest.mark.parametrize("key", ["lr", "momentum"])
def test_a_range_is_filled_from_end_to_end(key: str) -> None:
    low, high = (0.7, 0.99) if key == "momentum" else (0.01, 1)
    assert race.between(key, 0.0, low, high) == pytest.approx(low)
    assert race.between(key, 1.0, low, high) == pytest.approx(high)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_ends_before_its_budget(name: str) -> None:
    """Also where a step costs many gradients; and the points of a curve never look ahead."""
    settings = SETTINGS | race.SHORT
    net, train, _ = race.task(settings, "digits")
    method = race.made(settings, name, race.trials(settings, name)[0], net)
    grid = [0.01, 1.0, 2.5, 7.0]
    found = race.sprint(method, train, net.start(np.random.default_rng(0)), 0, grid)
    assert len(found["xs"]) == 4 and np.all(found["costs"] <= np.array(grid) + 1e-9)
    assert np.all(np.diff(found["costs"]) >= 0) and np.all(np.diff(found["seconds"]) >= 0)
    assert found["costs"][0] == 0 and found["costs"][-1] > 0
    np.testing.assert_array_equal(found["xs"][0], net.start(np.random.default_rng(0)))


def test_a_run_that_ends_early_stays_where_it_was() -> None:
    settings = SETTINGS | race.SHORT
    net, train, _ = race.task(settings, "autoencoder")
    x0, wild = net.start(np.random.default_rng(0)), race.methods.gradient_descent(1e3)
    found = race.sprint(wild, train, x0, 0, np.arange(1.0, 200.0))
    assert found["reason"] == "not finite" and found["loss"] == float("inf")
    assert len(found["xs"]) == 199 and np.array_equal(found["xs"][-1], found["xs"][-2])


# ── what was stored ───────────────────────────────────────────────────────────────────────────────


@EACH
def test_the_stored_runs_kept_to_trials_and_budget(problem: str, name: str) -> None:
    found, budget = entry(problem, name), SETTINGS["problems"][problem]["budget"]
    count, seeds = len(SETTINGS["seeds"]), len(SETTINGS["tuning_seeds"])
    assert found["tuning"].shape == found["tuning_costs"].shape == (SETTINGS["trials"], seeds)
    assert np.nanmax(found["tuning_costs"]) <= budget and np.nanmax(found["costs"]) <= budget
    assert found["train"].shape == found["test"].shape == (count, SETTINGS["points"])
    assert found["loss"].shape == (count,)
    expected = race.trials(SETTINGS, name)
    assert {key: list(tried) for key, tried in found["trials"].items()} == {
        key: [one[key] for one in expected] for key in expected[0]
    }


@EACH
def test_the_best_trial_was_taken(problem: str, name: str) -> None:
    found = entry(problem, name)
    medians = np.median(np.nan_to_num(found["tuning"], nan=np.inf), axis=1)
    assert medians[found["best"]] <= 1.001 * medians.min()  # four digits are stored
    assert found["chosen"] == race.trials(SETTINGS, name)[found["best"]]
    assert found["diverged"] == np.isnan(found["tuning"]).sum()


def test_the_best_learning_rate_is_seldom_the_outermost() -> None:
    """Else the ranges, and not the optimizers, would be compared."""
    outermost = [
        (problem, name)
        for problem, name in ENTRIES
        if "lr" in (found := entry(problem, name))["trials"]
        and found["chosen"]["lr"] in (found["trials"]["lr"].min(), found["trials"]["lr"].max())
    ]
    assert len(outermost) <= 2, outermost


@EACH
def test_the_target_was_reached_where_the_curve_says_so(problem: str, name: str) -> None:
    found, given = entry(problem, name), SETTINGS["problems"][problem]
    costs = LONG[problem]["costs"]
    for curve, cost in zip(found["train"], found["target_gradients"], strict=True):
        below = costs[curve <= 0.999 * given["target"]]
        if below.size:
            assert cost <= below[0] * 1.001
        elif np.isfinite(cost):  # between two points, or within rounding
            assert np.min(curve) < 1.5 * given["target"]


def test_a_step_of_levenberg_marquardt_is_beyond_every_budget() -> None:
    for problem, given in SETTINGS["problems"].items():
        assert LONG[problem]["levenberg_marquardt"] > given["budget"]


def test_one_stored_run_again() -> None:
    """The first points of Adam's first run: no chaos yet."""
    net, train, _ = race.task(SETTINGS, "digits")
    seed, found = SETTINGS["seeds"][0], entry("digits", "adam")
    costs = LONG["digits"]["costs"][:5]
    method = race.made(SETTINGS, "adam", found["chosen"], net)
    again = race.sprint(method, train, net.start(np.random.default_rng(seed)), seed, costs)
    values = [float(train(x)) for x in again["xs"]]
    np.testing.assert_allclose(values, found["train"][0, :5], rtol=2e-3)
