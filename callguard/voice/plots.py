"""Pictures of a recording: waveform, spectrogram with pitch and formants, pitch, and the score over time.

Each theme has an opaque background of its own: a picture that must be read on white and on black alike could
only use middle tones, and would show little on either. The spectrogram is grey, so that colour is left for
what is measured; the colours are Okabe and Ito's, which people with any colour vision tell apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from callguard.voice.deepfake.labels import REAL_BELOW, SYNTHETIC_ABOVE
from callguard.voice.deepfake.listener import Heard
from callguard.voice.dsp.features import VoiceFeatures

Theme = Literal["light", "dark"]
"""The page the picture is meant for."""

_COLUMNS: Final = 1500  # more than the picture can show
_RANGE_DB: Final = 50.0
_SHARP_S: Final = 0.012  # short enough to show formants rather than harmonics
_HIGHEST_HZ: Final = 5500.0
_WIDTH_IN, _PANEL_IN, _DPI = 12.0, 1.35, 130


@dataclass(frozen=True, slots=True)
class _Look:
    paper: str
    ink: str
    faint: str
    wave: str
    pitch: str
    formants: tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class _Part:
    """What is drawn of a recording, and where in it that begins."""

    samples: NDArray[np.floating]
    features: VoiceFeatures
    start_s: float

    @property
    def end_s(self) -> float:
        return self.start_s + self.features.duration_sec

    @property
    def times(self) -> NDArray[np.float64]:
        return self.start_s + self.features.tracks.time_s


_LOOKS: Final[dict[Theme, _Look]] = {
    "light": _Look(
        paper="#ffffff",
        ink="#1b1f24",
        faint="#d5d9de",
        wave="#57606a",
        pitch="#0072b2",
        formants=("#d55e00", "#e69f00", "#009e73", "#cc79a7"),
    ),
    "dark": _Look(
        paper="#14171c",
        ink="#e8eaed",
        faint="#3a4048",
        wave="#9aa4af",
        pitch="#56b4e9",
        formants=("#ff8a3d", "#f0e442", "#2fd6a3", "#e79bc4"),
    ),
}


def picture(
    samples: NDArray[np.floating],
    features: VoiceFeatures,
    *,
    title: str,
    subtitle: str = "",
    scores: Sequence[Heard] = (),
    theme: Theme = "light",
    start_s: float = 0.0,
) -> Figure:
    """Draws one channel, full scale 1.0, at the rate that `features` were measured at.

    The samples, and so all times, begin at `start_s` of the recording. Without `scores` their panel is left
    out.
    """
    look = _LOOKS[theme]
    part = _Part(samples, features, start_s)
    heights = [1.0, 2.6, 1.2, *([1.2] if scores else [])]
    figure = Figure(
        figsize=(_WIDTH_IN, _PANEL_IN * sum(heights) + 1),
        dpi=_DPI,
        facecolor=look.paper,
        layout="constrained",
    )
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    for axes in panels:
        _dress(axes, look)
    figure.suptitle(
        title, x=0.01, ha="left", color=look.ink, fontsize=12, fontweight="bold", parse_math=False
    )
    panels[0].set_title(subtitle, loc="left", color=look.ink, fontsize=9.5, parse_math=False)
    _draw_wave(panels[0], part, look)
    _draw_spectrum(panels[1], part, look)
    _draw_pitch(panels[2], part, look)
    if scores:
        _draw_scores(panels[3], scores, start_s, look)
    panels[0].set_xlim(start_s, part.end_s)
    panels[-1].set_xlabel("Time (s)", color=look.ink)
    figure.align_ylabels(panels)
    return figure


def png(figure: Figure) -> bytes:
    """The picture as a PNG file's content."""
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _dress(axes: Axes, look: _Look) -> None:
    axes.set_facecolor(look.paper)
    axes.tick_params(colors=look.ink, labelsize=9)
    for side, spine in axes.spines.items():
        spine.set_color(look.faint)
        spine.set_visible(side in {"left", "bottom"})
    axes.yaxis.label.set_color(look.ink)


def _draw_wave(axes: Axes, part: _Part, look: _Look) -> None:
    samples = part.samples
    columns = min(_COLUMNS, len(samples))
    pieces = np.array_split(samples, columns)
    low, high = np.array([piece.min() for piece in pieces]), np.array([piece.max() for piece in pieces])
    times = part.start_s + (np.arange(columns) + 0.5) * (part.features.duration_sec / columns)
    axes.fill_between(times, low, high, color=look.wave, linewidth=0.4)
    reach = max(float(np.abs(samples).max()), 0.01) * 1.05
    axes.set_ylim(-reach, reach)
    axes.axhline(0, color=look.faint, linewidth=0.6, zorder=0)
    axes.set_ylabel("Amplitude\n(full scale 1)")
    axes.yaxis.set_major_locator(MaxNLocator(3, symmetric=True))


