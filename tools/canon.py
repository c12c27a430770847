"""Run notebooks and write them in the one form in which they are committed.

    python tools/canon.py                            run and rewrite every notebook
    python tools/canon.py chapters/01_slope.ipynb    the same for one
    python tools/canon.py --no-run NB                rewrite only: outputs stay as they are
    python tools/canon.py --check --no-run           change nothing, fail on what is not canonical
    python tools/canon.py --check NB                 the same, but compare with a fresh run

Canonical means: text outputs kept; no images and no widgets (nbval does not compare them, the book
draws them afresh); counts 1..n; stable cell ids; no trace of the machine. A second run changes
nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("chapters", "reference")
CELL_TIMEOUT = 120  # seconds

#: What nbval skips when it compares. Anything else that is dropped here would fail there.
NOT_COMPARED = {"image/png", "image/jpeg", "application/vnd.jupyter.widget-view+json"}
#: What a committed output may hold.
KEPT = {"text/plain", "text/html", "text/latex", "text/markdown"}
CELL_METADATA = {"tags", "mystnb", "name"}
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
#: The tag of a cell that shows many digits on purpose.
EXACT_DIGITS = "exact-digits"

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}|ipykernel_\d+")
_RAW_FLOAT = re.compile(r"np\.float\d+\(")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_DECIMAL = re.compile(r"\d+\.\d+")
_BLAS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def notebooks() -> list[Path]:
    """Every committed notebook of the book."""
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).glob("*.ipynb"))


def steady_environment() -> None:
    """Make runs repeatable: one BLAS thread, fixed hashes, our own kernel, a warm font cache."""
    for name in _BLAS:
        os.environ[name] = "1"
    os.environ["PYTHONHASHSEED"] = "0"
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    # Nothing from the user's own IPython profile, and no word from the kernel on its transport.
    profile = ROOT / "_build" / "ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    config = {"IPKernelApp": {"log_level": "ERROR"}}
    (profile / "ipython_kernel_config.json").write_text(json.dumps(config))
    os.environ["IPYTHONDIR"] = str(profile.parent)
    import matplotlib.font_manager  # noqa: F401  (builds its cache once, here, instead of in a chapter)


def execute(path: Path, nb: NotebookNode) -> None:
    """Run every cell of `nb` in a new kernel, in the notebook's folder."""
    from nbclient import NotebookClient

    client = NotebookClient(
        nb,
        kernel_name="python3",
        timeout=CELL_TIMEOUT,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()


# ---- canonical form


def canonical(nb: NotebookNode) -> str:
    """The text of the canonical file."""
    cells = []
    count = 0
    for cell, cell_id in zip(nb.cells, stable_ids(nb.cells), strict=True):
        source = cell.source.rstrip()
        if not source:
            continue
        new = {
            "id": cell_id,
            "cell_type": cell.cell_type,
            "metadata": cell_metadata(cell.metadata),
            "source": source,
        }
        if cell.cell_type == "code":
            count += 1
            new["execution_count"] = count
            new["outputs"] = _outputs(cell.get("outputs", []), count)
        cells.append(new)
    clean = nbformat.from_dict(
        {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    )
    nbformat.validate(clean)
    return nbformat.writes(clean).rstrip("\n") + "\n"


def stable_ids(cells: Iterable[NotebookNode]) -> list[str]:
    """One id a cell. A valid id seen for the first time stays; others are made from the text."""
    ids: list[str] = []
    for cell in cells:
        cell_id = str(cell.get("id", ""))
        repeat = 0
        while not _ID.fullmatch(cell_id) or cell_id in ids:
            seed = f"{cell.cell_type}\n{cell.source.rstrip()}\n{repeat}"
            cell_id = hashlib.sha256(seed.encode()).hexdigest()[:8]
            repeat += 1
        ids.append(cell_id)
    return ids


def cell_metadata(metadata: NotebookNode) -> dict:
    """What is kept of a cell's metadata."""
    kept = {key: value for key, value in metadata.items() if key in CELL_METADATA and value}
    if metadata.get("jupyter", {}).get("source_hidden"):
        kept["jupyter"] = {"source_hidden": True}
    return kept


def _outputs(outputs: list[NotebookNode], count: int) -> list[dict]:
    """The outputs as committed: neighbouring stream pieces joined, what is not compared dropped."""
    kept: list[dict] = []
    for output in outputs:
        new: dict = {"output_type": output.output_type}
        if output.output_type == "stream":
            if kept and kept[-1].get("name") == output.name:
                kept[-1]["text"] += output.text
                continue
            new |= {"name": output.name, "text": output.text}
        elif output.output_type == "error":
            new |= {"ename": output.ename, "evalue": output.evalue, "traceback": []}
        else:
            data = {mime: value for mime, value in output.data.items() if mime not in NOT_COMPARED}
            if not data:
                continue
            new |= {"data": data, "metadata": {}}
            if output.output_type == "execute_result":
                new["execution_count"] = count
        kept.append(new)
    return kept


# ---- problems


def problems(nb: NotebookNode) -> list[str]:
    """What no rewriting can mend, one line each."""
    found = []
    for number, cell in enumerate(nb.cells):
        where = f"cell {number} ({_first_line(cell)})"
        if cell.get("attachments"):
            found.append(f"{where} has an attached image")
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if cell.execution_count is None:
            found.append(f"{where} was never run")
        for output in cell.outputs:
            found += [f"{where} {what}" for what in _output_problems(output, cell)]
    return found


def _output_problems(output: NotebookNode, cell: NotebookNode) -> list[str]:
    if output.output_type == "error":
        return [f"raises {output.ename}: {output.evalue}"]
    if output.output_type == "stream":
        if output.name != "stdout":
            return [f"writes to {output.name}: {output.text.strip()[:300]!r}"]
        texts = [output.text]
    else:
        mimes = set(output.data) - NOT_COMPARED
        if mimes - KEPT:
            names = ", ".join(sorted(mimes - KEPT))
            return [f"shows {names}: nbval would compare it; show PNG or text"]
        texts = [str(output.data[mime]) for mime in sorted(mimes)]
    found = []
    for text in texts:
        if match := _ADDRESS.search(text):
            found.append(f"prints {match[0]!r}, new on every run; end the line with `_ =`?")
        if match := _RAW_FLOAT.search(text):
            found.append(f"prints a raw numpy float ({match[0]}…); format it")
        long = [d for d in _DECIMAL.findall(text) if len(d.replace(".", "").lstrip("0")) > 8]
        if long and EXACT_DIGITS not in cell.metadata.get("tags", []):
            found.append(
                f"prints {long[0]}: more digits than survive another machine "
                f"(at most 8; tag the cell {EXACT_DIGITS!r} if they are exact)"
            )
    return found


def _first_line(cell: NotebookNode) -> str:
    first = cell.source.strip().splitlines()[0] if cell.source.strip() else "empty"
    return first if len(first) <= 50 else first[:49] + "…"


def _first_difference(old: str, new: str) -> str:
    pairs = zip(old.splitlines(), new.splitlines(), strict=False)
    for number, (a, b) in enumerate(pairs, start=1):
        if a != b:
            return f"line {number} is {a.strip()[:80]!r}, canonical is {b.strip()[:80]!r}"
    return "the files end differently"


def canonicalise(path: Path, *, run: bool = True, check: bool = False) -> list[str]:
    """Bring a notebook into canonical form; with `check` change nothing. Returns what is wrong."""
    old = path.read_text(encoding="utf-8")
    try:
        nb = nbformat.reads(old, as_version=4)
    except Exception as error:
        return [f"is not a notebook: {error}"]
    if run:
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

        try:
            execute(path, nb)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            return [_COLOUR.sub("", str(error))]
    wrong = problems(nb)
    if wrong:
        return wrong
    new = canonical(nb)
    if check:
        return [] if new == old else [f"is not canonical: {_first_difference(old, new)}"]
    if new != old:
        path.write_text(new, encoding="utf-8", newline="\n")
    return []


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument(
        "notebook", nargs="*", type=Path, help="default: every notebook of the book"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit 1 if not canonical"
    )
    parser.add_argument("--no-run", action="store_true", help="do not run: only the form")
    args = parser.parse_args(argv)

    if not args.no_run:
        steady_environment()
    failed = []
    for given in args.notebook or notebooks():
        path = given.resolve()
        name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        start = time.perf_counter()
        wrong = canonicalise(path, run=not args.no_run, check=args.check)
        if not args.no_run:
            print(f"{name}: {time.perf_counter() - start:.1f} s", flush=True)
        for line in wrong:
            print(f"{name}: {line}", file=sys.stderr)
        failed += [str(name)] if wrong else []
    if failed and args.check:
        print(f"to fix: python tools/canon.py {' '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
