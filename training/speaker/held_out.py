"""Makes the held-out manifest for `callguard evaluate speaker`: speakers that nothing was fitted to.

    python -m training.speaker.held_out --packages DIR --target DIR [--clear]

DIR holds the unpacked Debian packages asterisk-core-sounds-ru-wav, asterisk-prompt-fr-armelle,
asterisk-prompt-es-co, klettres-data and ktuberling-data. Each speaker's recordings are joined until they hold
3.2 s of speech, as they are for training, and every such sample goes over one telephone line: drawn, three of
four bad, or with --clear through G.711 alone.
Whoever reads one language in both games may be one person, so that a language is taken from one of them only;
klettres' nds is left out as `_SEVERAL_READERS` are.
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import soundfile

from callguard.voice.speaker.speech import RATE
from training.speaker.channel import CHANNELS, through
from training.speaker.clips import Clip, samples

_PROMPTS: Final = {
    "asterisk-core-sounds-ru-wav": "ru",
    "asterisk-prompt-fr-armelle": "fr-armelle",
    "asterisk-prompt-es-co": "es-co",
}
_SOUNDS: Final = {".wav", ".gsm", ".ogg"}
_SEVERAL_READERS: Final = {"ca", "da", "en", "ru"}
"""Their pitch says so: the ninth of ten samples, by pitch, lies more than half above the first."""
_LEAST_FILES: Final = 60
"""Fewer words of a game are too little for four samples."""
_SYLLABLES: Final = (
    *("ar/alpha", "cs/alpha", "es/syllab", "he/syllab", "hu/alpha", "it/syllab", "ml/syllab", "nb/alpha"),
    *("nl/syllab", "pt_BR/syllab", "tn/syllab"),
)


def clips(packages: Path) -> Iterator[Clip]:
    """Every recording, by speaker."""
    for package, speaker in _PROMPTS.items():
        for path in _sounds(packages / package):
            if "silence" not in path.parts and path.stem != "beep":
                yield Clip("prompts", f"prompts-{speaker}", path)
    for folder in sorted(packages.glob("ktuberling-data/usr/share/ktuberling/sounds/*")):
        if folder.name not in _SEVERAL_READERS and len(_sounds(folder)) >= _LEAST_FILES:
            for path in _sounds(folder):
                yield Clip("ktuberling", f"ktuberling-{folder.name}", path)
    for place in _SYLLABLES:
        for path in _sounds(packages / "klettres-data/usr/share/klettres" / place):
            yield Clip("klettres", f"klettres-{place.partition('/')[0]}", path)


def _sounds(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in _SOUNDS)


def main() -> None:
    """Writes 8 kHz WAV files and manifest.csv into the target."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--clear", action="store_true")
    chosen = parser.parse_args()
    lines = CHANNELS[:1] if chosen.clear else CHANNELS
    chosen.target.mkdir(parents=True, exist_ok=True)
    with (chosen.target / "manifest.csv").open("w", newline="") as file:
        manifest = csv.writer(file)
        manifest.writerow(("path", "speaker", "corpus"))
        for number, sample in enumerate(samples(list(clips(chosen.packages)))):
            name = f"{sample.speaker}-{number}.wav"
            line = lines[number % len(lines)]
            soundfile.write(chosen.target / name, through(sample.sound, line, name), RATE, "PCM_16")
            manifest.writerow((name, sample.speaker, sample.corpus))


if __name__ == "__main__":
    main()
