"""Figures: alt text, a white ground, every seed drawn, the numbers beside the picture."""

import base64
import io
import re
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from companion.teaching import figures

ALT = "Three arms with five seeds each; <pretrained> is highest at 0.76."
ROWS = {"pretrained": [0.74, 0.75, 0.76, 0.77, 0.78], "untrained": [0.6, 0.61, 0.62, 0.6, 0.63]}
INTERVALS = {"pretrained": (0.74, 0.78), "untrained": (0.595, 0.629)}
CURVE = {
    "pretrained": [(200, 0.8, 0.78, 0.82), (50, 0.7, 0.65, 0.75)],
    "raw": [(50, 0.5, 0.4, 0.6)],
}


@pytest.fixture
def pages(monkeypatch):
    """Collect what `show` would put on the page as (text, html)."""
    shown = []
    monkeypatch.setattr(figures, "put", lambda text, page: shown.append((text, page)))
    return shown


def picture(page: str) -> Image.Image:
    data = re.search(r"data:image/png;base64,([^\"]+)", page)[1]
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_show_keeps_alt_caption_and_a_white_ground(pages):
    fig = Figure(figsize=(2, 2), facecolor="black")
    figures.show(fig, ALT, "A & B")
    text, page = pages[0]
    assert text == f"Figure: {ALT}\nA & B"
    assert 'alt="Three arms with five seeds each; &lt;pretrained&gt; is highest at 0.76."' in page
    assert "<figcaption>A &amp; B</figcaption>" in page
    assert picture(page).convert("RGB").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("alt", ["", "a figure", " " * 40])
def test_alt_text_is_required(alt):
    with pytest.raises(ValueError, match="at least 20 characters"):
        figures.show(Figure(), alt)


def test_plain_python_prints_the_alt_text():
    code = (
        "from matplotlib.figure import Figure; from companion.teaching.figures import show;"
        f"show(Figure(), {ALT!r}); import sys; assert 'torch' not in sys.modules;"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert run.stdout == f"Figure: {ALT}\n", run.stderr


def test_learners_own_figure_is_closed(pages):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    fig, _ = plt.subplots()
    figures.show(fig, ALT)
    assert not plt.fignum_exists(fig.number)


def test_points_show_every_seed_mean_and_interval():
    fig = figures.draw_points_with_intervals(ROWS, INTERVALS, "accuracy", {"majority": 0.5})
    ax = fig.axes[0]
    drawn = [line.get_xdata() for line in ax.lines]
    for arm, values in ROWS.items():
        assert any(np.array_equal(d, values) for d in drawn)
        assert any(np.array_equal(d, INTERVALS[arm]) for d in drawn)
        assert any(np.allclose(d, np.mean(values)) and len(d) == 1 for d in drawn)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(ROWS)
    assert ax.get_legend().get_texts()[0].get_text() == "majority: 0.500"
    assert {line.get_marker() for line in ax.lines} >= {"o", "s"}


def test_points_table_holds_the_numbers(pages):
    figures.points_with_intervals(ROWS, INTERVALS, "accuracy", ALT, {"majority": 0.5}, "C0.")
    text, page = pages[0]
    assert "pretrained  5  0.760  0.740  0.780" in text
    assert "<td>untrained</td><td>5</td><td>0.612</td><td>0.595</td><td>0.629</td>" in page
    assert "<td>majority</td>" in page
    assert "C0. Open markers: one seed each." in page
    assert len(page) < 100_000


def test_interval_that_misses_the_mean_is_drawn():
    fig = figures.draw_points_with_intervals({"a": [1.0, 2.0]}, {"a": (3.0, 4.0)}, "x")
    fig.savefig(io.BytesIO(), format="png")
    assert any(np.array_equal(line.get_xdata(), (3.0, 4.0)) for line in fig.axes[0].lines)


@pytest.mark.parametrize("intervals", [{}, {"pretrained": (0, 1)}, {**INTERVALS, "x": (0, 1)}])
def test_points_need_an_interval_for_each_arm(intervals):
    with pytest.raises(ValueError, match="Expected an interval for each arm"):
        figures.draw_points_with_intervals(ROWS, intervals, "accuracy")


def test_learning_curve_is_sorted_on_a_log_axis_with_bands():
    fig = figures.draw_learning_curve(CURVE, "accuracy", {"majority": 0.5})
    ax = fig.axes[0]
    assert ax.get_xscale() == "log"
    assert [t.get_text() for t in ax.get_xticklabels()] == ["50", "200"]
    assert ax.lines[0].get_xdata().tolist() == [50, 200]
    assert ax.lines[0].get_ydata().tolist() == [0.7, 0.8]
    assert len(ax.collections) == 2
    assert ax.lines[0].get_marker() != ax.lines[1].get_marker()
    assert ax.lines[2].get_marker() == ""


def test_learning_curve_table(pages):
    figures.learning_curve(CURVE, "accuracy", ALT)
    assert "pretrained  200  0.800  0.780  0.820" in pages[0][0]


@pytest.mark.parametrize("arms", [{}, {"a": []}, {"a": [(0, 1, 1, 1)]}])
def test_learning_curve_refuses(arms):
    with pytest.raises(ValueError, match="n of at least 1 for every arm"):
        figures.draw_learning_curve(arms, "accuracy")


@pytest.mark.parametrize("shape", [(7, 8, 9), (7, 3, 8, 9)])
def test_gallery_draws_each_picture_with_its_caption(shape):
    pictures = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    fig = figures.draw_gallery(pictures, [f"cell {i}" for i in range(7)], columns=3)
    assert len(fig.axes) == 9
    shown = [ax.images[0].get_array() for ax in fig.axes if ax.images]
    wanted = pictures if len(shape) == 3 else pictures.transpose(0, 2, 3, 1)
    assert np.array_equal(shown, wanted)
    assert [ax.get_title() for ax in fig.axes[:7]] == [f"cell {i}" for i in range(7)]
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=50)
    assert len(set(Image.open(buffer).convert("L").tobytes())) > 20  # something is on it


