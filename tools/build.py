"""Build the book into _build/html: strictly, or not at all.

    python tools/build.py

Notebooks run only when their code, the library or a pinned version changed. Any warning fails the
build, and a failed or interrupted build leaves no site behind.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from canon import CELL_TIMEOUT, ROOT, notebooks, steady_environment

if TYPE_CHECKING:
    from jupyter_cache.base import JupyterCacheAbstract

BUILD = ROOT / "_build"
SITE = BUILD / "html"
DOCTREES = BUILD / ".doctrees"
CACHE = BUILD / ".jupyter_cache"
#: What the runs and the pages depend on, besides the page itself: its cache and Sphinx do not look.
LIBRARY = (
    *("lib/**/*.py", "lib/**/*.mplstyle", "lib/**/*.toml", "lib/**/*.json"),
    *("requirements.txt", "constraints.txt"),
)
LAYOUT = ("_config.yml", "tools/sphinxext/**/*.py")
#: Pages that show what other files hold, and these files: the code of such a page stays the same.
MADE_FROM = {
    "reference/results.ipynb": (
        *("chapters/*.ipynb", "reference/errata.ipynb"),
        *("references.bib", "tools/results.py"),
    ),
    "reference/performance.ipynb": ("bench/*.json", "bench/*.toml", "bench/page.py"),
}


def fingerprint(patterns: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in ROOT.glob(pattern)):
        digest.update(f"{path.relative_to(ROOT).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def discard(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def forget_what_is_old() -> None:
    """Start afresh where the library, a version, the configuration or our extension changed."""
    for folder, patterns in {CACHE: LIBRARY, DOCTREES: (*LIBRARY, *LAYOUT)}.items():
        stamp, now = folder / "inputs.sha256", fingerprint(patterns)
        if not stamp.exists() or stamp.read_text() != now:
            discard(folder)
            folder.mkdir(parents=True)
            stamp.write_text(now)
    if not (DOCTREES / "environment.pickle").exists():
        discard(SITE)


def forget_pages_made_from_others(cache: JupyterCacheAbstract) -> None:
    """Drop the kept run of a page that shows other files, where one of these changed."""
    for page, patterns in MADE_FROM.items():
        stamp, now = CACHE / f"{Path(page).stem}.sha256", fingerprint(patterns)
        if not stamp.exists() or stamp.read_text() != now:
            with suppress(KeyError):  # there is none
                cache.remove_cache(cache.match_cache_file(str(ROOT / page)).pk)
            stamp.write_text(now)


def run_notebooks() -> None:
    """Run the notebooks that changed, several at a time, into the cache the book reads.

    One that fails is not kept: the book runs it again and says where it fails.
    """
    from jupyter_cache import get_cache
    from jupyter_cache.executors import load_executor

    cache = get_cache(CACHE)
    forget_pages_made_from_others(cache)
    paths = [str(path) for path in notebooks()]
    for path in paths:
        cache.add_nb_to_project(path)
    executor = load_executor("local-parallel", cache, logging.getLogger("build"))
    executor.run_and_cache(filter_uris=paths, timeout=CELL_TIMEOUT)


def python(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)


def build() -> None:
    finished = False
    try:
        python("tools/vendor.py")
        forget_what_is_old()
        run_notebooks()
        jupyter_book = Path(sys.executable).with_name("jupyter-book")
        python(jupyter_book, "build", ".", "-W", "-n", "--keep-going")
        finished = True
    finally:
        if not finished:
            discard(SITE, DOCTREES)  # doctrees too: a page read once does not warn again


def main() -> int:
    start = time.perf_counter()
    steady_environment()
    try:
        build()
    except subprocess.CalledProcessError as error:
        print(
            f"\nThe book was not built: {Path(error.cmd[1]).name} failed, see above.",
            file=sys.stderr,
        )
        return 1
    print(f"The book is in {SITE.relative_to(ROOT)} ({time.perf_counter() - start:.0f} s).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
