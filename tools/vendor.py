"""Fetch what the pages serve by themselves: MathJax, require.js, the widget manager.

    python tools/vendor.py

Runs `npm ci` on `tools/web/package-lock.json`, which names every package with its hash, and copies
the files the pages need to `_build/web/vendor`. Done already: returns at once.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "tools" / "web"
VENDOR = ROOT / "_build" / "web" / "vendor"
STAMP = VENDOR / "stamp"

MATHJAX, MANAGER = "mathjax/es5", "@jupyter-widgets/html-manager/dist"
# What TeX → HTML takes, in loading order, as one file. The stock bundle adds a menu: 110 KB more
# over the wire.
PARTS = [
    "core",
    "input/tex-base",
    *(
        f"input/tex/extensions/{name}"
        for name in (
            "ams",
            "newcommand",
            "configmacros",
            "noundefined",
            "require",
            "autoload",
            "boldsymbol",
        )
    ),
    "output/chtml",
    "output/chtml/fonts/tex",
    "a11y/assistive-mml",
]
COPIES = {
    f"{MATHJAX}/output/chtml/fonts/woff-v2": "mathjax/output/chtml/fonts/woff-v2",
    f"{MATHJAX}/input/tex/extensions": "mathjax/input/tex/extensions",
    "mathjax/LICENSE": "mathjax/LICENSE",
    "requirejs/require.js": "require.js",
    f"{MANAGER}/embed-amd.js": f"{MANAGER}/embed-amd.js",
    f"{MANAGER}/embed.js.LICENSE.txt": f"{MANAGER}/embed-amd.js.LICENSE.txt",
}
FONTS = f"{MANAGER}/*.woff2"  # icons of widgets
FONT_PLACES = (MANAGER, "@jupyter-widgets")  # two parts of the manager look in a place each


def main() -> int:
    wanted = fingerprint()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            fetch(Path(folder))
            copy(Path(folder) / "node_modules", VENDOR)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"tools/vendor.py: {error}", file=sys.stderr)
        return 1
    STAMP.write_text(wanted)
    return 0


def fingerprint() -> str:
    """Changes with the packages and with this file."""
    digest = hashlib.sha256()
    for path in (WEB / "package.json", WEB / "package-lock.json", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def fetch(folder: Path) -> None:
    """Install the locked packages; npm compares each with its hash. No package runs a script."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(WEB / name, folder)
    command = [npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise OSError(
            f"npm could not fetch the packages of tools/web/package-lock.json.\n{done.stderr}\n"
            "The first build needs a network; later ones do not."
        )


def npm() -> str:
    found = shutil.which("npm", path=environment()["PATH"])
    if not found:
        raise OSError("npm is missing; it comes with the extra `book`: pip install -e '.[book]'")
    return found


def environment() -> dict[str, str]:
    """The same, with the commands of this Python's environment (node, npm) first."""
    return {
        **os.environ,
        "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]),
    }


def copy(modules: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    for source, name in COPIES.items():
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (modules / source).is_dir() else shutil.copy)(modules / source, place)
    for font, folder in itertools.product(modules.glob(FONTS), FONT_PLACES):
        shutil.copy(font, target / folder)
    (target / "mathjax" / "tex-chtml.js").write_text(bundle(modules / MATHJAX), encoding="utf-8")


def bundle(mathjax: Path) -> str:
    """MathJax in one file: the start, which holds the loader, then the parts it need not fetch.

    The start waits for the end of the script, so that every part is there when it begins.
    """
    names = [part.replace("input/tex/extensions/", "[tex]/") for part in PARTS]
    loaded = ",".join(f'"{name}"' for name in names)
    return "\n".join(
        [
            (mathjax / "startup.js").read_text(encoding="utf-8"),
            f"MathJax.loader.preLoad({loaded});",
            *((mathjax / f"{part}.js").read_text(encoding="utf-8") for part in PARTS),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
