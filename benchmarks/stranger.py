"""Walk a stranger's first hour with a stopwatch: from the wheel to a network sampled in diffusers.

python -m benchmarks.stranger                                writes docs/first_hour.md; some GB and minutes
python -m benchmarks.stranger --site .venv/lib/.../site-packages    with the dependencies that lie there

Each step is a command that a stranger types, in an environment and a folder that are empty at first.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from locality.report.provenance import commit

ROOT = Path(__file__).resolve().parent.parent
SCRIPT, PAGE = ROOT / "docker" / "wheel.sh", ROOT / "docs" / "first_hour.md"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PICTURE = """from PIL import Image, ImageDraw
image = Image.new("L", (64, 64))
ImageDraw.Draw(image).ellipse((16, 16, 48, 48), outline=255, width=6)
image.save("ring.png")"""
SAMPLE = """from diffusers import DDPMPipeline
pipeline = DDPMPipeline.from_pretrained("network")
pipeline(batch_size=1, num_inference_steps=20).images[0].save("sample.png")"""


@dataclass(frozen=True)
class Step:
    """What a stranger does, and the file that says that it was done."""

    about: str
    command: list[str]
    leaves: str


def steps() -> list[Step]:
    """The way, in order; commands of the wheel's environment, which is first on the path."""
    train, evaluate = ["locality-train"], ["locality-evaluate", "--config-dir", "mine"]
    ring = ["data=digits", "pattern=ring.png", "gamma=0.5"]
    mine = ["compare=quick", "data=digits", "+denoiser@candidates.shrink=shrink"]
    return [
        Step("what there is", [*train, "--list"], ""),
        Step("a training", [*train, "data=digits", "trainer.max_epochs=5"], "runs/latest/report.html"),
        Step("a comparison", ["locality-evaluate", "compare=quick"], "runs/latest/report.html"),
        Step("its report, opened", ["open", "runs/latest/report.html"], ""),
        Step("another gamma", [*train, "data=digits_pattern", "gamma=0.5", "trainer=smoke"], ""),
        Step("a picture for a pattern", ["python", "-c", PICTURE], "ring.png"),
        Step("a training with it", [*train, *ring, "trainer=smoke"], ""),
        Step("a denoiser of one's own", [*evaluate, *mine], "runs/latest/metrics.json"),
        Step("a network for diffusers", ["locality-export", "runs/latest", "network", "--form", "diffusers"],
             "network/model_index.json"),
        Step("a sample there", ["python", "-c", SAMPLE], "sample.png"),
    ]  # fmt: skip


def main() -> None:
    """Walk, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="makes the environment")
    parser.add_argument(
        "--site", default="", help="site-packages with the dependencies; pip gets them if left out"
    )
    parser.add_argument("--output", type=Path, default=PAGE)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        build = ["bash", str(SCRIPT), "build", sys.executable, str(place / "dist")]
        install = ["bash", str(SCRIPT), "install", asked.python, str(place / "venv"), str(place / "dist")]
        subprocess.run(build, check=True)
        (wheel,) = (place / "dist").glob("locality-*.whl")
        told = f"pip install {wheel.name}"
        rows = [
            ("the package", told, _timed([*install, *filter(None, [asked.site])], place, dict(os.environ)))
        ]
        rows += _walk(place / "venv", place / "empty")
        version = [str(place / "venv" / "bin" / "python"), "--version"]
        python = subprocess.run(version, capture_output=True, text=True, check=True).stdout.strip()
        asked.output.write_text(_page(rows, asked.site, python))


def _walk(venv: Path, empty: Path) -> list[tuple[str, str, float | None]]:
    (empty / "mine" / "denoiser").mkdir(parents=True)
    shutil.copy(ROOT / "examples" / "own_denoiser.py", empty / "mine")
    (empty / "mine" / "denoiser" / "shrink.yaml").write_text("_target_: own_denoiser.Shrink.fit\n")
    kept = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "LOCALITY_CONFIGS")
    }
    environment = {
        **kept,
        "PATH": f"{venv / 'bin'}:{os.environ['PATH']}",
        "LOCALITY_CACHE": str(empty / "cache"),
    }
    rows: list[tuple[str, str, float | None]] = []
    for step in steps():
        command = _browser(empty) if step.command[0] == "open" else step.command
        rows.append(
            (step.about, _told(step.command), _timed(command, empty, environment) if command else None)
        )
        if step.leaves and not (empty / step.leaves).is_file():
            raise SystemExit(f"{_told(step.command)}: left no {step.leaves}")
    return rows


def _timed(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    print(_told(command), flush=True)
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(
            f"{_told(command)}: code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        )
    return time.perf_counter() - began


def _browser(empty: Path) -> list[str] | None:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    page = (empty / "runs" / "latest" / "report.html").resolve().as_uri()
    return [found, "--headless", "--no-sandbox", "--screenshot=report.png", page] if found else None


def _told(command: list[str]) -> str:
    code = next((word for word in command if "\n" in word), None)
    if code is not None:
        return f"python: {code.splitlines()[0]}; ..."
    return shlex.join(command)


def _page(rows: list[tuple[str, str, float | None]], site: str, python: str) -> str:
    seconds = [took for _, _, took in rows if took is not None]
    load = os.getloadavg()[0]
    table = "\n".join(
        f"| {about} | `{command}` | {'no browser here' if took is None else f'{took:.0f}'} |"
        for about, command, took in rows
    )
    where = "Its dependencies were there already" if site else "pip fetched its dependencies, too"
    return f"""# A stranger's first hour

Written by `python -m benchmarks.stranger`: each command as a stranger types it, in an empty environment and
an empty folder. {where}. All steps together took {sum(seconds):.0f} s.

| step | command | seconds |
| --- | --- | --- |
{table}

{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit `{commit()}`, {python}, {os.cpu_count()}
cores of {platform.machine()}, whose load was {load:.1f} at the end: other work on them makes steps longer.
"""


if __name__ == "__main__":
    main()
