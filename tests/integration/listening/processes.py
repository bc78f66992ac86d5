"""The processes that judge voices, as the operating system sees them."""

import os
from pathlib import Path


def children(pid: int | None = None) -> list[int]:
    """Those of this process, or of another, that judge voices."""
    found = []
    for task in Path(f"/proc/{pid or os.getpid()}/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"callguard.listening.voice_worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(int(child))
    return sorted(found)
