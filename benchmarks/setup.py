"""What comes before the first estimate on CIFAR-10, cold and warm, and the ten levels of the paper after it.

python -m benchmarks.setup          minutes; then python -m benchmarks.page

Each run is a process of its own: the first with empty caches (compiled code, statistics), the second with
what the first left. CPU time counts, of all threads: it holds on a machine that other work shares.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "runs" / "benchmarks" / "denoisers"  # where benchmarks.page looks
TAU = 0.05
BATCH = 8
STEPS = ("import", "read the images", "statistics", "plan a noise level", "first estimate")


def child(count: int, levels: bool) -> None:
    """One process: a line of JSON with the seconds of each step, and of each level if asked for."""
    start, seconds = 0.0, []

    def lap() -> None:
        nonlocal start
        now = time.process_time()  # from the start of the process
        seconds.append(now - start)
        start = now

    from benchmarks.cases import TIMESTEPS, noisy
    from locality import ImageBank
    from locality.data import cifar
    from locality.denoisers import PCALocality

    lap()
    bank = ImageBank(cifar("train", 0)[:count])
    lap()
    denoiser = PCALocality.fit(bank, tau=TAU)
    lap()
    x, sigma = noisy(bank.images[:BATCH], TIMESTEPS[0])
    denoiser.plan(sigma)
    lap()
    denoiser(x, sigma)
    lap()
    rows = []
    for t in TIMESTEPS if levels else []:
        x, sigma = noisy(bank.images[:BATCH], t)
        denoiser(x[:1], sigma)
        before, clock = time.process_time(), time.perf_counter()
        denoiser(x, sigma)
        rows.append(
            {"t": t, "cpu_seconds": time.process_time() - before, "seconds": time.perf_counter() - clock}
        )
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    from benchmarks.processor import about

    print(json.dumps({"seconds": seconds, "levels": rows, "about": about()}))


def run(count: int, caches: Path, *more: str) -> dict[str, Any]:
    """A child's answer."""
    own = {"NUMBA_CACHE_DIR": str(caches / "code"), "LOCALITY_CACHE": str(caches / "statistics")}
    asked = [sys.executable, "-m", "benchmarks.setup", "--child", "--images", str(count), *more]
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, **own}
    done = subprocess.run(asked, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Both processes, and what they found in the form that benchmarks.page reads."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--levels", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.images, options.levels)
        return
    with tempfile.TemporaryDirectory() as folder:
        cold, warm = run(options.images, Path(folder)), run(options.images, Path(folder), "--levels")
    pairs = zip(STEPS, cold["seconds"], warm["seconds"], strict=True)
    setup = [{"step": step, "cold": before, "warm": after} for step, before, after in pairs]
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name, rows in (("setup", setup), ("cifar-levels", warm["levels"])):
        found = {"about": warm["about"], "complete": True, "rows": rows}
        (OUTPUT / f"{name}.json").write_text(json.dumps(found, indent=1))
        for row in rows:
            print(json.dumps(row))


if __name__ == "__main__":
    main()
