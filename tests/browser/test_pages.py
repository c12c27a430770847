"""Every page of the built book, as a reader's browser shows it."""

from __future__ import annotations

import gzip
import re
from itertools import product
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from book_site import SITE
from playwright.sync_api import Page

PAGES = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.rglob("*.html")
    if "_static" not in path.parts and "vendor" not in path.parts
)
CHAPTERS = [name for name in PAGES if name.startswith("chapters/") and "summary" not in name]
LIVE = [name for name in PAGES if 'class="live"' in (SITE / name).read_text("utf-8")]
FORMULAS = [name for name in PAGES if 'class="math' in (SITE / name).read_text("utf-8")]
LARGEST_PAGE = 400_000  # bytes over the wire before live figures are touched
TEXT = (".html", ".css", ".js", ".svg", ".json")

OVERLAPS = """() => {
  // Blocks of text that stand on top of one another, in the column that is read.
  const blocks = [...document.querySelectorAll(
      '.bd-article :is(p, li, h1, h2, h3, pre, figure, .live-controls, details > summary)')]
    .filter(e => e.offsetParent && !e.closest('details:not([open])') && !e.closest('.live-news')
                 && !e.classList.contains('live-news') && !e.closest('.toggle-hidden'));
  const found = [];
  for (let i = 0; i + 1 < blocks.length; i++) {
    const a = blocks[i], b = blocks[i + 1];
    if (a.contains(b)) continue;
    const r = a.getBoundingClientRect(), s = b.getBoundingClientRect();
    const wide = Math.min(r.right, s.right) - Math.max(r.left, s.left);
    const high = Math.min(r.bottom, s.bottom) - Math.max(r.top, s.top);
    if (wide > 2 && high > 2) found.push([a, b].map(e => e.textContent.slice(0, 60)).join(' | '));
  }
  return found;
}"""
WIDER = """() => [...document.querySelectorAll('.bd-article *')]
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .slice(0, 5).map(e => e.outerHTML.slice(0, 120))"""


def test_the_book_is_built() -> None:
    """An empty list of pages would let every test below pass unseen."""
    assert "index.html" in PAGES, "the book is not built: run make html"
    assert CHAPTERS
    assert set(CHAPTERS) <= set(LIVE), "a chapter without a live figure"


@pytest.mark.parametrize("name", PAGES)
def test_page_is_whole(visit, name: str) -> None:
    """Nothing from elsewhere, no error, formulas set, no code of a formula left, light to carry."""
    seen = visit(name)
    assert seen.outside == []
    assert seen.errors == []
    article = seen.page.locator("article.bd-article, .bd-article").first
    if name in FORMULAS:
        assert seen.page.locator("mjx-container").count() > 0
        assert seen.page.locator("mjx-merror, [data-mjx-error]").count() == 0
        assert "Undefined control sequence" not in article.inner_text()
        assert not re.search(r"\\[(\[]|\$\$", visible_prose(seen.page))


def visible_prose(page: Page) -> str:
    """The text of paragraphs and lists, code left out."""
    return page.evaluate(
        "() => [...document.querySelectorAll('.bd-article :is(p, li, td)')]"
        ".map(e => { const c = e.cloneNode(true);"
        " c.querySelectorAll('code, mjx-container, script').forEach(x => x.remove());"
        " return c.textContent; }).join('\\n')"
    )


@pytest.mark.parametrize("name", PAGES)
def test_page_fits(visit, name: str) -> None:
    """Nothing sticks out sideways, no text stands on other text; narrow and wide, both themes."""
    page = visit(name).page
    root = "document.documentElement"
    for width, theme in product((360, 1440), ("light", "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.wait_for_function(f"theme => {root}.dataset.theme === theme", arg=theme, timeout=5000)
        wide = page.evaluate(f"{root}.scrollWidth - {root}.clientWidth")
        assert wide <= 0, (width, theme, page.evaluate(WIDER))
        assert page.evaluate(OVERLAPS) == [], (width, theme)


@pytest.mark.parametrize("name", CHAPTERS)
def test_page_is_light(visit, name: str) -> None:
    """What a reader's line carries before a live figure is touched, compressed as servers do."""
    seen = visit(name)
    weights = {address: over_the_wire(address) for address in dict.fromkeys(seen.asked)}
    assert sum(weights.values()) <= LARGEST_PAGE, sorted(weights.items(), key=lambda w: -w[1])[:8]
    assert not [a for a in weights if "html-manager" in a or "require.js" in a]


def over_the_wire(address: str) -> int:
    path = SITE / Path(unquote(urlsplit(address).path).lstrip("/"))
    if not path.is_file():
        return 0
    data = path.read_bytes()
    return len(gzip.compress(data, 6)) if path.suffix in TEXT else len(data)


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_picture_says_what_there_is_to_see(visit, name: str) -> None:
    alts = visit(name).page.evaluate(
        "() => [...document.querySelectorAll('.cell_output img, .live img')].map(i => i.alt)"
    )
    assert len(alts) >= 5
    assert all(len(alt) >= 20 for alt in alts)
    assert len(set(alts)) == len(alts)


@pytest.mark.parametrize("name", CHAPTERS)
def test_hints_unfold_one_by_one(visit, name: str) -> None:
    page = visit(name).page
    first = page.locator("details.hint").first
    assert first.locator("summary").first.inner_text().strip().startswith("Hint 1")
    first.locator("summary").first.click()
    inner = first.locator("details.hint").first
    assert inner.is_visible()
    assert not inner.locator("p").first.is_visible()


def test_theme_switch_and_search_work(visit) -> None:
    page = visit("index.html").page
    before = page.evaluate("document.documentElement.dataset.theme")
    for _ in range(3):
        page.locator("button.theme-switch-button").first.click()
    assert page.evaluate("document.documentElement.dataset.mode") in ("light", "dark", "auto")
    assert before in ("light", "dark")
    seen = visit("search.html?q=sharpness")
    seen.page.wait_for_selector("#search-results li a", timeout=10_000)
    assert seen.errors == []
