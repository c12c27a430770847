"""The long runs: the machinery with a toy, and every script with its short settings."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import pytest

import canon
from secondorder import runs

FOLDER = canon.ROOT / "experiments"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("[!_]*.py"))
MOST_BYTES = 200_000

TOY = '''"""A toy that fails where it is told to."""

import os
import sys
import time

sys.path.insert(0, {folder!r})
import _experiment
import numpy as np

_experiment.KEPT = _experiment.Path({kept!r})
SETTINGS = {{"seed": 0, "n": 3, "slope": 2.0}}


def units(settings):
    return {{f"unit-{{i}}": {{"i": i}} for i in range(settings["n"])}}


def run(*, settings, i):
    with open({log!r}, "a") as log:
        log.write(f"{{i}}\\n")
    if i and os.environ.get("TOY_WAITS"):
        time.sleep(60)
    if os.environ.get("TOY_FAILS") == str(i):
        raise ValueError(f"unit {{i}} was told to fail")
    return {{"y": settings["slope"] * np.arange(3.0) * i / 3, "bad": float("nan")}}


def assemble(settings, results):
    y = {{name: result["y"] for name, result in results.items()}}
    return {{"y": y, "bad": results["unit-0"]["bad"]}}


EXPERIMENT = _experiment.Experiment("toy", SETTINGS, units, run, assemble, short={{"n": 1}})
if __name__ == "__main__":
    raise SystemExit(EXPERIMENT.main())
'''


def script(name: str) -> Any:
    """The module of an experiment."""
    sys.path.insert(0, str(FOLDER))
    try:
        return import_module(name)
    finally:
        sys.path.remove(str(FOLDER))


class Toy:
    """The toy in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.file, self.log, self.out = (folder / name for name in ("toy.py", "log", "out.json"))
        names = {"folder": str(FOLDER), "kept": str(folder / "kept"), "log": str(self.log)}
        self.file.write_text(TOY.format(**names))

    def __call__(self, *flags: str, fails: str = "") -> subprocess.CompletedProcess:
        command = [sys.executable, str(self.file), "--workers=1", *flags]
        environment = os.environ | {"TOY_FAILS": fails}
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)

    def computed(self) -> list[str]:
        return self.log.read_text().split() if self.log.exists() else []


def wait_until(condition: Callable[[], bool], patience: float = 60) -> None:
    """Wait until something is so; fail when it takes too long."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


def test_what_is_stored_can_be_read(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    assert toy(f"--out={toy.out}").returncode == 0
    content = json.loads(toy.out.read_text())
    assert content["settings"] == {"seed": 0, "n": 3, "slope": 2.0}
    assert {"python", "numpy", "secondorder"} <= set(content["versions"])
    assert content["data"]["y"]["unit-1"] == [0, 0.66667, 1.3333]  # five digits
    assert content["data"]["bad"] is None  # JSON has no nan


def test_a_run_goes_on_where_it_failed(toy: Toy) -> None:
    first = toy(f"--out={toy.out}", fails="1")
    assert first.returncode == 1
    assert "1 of 3 units failed" in first.stdout
    assert "unit-1: ValueError: unit 1 was told to fail" in first.stdout
    assert not toy.out.exists()
    assert sorted(toy.computed()) == ["0", "1", "2"]
    assert toy("--list").stdout.split() == ["done", "unit-0", "unit-1", "done", "unit-2"]
    assert toy(f"--out={toy.out}").returncode == 0
    assert sorted(toy.computed()) == ["0", "1", "1", "2"]
    assert toy(f"--out={toy.out}", "--fresh").returncode == 0
    assert len(toy.computed()) == 7


def test_a_killed_run_leaves_no_worker_and_goes_on(toy: Toy) -> None:
    """SIGKILL cannot be caught: the worker sees that its parent is gone."""
    environment = os.environ | {"TOY_WAITS": "1"}
    command = [sys.executable, str(toy.file), "--workers=1", f"--out={toy.out}"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: "1" in toy.computed())  # the first is kept, the second waits
        workers = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        process.kill()
    wait_until(lambda: not any(map(psutil.pid_exists, workers)))
    assert not toy.out.exists()
    assert toy(f"--out={toy.out}").returncode == 0
    assert sorted(toy.computed()) == ["0", "1", "1", "2"]


def test_what_another_version_kept_is_not_used(toy: Toy) -> None:
    toy(f"--out={toy.out}")
    toy.file.write_text(toy.file.read_text().replace('"slope": 2.0', '"slope": 3.0'))
    toy(f"--out={toy.out}")
    assert len(toy.computed()) == 6
    assert json.loads(toy.out.read_text())["data"]["y"]["unit-1"][2] == 2.0


def test_a_short_run_does_not_replace_the_stored_one(toy: Toy) -> None:
    refused = toy("--short")
    assert refused.returncode == 2
    assert "--short needs --out FILE" in refused.stderr
    assert toy("--short", f"--out={toy.out}").returncode == 0
    assert toy.computed() == ["0"]


def test_no_worker_is_refused(toy: Toy) -> None:
    assert "--workers must be at least 1, got 0" in toy("--workers=0").stderr


def test_every_stored_run_has_its_script_and_every_script_its_run() -> None:
    assert runs.names() == SCRIPTS


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_stored_run_was_made_with_these_settings(name: str) -> None:
    file = Path(runs.__file__).parent / f"{name}.json"
    experiment = script(name).EXPERIMENT
    assert experiment.name == name
    assert "seed" in experiment.settings or "seeds" in experiment.settings
    assert runs.load(name).settings == json.loads(json.dumps(experiment.settings))
    assert file.stat().st_size <= MOST_BYTES


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_script_runs_and_stores_the_same_parts(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    command = [sys.executable, str(FOLDER / f"{name}.py"), "--short", "--workers=1", "--out", out]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(json.loads(out.read_text())["data"]) == set(runs.load(name).data)


def test_all_together_take_less_than_an_hour_on_two_cores() -> None:
    """By the processor time that the stored runs took, with a tenth to spare."""
    assert sum(runs.load(name).seconds for name in SCRIPTS) <= 0.9 * 2 * 3600
