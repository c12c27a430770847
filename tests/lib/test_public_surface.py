"""What a reader can import: documented, lazy, and in the order of the map in CONTRIBUTING.md."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

import secondorder

PACKAGE = Path(secondorder.__file__).parent
ORDER = [
    {path.stem for path in PACKAGE.glob("_[a-z]*.py")} - {"_explore"},  # the ground all stand on
    {"data", "layout", "losses", "published"},
    {"objectives"},
    {"networks"},
    {"derivatives"},
    {"differences"},
    {"local_models"},
    {"curvature"},
    {"estimators"},
    {"geometry"},
    {"methods"},
    {"plotting"},
    {"_explore", "check"},
]
LEVEL = {name: level for level, names in enumerate(ORDER) for name in names}
PACKAGES = ["curvature", "estimators", "methods"]
MODULES = [
    *("data", "layout", "losses", "objectives", "networks", "differences", "derivatives"),
    *("local_models", "geometry", "plotting", "_explore"),
]


def loaded(code: str) -> set[str]:
    """The modules that `code` loads in a fresh Python."""
    code += "\nimport sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


# ── lazy ──────────────────────────────────────────────────────────────────────────────────────────


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = {"numpy", "scipy", "matplotlib", "ipywidgets", "autograd", "IPython", "PIL"}
    assert not heavy & loaded("import secondorder; secondorder.__version__; dir(secondorder)")


def test_a_kernel_that_only_grades_loads_no_pictures() -> None:
    found = loaded("import secondorder.check\nfrom secondorder import gradient, check, parabola")
    assert "autograd" in found
    assert not {"matplotlib", "scipy", "ipywidgets", "IPython"} & found


def test_what_early_chapters_need_loads_no_scipy() -> None:
    code = "from secondorder import objectives, networks, losses, data, layout, minimize\n"
    code += "from secondorder.methods import gradient_descent, heavy_ball\n"
    code += "minimize(objectives.himmelblau(), None, gradient_descent(0.01))"
    assert not {"scipy", "matplotlib", "tqdm"} & loaded(code)


def test_estimators_know_nothing_of_autograd() -> None:
    assert "autograd" not in loaded("import secondorder.estimators")


@pytest.mark.parametrize("name", secondorder.__all__)
def test_every_lazy_name_resolves(name: str) -> None:
    value = getattr(secondorder, name)
    assert isinstance(value, ModuleType) == (name in secondorder._MODULES)
    assert value is getattr(secondorder, name)
    if name in secondorder._NAMES:
        home = importlib.import_module(f"secondorder.{secondorder._NAMES[name]}")
        assert value is getattr(home, name)


def test_dir_shows_what_there_is() -> None:
    assert set(dir(secondorder)) == {*secondorder.__all__, "__version__"}
    assert {"check", "explore", "gradient", "plotting", "rosenbrock"} - set(dir(secondorder)) == {
        "rosenbrock"
    }
    assert secondorder.__all__ == sorted(set(secondorder.__all__))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'secondorder' has no attribute 'gradients'"):
        secondorder.gradients  # noqa: B018
    with pytest.raises(ImportError):
        from secondorder import nothing  # noqa: F401


@pytest.mark.parametrize("before", ["", "import secondorder._explore", "import secondorder.check"])
def test_explore_is_the_function_whatever_was_loaded_before(before: str) -> None:
    loaded(f"{before}\nfrom secondorder import explore\nassert explore.__name__ == 'explore'")


def test_no_lazy_function_has_the_name_of_a_module() -> None:
    files = {path.stem for path in PACKAGE.glob("*.py")}
    files |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert not files & set(secondorder._NAMES)
    assert set(secondorder._MODULES) <= files


# ── the data flows one way ────────────────────────────────────────────────────────────────────────


def imports(path: Path) -> set[str]:
    """Which modules of the package a file imports, at any depth in it."""
    package = ["secondorder", *path.relative_to(PACKAGE).parts[:-1]]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            names = [start, *(f"{start}.{alias.name}" for alias in node.names)]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("secondorder.")}
    return found & set(LEVEL)


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(PACKAGE)) for path in FILES])
def test_a_module_imports_only_from_modules_to_its_left(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own == "__init__":
        assert not imports(path)
        return
    for other in imports(path) - {own}:
        inner = LEVEL[own] == LEVEL[other] == 0
        assert LEVEL[other] < LEVEL[own] or inner, f"{own} must not import {other}"


def test_the_order_is_that_of_the_map() -> None:
    words = (PACKAGE.parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    lines = words.split("only from modules to its left.")[1].split("\n\n")[1]
    told = re.findall(r"\w+", lines)
    assert told == [
        *("data", "layout", "losses", "objectives", "networks", "derivatives", "differences"),
        *("local_models", "curvature", "estimators", "geometry", "methods", "plotting"),
        *("explore", "check", "chapters"),
    ]
    levels = [LEVEL["_explore" if name == "explore" else name] for name in told[:-1]]
    assert levels == sorted(levels)


# ── documented ────────────────────────────────────────────────────────────────────────────────────


def public(module: ModuleType) -> dict[str, object]:
    return {
        name: value
        for name, value in vars(module).items()
        if name[0] != "_" and getattr(value, "__module__", "") == module.__name__
    }


def documented() -> list[tuple[str, object]]:
    found = []
    for name in (*MODULES, "check._exercise"):
        module = importlib.import_module(f"secondorder.{name}")
        found += [(f"{name}.{key}", value) for key, value in public(module).items()]
    for name in PACKAGES:
        package = importlib.import_module(f"secondorder.{name}")
        found += [(f"{name}.{key}", getattr(package, key)) for key in package.__all__]
    return found


DOCUMENTED = documented()
EACH = pytest.mark.parametrize(("name", "value"), DOCUMENTED, ids=[name for name, _ in DOCUMENTED])
RECORDS = {
    "DerivativeCheck",
    "Point",
    "Step",
    "State",
    "Iterate",
    "Result",
}  # shown by their makers
INSIDE = {"at", "biggest", "is_untouched", "numbers", "same", "exercise", "Asked", "Wrong"}


def members(value: object) -> list[FunctionType]:
    """A function, or the public methods of a class."""
    if isinstance(value, FunctionType):
        return [value]
    return [
        method
        for name, method in vars(value).items()
        if isinstance(method, FunctionType)
        and (name[0] != "_" or name == "__call__")
        # a dataclass writes methods of its own, which have no file
        and method.__code__.co_filename.endswith(".py")
    ]


@EACH
def test_every_public_name_is_documented(name: str, value: object) -> None:
    if isinstance(value, (type, FunctionType)):
        for part in (value, *members(value)):
            text = inspect.getdoc(part) or ""
            assert len(text.splitlines()[0]) > 15 and text.splitlines()[0].endswith((".", ":"))


@EACH
def test_what_computes_has_an_example(name: str, value: object) -> None:
    module, short = name.rsplit(".", 1)
    if short in INSIDE or not isinstance(value, (type, FunctionType)):
        return  # the machinery of checks is shown whole at the top of its module
    if module == "plotting" and value.__annotations__.get("return") == "None":
        return  # draws, and returns nothing that a doctest could show
    if isinstance(value, type) and issubclass(value, Warning):
        return
    if short in RECORDS:
        return
    assert ">>> " in value.__doc__


CHECKS = {
    *("as_floats", "as_vector", "as_step", "need_callable", "need_scalar", "evaluate"),
    *("_range", "_count", "_height", "_on_axis", "_points", "heights", "_first_look"),
}


def raises(function: FunctionType) -> bool:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    calls = {
        node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    return bool(calls & CHECKS) or any(isinstance(node, ast.Raise) for node in ast.walk(tree))


@EACH
def test_what_raises_says_so(name: str, value: object) -> None:
    if name.rsplit(".", 1)[1] in INSIDE or not isinstance(value, (type, FunctionType)):
        return
    for function in members(value):
        text = inspect.getdoc(function) or ""
        borrowed = re.search(r"errors (are|\w+) (those )?(of|as)|As `\w+`|It never raises", text)
        if raises(function):
            assert re.search(r"^Raises\n------$", text, re.M) or borrowed, function.__qualname__


@EACH
def test_docstrings_are_safe_restructured_text(name: str, value: object) -> None:
    if not isinstance(value, (type, FunctionType)):
        return
    for part in (value, *members(value)):
        text = inspect.getdoc(part) or ""
        prose = "\n".join(
            line for line in text.splitlines() if not re.match(r"\s*(>>>|\.\.\.)", line)
        )
        prose = re.sub(r"^\.\. math::.*(\n(?=\s+\S).*)*", "", prose, flags=re.M)
        prose = re.sub(r"``.+?``|`[^`]+`", "", prose, flags=re.S)
        assert not re.search(r"\|\S[^|\n]*\|", prose), "a |x| is a substitution: write ``|x|``"
        assert "`" not in prose, "a backquote has no partner"
        assert not re.search(r"\b\w+_(?=[\s.,;:)])", prose), "a word_ is a reference"
        assert not re.search(r"^(Args|Arguments|Returns|Raises):", prose, re.M), "NumPy style"
