"""Files that are there whole or not at all, and names that every file system takes."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PART = ".part-"  # what is being written has this prefix; anything of that name is from a crash
CHUNK = 2**20
LONGEST_NAME = 150  # bytes; file systems take 255, and we add numbers and prefixes

_RESERVED = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{n}" for port in ("com", "lpt") for n in "123456789"),
}


@contextmanager
def whole(path: Path, *, private: bool = False) -> Iterator[IO[bytes]]:
    """Open a binary file beside `path`; put it in its place only when the block ends well.

    Raises OSError as the system does, after removing the unfinished file.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=PART)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if not private:  # mkstemp makes files for the owner alone
            os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """Write `content` to `path`, whole or not at all."""
    with whole(path, private=private) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def new_folder(parent: Path) -> Path:
    """Make an unfinished folder in `parent`; `os.rename` it when all is in it."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=PART))
    folder.chmod(0o777 & ~_umask())
    return folder


def sweep(folder: Path, *patterns: str) -> None:
    """Remove what a crash left unfinished. Only under the lock of the course."""
    for pattern in patterns:
        for path in folder.glob(f"{pattern}{PART}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def remove_empty(folder: Path) -> None:
    """Remove a folder that holds nothing."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def sha256(path: Path) -> str:
    """Return the checksum of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def safe_name(name: str) -> str:
    """Return one file name that Linux, macOS and Windows take, as near to `name` as can be.

    >>> safe_name("my: work?.ipynb"), safe_name(".."), safe_name("nul.txt")
    ('my_ work_.ipynb', '_', '_nul.txt')
    """
    name = unicodedata.normalize("NFC", name)
    name = "".join("_" if unicodedata.category(c) in ("Cc", "Cs") else c for c in name)
    name = re.sub(r'[<>:"|?*\\/]', "_", name).strip(" ").rstrip(". ").lstrip(".") or "_"
    if name.split(".")[0].casefold() in _RESERVED:
        name = f"_{name}"
    if len(name.encode()) > LONGEST_NAME:
        suffix = Path(name).suffix
        suffix = suffix if len(suffix.encode()) <= 20 else ""
        room = LONGEST_NAME - len(suffix.encode())
        name = name.encode()[:room].decode(errors="ignore") + suffix
    return name


def unique_name(name: str, taken: set[str]) -> str:
    """Return `name`, or `name-2` … where it is taken; add it to `taken`.

    Names that differ only by case or by the way an accent is written are one on some systems.
    """
    stem, suffix = os.path.splitext(name)
    number, free = 1, name
    while (key := unicodedata.normalize("NFC", free).casefold()) in taken:
        number += 1
        free = f"{stem}-{number}{suffix}"
    taken.add(key)
    return free


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
