"""Measure all contestants side by side, and write bench/results.json.

    python bench/run.py                          everything, at most 40 minutes on two quiet cores
    python bench/run.py --task hvp-100 density   some tasks only; shown, not written to results.json
    python bench/run.py --task density --update  put into results.json: a group is fair in itself
    python bench/run.py --rounds 3 --out my.json
    python bench/run.py --list

All contestants of a task wait in processes of their own, one thread each, and run in turn: round
after round, so that a change of the machine's mood hits all of them. A round lasts about 0.1 s and
gives the median time of a run. The result is the median over the rounds; its spread is
(max − min) / median. A spread over 30 % is measured again, and stays marked if that does not help.
A contestant that fails has its error as a result. Results that disagree stop the run.

An interrupted run goes on where it was: finished groups are kept in _build/bench until the end.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module, metadata
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from tasks import AGREE, TASKS, Task, difference, error

HERE = Path(__file__).resolve().parent
KEPT = HERE.parent / "_build" / "bench" / "cells.json"
ROUNDS, ROUND_SECONDS, MOST_RUNS = 7, 0.1, 1000
LONG = 2.0  # seconds of a run whose first one, which gave the result, warmed up enough
NOISY, ATTEMPTS = 0.3, 3
PATIENCE = 300  # seconds a contestant may take for its first run
THREADS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "NPROC": "1",  # what XLA takes for the number of cores
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "JAX_PLATFORMS": "cpu",
}


class DisagreementError(SystemExit):
    """Two contestants gave different results, so none of their times means anything."""


@dataclass(frozen=True)
class Entry:
    """A contestant: the module it is in, and its label."""

    module: str
    label: str
    approximate: bool = False


@dataclass
class Worker:
    """A contestant's process; `ask(runs)` has it run and returns what it answers."""

    command: Sequence[str]
    result: Path
    answers: queue.Queue = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [*self.command, str(self.result)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            cwd=HERE,
            env={**os.environ, **THREADS},
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            self.answers.put(json.loads(line))
        self.answers.put(None)

    def ask(self, runs: int = 0, patience: float = PATIENCE) -> dict[str, Any]:
        """Return the answer to so many runs; the first answer comes unasked, with runs = 0."""
        try:
            if runs:
                self.process.stdin.write(f"{runs}\n")
                self.process.stdin.flush()
            answer = self.answers.get(timeout=patience)
        except queue.Empty:
            answer = {"error": f"no answer in {patience:g} s"}
        except OSError:
            answer = None
        if answer is None:
            self.log.seek(0)
            last = (self.log.read().strip().splitlines() or ["no word"])[-1]
            answer = {"error": f"ended with status {self.process.wait()}: {last[:150]}"}
        return answer

    def close(self) -> None:
        """End the process, by its own way out if it takes that."""
        try:
            self.process.stdin.close()
            self.process.wait(timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.log.close()


@dataclass
class Runner:
    """Measures one task on one workload; `start` makes the worker of an entry."""

    start: Callable[[Entry, Task, str, Path], Any]
    rounds: int = ROUNDS
    attempts: int = ATTEMPTS
    say: Callable[[str], None] = lambda text: print(text, flush=True)

    def group(
        self, task: Task, workload: str, entries: Sequence[Entry], exact: np.ndarray | None = None
    ) -> tuple[dict[str, dict[str, Any]], np.ndarray | None]:
        """Return a cell for every contestant, and the result of the first one."""
        with tempfile.TemporaryDirectory() as folder:
            files = {entry: Path(folder) / f"{k}.npy" for k, entry in enumerate(entries)}
            self._workers: dict[Entry, Any] = {}
            try:
                return self._group(task, workload, files, exact)
            finally:
                for worker in self._workers.values():
                    worker.close()

    def _group(
        self, task: Task, workload: str, files: dict[Entry, Path], exact: np.ndarray | None
    ) -> tuple[dict[str, dict[str, Any]], np.ndarray | None]:
        self._new = lambda entry: self.start(entry, task, workload, files[entry])
        cells: dict[Entry, dict[str, Any]] = {}
        for entry in files:  # imports take long: all at once
            self._workers[entry] = self._new(entry)
        for entry in files:
            first = self._workers[entry].ask()
            if first.get("skipped"):
                self._workers.pop(entry).close()
            else:
                cells[entry] = first
        alive = [entry for entry, cell in cells.items() if "error" not in cell]
        results = {entry: np.load(files[entry]) for entry in alive}
        self._compare(task, workload, cells, results, exact)

        for attempt in range(1, self.attempts + 1):
            again = {e: cells[e]["seconds"] for e in alive if _again(cells[e], attempt)}
            measured = self._rounds(again, task.fresh)
            for entry, found in measured.items():
                cell, old = cells[entry], cells[entry].get("spread", np.inf)
                if "error" in found:
                    cells[entry] = found
                elif found["spread"] < old:
                    cell |= found
                cells[entry]["attempts"] = attempt
        for cell in cells.values():
            if "error" not in cell:
                cell["noisy"] = cell["spread"] > NOISY
        first_result = next(iter(results.values()), None)
        return {entry.label: cell for entry, cell in cells.items()}, first_result

    def _rounds(self, known: dict[Entry, float], fresh: bool) -> dict[Entry, dict[str, Any]]:
        """Let entries run in turn, round after round; of each, the seconds of a run are known."""
        runs = dict.fromkeys(known, 1)
        answers: dict[Entry, list[dict[str, Any]]] = {entry: [] for entry in known}
        failed: dict[Entry, dict[str, Any]] = {}
        for number in range(self.rounds + 1):
            for entry, seconds in known.items():
                if entry in failed or (number == 0 and (fresh or seconds > LONG)):
                    continue  # nothing to warm up
                if fresh:
                    self._workers[entry].close()
                    self._workers[entry] = self._new(entry)
                answer = self._workers[entry].ask(0 if fresh else runs[entry])
                if "error" in answer:
                    failed[entry] = {"error": answer["error"]}
                elif number:
                    answers[entry].append(answer)
                else:  # the warm-up says how many runs a round has
                    runs[entry] = int(np.clip(ROUND_SECONDS // answer["seconds"], 1, MOST_RUNS))
        return {e: failed.get(e) or _summary(answers[e], runs[e]) for e in known}

    def _compare(
        self,
        task: Task,
        workload: str,
        cells: dict[Entry, dict[str, Any]],
        results: dict[Entry, np.ndarray],
        exact: np.ndarray | None,
    ) -> None:
        """State the error of every result; stop where two that should agree do not."""
        from problems import LOSS

        for entry, result in results.items():
            cell, name = cells[entry], f"{task.name} on {workload}: {entry.label}"
            if task.compare == "equal":
                # JAX is the referee where it takes part, else the first
                referee = next((e for e in results if e.module == "with_jax"), next(iter(results)))
                off = cell["error_relative"] = difference(result, results[referee])
                if off > AGREE and not entry.approximate:
                    raise DisagreementError(f"{name} and {referee.label} disagree by {off:.1e}")
                cell["referee"] = referee.label
            elif task.compare == "reach":
                cell["loss"] = float(np.max(result))  # of several starts the worst
                if not cell["loss"] <= LOSS:
                    raise DisagreementError(f"{name} ended at {cell['loss']:.3g}, not {LOSS:g}")
            elif exact is not None:
                cell["error_relative"] = error(task, result, exact)


def _again(cell: dict[str, Any], attempt: int) -> bool:
    """Whether a cell is to be measured: at first all, then the noisy ones."""
    return "error" not in cell and (attempt == 1 or cell["spread"] > NOISY)


def _summary(answers: list[dict[str, Any]], runs: int) -> dict[str, Any]:
    seconds = [answer["seconds"] for answer in answers]
    middle = median(seconds)
    return {
        "seconds": middle,
        "spread": (max(seconds) - min(seconds)) / middle,
        "cpu": median(answer["cpu"] for answer in answers),
        "megabytes": max(answer["megabytes"] for answer in answers),
        "rounds": len(answers),
        "runs": runs,
    }


# ── the real thing ────────────────────────────────────────────────────────────────────────────────


def start(entry: Entry, task: Task, workload: str, result: Path) -> Worker:
    """Start a real contestant."""
    command = [sys.executable, str(HERE / "worker.py"), entry.module, entry.label]
    return Worker([*command, task.name, workload], result)


def entries(modules: Sequence[str]) -> tuple[dict[str, list[Entry]], dict[str, str]]:
    """Who takes part in which task, and the versions; asked in processes of their own."""
    code = (
        "import json, sys; from importlib import import_module as m\n"
        "c = m('contestants.' + sys.argv[1])\n"
        "tasks = {label: list(tasks) for label, tasks in c.CONTESTANTS.items()}\n"
        "print(json.dumps([tasks, c.VERSIONS, getattr(c, 'APPROXIMATE', False)]))"
    )
    by_task: dict[str, list[Entry]] = {task.name: [] for task in TASKS}
    versions = {"Python": platform.python_version()}
    for module in modules:
        command = [sys.executable, "-W", "ignore", "-c", code, module]
        done = subprocess.run(command, capture_output=True, text=True, cwd=HERE)
        if done.returncode:
            sys.exit(f"bench/contestants/{module}.py cannot be used:\n{done.stderr}")
        labels, names, approximate = json.loads(done.stdout.splitlines()[-1])
        for label, its_tasks in labels.items():
            for name in its_tasks:
                by_task[name].append(Entry(module, label, approximate))
        versions |= {name: metadata.version(name) for name in names}
    return by_task, versions


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def load() -> float:
    return round(os.getloadavg()[0], 2)


def fingerprint(settings: dict[str, Any]) -> str:
    """What a kept group must share with this run: settings, and every line that is measured."""
    seen = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for folder in (HERE, HERE.parent / "lib" / "secondorder"):
        for path in sorted(folder.rglob("*.py")):
            if path.name != "page.py":
                seen.update(path.read_bytes())
    return seen.hexdigest()


class Cells:
    """The groups measured so far, on disk after each of them."""

    def __init__(self, path: Path, key: str, again: bool = False) -> None:
        self.path, self.key = path, key
        self.groups: dict[str, dict[str, Any]] = {}
        if path.exists() and not again:
            kept = json.loads(path.read_text(encoding="utf-8"))
            self.groups = kept["groups"] if kept["key"] == key else {}

    def add(self, name: str, group: dict[str, Any]) -> None:
        """Keep one more."""
        self.groups[name] = group
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"key": self.key, "groups": self.groups})
        self.path.with_suffix(".new").write_text(text, encoding="utf-8")
        self.path.with_suffix(".new").replace(self.path)


def line(group: dict[str, Any]) -> str:
    """A group in one line: ratios to the first contestant."""
    cells = group["cells"]
    ours = next(iter(cells.values()), {}).get("seconds")
    said = []
    for label, cell in cells.items():
        if "error" in cell:
            said.append(f"{label}: {cell['error'][:60]}")
        elif ours:
            noisy = " (noisy)" if cell["noisy"] else ""
            said.append(f"{label} {cell['seconds'] / ours:.3g}{noisy}")
    return ", ".join(said)


def measure(
    runner: Runner, chosen: Sequence[Task], who: dict[str, list[Entry]], cells: Cells
) -> None:
    """Measure every group of the chosen tasks that is not there yet."""
    groups = [(task, workload) for task in chosen for workload in task.workloads]
    exact: dict[str, np.ndarray] = {}
    for number, (task, workload) in enumerate(groups, start=1):
        name = f"{task.name} | {workload}"
        if name not in cells.groups:
            spectrum = None
            if task.compare in ("spectrum", "top"):
                if workload not in exact:
                    exact[workload] = dense_spectrum(workload)
                spectrum = exact[workload]
            began, before = time.perf_counter(), load()
            found, _ = runner.group(task, workload, who[task.name], spectrum)
            seconds = round(time.perf_counter() - began, 1)
            cells.add(
                name,
                {
                    "task": task.name,
                    "title": task.title,
                    "workload": workload,
                    "load": [before, load()],
                    "took": seconds,
                    "cells": found,
                },
            )
        group = cells.groups[name]
        took = f"{group['took']:g} s"
        runner.say(f"[{number:2}/{len(groups)}] {name:24} {took:>8}  {line(group)}")


def dense_spectrum(workload: str) -> np.ndarray:
    """All eigenvalues, ascending, for the errors of the estimates."""
    import problems

    H = import_module("contestants.by_hand").dense(problems.make(workload))[0]()
    return np.linalg.eigvalsh((H + H.T) / 2)


def to_update(path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The results that some groups are to be put into; they must have the same settings."""
    if not path.exists():
        sys.exit(f"--update: there is no {path}: measure everything once, without --update")
    old = json.loads(path.read_text(encoding="utf-8"))
    other = [name for name, value in settings.items() if old["run"].get(name) != value]
    if other:
        sys.exit(f"--update: {path.name} has other {', '.join(other)}: measure everything again")
    return old


def updated(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Old groups, with new ones in the place of those of the same name."""
    found = {(group["task"], group["workload"]): group for group in (*old, *new)}
    return list(found.values())


def anatomy() -> dict[str, dict[str, float]]:
    """What our own product spends its time on, see anatomy.py."""
    command = [sys.executable, str(HERE / "anatomy.py")]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--task", nargs="+", choices=[task.name for task in TASKS], metavar="TASK")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--attempts", type=int, default=ATTEMPTS, help="at cells that are noisy")
    parser.add_argument("--out", type=Path, help="default: results.json, when all tasks are run")
    parser.add_argument("--update", action="store_true", help="put those tasks into results.json")
    parser.add_argument("--again", action="store_true", help="forget an interrupted run")
    parser.add_argument("--list", action="store_true", help="name the tasks and end")
    args = parser.parse_args(argv)
    if args.list:
        return print("\n".join(f"{t.name:12} {', '.join(t.workloads)}" for t in TASKS))
    os.environ |= THREADS
    from contestants import MODULES

    who, versions = entries(MODULES)
    settings = {
        "rounds": args.rounds,
        "threads": 1,
        "cores": os.cpu_count(),
        "versions": versions,
        "processor": processor(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    chosen = [task for task in TASKS if not args.task or task.name in args.task]
    old = to_update(args.out or HERE / "results.json", settings) if args.update else None
    cells, before = Cells(KEPT, fingerprint(settings), args.again), load()
    measure(Runner(start, args.rounds, args.attempts), chosen, who, cells)
    out = args.out or (None if args.task and not args.update else HERE / "results.json")
    if out is None:
        return None
    run = {**settings, "date": time.strftime("%Y-%m-%d"), "load": [before, load()]}
    if old:
        run = old["run"]
    wanted = {task.name for task in chosen}
    groups = [group for group in cells.groups.values() if group["task"] in wanted]
    if old:
        groups = updated(old["groups"], groups)
    found = {"run": run, "anatomy": anatomy(), "groups": groups}
    text = json.dumps(_rounded(found), indent=1, ensure_ascii=False)
    out.write_text(text + "\n", encoding="utf-8")
    if args.update or not args.task:
        KEPT.unlink()
    return print(f"written: {out}")


def _rounded(value: Any) -> Any:
    """Floats to six digits: what is beyond is noise, and makes diffs long."""
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\ninterrupted: what is finished is kept, the same command goes on from there")
