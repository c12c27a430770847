"""Edit a notebook as a text file and bring the changes back.

    python tools/edit.py NB                    open it in $EDITOR
    python tools/edit.py NB --to draft.py      write it as text (.py percent or .md MyST)
    python tools/edit.py NB --from draft.py    bring the edited text back; makes a new notebook too

A cell that did not change keeps its id and outputs, wherever it moved; one that changed a little
keeps its id. Tags and other metadata stand in the text. Run tools/canon.py afterwards: changed
cells have no output yet.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from difflib import SequenceMatcher
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from canon import METADATA, canonical, cell_metadata, problems, stable_ids

FORMATS = {".py": "py:percent", ".md": "md:myst"}
SIMILAR = 0.5  # from here on an edited cell counts as the same cell


def to_text(nb: NotebookNode, suffix: str) -> str:
    """The notebook as text, with every cell's metadata."""
    nb.metadata["jupytext"] = {
        "cell_metadata_filter": "all",
        "notebook_metadata_filter": "kernelspec",
    }
    return jupytext.writes(nb, fmt=FORMATS[suffix])


def from_text(text: str, suffix: str, old: NotebookNode | None) -> NotebookNode:
    """The notebook that `text` describes, with ids and outputs of `old` for the same cells."""
    new = jupytext.reads(text, fmt=FORMATS[suffix])
    new.cells = [cell for cell in new.cells if cell.source.strip()]
    old_cells = list(old.cells) if old else []
    for index, partner in _partners(
        [_key(c) for c in old_cells], [_key(c) for c in new.cells]
    ).items():
        cell, source = new.cells[index], old_cells[partner]
        cell["id"] = source.id
        if cell.cell_type == "code" and cell.source.strip() == source.source.strip():
            cell["outputs"], cell["execution_count"] = source.outputs, source.execution_count
    partnered = {cell.id for cell in old_cells}
    for cell in new.cells:
        if cell.get("id") not in partnered:
            cell["id"] = ""  # jupytext's ids are random; `stable_ids` makes one from the text
    for cell, cell_id in zip(new.cells, stable_ids(new.cells), strict=True):
        cell["id"] = cell_id
        cell["metadata"] = nbformat.from_dict(cell_metadata(cell.metadata))
    new["metadata"] = nbformat.from_dict(METADATA)
    new["nbformat"], new["nbformat_minor"] = 4, 5
    return new


def _key(cell: NotebookNode) -> tuple[str, str]:
    return cell.cell_type, cell.source.strip()


def _partners(old: list[tuple[str, str]], new: list[tuple[str, str]]) -> dict[int, int]:
    """The old cell that each new cell continues: equal in place, equal but moved, or similar."""
    found: dict[int, int] = {}
    matcher = SequenceMatcher(a=old, b=new, autojunk=False)
    for block in matcher.get_matching_blocks():
        found |= {block.b + k: block.a + k for k in range(block.size)}

    free = [i for i in range(len(old)) if i not in found.values()]
    for j in [j for j in range(len(new)) if j not in found]:
        if partner := next((i for i in free if old[i] == new[j]), None):
            found[j] = partner
            free.remove(partner)

    for j in [j for j in range(len(new)) if j not in found]:
        kind, source = new[j]
        ratios = {
            i: SequenceMatcher(None, old[i][1], source).ratio() for i in free if old[i][0] == kind
        }
        best = max(ratios, key=ratios.__getitem__, default=None)
        if best is not None and ratios[best] >= SIMILAR:
            found[j] = best
            free.remove(best)
    return found


def bring_back(notebook: Path, draft: Path) -> None:
    """Write the edited draft into the notebook."""
    old = nbformat.read(notebook, as_version=4) if notebook.exists() else None
    new = from_text(draft.read_text(encoding="utf-8"), draft.suffix, old)
    finished = not problems(new)
    text = canonical(new) if finished else nbformat.writes(new).rstrip("\n") + "\n"
    notebook.write_text(text, encoding="utf-8", newline="\n")
    print(
        notebook if finished else f"{notebook}: changed; now run python tools/canon.py {notebook}"
    )


def open_editor(notebook: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        sys.exit("set EDITOR, or use --to and --from")
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder, notebook.stem + ".py")
        before = to_text(nbformat.read(notebook, as_version=4), ".py")
        draft.write_text(before, encoding="utf-8")
        subprocess.run([*shlex.split(editor), str(draft)], check=True)
        if draft.read_text(encoding="utf-8") != before:
            bring_back(notebook, draft)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("notebook", type=Path)
    direction = parser.add_mutually_exclusive_group()
    direction.add_argument("--to", type=Path, metavar="FILE", help="write the notebook as text")
    direction.add_argument(
        "--from", type=Path, metavar="FILE", dest="source", help="bring the text back"
    )
    args = parser.parse_args(argv)
    for draft in (args.to, args.source):
        if draft and draft.suffix not in FORMATS:
            parser.error(f"{draft}: the text is one of {', '.join(FORMATS)}")

    if args.to:
        text = to_text(nbformat.read(args.notebook, as_version=4), args.to.suffix)
        args.to.write_text(text, encoding="utf-8", newline="\n")
    elif args.source:
        bring_back(args.notebook, args.source)
    else:
        open_editor(args.notebook)
    return 0


if __name__ == "__main__":
    sys.exit(main())
