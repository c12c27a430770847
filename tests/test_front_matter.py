"""Front and back matter say the same as the code, the chapters and one another."""

import json
import re
import tomllib
import unicodedata
from itertools import chain
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from myst_parser.mdit_to_docutils.base import compute_unique_slug
from pybtex.database import BibliographyData, Entry, parse_file
from pybtex.richtext import Text

import canon

ROOT = canon.ROOT
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
ADDRESS = CONFIG["repository"]["url"]
README = (ROOT / "README.md").read_text()
INDEX = (ROOT / "index.md").read_text()
NOTEBOOKS = canon.notebooks()

#: Everything a reader or a machine may take the address from.
PLACES = [
    *(ROOT / name for name in ("_config.yml", "CITATION.cff", "pyproject.toml", "Makefile")),
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "reference").glob("*.md")),
    *NOTEBOOKS,
]
FIELDS = {
    "article": {"journal"},
    "book": {"publisher"},
    "inproceedings": {"booktitle"},
    "phdthesis": {"school"},
    "techreport": {"institution"},
    "misc": {"howpublished"},
}


def markdown_of(path: Path) -> str:
    """The prose of a page."""
    if path.suffix != ".ipynb":
        return path.read_text()
    cells = json.loads(path.read_text())["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def pages() -> list[Path]:
    """Every page of the book."""
    return [ROOT / "index.md", *sorted((ROOT / "reference").glob("*.md")), *NOTEBOOKS]


# ── the address of the repository ─────────────────────────────────────────────────────────────────

owner, repository = ADDRESS.removeprefix("https://github.com/").split("/")


@pytest.mark.parametrize("path", PLACES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_address_is_the_one_in_config(path: Path) -> None:
    text = path.read_text()
    links = re.findall(r"(?:github\.com|/v2/gh|/github)/([\w.-]+)/([\w.-]*[\w-])", text)
    ours = [link for link in links if link[1].removesuffix(".git") == repository]
    assert set(ours) <= {(owner, repository)}, f"{path.name} differs from _config.yml: {ours}"
    if owner != "OWNER":
        assert "OWNER" not in text, f"{path.name} still has the placeholder OWNER"


def test_readme_launches_the_book() -> None:
    branch = CONFIG["repository"]["branch"]
    first = "chapters/01_slope.ipynb"
    binder, colab = (CONFIG["launch_buttons"][key] for key in ("binderhub_url", "colab_url"))
    assert f"({binder}/v2/gh/{owner}/{repository}/{branch}?urlpath=lab/tree/{first})" in README
    assert f"({colab}/github/{owner}/{repository}/blob/{branch}/{first})" in README
    assert (ROOT / first).exists()


def test_pages_keep_their_launch_buttons() -> None:
    """Theme options written by hand replace all that Jupyter Book makes: they must repeat these."""
    options = CONFIG["sphinx"]["config"].get("html_theme_options")
    if options is not None:
        assert options.get("launch_buttons") == CONFIG["launch_buttons"]
        assert options.get("repository_url") == ADDRESS
        assert options.get("repository_branch") == CONFIG["repository"]["branch"]


def test_citation_and_pages_name_address_title_and_version() -> None:
    assert CITATION["repository-code"] == ADDRESS
    assert CITATION["title"] == CONFIG["title"]
    assert str(CITATION["version"]) == PROJECT["version"]
    assert CITATION["license"] == [PROJECT["license"], "CC-BY-4.0"]
    assert f"version {PROJECT['version']}, {CONFIG['copyright']}" in INDEX
    assert f"version = {{{PROJECT['version']}}}" in README
    assert ADDRESS in INDEX
    assert ADDRESS in README


def test_the_library_and_the_changelog_have_this_version() -> None:
    import secondorder

    assert secondorder.__version__ == PROJECT["version"]
    assert PROJECT["version"] in (ROOT / "CHANGELOG.md").read_text()


def test_citation_has_what_the_format_demands() -> None:
    assert {"cff-version", "message", "title", "authors"} <= CITATION.keys()
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["type"] in {"software", "dataset"}
    assert all(author.get("name") for author in CITATION["authors"])


def test_licences_are_the_full_texts() -> None:
    text = (ROOT / "LICENSE-TEXT").read_text()
    assert "Attribution 4.0 International" in text
    assert re.findall(r"^Section (\d) ", text, re.M) == [str(n) for n in range(1, 9)]
    assert "Redistribution and use in source and binary forms" in (ROOT / "LICENSE").read_text()


# ── README and CONTRIBUTING ───────────────────────────────────────────────────────────────────────


def test_first_screen_of_the_readme_says_how() -> None:
    screen = "\n".join(README.splitlines()[:30])
    for command in ("make book", "make test", "-m pip install -r requirements.txt"):
        assert command in screen


def test_the_readmes_commands_are_those_of_make() -> None:
    make = (ROOT / "Makefile").read_text()
    install = re.search(r"pip install .*?(-r requirements\.txt -e '[^']+')", make)
    assert install
    assert install[1] in README
    scripts = set(re.findall(r"tools/(?:build|serve)\.py", make))
    assert scripts == set(re.findall(r"tools/(?:build|serve)\.py", README))


def test_paths_in_tables_exist() -> None:
    for page in (README, (ROOT / "CONTRIBUTING.md").read_text()):
        for row in re.findall(r"^\| (`.+?) \|", page, re.M):
            for name in re.findall(r"`([\w./-]+[/.][\w./-]*)`", row):
                assert "NN" in name or (ROOT / name).exists(), name


def test_every_direct_dependency_has_its_reason() -> None:
    section = (ROOT / "CONTRIBUTING.md").read_text().split("\n## Dependencies\n")[1]
    reasons = re.findall(r"^\| `([\w-]+)` \| .{10,} \|$", section.split("\n## ")[0], re.M)
    lines = [*PROJECT["dependencies"], *chain(*PROJECT["optional-dependencies"].values())]
    for path in ("requirements.txt", "bench/requirements.txt"):
        lines += re.findall(r"^\w.*", (ROOT / path).read_text(), re.M)
    wanted = {re.match(r"[\w-]+", line)[0] for line in lines}
    assert sorted(reasons) == sorted(wanted)


# ── index ─────────────────────────────────────────────────────────────────────────────────────────


def standing_chapters() -> list[str]:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    files = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return [file for file in files if re.match(r"chapters/\d", file)]


def test_index_lists_the_chapters_that_stand_with_their_minutes() -> None:
    row = r"^\| \[(.+?)\]\((\S+)\.ipynb\) \|.*\| (\d+) \| (\d+) \|$"
    rows = re.findall(row, INDEX, re.M)
    assert [file for _, file, _, _ in rows] == standing_chapters()
    for title, file, read, practice in rows:
        prose = markdown_of(ROOT / f"{file}.ipynb")
        assert prose.startswith(f"# {title}\n"), f"{file} is not called {title}"
        said = re.search(r"(\d+) minutes to read\D+(\d+)", prose)
        assert said, f"{file} does not say its minutes"
        assert (read, practice) == said.groups(), f"index says other minutes than {file}"


def test_all_sixteen_chapters_stand_and_nothing_is_promised() -> None:
    numbers = [Path(file).name.split("_")[0] for file in standing_chapters()]
    assert sorted(numbers) == sorted([*(f"{n:02}" for n in range(1, 16)), "06b"])
    for page in [*pages(), *sorted((ROOT / "chapters").glob("*.md"))]:
        assert not re.search(r"\(planned\)|not written yet:", markdown_of(page)), page.name


def test_index_needs_nothing_from_elsewhere() -> None:
    assert not re.search(r"<img|<script|!\[|url\(|@import", INDEX)


def test_every_picture_of_the_road_has_words() -> None:
    pictures = re.findall(r"<svg[^>]*>", INDEX)
    assert len(pictures) == 5
    for picture in pictures:
        assert re.search(r'role="img" aria-label="[^"]{20,}"', picture)


# ── bibliography ──────────────────────────────────────────────────────────────────────────────────


def bibliography() -> BibliographyData:
    return parse_file(str(ROOT / "references.bib"))


ENTRIES = bibliography().entries


def citations() -> dict[str, set[str]]:
    """The keys each page cites."""
    found = {}
    for path in pages():
        roles = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", markdown_of(path))
        found[path.name] = {key.strip() for keys in roles for key in keys.split(",")}
    return found


@pytest.mark.parametrize("key", ENTRIES)
def test_an_entry_can_be_found(key: str) -> None:
    entry: Entry = ENTRIES[key]
    assert entry.type in FIELDS
    missing = {"title", "year"} | FIELDS[entry.type]
    assert missing <= entry.fields.keys(), missing - entry.fields.keys()
    assert entry.persons.get("author")
    assert {"doi", "url", "isbn"} & entry.fields.keys()
    assert re.fullmatch(r"1[89]\d\d|20\d\d", entry.fields["year"])
    name = Text.from_latex(" ".join(entry.persons["author"][0].last_names))
    plain = unicodedata.normalize("NFKD", str(name)).encode("ascii", "ignore").decode()
    assert key == f"{plain.lower()}{entry.fields['year']}"


def test_identifiers_are_well_formed() -> None:
    for key, entry in ENTRIES.items():
        if doi := entry.fields.get("doi"):
            assert re.fullmatch(r"10\.\d{4,5}/\S+", doi), key
        if url := entry.fields.get("url"):
            assert re.fullmatch(r"https?://\S+", url), key
        if isbn := entry.fields.get("isbn"):
            digits = [int(c) for c in isbn.replace("-", "")]
            assert len(digits) == 13, key
            assert sum(d * (3 if i % 2 else 1) for i, d in enumerate(digits)) % 10 == 0, key


def test_no_source_is_listed_twice() -> None:
    for field in ("title", "doi", "isbn"):
        values = [e.fields[field].lower() for e in ENTRIES.values() if field in e.fields]
        assert len(values) == len(set(values))


def test_every_key_cited_exists() -> None:
    unknown = {page: keys - ENTRIES.keys() for page, keys in citations().items()}
    assert not any(unknown.values()), unknown


def test_every_entry_is_cited_or_listed() -> None:
    page = (ROOT / "reference" / "bibliography.md").read_text()
    listed = set(ENTRIES) if ":all:" in page else set()
    assert set(ENTRIES) <= listed | set().union(*citations().values())


# ── glossary ──────────────────────────────────────────────────────────────────────────────────────

GLOSSARY = (ROOT / "reference" / "glossary.md").read_text()


def headings(markdown: str) -> list[tuple[str, str]]:
    """The headings of a page as (tag, text), in order."""
    tokens = MarkdownIt().parse(markdown)
    return [
        (token.tag, tokens[i + 1].content)
        for i, token in enumerate(tokens)
        if token.type == "heading_open"
    ]


def slugs(markdown: str) -> dict[str, str]:
    """The anchor of every heading, as the book makes it."""
    made: dict[str, str] = {}
    for node in SyntaxTreeNode(MarkdownIt().parse(markdown)).walk():
        if node.type == "heading":
            made[compute_unique_slug(node, set(made))] = node.children[0].content
    return made


def terms() -> list[str]:
    return [text for tag, text in headings(GLOSSARY) if tag == "h3"]


def entries() -> dict[str, str]:
    """What the glossary says, by the anchor of the term."""
    parts = re.split(r"^### .*\n", GLOSSARY, flags=re.M)[1:]
    bodies = [part.split("\n## ")[0].strip() for part in parts]
    anchors = [slug for slug, text in slugs(GLOSSARY).items() if text in terms()]
    return dict(zip(anchors, bodies, strict=True))


def test_glossary_is_in_order() -> None:
    def order(term: str) -> str:
        return re.sub(r"[^\w\- ]", "", term).lower()

    assert terms() == sorted(terms(), key=order)
    letter = ""
    for tag, text in headings(GLOSSARY):
        if tag == "h2":
            letter = text
        elif tag == "h3":
            assert text[0] == letter


def test_every_glossary_term_says_where_it_is_taught() -> None:
    for slug, body in entries().items():
        assert "→" in body, slug
        assert len(body.split("→")[0]) > 40, slug


def test_every_glossary_term_is_linked_from_another_page_or_entry() -> None:
    linked = set()
    for path in pages():
        linked |= set(re.findall(r"glossary\.md#([\w-]+)\)", markdown_of(path)))
    for slug, body in entries().items():
        linked |= set(re.findall(r"\(#([\w-]+)\)", body)) - {slug}
    assert set(entries()) <= linked, sorted(set(entries()) - linked)


def test_every_link_into_the_glossary_leads_to_a_term() -> None:
    anchors = slugs(GLOSSARY).keys()
    for path in pages():
        targets = set(re.findall(r"glossary\.md#([\w-]+)\)", markdown_of(path)))
        assert targets <= anchors, (path.name, sorted(targets - anchors))
    assert set(re.findall(r"\(#([\w-]+)\)", GLOSSARY)) <= anchors


# ── notation and library ──────────────────────────────────────────────────────────────────────────


def test_calls_in_the_notation_exist() -> None:
    import secondorder

    text = (ROOT / "reference" / "notation.md").read_text()
    ours = set(re.findall(r"`(?:v @ )?([a-z_]+)\((?:f|x)\b[^`]*`", text)) - {"f"}
    assert ours
    assert ours <= set(secondorder.__all__), ours - set(secondorder.__all__)


def test_every_public_module_has_its_section_in_the_library() -> None:
    text = "".join(path.read_text() for path in (ROOT / "reference").glob("*.md"))
    folder = ROOT / "lib" / "secondorder"
    packages = {path.parent.name for path in folder.glob("[!_]*/__init__.py")}
    modules = {path.stem for path in folder.glob("[!_]*.py")} | packages | {"explore"}
    shown = set(re.findall(r"^\.\. auto(?:module|function):: secondorder\.(\w+)", text, re.M))
    assert modules == shown
