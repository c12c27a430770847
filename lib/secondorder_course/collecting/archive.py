"""What comes in: a zip, a folder or one notebook. Kept as it came, read without trusting it."""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .._files import CHUNK, sha256, whole
from ..errors import CourseError

MAX_MEMBERS = 50_000
MAX_FILE_BYTES = 100 * 2**20
MAX_SENDER_BYTES = 250 * 2**20  # of one student in one zip: nobody can use up the space of others
MAX_TOTAL_BYTES = 20 * 2**30
_BOMB = 200  # unpacked to packed: no picture and no text that people write packs so well

_SYSTEM = re.compile(
    r"(?i)(.*/)?(__MACOSX/.*|\.DS_Store|\._[^/]*|Thumbs\.db|desktop\.ini|\.git/.*|__pycache__/.*)"
)
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, RuntimeError, ValueError, IndexError),
)
_NOT_ZIP = (
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"<", "a web page: the download did not work, perhaps you were logged out"),
    (b"%PDF", "a PDF"),
)


class Refused(Exception):
    """Why one file of an archive is not taken out. It stays in the archive, in the inbox."""


@dataclass(frozen=True)
class Member:
    """One entry of an archive.

    Attributes
    ----------
    names : tuple of str
        Its path with `/`; where the zip does not say how it is encoded, other readings follow.
    refused, ignored : str
        Why it is not taken out, or empty.
    """

    info: zipfile.ZipInfo
    names: tuple[str, ...]
    refused: str = ""
    ignored: str = ""

    @property
    def name(self) -> str:
        """The likeliest reading of its path."""
        return self.names[0]


@dataclass(frozen=True)
class Kept:
    """An archive in the inbox."""

    path: Path
    sha256: str
    name: str  # what it was called
    new: bool


def keep(archive: Path, inbox: Path) -> Kept:
    """Copy an archive into the inbox, named by its checksum; a folder or a notebook as a zip.

    Raises CourseError, and keeps nothing, where there is nothing to collect or no way to read it.
    """
    if archive.is_dir():
        return _keep_packed(archive, _tree(archive), inbox)
    if not archive.exists():
        raise CourseError(f"there is no file {archive}: give the zip you downloaded")
    if not archive.is_file():
        raise CourseError(f"{archive} is not a file: give the zip you downloaded")
    if archive.suffix.casefold() == ".ipynb":
        return _keep_packed(archive, [(archive, archive.name)], inbox)
    _check_zip(archive)
    name = sha256(archive)
    place = inbox / f"{name}.zip"
    if place.exists():
        return Kept(place, name, archive.name, new=False)
    with whole(place) as copy, archive.open("rb") as original:
        shutil.copyfileobj(original, copy, CHUNK)
    if sha256(place) != name:
        place.unlink()
        raise CourseError(f"{archive} changed while it was read: run this again")
    return Kept(place, name, archive.name, new=True)


def _keep_packed(archive: Path, files: list[tuple[Path, str]], inbox: Path) -> Kept:
    if not files:
        raise CourseError(f"the folder {archive} holds no files: give the folder with submissions")
    unfinished = inbox / ".packed.zip"  # under the lock: nobody else writes it
    try:
        with whole(unfinished) as out:
            _pack(files, out)
        name = sha256(unfinished)
        place = inbox / f"{name}.zip"
        new = not place.exists()
        os.replace(unfinished, place)
        return Kept(place, name, archive.name or str(archive), new)
    finally:
        unfinished.unlink(missing_ok=True)


def _tree(folder: Path) -> list[tuple[Path, str]]:
    """Return all that lies in a folder, in order; links are not followed."""
    if (folder / "course.toml").exists():
        raise CourseError(f"{folder} is a course, not submissions: give what you downloaded")

    def fail(error: OSError) -> None:
        raise CourseError(f"cannot read {error.filename}: {error.strerror}") from error

    found: list[tuple[Path, str]] = []
    for place, folders, files in os.walk(folder, onerror=fail):
        folders.sort()
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        for name in sorted([*files, *links]):
            path = Path(place) / name
            found.append((path, path.relative_to(folder).as_posix()))
        if len(found) > MAX_MEMBERS:
            raise CourseError(
                f"{folder} holds more than {MAX_MEMBERS} files: give the folder of one download"
            )
    return sorted(found, key=lambda pair: pair[1])


