"""The benchmark's runner, with contestants that only pretend, and the page of its results."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import canon

BENCH = canon.ROOT / "bench"


@pytest.fixture(scope="module")
def bench() -> Iterator[SimpleNamespace]:
    """The modules of bench/, whose names are then free again."""
    names = ("problems", "tasks", "run", "page", "worker", "anatomy")
    sys.path.insert(0, str(BENCH))
    try:
        yield SimpleNamespace(**{name: __import__(name) for name in names})
    finally:
        sys.path.remove(str(BENCH))
        for name in list(sys.modules):
            if name in names or name.split(".")[0] == "contestants":
                del sys.modules[name]


# ---- runner


class Pretender:
    """A worker that answers with the seconds of a script."""

    def __init__(self, script: dict[str, Any], result: Path) -> None:
        self.script, self.closed = script, False
        self.seconds = iter(script.get("seconds", [0.2] * 100))
        np.save(result, np.asarray(script.get("result", [1.0, 2.0])))

    def ask(self, runs: int = 0) -> dict[str, Any]:
        if "error" in self.script and self.script.get("until", 0) <= 0:
            return {"error": self.script["error"]}
        if self.script.get("skipped"):
            return {"skipped": True}
        if "until" in self.script:
            self.script["until"] -= 1
        return {"seconds": next(self.seconds), "cpu": 1.0, "megabytes": 10.0}

    def close(self) -> None:
        self.closed = True


def measured(bench: Any, compare: str = "equal", exact: Any = None, **scripts: Any) -> dict:
    """The cells of a group of pretenders, given as label = script."""
    workers: list[Pretender] = []

    def start(entry: Any, task: Any, workload: str, result: Path) -> Pretender:
        workers.append(Pretender(scripts[entry.label], result))
        return workers[-1]

    task = bench.tasks.Task("t", "a task", ("w",), compare)
    entries = [
        bench.run.Entry(script.get("module", "m"), label, script.get("approximate", False))
        for label, script in scripts.items()
    ]
    runner = bench.run.Runner(start, rounds=7)
    try:
        return runner.group(task, "w", entries, exact)[0]
    finally:
        assert all(worker.closed for worker in workers)


def test_median_and_spread_over_the_rounds(bench: Any) -> None:
    first = 9.0  # long enough to be the warm-up
    cell = measured(bench, us={"seconds": [first, 1.0, 1.1, 0.9, 1.0, 1.2, 1.0, 1.0]})["us"]
    assert cell["seconds"] == 1.0
    assert cell["spread"] == pytest.approx(0.3)
    assert (cell["rounds"], cell["attempts"], cell["noisy"]) == (7, 1, False)


def test_a_noisy_cell_is_measured_again_and_the_better_attempt_kept(bench: Any) -> None:
    bad, good = [1.0, 2.0] * 3 + [1.0], [1.0] * 7
    cells = measured(bench, us={}, them={"seconds": [0.2, 0.2, *bad, 0.2, *good]})
    assert (cells["us"]["attempts"], cells["them"]["attempts"]) == (1, 2)
    assert cells["them"]["spread"] == 0
    assert not cells["them"]["noisy"]


def test_what_stays_noisy_is_marked(bench: Any) -> None:
    cells = measured(bench, us={}, them={"seconds": [0.2] + [1.0, 2.0] * 50})
    assert cells["them"]["noisy"]
    assert cells["them"]["attempts"] == bench.run.ATTEMPTS


def test_a_failing_contestant_shows_its_error_and_the_others_go_on(bench: Any) -> None:
    late = {"error": "MemoryError: later", "until": 4}
    cells = measured(bench, us={}, them={"error": "TypeError: no"}, late=late)
    assert cells["them"] == {"error": "TypeError: no"}
    assert cells["late"]["error"] == "MemoryError: later"
    assert cells["us"]["rounds"] == 7


def test_who_takes_no_part_has_no_cell(bench: Any) -> None:
    assert list(measured(bench, us={}, them={"skipped": True})) == ["us"]


def test_disagreement_stops_the_run(bench: Any) -> None:
    with pytest.raises(SystemExit, match="t on w: them and us disagree by 1"):
        measured(bench, us={}, them={"result": [1.0, 2.0 + 2e-7]})
    cells = measured(bench, us={}, them={"result": [1.0, 2.0 + 2e-9]})
    assert cells["them"]["error_relative"] == pytest.approx(1e-9)


@pytest.mark.parametrize("result", [[1.0], [1.0, np.nan], [1.0, np.inf]])
def test_another_shape_or_nan_is_disagreement(bench: Any, result: list[float]) -> None:
    with pytest.raises(SystemExit, match="disagree by inf"):
        measured(bench, us={}, them={"result": result})


def test_an_approximate_contestant_may_differ(bench: Any) -> None:
    them = {"result": [1.0, 2.002], "approximate": True}
    assert measured(bench, us={}, them=them)["them"]["error_relative"] == pytest.approx(1e-3)


def test_jax_is_the_referee(bench: Any) -> None:
    cells = measured(bench, us={"result": [1.0, 2 + 2e-10]}, J={"module": "with_jax"})
    assert cells["us"]["referee"] == "J"
    assert cells["us"]["error_relative"] == pytest.approx(1e-10)


def test_an_optimizer_must_reach_the_loss(bench: Any) -> None:
    loss = bench.problems.LOSS
    assert measured(bench, "reach", us={"result": loss})["us"]["loss"] == loss
    with pytest.raises(SystemExit, match="us ended at"):
        measured(bench, "reach", us={"result": 2 * loss})


def test_estimates_state_their_error(bench: Any) -> None:
    exact = np.array([0.0, 1.0, 4.0])
    top = measured(bench, "top", exact, us={"result": [4.0, 1.0]}, them={"result": [4.0, 1.4]})
    assert top["us"]["error_relative"] == 0
    assert top["them"]["error_relative"] == pytest.approx(0.1)
    thirds = {"result": [[[0.0, 1.0, 4.0], [1.0, 1.0, 1.0]]]}
    half = {"result": [[[0.0, 4.0], [0.5, 0.5]]]}
    density = measured(bench, "spectrum", exact, us=thirds, them=half)
    assert density["us"]["error_relative"] == pytest.approx(0)
    # a sixth moves from 1 to 0, another from 1 to 4: (1 + 3) / 6, of a width of 4
    assert density["them"]["error_relative"] == pytest.approx(1 / 6)


def test_an_interrupted_run_goes_on(bench: Any, tmp_path: Path) -> None:
    task = bench.tasks.Task("t", "a task", ("a", "b"))
    who, asked = {"t": [bench.run.Entry("m", "us")]}, []

    def start(entry: Any, task: Any, workload: str, result: Path) -> Pretender:
        asked.append(workload)
        if asked == ["a", "b"]:
            raise KeyboardInterrupt
        return Pretender({}, result)

    file, said = tmp_path / "deep" / "cells.json", []
    runner = bench.run.Runner(start, 2, say=said.append)
    with pytest.raises(KeyboardInterrupt):
        bench.run.measure(runner, [task], who, bench.run.Cells(file, "key"))
    again = bench.run.Cells(file, "key")
    bench.run.measure(runner, [task], who, again)
    assert asked == ["a", "b", "b"]
    assert list(again.groups) == ["t | a", "t | b"]
    assert [line[:12] for line in said] == ["[ 1/2] t | a", "[ 1/2] t | a", "[ 2/2] t | b"]
    assert bench.run.Cells(file, "another key").groups == {}
    assert bench.run.Cells(file, "key", again=True).groups == {}


def test_a_worker_that_dies_says_why(bench: Any, tmp_path: Path) -> None:
    code = "import sys; print('out of everything', file=sys.stderr); sys.exit(3)"
    worker = bench.run.Worker([sys.executable, "-c", code], tmp_path / "r.npy")
    assert worker.ask() == {"error": "ended with status 3: out of everything"}
    worker.close()


def test_a_worker_that_hangs_is_ended(bench: Any, tmp_path: Path) -> None:
    code = "import time; time.sleep(60)"
    worker = bench.run.Worker([sys.executable, "-c", code], tmp_path / "r.npy")
    assert worker.ask(patience=0.1) == {"error": "no answer in 0.1 s"}
    worker.process.kill()
    worker.close()


def test_a_real_worker(bench: Any, tmp_path: Path) -> None:
    """Ours, from start to end, against the R-operator written by hand."""
    task, found = bench.tasks.TASKS[0], []
    entries = [
        bench.run.Entry("ours", "secondorder"),
        bench.run.Entry("by_hand", "numpy by hand"),
        bench.run.Entry("ours", "nobody"),
    ]
    cells, result = bench.run.Runner(bench.run.start, 1, say=found.append).group(
        task, "b64", entries
    )
    assert result.shape == (64 * 32 + 32 + 32 * 10 + 10,)
    assert cells["numpy by hand"]["error_relative"] < 1e-12
    assert cells["nobody"]["error"] == "KeyError: 'nobody'"
    assert 10 < cells["secondorder"]["megabytes"] < 500


def test_workloads_are_the_same_every_time(bench: Any) -> None:
    for name in ("b64", "m256", "n 10", "rows 16"):
        one, two = bench.problems.make(name), bench.problems.make(name)
        assert np.array_equal(one.x, two.x)
        assert np.array_equal(one.v, two.v)
    assert bench.problems.make("m256").x.size == 203_530
    assert bench.problems.make("copies 4").X.shape == (4 * 1797, 64)


# ---- page


def cell(seconds: float, **more: Any) -> dict[str, Any]:
    return {
        "seconds": seconds,
        "spread": 0.1,
        "cpu": 1.0,
        "megabytes": 50.0,
        "noisy": False,
        **more,
    }


@pytest.fixture
def page(bench: Any) -> Any:
    cells = {
        "secondorder": cell(1.0, error_relative=1e-13, referee="JAX jit"),
        "torch": cell(3.0),
        "torch vmap": cell(2.0, noisy=True),
        "JAX jit": {"error": "RuntimeError: a | b"},
    }
    run = {
        "rounds": 7,
        "threads": 1,
        "cores": 2,
        "versions": {"Python": "3.11", "torch": "2"},
        "processor": "P",
        "system": "Linux",
        "date": "2000-01-01",
        "load": [0.1, 0.2],
    }
    groups = [
        {
            "task": "dense",
            "title": "all of H",
            "workload": "d32",
            "load": [0.1, 0.9],
            "cells": cells,
        }
    ]
    groups += [
        {
            "task": "by workers",
            "title": "by workers",
            "workload": f"copies {k}",
            "load": [0, 0],
            "cells": {
                "secondorder": cell(0.01 * k),
                **{f"{kind}, 1": cell(0.01 * k + 0.02) for kind in ("process pool", "Dask")},
                "process pool, 2": cell(0.005 * k + 0.02),
                "Dask, 2": cell(0.02 * k),
            },
        }
        for k in (1, 4, 16)
    ]
    base = {"task": "dense", "workload": "d32"}
    targets = [
        {**base, "against": "torch", "at_least": 2.5},
        {**base, "against": "torch *", "at_least": 2.5, "why": "because", "stretch": True},
        {**base, "against": "JAX jit", "at_least": 1.0},
        {**base, "of": "megabytes", "at_most": 40},
    ]
    return bench.page.Page({"run": run, "groups": groups}, targets)


def test_verdicts(page: Any) -> None:
    rows = page.verdicts("dense").splitlines()[2:]
    assert rows == [
        "| d32 | torch | ≥\u00a02.5× | 3× | reached |",
        "| d32 | torch, its fastest | ≥\u00a02.5×\u00a0† | 2× | **missed by 20%**: because |",
        "| d32 | JAX jit | ≥\u00a01× | – | **not measured** |",
        "| d32 | peak memory | ≤\u00a040 MB | 50 MB | **missed by 25%**: why: not written yet |",
    ]
    assert len(page.missed()) == 3


def test_everything_shows_noise_and_errors(page: Any) -> None:
    rows = page.everything("dense").splitlines()
    assert rows[0] == "| contestant | d32 |"
    assert rows[4] == "| torch vmap | **2×** ~ ±5%, 50 MB |"
    assert rows[5] == "| JAX jit | failed: RuntimeError: a \\| b |"


def test_agreement_with_jax(page: Any) -> None:
    assert page.agreement().splitlines()[2:] == ["| all of H | d32 | 1e-13 | reached |"]


def test_workers_state_overhead_and_where_they_pay(page: Any) -> None:
    pool, dask = page.workers().splitlines()[2:]
    assert pool.startswith("| process pool | 20 ms | 0.4× | 1× | 1.6× | 40 ms")
    assert dask.endswith("| nothing up to 160 ms a product |")


def test_figures_say_in_words_what_they_show(page: Any) -> None:
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    page.ratios(ax, "d32")
    assert "2 of 2" in ax.get_title()
    assert (
        page.words("d32") == "Times on d32 as multiples of ours. all of H: torch 3, torch vmap 2."
    )
    page.growth(ax, "by workers", "copies")
    assert "Dask, 2 from 2 to 32" in page.growth_words("by workers", "copies")
    plt.close(figure)


def test_some_groups_may_be_measured_again(bench: Any) -> None:
    old = [{"task": t, "workload": "w", "cells": 1} for t in "abc"]
    new = [{"task": "b", "workload": "w", "cells": 2}, {"task": "d", "workload": "w", "cells": 2}]
    found = bench.run.updated(old, new)
    assert [(group["task"], group["cells"]) for group in found] == [
        ("a", 1),
        ("b", 2),
        ("c", 1),
        ("d", 2),
    ]


def test_an_update_needs_results_of_the_same_settings(bench: Any, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    with pytest.raises(SystemExit, match="measure everything once"):
        bench.run.to_update(path, {"rounds": 7})
    path.write_text('{"run": {"rounds": 7, "threads": 1}, "groups": []}')
    assert bench.run.to_update(path, {"rounds": 7})["groups"] == []
    with pytest.raises(SystemExit, match="has other rounds"):
        bench.run.to_update(path, {"rounds": 3})


def test_anatomy(page: Any) -> None:
    page.shares = {"d32": {"layers": 0.75, "entries": 0.2, "python": 0.05, "recording": 1.82}}
    assert page.anatomy().splitlines()[2:] == ["| d32 | 75% | 20% | 5% | 1.82 products |"]


def test_the_anatomy_of_a_product(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    anatomy = bench.anatomy
    monkeypatch.setattr(anatomy, "SECONDS", 0.01)
    share = anatomy.shares("rows 16")
    assert min(share[kind] for kind in ("layers", "entries", "recording")) > 0
    assert sum(share[kind] for kind in ("layers", "entries", "python")) == pytest.approx(1)


def test_conditions(page: Any) -> None:
    said = page.conditions()
    assert "0.10 at the start, 0.20 at the end, 0.90 at most between" in said
    assert "| 19, of which 1 noisy (~) and 1 failed |" in said


# ---- the files

RESULTS = pytest.mark.skipif(
    not (BENCH / "results.json").exists(), reason="make bench has not written results yet"
)


@RESULTS
def test_every_target_names_what_is_measured(bench: Any) -> None:
    page = bench.page.Page.read(BENCH)
    by_name = {task.name: task for task in bench.tasks.TASKS}
    for target in page.targets:
        assert target["workload"] in by_name[target["task"]].workloads, target
        assert ("at_least" in target) != ("at_most" in target), target
        assert "against" in target or "of" in target, target
        cells = page.groups[target["task"], target["workload"]]
        name = target.get("against", bench.page.OURS).removesuffix(" *")
        assert any(label.startswith(name) for label in cells), target


@RESULTS
def test_every_missed_target_says_why(bench: Any) -> None:
    missed = bench.page.Page.read(BENCH).missed()
    silent = [target for target in missed if len(target.get("why", "")) < 20]
    assert not silent, f"write `why` in bench/targets.toml: {silent}"


@RESULTS
def test_results_are_complete_and_hold_no_trace_of_the_machine(bench: Any) -> None:
    text = (BENCH / "results.json").read_text(encoding="utf-8")
    groups = {(group["task"], group["workload"]) for group in json.loads(text)["groups"]}
    assert groups == {(task.name, w) for task in bench.tasks.TASKS for w in task.workloads}
    assert str(canon.ROOT) not in text
    assert "/home/" not in text
