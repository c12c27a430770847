"""`explore`: every combination drawn, linked without Python, described; mistakes named."""

import base64
import io
import re
import warnings

import numpy as np
import pytest
from ipywidgets import HTML, SelectionSlider, Stack
from PIL import Image

from secondorder._explore import DPI, explore


def draw(ax, eta, h):
    x = np.linspace(-1, 1, 50)
    ax.plot(x, eta * x**2 + h * x)


def line(ax, a):
    ax.plot([0, 1], [0, a])


def figure(**changes):
    return explore(
        draw, **{"alt": "Step {eta}, slope {h}", "eta": [0.1, 0.5], "h": [1, 2, 3], **changes}
    )


def walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def of_type(widget, kind):
    return [w for w in walk(widget) if type(w) is kind]


def shown(widget):
    """The picture a reader sees: down the stacks, along what is selected."""
    widget = widget.children[-1]
    while isinstance(widget, Stack):
        widget = widget.children[widget.selected_index]
    return widget.value


def alts(widget):
    return [re.search('alt="(.*?)"', w.value)[1] for w in of_type(widget, HTML)]


def picture(img):
    data = re.search('base64,([^"]+)', img)[1]
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_draws_every_combination_in_reading_order():
    assert alts(figure()) == [f"Step {e}, slope {h}" for e in ("0.1", "0.5") for h in (1, 2, 3)]


def links(monkeypatch):
    """Which slider moves which stack, as told to `jslink`."""
    made = []
    monkeypatch.setattr("ipywidgets.jslink", lambda a, b: made.append((*a, *b)))
    return made


def test_every_slider_is_linked_to_every_stack_of_its_level(monkeypatch):
    made = links(monkeypatch)
    widget = explore(
        lambda ax, a, b, c: ax.plot([a, b, c]), alt="{a}{b}{c}", a=[1, 2], b=[1, 2, 3], c=[4, 5]
    )
    sizes = {"a": (1, 2), "b": (2, 3), "c": (6, 2)}
    for slider in of_type(widget, SelectionSlider):
        count, length = sizes[slider.description]
        mine = [to for source, _, to, _ in made if source is slider]
        assert [len(stack.children) for stack in mine] == [length] * count
    assert {(a, b) for _, a, _, b in made} == {("index", "selected_index")}


def test_starts_where_told():
    assert "Step 0.5, slope 2" in shown(figure(start={"eta": 0.5, "h": 2}))
    assert "Step 0.1, slope 3" in shown(figure(start={"h": "3"}))
    thirds = explore(line, alt="{a}", a=np.linspace(0, 0.3, 4), start={"a": 0.3})
    assert 'alt="0.3"' in shown(thirds)


def test_labels_name_sliders_and_values():
    sliders = of_type(figure(labels={"eta": "η", "h": ["flat", "steep", "cliff"]}), SelectionSlider)
    assert [s.description for s in sliders] == ["η", "h"]
    assert [s.options for s in sliders] == [("0.1", "0.5"), ("flat", "steep", "cliff")]
    by_rule = explore(line, alt="{a}", a=[1, 2], labels={"a": "λ = {}".format})
    assert alts(by_rule) == ["λ = 1", "λ = 2"]


def test_values_may_be_anything_and_minus_is_a_minus():
    assert alts(explore(line, alt="{a}", a=[-0.5, True])) == ["−0.5", "True"]
    named = explore(lambda ax, f: ax.plot(f([0.0, 1.0])), alt="{f}", f=[np.sin, np.cos])
    assert alts(named) == ["sin", "cos"]


def test_alt_formats_values_and_takes_functions():
    assert alts(explore(line, alt="at {a:.2f}", a=[1, 2])) == ["at 1.00", "at 2.00"]
    assert alts(explore(line, alt=lambda a: f'"{a}" <&>', a=[1])) == ["&quot;1&quot; &lt;&amp;&gt;"]


def test_output_has_a_short_text_the_widget_and_a_described_picture():
    data, metadata = figure(labels={"eta": "η"})._repr_mimebundle_()
    assert data["text/plain"] == "explore: 6 frames · η (2), h (3)"
    assert "model_id" in data["application/vnd.jupyter.widget-view+json"]
    start = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert start.size == (6.4 * DPI, 4.8 * DPI)
    assert metadata["image/png"] == {"alt": "Step 0.1, slope 1", "width": 614, "height": 461}


def test_frames_are_small_transparent_and_sharp():
    frame = of_type(explore(line, alt="{a}", a=[1], figsize=(5, 3)), HTML)[0].value
    image = picture(frame)
    assert image.format == "WEBP" and image.size == (5 * DPI, 3 * DPI)
    assert 'width="480" height="288"' in frame
    assert image.getchannel("A").getextrema()[1] > 250
    assert len(frame) < 10_000