def _draw_spectrum(axes: Axes, part: _Part, look: _Look) -> None:
    rate, tracks = part.features.sample_rate, part.features.tracks
    highest = min(_HIGHEST_HZ, rate / 2)
    axes.imshow(
        _spectrogram(part.samples, rate, highest).T,
        origin="lower",
        aspect="auto",
        cmap=LinearSegmentedColormap.from_list("greys", (look.paper, look.ink)),
        vmin=-_RANGE_DB,
        vmax=0,
        interpolation="bilinear",
        extent=(part.start_s, part.end_s, 0, highest / 1000),
    )
    halo = [withStroke(linewidth=3, foreground=look.paper)]
    f0 = _unjoined(tracks.f0_hz) / 1000
    axes.plot(part.times, f0, color=look.pitch, linewidth=2, label="F0", path_effects=halo)
    size = float(np.clip(80 / part.features.duration_sec, 4, 5.5))
    times, thinned = _thinned(part.times, tracks.formants_hz)
    formants = zip(thinned.T, look.formants, strict=True)
    for number, (formant, colour) in enumerate(formants, start=1):
        axes.plot(
            times,
            formant / 1000,
            ".",
            color=colour,
            markersize=size,
            markeredgecolor=look.paper,
            markeredgewidth=0.3,
            label=f"F{number}",
        )
    axes.set_ylim(0, highest / 1000)
    axes.set_ylabel("Frequency (kHz)")
    _beside(axes, highest / 2000, f"grey: 0 to\n−{_RANGE_DB:.0f} dB,\n+6 dB per\noctave", look)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=5,
        frameon=False,
        labelcolor=look.ink,
        fontsize=9,
        markerscale=10 / size,
        borderaxespad=0.1,
        handletextpad=0.3,
        columnspacing=1.2,
    )


def _draw_pitch(axes: Axes, part: _Part, look: _Look) -> None:
    features = part.features
    f0 = features.tracks.f0_hz
    axes.plot(part.times, _unjoined(f0), color=look.pitch, linewidth=1.6)
    axes.plot(part.times, f0, ".", color=look.pitch, markersize=2.5)
    axes.set_ylabel("Pitch F0 (Hz)")
    if features.f0_hz is None:
        axes.set_ylim(0, 1)
        axes.set_yticks([])
        _say(axes, "no voiced sound found", look)
        return
    axes.axhline(features.f0_hz, color=look.ink, linewidth=0.8, linestyle=(0, (4, 4)))
    _beside(axes, features.f0_hz, f"median {features.f0_hz:.0f} Hz", look)
    axes.margins(y=0.12)
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _draw_scores(axes: Axes, scores: Sequence[Heard], start_s: float, look: _Look) -> None:
    axes.axhspan(SYNTHETIC_ABOVE, 1, color=look.formants[0], alpha=0.14, linewidth=0)
    axes.axhspan(0, REAL_BELOW, color=look.formants[2], alpha=0.12, linewidth=0)
    for at, words in ((0.85, "likely\nsynthetic"), (0.5, "uncertain"), (0.15, "no evidence\nof synthesis")):
        _beside(axes, at, words, look)
    middles, known = [], []
    for window in scores:
        span = (start_s + window.start_s, start_s + window.end_s)
        if window.score is None:
            axes.axvspan(*span, facecolor="none", edgecolor=look.faint, hatch="///", linewidth=0)
        else:
            axes.plot(span, (window.score, window.score), color=look.pitch, alpha=0.45, linewidth=3)
            middles.append(sum(span) / 2)
            known.append(window.score)
    axes.plot(middles, known, "o-", color=look.pitch, markersize=5, linewidth=1.2)
    if unscored := sorted({str(window.reason) for window in scores if window.score is None}):
        axes.set_title(
            f"hatched: no score ({', '.join(unscored)})", loc="right", color=look.ink, fontsize=9, pad=3
        )
    axes.set_ylim(0, 1)
    axes.set_yticks([0, REAL_BELOW, SYNTHETIC_ABOVE, 1])
    axes.set_ylabel("Probability\nof synthesis")


def _unjoined(f0: NDArray[np.float64]) -> NDArray[np.float64]:
    """With a gap where the pitch leaps by more than a third: a line would show a glide that nobody spoke."""
    leaps = np.abs(np.diff(f0, prepend=np.nan)) > f0 / 3
    return np.where(leaps, np.nan, f0)


def _thinned(
    times: NDArray[np.float64], track: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of a long track (frames, values) medians over as many frames as fall on each other in the picture."""
    together = -(-len(track) // _COLUMNS)
    if together == 1:
        return times, track
    whole = len(track) // together * together
    groups = np.sort(track[:whole].reshape(-1, together, track.shape[1]), axis=1)  # NaN last
    middle = np.maximum(np.count_nonzero(~np.isnan(groups), axis=1) - 1, 0) // 2
    medians = np.take_along_axis(groups, middle[:, None], axis=1)[:, 0]
    return times[:whole].reshape(-1, together).mean(axis=1), medians


def _beside(axes: Axes, at: float, words: str, look: _Look) -> None:
    """Words to the right of the panel, at a height in its own units."""
    axes.annotate(
        words,
        (1, at),
        xycoords=("axes fraction", "data"),
        xytext=(5, 0),
        textcoords="offset points",
        va="center",
        color=look.ink,
        fontsize=9,
        annotation_clip=False,
    )


def _say(axes: Axes, words: str, look: _Look) -> None:
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=look.ink)


def _spectrogram(samples: NDArray[np.floating], rate: int, highest: float) -> NDArray[np.float64]:
    """Broad-band spectrogram in dB below its maximum, raised by 6 dB an octave as phoneticians like it; shape
    (columns, bins up to `highest` Hz).
    """
    hop = max(len(samples) // _COLUMNS, round(0.001 * rate))
    width = max(round(_SHARP_S * rate), hop)
    size = 1 << (max(width, round(rate / 30)) - 1).bit_length()
    sloped = np.diff(samples, prepend=samples[:1])
    padded = np.pad(sloped, (width // 2, width))
    frames = np.lib.stride_tricks.sliding_window_view(padded, width)[: len(samples) : hop]
    bins = int(highest / rate * size) + 1
    powers = np.abs(np.fft.rfft(frames * np.hanning(width), size, axis=1)[:, :bins]) ** 2
    loudest = max(float(powers.max()), 1e-12)
    decibels: NDArray[np.float64] = 10 * np.log10(np.maximum(powers / loudest, 10 ** (-_RANGE_DB / 10)))
    return decibels
