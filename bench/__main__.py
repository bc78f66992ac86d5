"""`python -m bench`: every figure of the README and docs, one after the other."""

import subprocess
import sys

MODULES = ("bench.call_path", "bench.trigger", "bench.media_ingest")

for module in MODULES:
    print(f"== {module}", flush=True)
    subprocess.run([sys.executable, "-m", module, *sys.argv[1:]], check=True)
