"""The picture of a voice: what stands in it, that nothing overlaps, and that both themes can be read."""

from io import BytesIO
from itertools import combinations
from typing import NamedTuple, get_args

import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from matplotlib.typing import ColorType

from callguard.voice.deepfake.listener import Heard
from callguard.voice.deepfake.port import Reason
from callguard.voice.dsp.features import features
from callguard.voice.plots import Theme, picture, png
from tests.unit.voice.dsp.voices import HUMANS, Sound, human, noise, spoken

NAME = "$\\frac{a$.wav"  # looks like a formula that isn't one
SCORES = (
    Heard(0.4, 2.2, 0.31, None),
    Heard(1.0, 3.0, 0.92, None),
    Heard(2.0, 4.0, None, Reason.MUSIC),
    Heard(3.0, 4.9, 0.05, None),
)


class Drawn(NamedTuple):
    """A picture, and its file."""

    figure: Figure
    content: bytes


def plain(samples: Sound, rate: int) -> Figure:
    return picture(samples, features(samples, rate), title="call.wav")


@pytest.fixture(scope="module", params=get_args(Theme))
def picture_file(request: pytest.FixtureRequest) -> Drawn:
    samples, rate = human(HUMANS[0])
    part = samples[: 5 * rate]
    measured = features(part, rate)
    figure = picture(part, measured, title=NAME, subtitle="a voice", theme=request.param, scores=SCORES)
    return Drawn(figure, png(figure))  # drawing it lays it out


@pytest.fixture
def figure(picture_file: Drawn) -> Figure:
    return picture_file.figure


def written(figure: Figure) -> list[Text]:
    """All words, but for those of ticks beyond a panel's ends, which are not drawn."""
    beyond = {
        label
        for axes in figure.axes
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim()))
        for tick in axis.get_major_ticks()
        if not low <= tick.get_loc() <= high
        for label in (tick.label1, tick.label2)
    }
    found = figure.findobj(lambda artist: isinstance(artist, Text) and bool(artist.get_text()))
    return [text for text in found if isinstance(text, Text) and text.get_visible() and text not in beyond]


def places(figure: Figure) -> list[tuple[str, Bbox]]:
    return [(text.get_text(), text.get_window_extent()) for text in written(figure)]


def test_every_axis_tells_its_unit(figure: Figure) -> None:
    labels = [axes.get_ylabel() for axes in figure.axes]

    assert labels == [
        "Amplitude\n(full scale 1)",
        "Frequency (kHz)",
        "Pitch F0 (Hz)",
        "Probability\nof synthesis",
    ]
    assert figure.axes[-1].get_xlabel() == "Time (s)"


def test_words_stand_inside_the_picture_and_not_on_each_other(figure: Figure) -> None:
    found = places(figure)
    cut_off = [
        words
        for words, box in found
        if box.x0 < 0 or box.y0 < 0 or box.x1 > figure.bbox.width or box.y1 > figure.bbox.height
    ]
    overlapping = [
        (one, other) for (one, at), (other, there) in combinations(found, 2) if at.padded(-1).overlaps(there)
    ]

    assert len(found) > 25
    assert NAME in dict(found)
    assert cut_off == []
    assert overlapping == []


def test_pitch_and_formants_lie_on_the_spectrogram(figure: Figure) -> None:
    spectrum = figure.axes[1]
    lines = {str(line.get_label()): np.asarray(line.get_ydata(), float) for line in spectrum.get_lines()}

    assert list(lines) == ["F0", "F1", "F2", "F3", "F4"]
    medians = [np.nanmedian(line) for line in lines.values()]
    assert medians == sorted(medians)
    assert medians[0] == pytest.approx(0.21, abs=0.02)  # kHz, the scale of the panel
    assert spectrum.get_ylim() == (0, 4)
    assert len(spectrum.get_images()) == 1


def test_what_is_drawn_stands_out_from_the_page(figure: Figure) -> None:
    """At least 3 to 1, as WCAG asks of graphics and of large words."""
    paper = _luminance(figure.get_facecolor())
    inks = [text.get_color() for text in written(figure)]
    pitch = figure.axes[2].get_lines()[0].get_color()

    for colour in [*inks, pitch]:
        low, high = sorted((paper, _luminance(colour)))
        assert (high + 0.05) / (low + 0.05) > 3


def test_a_leap_of_an_octave_is_no_glide() -> None:
    sound = np.concatenate([spoken(120, seconds=0.4), spoken(240, seconds=0.4)])
    line = np.asarray(plain(sound, 16_000).axes[2].get_lines()[0].get_ydata(), float)
    steps = np.abs(np.diff(line))

    assert np.nanmax(line) > 200
    assert np.nanmin(line) < 130
    assert np.nanmax(steps) < 60


def test_a_long_recordings_formants_are_thinned() -> None:
    sound = np.tile(np.concatenate([spoken(120, "ae", 8000, 0.5), np.zeros(4000)]), 40)
    spectrum = plain(sound, 8000).axes[1]
    first, second = (np.asarray(line.get_ydata(), float) for line in spectrum.get_lines()[1:3])

    assert len(first) == len(second) == 1333
    assert np.isnan(first).mean() == pytest.approx(0.5, abs=0.1)  # the pauses
    assert np.nanmedian(first) == pytest.approx(0.66, rel=0.05)
    assert np.nanmedian(second) == pytest.approx(1.72, rel=0.05)


def test_a_part_keeps_the_recordings_times() -> None:
    sound = spoken(120)
    scores = [Heard(0.1, 0.9, 0.4, None)]
    figure = picture(sound, features(sound, 16_000), title="", start_s=60.0, scores=scores)

    assert figure.axes[0].get_xlim() == (60.0, 61.0)
    for axes in figure.axes[1:]:
        drawn = np.concatenate([np.asarray(line.get_xdata(), float) for line in axes.get_lines()[:2]])
        assert 60.0 <= drawn.min() < drawn.max() <= 61.0


def test_without_a_score_its_panel_is_left_out() -> None:
    assert len(plain(spoken(120), 16_000).axes) == 3


@pytest.mark.parametrize("sound", [np.zeros(8000), noise(1.0, 8000)], ids=["silence", "noise"])
def test_without_a_voice_the_picture_says_so(sound: Sound) -> None:
    words = [text.get_text() for text in written(plain(sound, 8000))]

    assert "no voiced sound found" in words


def test_the_file_is_an_opaque_picture(picture_file: Drawn) -> None:
    pixels = matplotlib.image.imread(BytesIO(picture_file.content), format="png")

    assert pixels.shape == (1183, 1560, 4)
    assert pixels[2, 2, :3] == pytest.approx(to_rgb(picture_file.figure.get_facecolor()), abs=0.01)
    assert pixels[..., 3].min() == 1
    assert pixels[..., :3].std() > 0.1


def _luminance(colour: ColorType) -> float:
    """Relative luminance after WCAG 2."""
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array((0.2126, 0.7152, 0.0722)))
