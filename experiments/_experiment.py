"""What every long run does: units of work on all cores, kept one by one, and one small result file.

    python experiments/edge.py                 compute what is missing, and write the stored run
    python experiments/edge.py --workers 1     one process
    python experiments/edge.py --fresh         throw away what an interrupted run has kept
    python experiments/edge.py --short --out x.json     the settings of the test: seconds
    python experiments/edge.py --list          the units of work, and which are done

A finished unit is kept in _build/experiments/NAME: an interrupted run (Ctrl-C, a crash) goes on
where it was. What was kept by other settings, another version of the script or of the
library is not used.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "lib" / "secondorder"
STORED = LIBRARY / "runs"
KEPT = ROOT / "_build" / "experiments"
DIGITS = 5  # significant digits in a file
PACKAGES = ("secondorder", "numpy", "scipy", "autograd")
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

#: Parts of the library that no stored number depends on.
NOT_NUMBERS = {"check", "published", "runs", "plotting.py", "_explore.py"}

Settings = dict[str, Any]


@dataclass(frozen=True)
class Experiment:
    """A long run.

    Attributes
    ----------
    name : str
        Of the script and of the stored run.
    settings : dict
        All that decides the numbers, `seed` included; JSON.
    units : function of the settings
        Returns a dict from a unit's name to the arguments of `run`; JSON.
    run : function, run(settings=…, **arguments)
        Computes one unit in a process of its own. Returns JSON; arrays may be among it.
    assemble : function of the settings and of the dict of results
        Returns the dict that is stored.
    short : dict
        Settings of a run that takes seconds; the others are as in `settings`.
    """

    name: str
    settings: Settings
    units: Callable[[Settings], Mapping[str, Mapping[str, Any]]]
    run: Callable[..., Any]
    assemble: Callable[[Settings, Mapping[str, Any]], Mapping[str, Any]]
    short: Settings = field(default_factory=dict)

    def main(self, arguments: list[str] | None = None) -> int:
        """Do what the command line says; return the status."""
        options = self._options(arguments)
        settings = self.settings | (self.short if options.short else {})
        units = self.units(settings)
        folder = KEPT / self.name / self._fingerprint(settings)
        if options.fresh:
            for file in folder.glob("*.json"):
                file.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        missing = {name: unit for name, unit in units.items() if not _file(folder, name).exists()}
        if options.list:
            for name in units:
                print(f"{'    ' if name in missing else 'done'}  {name}")
            return 0
        try:
            failed = self._compute(settings, missing, folder, len(units), options.workers)
        except KeyboardInterrupt:
            print(f"\nstopped; `python experiments/{self.name}.py` goes on from here")
            return 130
        if failed:
            print(f"{len(failed)} of {len(units)} units failed; the others are kept:")
            print("\n".join(f"  {name}: {error}" for name, error in failed.items()))
            return 1
        self._store(settings, units, folder, options.out)
        return 0

    def _options(self, arguments: list[str] | None) -> argparse.Namespace:
        parser = argparse.ArgumentParser(
            description=sys.modules[self.run.__module__].__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N")
        parser.add_argument("--fresh", action="store_true", help="forget what was kept")
        parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
        parser.add_argument("--list", action="store_true", help="show the units and stop")
        parser.add_argument("--out", type=Path, help="where to write; needed with --short")
        options = parser.parse_args(arguments)
        if options.workers < 1:
            parser.error(f"--workers must be at least 1, got {options.workers}")
        if options.short and not (options.out or options.list):
            parser.error("--short needs --out FILE: it must not replace the stored run")
        options.out = options.out or STORED / f"{self.name}.json"
        return options

    def _fingerprint(self, settings: Settings) -> str:
        """Name what the numbers depend on: settings, the script, the library, the packages."""
        digest = hashlib.sha256(json.dumps([settings, versions()], sort_keys=True).encode())
        script = Path(inspect.getfile(self.run))
        for file in [script, *sorted(LIBRARY.rglob("*.py"))]:
            if file.name not in NOT_NUMBERS and not NOT_NUMBERS & set(file.parts):
                digest.update(file.read_bytes())
        return digest.hexdigest()[:16]

    def _compute(
        self, settings: Settings, missing: Mapping[str, Any], folder: Path, total: int, workers: int
    ) -> dict[str, str]:
        """Compute the missing units and keep each; return those that failed, and why."""
        from tqdm import tqdm

        failed: dict[str, str] = {}
        if not missing:
            return failed
        for name in THREADS:  # read by a worker's BLAS when it starts
            os.environ[name] = "1"
        pool = ProcessPoolExecutor(
            min(workers, len(missing)), get_context("spawn"), initializer=_end_with_parent
        )
        with tqdm(total=total, initial=total - len(missing), desc=self.name, unit="unit") as bar:
            try:
                tasks = {
                    pool.submit(_timed, self.run, settings, dict(unit)): name
                    for name, unit in missing.items()
                }
                for task in as_completed(tasks):
                    name = tasks[task]
                    if error := task.exception():
                        failed[name] = f"{type(error).__name__}: {error}"
                    else:
                        _write(_file(folder, name), task.result())
                    bar.set_postfix_str(name)
                    bar.update()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        return failed

    def _store(self, settings: Settings, units: Mapping[str, Any], folder: Path, out: Path) -> None:
        kept = {name: json.loads(_file(folder, name).read_text()) for name in units}
        results = {name: unit["result"] for name, unit in kept.items()}
        content = {
            "name": self.name,
            "made": datetime.now(UTC).date().isoformat(),
            "seconds": round(sum(unit["seconds"] for unit in kept.values()), 1),
            "settings": settings,
            "versions": versions(),
            "data": rounded(self.assemble(settings, results)),
        }
        _write(out, content, indent=1)
        print(
            f"{out.name}: {out.stat().st_size / 1000:.0f} kB, {content['seconds']:.0f} CPU seconds"
        )


def versions() -> dict[str, str]:
    """Return the versions that the numbers come from."""
    return {"python": platform.python_version()} | {
        name: metadata.version(name) for name in PACKAGES
    }


def rounded(value: Any) -> Any:
    """Return JSON: arrays as lists, floats with few digits, null for what is not finite."""
    if isinstance(value, Mapping):
        return {str(key): rounded(part) for key, part in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [rounded(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


def _end_with_parent() -> None:
    """Have this worker end when the script is killed; by itself it would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def _timed(run: Callable[..., Any], settings: Settings, unit: dict[str, Any]) -> dict[str, Any]:
    start = time.process_time()
    result = run(settings=settings, **unit)
    return {"seconds": time.process_time() - start, "result": _plain(result)}


def _plain(value: Any) -> Any:
    """Return JSON with all digits."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _write(path: Path, content: Any, indent: int | None = None) -> None:
    """Write a file whole or not at all."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    text = json.dumps(content, ensure_ascii=False)
    if indent:  # one line a key of the data: a change can be read in a diff
        parts = [
            f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}"
            for key, value in content["data"].items()
        ]
        head = {key: value for key, value in content.items() if key != "data"}
        text = json.dumps(head, ensure_ascii=False, indent=indent)
        text = text[:-2] + ',\n "data": {\n' + ",\n".join(parts) + "\n }\n}\n"
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)
