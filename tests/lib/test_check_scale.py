"""Exercises P15.x: other right answers pass, plausible wrong answers get help."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import autograd.numpy as np
import pytest
from exercise_cases import ask, failures, solution

SOLUTIONS = {id: solution(id) for id in ("P15.1", "P15.2")}


# ── other right answers ───────────────────────────────────────────────────────────────────────────


def by_average(product, shards):
    return np.average([product(s) for s in shards], axis=0, weights=[len(s) for s in shards])


def by_shares(product, shards):
    rows = sum(s.shape[0] for s in shards)
    return sum(s.shape[0] / rows * product(s) for s in shards)


def by_matrix(product, shards):
    messages = np.array([product(s) for s in shards])
    rows = np.array([len(s) for s in shards])
    return messages.T @ rows / rows.sum()


def running_mean(product, shards):
    mean, seen = 0.0, 0
    for shard in shards:
        seen += len(shard)
        mean = mean + len(shard) / seen * (product(shard) - mean)
    return mean


def two_at_a_time(product, shards):
    def join(a, b):
        return ((a[0] * a[1] + b[0] * b[1]) / (a[1] + b[1]), a[1] + b[1])

    return reduce(join, [(product(s), len(s)) for s in shards])[0].tolist()


def refused(one, two):
    if two > one or 2 * two < one:
        raise ValueError("not of this kind")


def by_share(one, two, p):
    refused(one, two)
    s = 2 * two / one - 1
    return 1 / (s + (1 - s) / p), p + (1 - p) * s


def by_times(one, two, p):
    refused(one, two)
    a, w = np.linalg.solve([[1, 1], [1, 0.5]], [one, two])
    time = lambda work, workers: a + work / workers
    return np.array([time(w, 1) / time(w, p), time(p * w, 1) / time(p * w, p)])


def gives_none(one, two, p):
    return None if two > one or two < one / 2 else list(by_share(one, two, p))


@pytest.mark.parametrize(
    ("id", "answer"),
    [
        ("P15.1", by_average),
        ("P15.1", by_shares),
        ("P15.1", by_matrix),
        ("P15.1", running_mean),
        ("P15.1", two_at_a_time),
        ("P15.2", by_share),
        ("P15.2", by_times),
        ("P15.2", gives_none),
    ],
)
def test_other_right_answers_are_right(id: str, answer: Callable) -> None:
    assert failures(id, answer, 100) == []


# ── plausible wrong answers, each with the words that must help ───────────────────────────────────


def weighed(weights):
    """A sum of messages with weights that depend on the sizes."""

    def answer(product, shards):
        rows = np.array([float(len(s)) for s in shards])
        return weights(rows) @ np.array([product(s) for s in shards])

    return answer


def spoils_a_shard(product, shards):
    result = by_shares(product, shards)
    shards[0] *= 2
    return result


def asks_too_often(product, shards):
    return [
        np.mean([by_shares(product, shards)[i] for _ in range(4)]) for i in range(len(shards[0][0]))
    ]


def two_at_a_time_unweighed(product, shards):
    return reduce(lambda a, b: (a + b) / 2, [product(s) for s in shards])


def parts(strong, weak):
    """Speed-ups from a, w and p, with what must be refused refused."""

    def answer(one, two, p):
        refused(one, two)
        w = 2 * (one - two)
        a = one - w
        return strong(a, w, p), weak(a, w, p)

    return answer


def right_strong(a, w, p):
    return (a + w) / (a + w / p)


def right_weak(a, w, p):
    return (a + p * w) / (a + w)


def no_refusal(one, two, p):
    s = 2 * two / one - 1
    return 1 / (s + (1 - s) / p), p + (1 - p) * s


def half_refusal(one, two, p):
    if two > one:
        raise ValueError
    return no_refusal(one, two, p)


def share_of_two(one, two, p):
    refused(one, two)
    s = (2 * two - one) / two
    return 1 / (s + (1 - s) / p), p + (1 - p) * s


WRONG: list[tuple[str, Callable, str]] = [
    ("P15.1", weighed(lambda r: np.ones(len(r)) / len(r)), "plain mean"),
    ("P15.1", weighed(lambda r: np.ones(len(r))), "add means"),
    ("P15.1", weighed(lambda r: r), "sum over all rows"),
    ("P15.1", weighed(lambda r: r / r.max()), "largest shard"),
    ("P15.1", weighed(lambda r: r / len(r)), "number of shards"),
    ("P15.1", weighed(lambda r: r / r.sum() / len(r)), "on top"),
    ("P15.1", weighed(lambda r: 1 / r / (1 / r).sum()), "upside down"),
    ("P15.1", weighed(lambda r: np.sqrt(r) / np.sqrt(r).sum()), "root of the size"),
    ("P15.1", weighed(lambda r: r**2 / (r**2).sum()), "counts twice"),
    ("P15.1", weighed(lambda r: -r / r.sum()), "sign"),
    ("P15.1", weighed(lambda r: r / (r.sum() - 1)), "off by|divide"),
    ("P15.1", lambda product, shards: product(shards[0]), "first shard only"),
    ("P15.1", lambda product, shards: product(shards[-1]), "last shard only"),
    ("P15.1", lambda product, shards: by_shares(product, shards[:-1]), "first shard only|off by"),
    ("P15.1", lambda product, shards: product(np.concatenate(shards)), "Rows do not travel"),
    ("P15.1", lambda product, shards: product(shards), "raised|Rows do not travel|shape|changes"),
    ("P15.1", lambda product, shards: [product(s) for s in shards], "shape"),
    ("P15.1", lambda product, shards: sum(np.sum(product(s)) for s in shards), "shape"),
    ("P15.1", two_at_a_time_unweighed, "plain mean|off by"),
    ("P15.1", spoils_a_shard, "changes a shard"),
    ("P15.1", asks_too_often, "asked once"),
    ("P15.2", no_refusal, "Refuse"),
    ("P15.2", half_refusal, "Refuse"),
    ("P15.2", share_of_two, "off at p|limit"),
    ("P15.2", parts(right_weak, right_strong), "order"),
    ("P15.2", parts(lambda a, w, p: p, right_weak), "do not shrink"),
    ("P15.2", parts(lambda a, w, p: (a + w / p) / (a + w), right_weak), "upside down"),
    ("P15.2", parts(lambda a, w, p: right_strong(a, w, p) / p, right_weak), "efficiency"),
    ("P15.2", parts(right_weak, right_weak), "First comes the same work"),
    (
        "P15.2",
        parts(lambda a, w, p: 1 + ((a + w) / (a + w / 2) - 1) * (p - 1), right_weak),
        "line through",
    ),
    (
        "P15.2",
        parts(lambda a, w, p: ((a + w) / (a + w / 2)) ** np.log2(p), right_weak),
        "every doubling",
    ),
    ("P15.2", parts(lambda a, w, p: w / (a + w / p), right_weak), "pays for a|is 1|1 at p"),
    ("P15.2", parts(right_strong, lambda a, w, p: 1.0), "compare with that"),
    ("P15.2", parts(right_strong, right_strong), "kept the work fixed"),
    ("P15.2", parts(right_strong, lambda a, w, p: p), "below p"),
    ("P15.2", parts(right_strong, lambda a, w, p: right_weak(a, w, p) / p), "efficiency"),
    ("P15.2", parts(right_strong, lambda a, w, p: 1 / right_weak(a, w, p)), "upside down"),
    (
        "P15.2",
        parts(right_strong, lambda a, w, p: (a + p * w) / (a + w / p)),
        "share p times the work|below p",
    ),
    ("P15.2", parts(right_strong, lambda a, w, p: (a + w) / (a + p * w)), "upside down|share"),
    ("P15.2", lambda one, two, p: one / two, "shape"),
    ("P15.2", lambda one, two, p: (one / two, one / two), "1 at p = 1"),
    ("P15.2", lambda one, two, p: (-1.0, 1.0), "0 or less"),
]


@pytest.mark.parametrize(("id", "answer", "help_"), WRONG)
def test_wrong_answer_is_told_what_is_wrong(id: str, answer: Callable, help_: str) -> None:
    for seed in range(25):
        found = ask(id, answer, seed)
        assert found.status == "wrong"
        assert any(part in found.message for part in help_.split("|")), f"seed {seed}: {found}"
