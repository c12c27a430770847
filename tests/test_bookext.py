"""What the Sphinx extension makes of widgets, exercises and icons, without building a book."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import ipywidgets
from docutils import nodes
from docutils.utils import new_document
from ipywidgets.embed import dependency_state

from secondorder import explore
from sphinxext.bookext import exercises, live, outputs, weight


def draw(ax, a, b):
    ax.plot([0, a], [0, b])


def figure():
    """A figure made by `explore`, its state, and the widget itself."""
    widget = explore(
        draw,
        alt='From 0 to "{a}", {b}',
        a=[1, 2],
        b=[3, 4, 5],
        start={"a": 2, "b": 4},
        labels={"a": "α"},
        figsize=(2, 1),
    )
    states = dependency_state(widget)
    return live.read(states, widget.model_id), states, widget


def test_a_live_figure_is_read_back_from_its_widgets():
    found, _, _ = figure()
    assert found.sliders == (
        live.Slider("α", ("1", "2"), 1),
        live.Slider("b", ("3", "4", "5"), 1),
    )
    assert [frame.alt for frame in found.frames] == [
        f'From 0 to "{a}", {b}' for a in (1, 2) for b in (3, 4, 5)
    ]
    assert found.start is found.frames[4]
    assert (found.width, found.height) == (192, 96)
    assert found.start.data[8:12] == b"WEBP"


def test_other_widgets_are_left_alone():
    slider = ipywidgets.IntSlider()
    assert live.read(dependency_state(slider), slider.model_id) is None


def test_the_page_gets_the_start_frame_and_native_sliders():
    found, _, _ = figure()
    page = live.to_html(found, "../_images/live", 1, lazy=True)
    assert f'src="../_images/live/{found.start.file}" alt="From 0 to &quot;2&quot;, 4"' in page
    assert re.findall(r'for="([^"]+)">α</label><input id="([^"]+)"', page) == [("live-1-0",) * 2]
    assert 'max="2" value="1" aria-valuetext="4"' in page
    assert "<noscript><p>The picture at α = 2, b = 4." in page
    data = json.loads(re.search(r"json\">(.*?)</script>", page)[1])
    assert data["frames"] == [[frame.file, frame.alt] for frame in found.frames]


def test_only_what_other_widgets_need_is_kept():
    _, states, _ = figure()
    one, two = ipywidgets.IntText(), ipywidgets.IntText()
    link = ipywidgets.jslink((one, "value"), (two, "value"))
    states = {**states, **dependency_state([one, link])}
    kept = live.needed(states, [one.model_id])
    assert {one.model_id, two.model_id, link.model_id} <= kept.keys()
    assert not any("webp" in json.dumps(entry) for entry in kept.values())
    assert live.needed(states, []) == {}


def test_a_script_cannot_be_ended_from_within():
    assert live.as_json("</script>") == '"\\u003c/script>"'


def test_pictures_become_lighter_and_keep_their_size():
    from io import BytesIO

    from matplotlib.figure import Figure

    drawing, png = Figure(figsize=(4, 3)), BytesIO()
    drawing.subplots().plot([0, 1], [0, 1])
    drawing.savefig(png, dpi=160, transparent=True)
    lighter = outputs.lighter(png.getvalue(), "a line")
    assert len(lighter.data) < len(png.getvalue()) / 2
    assert outputs.size(png.getvalue()) == (384, 288)


def exercise_page():
    """An anchor, its section, a check, a solution."""
    document = new_document("page")
    document += nodes.raw("", '<a id="ex-D1-1"></a>', format="html")
    section = nodes.section()
    document += section
    for source, classes in (
        ("def f(): ...", []),
        ("check.D1_1(f)", []),
        ("check.D1_1(D1_1_solution)", ["tag_solution"]),
    ):
        cell = nodes.container(nb_element="cell_code", classes=["cell", *classes])
        cell += nodes.literal_block(source, source)
        section += cell
    return document, section


def test_hints_stand_below_the_check_folded_into_one_another():
    document, section = exercise_page()
    exercises.on_read(None, document)
    hints = section[2].astext()
    assert isinstance(section[2], nodes.raw)
    assert re.findall(r"<summary>(.*?)</summary>", hints) == ["Hint 1", "Hint 2", "Hint 3"]
    assert hints.endswith("</details>" * 3)
    assert section[3]["prompt_show"] == "Show solution"


def test_unknown_exercises_get_no_hints():
    document, section = exercise_page()
    document[0] = nodes.raw("", '<a id="ex-Z9-9"></a>', format="html")
    exercises.on_read(None, document)
    assert len(section) == 3


def test_hints_are_text():
    assert "<p>a &lt; b, use <code>x</code></p>" in exercises.folded(("a < b, use `x`",))


def test_icons_take_their_shapes_from_the_theme():
    script = 'sun:[512,512,[],"f185","M1 2"],"angle-up":[320,512,["caret"],"f106","M3 4"]'
    sheet = weight.stylesheet({"sun", "caret"}, script)
    assert ".fa-sun { --icon: url(" in sheet
    assert ".fa-caret { --icon: url(" in sheet
    assert "M3 4" in sheet


def test_icons_are_found_on_the_pages(tmp_path):
    (tmp_path / "page.html").write_text('<i class="theme-switch fa-solid fa-sun fa-lg"></i>')
    assert weight.used(tmp_path) == {"sun"}


def test_a_rebuild_that_copies_nothing_is_trimmed_again(tmp_path: Path) -> None:
    """Sphinx leaves the theme's files alone when no page changed; the icons stay."""
    app = SimpleNamespace(builder=SimpleNamespace(name="html"), outdir=tmp_path)
    theme = tmp_path / "_static" / weight.THEME
    theme.parent.mkdir(parents=True)
    theme.write_text("p{color:red}")
    (tmp_path / "index.html").write_text('<i class="fa-solid fa-download"></i>')
    sheets = []
    for _ in range(2):
        weight.trim(app, None)
        sheets.append((tmp_path / "_static" / "icons.css").read_text())
    assert sheets[0] == sheets[1]
    assert ".fa-download" in sheets[0]
