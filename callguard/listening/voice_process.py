"""The process in which voices are judged, out of the call path's way from its first import on.

    python -m callguard.listening.voice_process DETECTOR

Loading the models' libraries takes seconds of a core, so the process steps back before it does.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

NICENESS: Final = 10


def main() -> None:
    """The process."""
    os.nice(NICENESS)
    with suppress(OSError):  # where the kernel weighs sessions: niceness counts within one alone
        Path("/proc/self/autogroup").write_text(str(NICENESS))
    from callguard.listening import voice_worker  # noqa: PLC0415  # see above

    voice_worker.main(sys.argv[1])


if __name__ == "__main__":
    main()
