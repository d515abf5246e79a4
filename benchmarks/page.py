"""Write the tables of docs/benchmarks.md from the JSON that the benchmarks wrote.

python -m benchmarks.denoisers && python -m benchmarks.training && python -m benchmarks.page

What was measured before and not again stays: docs/benchmarks.json holds the newest rows of each case.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import beside
from locality.report.table import format_markdown

ROOT = Path(__file__).resolve().parent.parent
MEASURED = ROOT / "runs" / "benchmarks"
KEPT, PAGE = ROOT / "docs" / "benchmarks.json", ROOT / "docs" / "benchmarks.md"
COMMANDS = {  # of tables that are not made by benchmarks.denoisers
    "setup": "setup", "cifar-levels": "setup", "noise": "noise", "beside": "beside <commit>",
}  # fmt: skip
TITLES = {
    "t": "t",
    "step": "step",
    "device": "device",
    "batch": "images",
    "cold": "cold, CPU seconds",
    "warm": "warm, CPU seconds",
    "cpu_seconds": "CPU seconds",
    "seconds": "seconds",
    "rival_seconds": "plain form, seconds",
    "ratio": "times faster",
    "exact": "exact scan, ns",
    "bounds": "bounds alone, ns",
    "screened": "screened, ns",
    "faster": "times faster",
    "best": "at best",
    "needed": "must be weighed, %",
    "passed": "bound lets pass, %",
    "bound": "greatest bound",
    "off": "true error",
    "error": "relative error",
    "peak_bytes": "peak above the bank",
    "batch_8_over_1": "batch of 8 / batch of 1",
}
TIMED = ("seconds", "rival_seconds")  # by the clock that a case names


def main() -> None:
    """Merge new measurements into the kept ones, and rewrite every block of the page."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for path in (MEASURED / "denoisers").glob("*.json"):
        found = json.loads(path.read_text())
        if found["complete"]:
            date = datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
            kept[path.stem] = {"about": found["about"], "rows": found["rows"], "measured": date}
    if (MEASURED / "training.json").exists():
        found = json.loads((MEASURED / "training.json").read_text())
        row = {key: found[key] for key in ("ratio", "low", "high", "pairs")}
        kept["training"] = {"about": {"threads": found["threads"]}, "rows": [row]}
    KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    page = re.sub(
        r"(<!-- (\S+): .*? -->\n).*?(<!-- end -->)",
        lambda match: match[1] + block(match[2], kept) + match[3],
        PAGE.read_text(),
        flags=re.DOTALL,
    )
    PAGE.write_text(page)


def block(name: str, kept: dict[str, Any]) -> str:
    """The table of one case, or that it has not been measured."""
    if name not in kept:
        command = COMMANDS.get(name, f"denoisers --only {name}")
        return f"Not measured yet: `python -m benchmarks.{command}`.\n"
    rows, about = kept[name]["rows"], kept[name]["about"]
    if name == "beside":
        return beside.page(rows, about)
    if name == "training":
        row = rows[0]
        return (
            f"A step of Lightning takes {row['ratio']:.3f} [{row['low']:.3f}, {row['high']:.3f}] times one "
            f"of a bare PyTorch loop (median of {row['pairs']} pairs, {about['threads']} threads).\n"
        )
    columns = [key for key in TITLES if key in rows[0]]
    cells = [[shown(key, row[key]) for key in columns] for row in rows]
    clock = about.get("clock", "wall")  # of tables from before CPU time counted
    heads = {key: re.sub("seconds$", f"{clock} seconds", TITLES[key]) for key in TIMED}
    titles = [(TITLES | heads)[key] for key in columns]
    text = format_markdown(titles, cells) + "\n"
    when = f", {kept[name]['measured']}" if "measured" in kept[name] else ""
    where = f"({about['threads']} threads, {about['machine']}{when})"
    if name == "noise":
        return text + f"\nThreads: {about['threads']}. Processor: {about['machine']}{when}.\n"
    if name in ("setup", "cifar-levels"):
        sums = {key: sum(row[key] for row in rows) for key in columns if key not in ("t", "step")}
        told = ", ".join(f"{value:.1f} s{'' if len(sums) == 1 else ' ' + key}" for key, value in sums.items())
        return text + f"\nIn all {told} {where}.\n"
    if all("rival_seconds" in row for row in rows) and len(rows) > 1:
        ours, plain = (sum(row[key] for row in rows) for key in ("seconds", "rival_seconds"))
        told = f"{ours:.1f} {clock} s against {plain:.1f} s: {plain / ours:.1f} times faster"
        return f"{text}\nIn all {told} {where}.\n"
    return f"{text}\nMeasured with {where[1:-1]}.\n" if when else text


def shown(key: str, value: float) -> str:
    """A cell of a table."""
    if key in ("t", "step", "device", "batch"):
        return str(value)
    return f"{value / 2**20:.0f} MiB" if key == "peak_bytes" else f"{value:.3g}"


if __name__ == "__main__":
    main()