def _pack(files: list[tuple[Path, str]], out: IO[bytes]) -> None:
    """Write a zip that depends on names and contents only, so that it is the same every time."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as packed:
        for path, name in files:
            # A name that is no text is written with %: a zip could not hold it.
            text = "".join(
                f"%{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else c for c in name
            )
            info = zipfile.ZipInfo(text)
            mode = path.lstat().st_mode
            info.create_system = 3
            info.external_attr = (stat.S_IFMT(mode) | 0o644) << 16
            if stat.S_ISREG(mode):
                with path.open("rb") as source, packed.open(info, "w", force_zip64=True) as target:
                    shutil.copyfileobj(source, target, CHUNK)
            else:
                packed.writestr(info, os.readlink(path) if stat.S_ISLNK(mode) else b"")


def _check_zip(archive: Path) -> None:
    with archive.open("rb") as file:
        head = file.read(512)
    try:
        with zipfile.ZipFile(archive) as opened:
            count = len(opened.infolist())
    except UnicodeDecodeError as error:
        raise CourseError(
            f"{archive} holds a file name that cannot be read: unpack it yourself, give the folder"
        ) from error
    except (*_DAMAGE, NotImplementedError, OverflowError) as error:
        if not head:
            raise CourseError(f"{archive} is empty (0 bytes): download it again") from error
        if head.startswith(b"PK"):
            raise CourseError(
                f"{archive} is cut off or damaged: download it again. Nothing was collected"
            ) from error
        start = head.lstrip(b"\xef\xbb\xbf \r\n\t")
        what = next((what for magic, what in _NOT_ZIP if start.startswith(magic)), "")
        advice = "give the zip from Canvas or Moodle, a folder, or one notebook (.ipynb)"
        raise CourseError(
            f"{archive} is not a zip{f' but {what}' if what else ''}: {advice}"
        ) from error
    if not count:
        raise CourseError(f"{archive} holds no files: choose 'Download all submissions' again")
    if count > MAX_MEMBERS:
        raise CourseError(
            f"{archive} holds {count} files, more than {MAX_MEMBERS}: split it, or unpack it and "
            "give the folders one by one"
        )


# ── reading


def members(archive: zipfile.ZipFile) -> Iterator[Member]:
    """Yield every entry of the zip, in order, with a verdict on its name and kind."""
    for info in archive.infolist():
        names = _readings(info)
        refused = _why_not(names[0], info)
        ignored = ""
        if not refused:
            ignored = "a folder" if names[0].endswith("/") else ""
            ignored = ignored or ("a system file" if _SYSTEM.fullmatch(names[0]) else "")
        yield Member(info, names, refused, ignored)


def _readings(info: zipfile.ZipInfo) -> tuple[str, ...]:
    # `filename` is cut at a zero byte, and on Windows has its backslashes turned: this is the rest.
    name = info.orig_filename
    if info.flag_bits & 0x800 or name.isascii():
        return (name,)
    # Not marked as UTF-8: macOS writes UTF-8 all the same, Windows the old code pages.
    raw = name.encode("cp437")
    try:
        return raw.decode("utf-8"), name
    except UnicodeDecodeError:
        return name, raw.decode("cp1252", errors="replace")


def _why_not(name: str, info: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if not name.strip("/ "):
        return "it has no name"
    if "\0" in name:
        return "its name holds a zero byte"
    if name.startswith(("/", "\\")):
        return "its name is an absolute path"
    if re.match(r"[A-Za-z]:", name):
        return "its name begins with a drive letter"
    if ".." in re.split(r"[/\\]", name):
        return "its name leads out of the folder with '..'"
    if "\\" in name:
        return "its name holds a backslash"
    if kind == stat.S_IFLNK:
        return "it is a symbolic link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "it is not a plain file"
    if info.flag_bits & 0x1:
        return "it is encrypted: ask the student for one without a password"
    if info.file_size > MAX_FILE_BYTES:
        return _too_large(info)
    return ""


class Unpacker:
    """Takes files out of a zip, with limits that are counted on the bytes that really come."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._total = 0
        self._by_sender: dict[str, int] = {}

    def unpack(self, member: Member, sender: str, out: IO[bytes]) -> tuple[str, int]:
        """Write a member to `out`; return its checksum and size.

        Raises Refused, after some bytes perhaps, where it is damaged or a limit is passed.
        """
        checksum, size = hashlib.sha256(), 0
        for chunk in self._chunks(member):
            size += len(chunk)
            self._total += len(chunk)
            self._by_sender[sender] = self._by_sender.get(sender, 0) + len(chunk)
            if size > MAX_FILE_BYTES:
                raise Refused(_too_large(member.info))
            if self._by_sender[sender] > MAX_SENDER_BYTES:
                raise Refused(f"its sender has more than {_mb(MAX_SENDER_BYTES)} in this zip")
            if self._total > MAX_TOTAL_BYTES:
                raise Refused(f"the zip unpacks to more than {_mb(MAX_TOTAL_BYTES)}")
            checksum.update(chunk)
            out.write(chunk)
        return checksum.hexdigest(), size

    def _chunks(self, member: Member) -> Iterator[bytes]:
        try:
            with self._archive.open(member.info) as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        except NotImplementedError as error:
            raise Refused(f"it is packed in a way that cannot be read: {error}") from error
        except _DAMAGE as error:
            raise Refused(f"it is damaged: {error}") from error


def _too_large(info: zipfile.ZipInfo) -> str:
    bomb = MAX_FILE_BYTES > _BOMB * info.compress_size
    limit = f"it is too large: it unpacks to more than {_mb(MAX_FILE_BYTES)}"
    return f"{limit} from only {info.compress_size / 1024:,.0f} kB: a zip bomb?" if bomb else limit


def _mb(size: int) -> str:
    return f"{size / 2**20:,.0f} MB"