@pytest.mark.parametrize(
    "pictures",
    [
        np.zeros((2, 4, 4)),
        np.zeros((2, 4), np.uint8),
        np.zeros((2, 4, 4, 3), np.uint8),
        np.zeros((0, 4, 4), np.uint8),
    ],
)
def test_gallery_refuses_other_pictures(pictures):
    with pytest.raises(ValueError, match="Expected uint8 pictures of shape"):
        figures.draw_gallery(pictures, ["a"] * len(pictures))


def test_gallery_counts_captions():
    with pytest.raises(ValueError, match="caption for each of 2 pictures, found 1"):
        figures.draw_gallery(np.zeros((2, 4, 4), np.uint8), ["a"])


def test_grey_pictures_take_one_channel_and_stay_small(pages):
    across, down = np.meshgrid(np.arange(300), np.arange(300))
    cells = np.stack([(across * i + down) // 20 for i in range(12)]).astype(np.uint8)
    figures.gallery(cells, ["sound, 0.03"] * 12, ALT)
    figures.learning_curve(CURVE, "accuracy", ALT)
    assert [picture(page).mode for _, page in pages] == ["L", "RGB"]
    assert all(len(page) < 150_000 for _, page in pages)


def test_house_style_reaches_the_learners_figures_and_drawing_leaves_it_alone():
    with mpl.rc_context():
        figures.draw_learning_curve(CURVE, "accuracy")
        assert mpl.rcParams["font.size"] == mpl.rcParamsDefault["font.size"]
        figures.use_house_style()
        assert mpl.rcParams["font.size"] == 15
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == list(figures.OKABE_ITO)


def test_colours_and_markers_are_all_different():
    assert len(set(figures.OKABE_ITO)) == len(figures.OKABE_ITO)
    assert len(set(figures.MARKERS)) == len(figures.MARKERS) == len(figures.OKABE_ITO)