def test_few_colours_look_like_all_colours():
    from secondorder._explore import _Canvas, _compress

    x, y = np.meshgrid(np.linspace(-1, 1, 60), np.linspace(-1, 1, 60))
    full = _Canvas(None, {}, 1).render(lambda ax: ax.contourf(x, y, x**2 - y**2, 15), {})
    few = _compress(full, "").few.convert("RGBA")
    for page in ("white", "#121212"):
        backs = [Image.new("RGBA", full.size, page) for _ in range(2)]
        for back, image in zip(backs, (full, few), strict=True):
            back.alpha_composite(image)
        a, b = (np.asarray(back, float) for back in backs)
        assert 20 * np.log10(255 / np.sqrt(np.mean((a - b) ** 2))) > 38


@pytest.mark.parametrize("projection", ["3d", "polar"])
def test_other_projections(projection):
    seen = []
    explore(
        lambda ax, a: seen.append(ax.name) or ax.plot([0, 1], [0, 1]),
        alt="{a}",
        a=[1],
        subplot_kw={"projection": projection},
    )
    assert seen == [projection]


def test_panels():
    widget = explore(lambda ax, a: ax[1].plot([0, a]), alt="{a}", a=[1], ncols=2, figsize=(8, 3))
    assert picture(shown(widget)).size == (8 * DPI, 3 * DPI)


def test_leaves_no_figure_and_no_output(capsys):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure()
    assert plt.get_fignums() == before
    assert capsys.readouterr() == ("", "")


def test_loads_lazily():
    import subprocess
    import sys

    code = (
        "import sys; from secondorder import explore; "
        "print([m for m in ('matplotlib', 'ipywidgets', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_too_many_frames_warn():
    with pytest.warns(UserWarning, match="61 frames .* fewer values"):
        explore(lambda ax, a: ax.axvline(a), alt="{a}", a=range(61), figsize=(1, 1))


def test_too_many_bytes_warn(monkeypatch):
    monkeypatch.setitem(explore.__globals__, "MAX_BYTES", 4_000)
    with pytest.warns(UserWarning, match="2 frames and .* KB"):
        explore(line, alt="{a}", a=[1, 2])


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"eta": []}, ValueError, "eta is an empty list"),
        ({"eta": 3}, TypeError, r"eta must be a list of values, such as eta=\[0.1, 1\]; it was 3"),
        ({"h": "abc"}, TypeError, "h must be a list of values"),
        ({"h": [1, 1]}, ValueError, "two values are both labelled '1'"),
        (
            {"k": [1]},
            TypeError,
            r"draw is called as draw\(ax, eta, h, k\), which .* does not allow",
        ),
        ({"k": [1], "l": [2]}, ValueError, "one to three lists .* got 4: eta, h, k, l"),
        ({"alt": "Step {eta}"}, ValueError, r"alt does not say where h stands: put \{h\}"),
        ({"alt": "{eta} {h} {z}"}, ValueError, r"alt has \{z\}, but the sliders are eta, h"),
        ({"alt": "{eta} {h"}, ValueError, "alt is not a format string"),
        ({"alt": None}, TypeError, "alt must be a text that names every slider"),
        ({"alt": lambda eta: ""}, TypeError, "alt is called as alt"),
        ({"alt": lambda eta, h: " "}, ValueError, "at eta = 0.1, h = 1 it gave ' '"),
        ({"alt": lambda eta, h: 1 / 0}, RuntimeError, "alt failed at eta = 0.1, h = 1: ZeroDiv"),
        ({"start": {"h": 7}}, ValueError, r"start\['h'\] is 7, .* among its values: 1, 2, 3"),
        ({"start": {"z": 7}}, ValueError, "start names 'z', but the sliders are eta, h"),
        ({"start": 7}, TypeError, "start must be a dict by slider"),
        ({"labels": {"z": "ζ"}}, ValueError, "labels names 'z'"),
        ({"labels": {"h": ["one"]}}, ValueError, "has 1 words for 3 values"),
        ({"labels": {"h": 7}}, TypeError, "must be a name, a list of words or a function"),
        ({"ncols": 0}, ValueError, "ncols must be a whole number"),
    ],
)
def test_mistakes_are_named(changes, error, words):
    with pytest.raises(error, match=words):
        figure(**changes)


def test_no_list_is_a_mistake():
    with pytest.raises(ValueError, match="it got 0"):
        explore(line, alt="a line")


def test_a_long_third_list_is_a_mistake():
    with pytest.raises(ValueError, match="c: a third slider has at most 3 values, it got 4"):
        explore(line, alt="{a}{b}{c}", a=[1], b=[1], c=[1, 2, 3, 4])


def test_draw_that_raises_tells_where():
    with pytest.raises(RuntimeError, match="draw failed at a = 0: ZeroDivisionError") as caught:
        explore(lambda ax, a: ax.plot([1, 1 / a]), alt="{a}", a=[1, 0])
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_draw_that_draws_elsewhere_is_told():
    with pytest.raises(RuntimeError, match="drew nothing on the axes it was given"):
        explore(lambda ax, a: None, alt="{a}", a=[1])


def test_draw_must_be_a_function():
    with pytest.raises(TypeError, match="draw must be a function; it was 3"):
        explore(3, alt="{a}", a=[1])
