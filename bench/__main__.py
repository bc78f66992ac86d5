"""`python -m bench [--json]`: every figure of docs/figures.md, one bench after the other."""

import subprocess
import sys

BENCHES = (
    "bench.call_path",
    "bench.burst",
    "bench.dialogues",
    "bench.text_encoder",
    "bench.trigger",
    "bench.media_ingest",
    "bench.real_time",
    "bench.steadiness",
    "bench.scorer",
    "bench.voice_features",
    "bench.speaker",
)

for bench in BENCHES:
    print(f"== {bench}", flush=True)
    subprocess.run([sys.executable, "-m", bench, *sys.argv[1:]], check=True)
