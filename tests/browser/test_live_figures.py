"""Live figures move with no kernel, by mouse and by keyboard; other widgets work too, and wait."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from book_site import SITE, running
from playwright.sync_api import Locator, Page

LIVE = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.rglob("*.html")
    if 'class="live"' in path.read_text("utf-8")
)


def shown(figure: Locator) -> tuple[str, str]:
    """The picture's file and what it says."""
    picture = figure.locator("img")
    return picture.get_attribute("src"), picture.get_attribute("alt")


def wait_for_change(page: Page, figure: Locator, before: tuple[str, str]) -> tuple[str, str]:
    page.wait_for_function(
        "([img, src]) => img.getAttribute('src') !== src && img.complete && img.naturalWidth > 0",
        arg=[figure.locator("img").element_handle(), before[0]],
        timeout=5000,
    )
    return shown(figure)


@pytest.mark.parametrize("name", LIVE)
def test_keyboard_and_mouse_move_every_figure(visit, name: str) -> None:
    seen = visit(name)
    for number in range(seen.page.locator(".live").count()):
        figure = seen.page.locator(".live").nth(number)
        figure.scroll_into_view_if_needed()
        slider = figure.locator("input[type=range]").last
        before, word = shown(figure), slider.get_attribute("aria-valuetext")
        slider.focus()
        at_end = slider.input_value() == slider.get_attribute("max")
        seen.page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
        after = wait_for_change(seen.page, figure, before)
        assert after[1] != before[1], "two frames with the same alt text"
        assert slider.get_attribute("aria-valuetext") != word
        assert figure.locator("output").last.inner_text() == slider.get_attribute("aria-valuetext")
        box = slider.bounding_box()
        place = 0.02 if slider.input_value() == slider.get_attribute("max") else 0.98
        seen.page.mouse.click(box["x"] + box["width"] * place, box["y"] + box["height"] / 2)
        wait_for_change(seen.page, figure, after)
    assert seen.errors == []
    assert seen.outside == []


@pytest.mark.parametrize("name", LIVE)
def test_sliders_are_named_and_news_are_told(visit, name: str) -> None:
    page = visit(name).page
    figure = page.locator(".live").first
    for slider in figure.locator("input[type=range]").all():
        assert slider.evaluate("e => e.labels[0].textContent").strip()
        assert slider.get_attribute("aria-valuetext")
    slider = figure.locator("input[type=range]").first
    slider.focus()
    at_end = slider.input_value() == slider.get_attribute("max")
    page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
    page.wait_for_function(
        "f => f.querySelector('.live-news').textContent === f.querySelector('img').alt",
        arg=figure.element_handle(),
        timeout=5000,
    )


@pytest.mark.parametrize("name", LIVE)
def test_without_scripts_the_start_frame_stands(visit, browser, site: str, name: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/{name}")
    picture = page.locator(".live img").first
    assert len(picture.get_attribute("alt")) >= 20
    assert (SITE / name).parent.joinpath(picture.get_attribute("src")).exists()
    assert page.locator(".live noscript").first.inner_text().strip()
    context.close()


@pytest.mark.parametrize("name", [name for name in LIVE if name.startswith("chapters/")])
def test_live_figures_do_not_delay_the_first_paint(visit, name: str) -> None:
    """On a slow line, no frame and no script of a figure is asked for before the first paint.

    The start frame stands in the page as a picture that loads late; the script is deferred.
    """
    seen = visit("index.html")
    page = seen.page
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    client.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 150,
            "downloadThroughput": 200_000,
            "uploadThroughput": 90_000,
        },
    )
    client.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(f"{seen.page.url.rsplit('/', 1)[0]}/{name}", wait_until="load")
    timing = page.evaluate(
        """() => ({
          paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
          live: performance.getEntriesByType('resource')
            .filter(r => r.name.includes('/live/') || r.name.includes('html-manager'))
            .map(r => [r.name, r.startTime, r.responseEnd]),
          script: document.querySelector('script[src*="live.js"]').defer,
        })"""
    )
    assert timing["script"]
    early = [entry for entry in timing["live"] if entry[2] < timing["paint"]]
    assert early == [], timing
    assert timing["paint"] < 6000, timing


def test_other_widgets_bring_their_manager_when_they_come_into_view(visit, tmp_path: Path) -> None:
    """A plain ipywidget works on a page too, from the book's own files."""
    pytest.importorskip("jupyter_book")
    address = widget_book(tmp_path)
    with running(address) as at:
        seen = visit("index.html", at=at)
        assert not [a for a in seen.asked if "html-manager" in a]
        seen.page.locator("text=The end").scroll_into_view_if_needed()
        seen.page.wait_for_selector(".jupyter-widgets input, .widget-text input", timeout=20_000)
        assert [a for a in seen.asked if "html-manager" in a]
        assert seen.outside == []
        assert seen.errors == []


def widget_book(folder: Path) -> Path:
    """Build a book of one page: a long text, then a linked pair of text boxes."""
    import shutil
    import subprocess
    import sys

    import yaml

    import canon

    for name in ("tools", "assets"):
        (folder / name).symlink_to(canon.ROOT / name)
    (folder / "_build").mkdir()
    shutil.copytree(canon.ROOT / "_build" / "web", folder / "_build" / "web")
    config = yaml.safe_load((canon.ROOT / "_config.yml").read_text())
    config["bibtex_bibfiles"] = []
    config["sphinx"]["config"]["extensions"].remove("sphinxcontrib.bibtex")
    config["sphinx"]["config"].pop("bibtex_reference_style", None)
    config["execute"]["execute_notebooks"] = "force"
    (folder / "_config.yml").write_text(yaml.safe_dump(config))
    (folder / "_toc.yml").write_text("format: jb-book\nroot: index\n")
    new = nbformat.v4
    source = (
        "import ipywidgets as w\na, b = w.Text('one'), w.Text('two')\n"
        "w.jslink((a, 'value'), (b, 'value'))\nw.VBox([a, b])"
    )
    text = "# A page\n\n" + "\n\n".join(f"Paragraph {i}." for i in range(60))
    cells = [
        new.new_markdown_cell(text),
        new.new_code_cell(source),
        new.new_markdown_cell("The end"),
    ]
    notebook = new.new_notebook(
        cells=cells,
        metadata={"kernelspec": {"name": "python3", "display_name": "p", "language": "python"}},
    )
    nbformat.write(notebook, folder / "index.ipynb")
    done = subprocess.run(
        [Path(sys.executable).with_name("jupyter-book"), "build", folder],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder / "_build" / "html"
