"""What a product with the Hessian costs in one process, in a pool of processes, and in Dask.

Rounds of tasks that do nothing, vectors that travel there and back, products on one core, products
on two to four workers, and a cluster that is started by command line and joined by its address.
Nothing else should run beside it: the units come one after the other, in a few passes, and each
waits a while for a quiet machine. Of each pass the best and the median round are taken; kept are
the best of all and the median of medians.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from _experiment import THREADS, Experiment

from secondorder import hessian_operator, mlp
from secondorder.data import digits
from secondorder.losses import cross_entropy

SETTINGS = {
    "seed": 0,
    "sizes": [64, 128, 128, 10],
    "engines": ["one process", "process pool", "Dask"],
    "tasks": [1, 2, 4, 8, 16, 64, 128],
    "floats": [1_000, 10_000, 26_122, 100_000, 300_000],
    "rows": [64, 256, 1_024, 2_048, 4_096, 8_192, 16_384],
    "workers": [1, 2, 4],
    "strong": 8_192,
    "weak": 2_048,
    "small": [64, 32, 10],
    "unequal": [900, 400, 200, 100, 80, 60, 40, 17],
    "passes": 5,
    "rounds": 4,
    "patience": 0.2,
    "wait": 100,
}
SHORT = {
    "tasks": [1, 4],
    "floats": [1_000, 26_122],
    "rows": [64, 256],
    "workers": [1, 2],
    "strong": 512,
    "weak": 256,
    "passes": 1,
    "rounds": 2,
    "patience": 0.0,
    "wait": 0,
}

Map = Callable[..., Any]
ADDRESS = "by address"


# ---- engines


@contextmanager
def engine(name: str, workers: int) -> Iterator[Map]:
    """Yield the map of an engine; no process of it is left afterwards."""
    if name == "one process":
        yield map
    elif name == "process pool":
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            yield pool.map
    else:
        from distributed import Client, LocalCluster

        quiet = {"dashboard_address": ":0", "silence_logs": logging.CRITICAL}
        with (
            LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, **quiet) as local,
            Client(local) as client,
        ):
            # Impure: or Dask looks a task up that it has just done, and the round takes no time.
            yield client.get_executor(pure=False).map


@contextmanager
def by_command(workers: int) -> Iterator[str]:
    """Start a scheduler and workers as on a cluster, on this machine; yield the address."""
    dask = [sys.executable, "-m", "dask"]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started: list[subprocess.Popen] = []
    with tempfile.TemporaryDirectory() as folder:
        card = Path(folder) / "scheduler.json"
        try:
            local = ["--host", "127.0.0.1"]
            schedule = ["scheduler", *local, "--port", "0", "--no-dashboard", "--no-show"]
            schedule += ["--scheduler-file", str(card)]
            started.append(subprocess.Popen([*dask, *schedule], **silent))
            address = _address(card, started[0])
            work = ["worker", address, *local, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
            work += ["--local-directory", folder]
            started += [subprocess.Popen([*dask, *work], **silent) for _ in range(workers)]
            yield address
        finally:
            for process in reversed(started):
                process.terminate()
            for process in started:
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _address(card: Path, scheduler: subprocess.Popen, seconds: float = 60.0) -> str:
    """Wait for the card that a scheduler writes, and return the address on it."""
    for _ in range(int(seconds / 0.1)):
        if scheduler.poll() is not None:
            raise RuntimeError(f"dask scheduler ended at once, with status {scheduler.returncode}")
        try:
            return json.loads(card.read_text())["address"]
        except (FileNotFoundError, json.JSONDecodeError):
            time.sleep(0.1)
    raise TimeoutError(f"dask scheduler gave no address within {seconds:g} s")


# ---- work


def problem(settings: dict[str, Any], rows: int) -> tuple[Any, Any, Any, tuple[Any, Any]]:
    """Return loss, point, direction, and so many rows: the digits, again and again with noise."""
    rng = np.random.default_rng(settings["seed"])
    data, network = digits(), mlp(settings["sizes"])
    picked = np.arange(rows) % len(data.X)
    X = data.X[picked] + 0.1 * rng.normal(size=(rows, data.X.shape[1]))
    y = data.y[picked]
    f = network.objective(cross_entropy, X, y)
    return f, network.start(rng), rng.normal(size=network.dim), (X, y)


def cut(data: tuple[Any, Any], sizes: list[int]) -> list[tuple[Any, Any]]:
    """Return the rows in shards of these sizes."""
    ends = np.cumsum(sizes)
    return [
        tuple(part[end - size : end] for part in data)
        for size, end in zip(sizes, ends, strict=True)
    ]


def even(rows: int, shards: int) -> list[int]:
    """Return sizes of shards, as equal as they can be."""
    return [rows // shards + (k < rows % shards) for k in range(shards)]


def seconds(work: Callable[[], Any], settings: dict[str, Any], warm: int) -> list[float]:
    """Return the best and the median time of many rounds, after some that do not count."""
    for _ in range(warm):
        work()
    found: list[float] = []
    while len(found) < settings["rounds"] or (
        sum(found) < settings["patience"] and len(found) < 20 * settings["rounds"]
    ):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return [min(found), float(np.median(found))]


def product(settings: dict[str, Any], map: Map, rows: int, shards: int, warm: int) -> list[float]:
    """Return the seconds of one H v on so many rows, each round with the point kept."""
    _, x, v, data = problem(settings, rows)
    few = mlp(settings["sizes"]).objective(cross_entropy, data[0][:1], data[1][:1])
    H = hessian_operator(few, x, batches=cut(data, even(rows, shards)), map=map)
    return seconds(lambda: H @ v, settings, warm)


# ---- units


def units(settings: dict[str, Any]) -> dict[str, dict[str, Any]]:
    several = settings["engines"][1:]
    measured = [("overhead", name) for name in settings["engines"]]
    measured += [("rows", name) for name in settings["engines"]]
    measured += [("scaling", name) for name in several]
    found = {
        f"{what} {name} {k}": {"what": what, "name": name}
        for k in range(settings["passes"])
        for what, name in measured
    }
    return found | {
        f"agreement {name}": {"what": "agreement", "name": name} for name in [*several, ADDRESS]
    }


def run(*, settings: dict[str, Any], what: str, name: str) -> Any:
    for variable in THREADS:  # the workers are to take one core each
        os.environ[variable] = "1"
    for _ in range(settings["wait"]):
        if psutil.cpu_percent(1.0) < 8:  # per cent of all cores, over a second
            break
    return {"overhead": overhead, "rows": growing, "scaling": scaling, "agreement": agreement}[
        what
    ](settings, name)


def overhead(settings: dict[str, Any], name: str) -> dict[str, Any]:
    """Rounds of tasks that do nothing, and of vectors that come back with the other sign."""
    with engine(name, 2) as map:
        list(map(time.sleep, 8 * [0.2]))  # until both workers are there
        nothing = [
            seconds(lambda n=n: list(map(abs, range(n))), settings, 3) for n in settings["tasks"]
        ]
        vectors = [np.zeros(n) for n in settings["floats"]]
        moved = [seconds(lambda v=v: list(map(np.negative, [v, v])), settings, 3) for v in vectors]
    return {"nothing": nothing, "moved": moved}


def growing(settings: dict[str, Any], name: str) -> list[list[float]]:
    """H v on more and more rows: whole in one process, in two shards elsewhere."""
    with engine(name, 2) as map:
        shards = 1 if name == "one process" else 2
        return [product(settings, map, rows, shards, 8) for rows in settings["rows"]]


def scaling(settings: dict[str, Any], name: str) -> dict[str, Any]:
    """H v on more and more workers, one shard each: of the same rows, and of rows that grow."""
    found: dict[str, Any] = {"strong": [], "weak": []}
    for workers in settings["workers"]:
        with engine(name, workers) as map:
            for key, rows in (("strong", settings["strong"]), ("weak", workers * settings["weak"])):
                # One shard would not go through map at all: two halves do on one worker as well.
                shards = max(workers, 2)
                found[key].append(product(settings, map, rows, shards, 4 * workers))
    return found


def agreement(settings: dict[str, Any], name: str) -> list[float]:
    """How far H v from unequal shards is from the whole, relative to its size; and that size.

    The problem is that of the chapter: all digits, on a small network.
    """
    rng = np.random.default_rng(settings["seed"])
    data, network = digits(), mlp(settings["small"])
    f = network.objective(cross_entropy, data.X, data.y)
    x = network.start(rng)
    v = rng.normal(size=network.dim)
    whole, shards = hessian_operator(f, x) @ v, cut((data.X, data.y), settings["unequal"])
    if name == ADDRESS:
        from distributed import Client

        with by_command(2) as address, Client(address) as client:
            client.wait_for_workers(2, timeout=60)
            got = hessian_operator(f, x, batches=shards, map=client.get_executor().map) @ v
    else:
        with engine(name, 2) as map:
            got = hessian_operator(f, x, batches=shards, map=map) @ v
    size = float(np.linalg.norm(whole))
    return [float(np.linalg.norm(got - whole)) / size, size]


def assemble(settings: dict[str, Any], results: dict[str, Any]) -> dict[str, Any]:
    names = settings["engines"]
    several = names[1:]

    def passes(what: str, name: str, *path: str) -> Any:
        found = []
        for k in range(settings["passes"]):
            part = results[f"{what} {name} {k}"]
            for key in path:
                part = part[key]
            found.append(part)
        times = np.array(found)  # (passes, cases, best and median)
        return np.stack([times[..., 0].min(axis=0), np.median(times[..., 1], axis=0)], axis=-1)

    return {
        "nothing": {name: passes("overhead", name, "nothing") for name in names},
        "moved": {name: passes("overhead", name, "moved") for name in names},
        "rows": {name: passes("rows", name) for name in names},
        "strong": {name: passes("scaling", name, "strong") for name in several},
        "weak": {name: passes("scaling", name, "weak") for name in several},
        "agreement": {name: results[f"agreement {name}"][0] for name in [*several, ADDRESS]},
        "size": results[f"agreement {ADDRESS}"][1],
        "cores": os.cpu_count(),
    }


EXPERIMENT = Experiment("scale", SETTINGS, units, run, assemble, short=SHORT)
if __name__ == "__main__":
    # Units that ran side by side would measure each other.
    raise SystemExit(EXPERIMENT.main(["--workers", "1", *sys.argv[1:]]))
