"""Chapter 15: the engines agree, and no process outlives them."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from secrets import token_hex
from typing import Any

import nbformat
import numpy as np
import psutil
import pytest
from nbclient import NotebookClient

import canon
from secondorder import hessian_operator, mlp
from secondorder.data import digits
from secondorder.losses import cross_entropy

CHAPTER = canon.ROOT / "chapters" / "15_scale.ipynb"
TRACKER = "resource_tracker"  # Python's own helper: it lives as long as the process that spawns


@pytest.fixture(scope="module")
def script() -> Any:
    """The module of the experiment."""
    sys.path.insert(0, str(canon.ROOT / "experiments"))
    try:
        return import_module("scale")
    finally:
        sys.path.pop(0)


def children() -> list[str]:
    """Command lines of the processes that this one started and that are not gone."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            line = " ".join(child.cmdline())
            if child.status() != psutil.STATUS_ZOMBIE and TRACKER not in line:
                found.append(line)
        except psutil.NoSuchProcess:
            continue
    return found


def gone(before: list[str]) -> bool:
    """Wait a little for the last process to leave."""
    for _ in range(100):
        if len(children()) <= len(before):
            return True
        time.sleep(0.1)
    return False


def product(map: Any = map, shards: int = 4) -> Any:
    """H v from unequal shards of the digits."""
    data, network = digits(), mlp([64, 8, 10])
    f = network.objective(cross_entropy, data.X, data.y)
    x = network.start(np.random.default_rng(0))
    v = np.random.default_rng(1).normal(size=network.dim)
    cuts = np.cumsum([17, 100, 680, 1000][:shards])[:-1]
    parts = zip(np.split(data.X, cuts), np.split(data.y, cuts), strict=True)
    return hessian_operator(f, x, batches=list(parts), map=map) @ v


@pytest.fixture
def busy_port() -> Iterator[None]:
    """Take the port of Dask's dashboard, if nobody has it: another cluster may run."""
    with socket.socket() as taken:
        with suppress(OSError):
            taken.bind(("", 8787))
            taken.listen()
        yield


@pytest.mark.usefixtures("busy_port")
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["process pool", "Dask"])
def test_engines_agree_and_leave_nobody_behind(
    script: Any, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = children()
    with script.engine(name, 2) as map:
        got = product(map)
    assert np.allclose(got, product(), rtol=0, atol=1e-14 * np.abs(got).max() * got.size)
    assert gone(before), children()
    assert capfd.readouterr().err == ""


def test_every_task_of_a_round_is_carried_out(script: Any) -> None:
    """Dask would look up what it has just done, and the round would be measured as free."""
    with script.engine("Dask", 1) as map:
        answers = [answer for _ in range(3) for answer in map(token_hex, [8, 8])]
    assert len(set(answers)) == 6


def test_the_same_code_attaches_to_a_cluster_by_its_address(
    script: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    from distributed import Client

    before = children()
    with script.by_command(2) as address:
        assert address.startswith("tcp://127.0.0.1:")
        with Client(address) as client:
            client.wait_for_workers(2, timeout=60)
            got = product(client.get_executor().map)
            assert len(client.scheduler_info()["workers"]) == 2
    assert np.allclose(got, product(), rtol=0, atol=1e-14 * np.abs(got).max() * got.size)
    assert gone(before), children()
    assert capfd.readouterr().err == ""


def test_no_worker_outlives_an_error(script: Any) -> None:
    before = children()
    with pytest.raises(ZeroDivisionError), script.by_command(1):
        raise ZeroDivisionError
    assert gone(before), children()


def test_a_scheduler_that_dies_is_reported(script: Any, tmp_path: Any) -> None:
    dead = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    dead.wait()
    with pytest.raises(RuntimeError, match="status 3"):
        script._address(tmp_path / "none.json", dead)


def test_the_chapter_leaves_no_process_and_works_without_any() -> None:
    notebook = nbformat.read(CHAPTER, as_version=4)
    tagged = [c for c in notebook.cells if "needs-processes" in c.metadata.get("tags", [])]
    assert len(tagged) == 2
    count = f"""
import psutil
[" ".join(c.cmdline()) for c in psutil.Process().children(recursive=True)
 if c.status() != psutil.STATUS_ZOMBIE and {TRACKER!r} not in " ".join(c.cmdline())]
"""
    live = [c for c in notebook.cells if c.cell_type == "code" and "explore(" not in c.source]
    alone = [cell for cell in live if cell not in tagged]
    for cells in ([*live, nbformat.v4.new_code_cell(count)], alone):
        copy = nbformat.v4.new_notebook(cells=[dict(cell) for cell in cells])
        copy = nbformat.from_dict(copy)
        NotebookClient(
            copy, kernel_name="python3", resources={"metadata": {"path": str(CHAPTER.parent)}}
        ).execute()
        texts = [o for cell in copy.cells for o in cell.get("outputs", [])]
        assert not [o for o in texts if o.get("name") == "stderr"]
        if cells is not alone:
            assert copy.cells[-1].outputs[0].data["text/plain"] == "[]"
