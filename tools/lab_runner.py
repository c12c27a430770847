"""Run notebooks as a reader does: new environment, real JupyterLab server, REST and websocket.

    python tools/lab_runner.py [NB…]

The environment holds requirements.txt and nothing else. It is kept in _build/reader and made anew
when requirements.txt or constraints.txt change. Every text output must be the committed one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import websocket
from nbformat import NotebookNode

from canon import CELL_TIMEOUT, ROOT, canonical, notebooks, problems, steady_environment

READER = ROOT / "_build" / "reader"
START_TIMEOUT = 60  # seconds


def reader_environment() -> Path:
    """The Python of an environment that holds what a reader installs."""
    pins = b"".join(
        (ROOT / name).read_bytes()
        for name in ("requirements.txt", "constraints.txt", "pyproject.toml")
    )
    wanted = hashlib.sha256(sys.version.encode() + pins).hexdigest()
    stamp, python = READER / "installed.sha256", READER / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(READER, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", READER], check=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "-q"]
        subprocess.run([*pip, "install", "-r", "requirements.txt"], cwd=ROOT, check=True)
        stamp.write_text(wanted)
    # The first import of pyplot builds the font cache; a chapter must not be the one to do it.
    subprocess.run([python, "-c", "import matplotlib.pyplot"], check=True)
    return python


def megabytes(folder: Path) -> float:
    """What a folder holds, in MB of 10⁶ bytes."""
    return sum(f.lstat().st_size for f in folder.rglob("*") if not f.is_dir()) / 1e6


class Lab:
    """A running JupyterLab server."""

    def __init__(self, port: int, token: str) -> None:
        self.base = f"127.0.0.1:{port}"
        self.token = token

    def rest(self, method: str, path: str, body: object = None) -> bytes:
        request = urllib.request.Request(
            f"http://{self.base}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=START_TIMEOUT) as answer:
            return answer.read()

    def run(self, path: Path) -> NotebookNode:
        """Open a notebook, run all its cells in a new session, return it with its new outputs."""
        name = path.relative_to(ROOT).as_posix()
        nb = nbformat.from_dict(json.loads(self.rest("GET", f"api/contents/{name}"))["content"])
        session = {
            "path": name,
            "name": path.name,
            "type": "notebook",
            "kernel": {"name": "python3"},
        }
        started = json.loads(self.rest("POST", "api/sessions", session))
        try:
            url = f"ws://{self.base}/api/kernels/{started['kernel']['id']}/channels?session_id={started['id']}"
            headers = [f"Authorization: token {self.token}"]
            channel = websocket.create_connection(url, timeout=CELL_TIMEOUT, header=headers)
            with closing(channel):
                for cell in nb.cells:
                    if cell.cell_type == "code":
                        cell.outputs, cell.execution_count = execute(channel, cell.source)
        finally:
            self.rest("DELETE", f"api/sessions/{started['id']}")
        return nb


def execute(channel: websocket.WebSocket, source: str) -> tuple[list[NotebookNode], int]:
    """Run one cell over the kernel's websocket; return its outputs and its count."""
    message_id = uuid.uuid4().hex
    header = {
        "msg_id": message_id,
        "msg_type": "execute_request",
        "version": "5.3",
        "username": "",
        "session": "",
    }
    content = {
        "code": source,
        "silent": False,
        "store_history": True,
        "allow_stdin": False,
        "stop_on_error": True,
    }
    request = {
        "channel": "shell",
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": content,
    }
    channel.send(json.dumps(request))

    outputs: list[NotebookNode] = []
    count = None
    idle = False
    while not (idle and count is not None):
        raw = channel.recv()
        if not isinstance(raw, str):
            continue  # binary: a widget's buffers
        message = json.loads(raw)
        if message["parent_header"].get("msg_id") != message_id:
            continue
        kind = message["header"]["msg_type"]
        if kind in {"stream", "display_data", "execute_result", "error"}:
            outputs.append(nbformat.v4.output_from_msg(message))
        elif kind == "status":
            idle = message["content"]["execution_state"] == "idle"
        elif kind == "execute_reply":
            count = message["content"]["execution_count"]
    return outputs, count


@contextmanager
def lab(python: Path) -> Iterator[Lab]:
    """A JupyterLab server of that Python on a free port, with no configuration of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    with TemporaryDirectory() as home:
        environment = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("JUPYTER", "PYTHON", "IPYTHON"))
        }
        environment |= {
            "JUPYTER_PREFER_ENV_PATH": "1",
            "JUPYTER_TOKEN": token,
            "PYTHONHASHSEED": "0",
        }
        environment |= {
            f"JUPYTER_{name}_DIR": f"{home}/{name}" for name in ("CONFIG", "DATA", "RUNTIME")
        }
        environment["IPYTHONDIR"] = f"{home}/ipython"
        options = ["--no-browser", "--allow-root", f"--port={port}", "--ServerApp.port_retries=0"]
        with open(f"{home}/log", "w+") as log:
            command = [str(python), "-m", "jupyterlab", *options, f"--ServerApp.root_dir={ROOT}"]
            server = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            try:
                running = Lab(port, token)
                if not wait_for(running, server):
                    raise RuntimeError(f"jupyter lab did not start:\n{Path(log.name).read_text()}")
                yield running
            finally:
                server.terminate()
                server.wait(timeout=START_TIMEOUT)


def wait_for(running: Lab, server: subprocess.Popen) -> bool:
    """Whether the server answers in time."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and server.poll() is None:
        try:
            running.rest("GET", "api/status")
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
        else:
            return True
    return False


def differences(path: Path, ran: NotebookNode) -> list[str]:
    """What is not as committed, one line each."""
    if wrong := problems(ran):
        return wrong
    committed = nbformat.read(path, as_version=4)
    fresh = nbformat.reads(canonical(ran), as_version=4)
    return [
        f"cell {number}: {new.outputs} is not the committed {old.outputs}"
        for number, (old, new) in enumerate(zip(committed.cells, fresh.cells, strict=True))
        if old.get("outputs") != new.get("outputs")
    ]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument(
        "notebook", nargs="*", type=Path, help="default: every notebook of the book"
    )
    args = parser.parse_args(argv)
    steady_environment()
    python = reader_environment()
    print(f"a reader's environment: {megabytes(READER):.0f} MB")
    failed = False
    with lab(python) as running:
        for given in args.notebook or notebooks():
            path = given.resolve()
            start = time.perf_counter()
            wrong = differences(path, running.run(path))
            print(f"{path.relative_to(ROOT)}: {time.perf_counter() - start:.1f} s", flush=True)
            for line in wrong:
                print(f"{path.relative_to(ROOT)}: {line}", file=sys.stderr)
            failed = failed or bool(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
