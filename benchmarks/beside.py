"""CPU seconds of the analytical denoisers at an old commit and in the working tree, in alternating processes.

python -m benchmarks.beside 462fe0a                      the small cases, in ten minutes; then benchmarks.page
python -m benchmarks.beside HEAD~3 --only pca-.05 local  some cases of benchmarks.denoisers

The benchmarks are those of the working tree; the package is imported from either. A table has the median
over rounds, and a line tells of each case that is slower by more than 3 %. Other work on the machine moves
cases of milliseconds by more than that: more rounds tell.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import denoisers
from benchmarks.processor import about
from benchmarks.timing import Meter, Plain, Row, cpu_seconds
from locality.report.table import format_markdown

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = Path("runs/benchmarks/denoisers/beside.json")  # where benchmarks.page looks
SMALL = (
    "pca-.05", "pca-.005", "optimal", "local-3", "local-31", "composite", "smoothed", "golden-whole",
    "mixture", "patches", "wiener", "fields-pca", "fields-optimal",
)  # fmt: skip
FEW = [900, 500, 100]
WITHIN = 1.03  # times as slow as before, at most
LEAST, MOST, ENOUGH = 3, 50, 0.4  # calls, and CPU seconds after which there are no more


class Alone(Meter):
    """CPU seconds of all threads, the least of some calls after one that plans and compiles.

    The least, as other work on the machine only adds: it takes caches and shares of a core.
    """

    def times(self, ours: Callable[[], object], plain: Plain | None, scale: float = 1) -> Row:
        """`cpu_seconds`."""
        ours()
        found: list[float] = []
        while len(found) < LEAST or (len(found) < MOST and sum(found) < ENOUGH):
            found.append(cpu_seconds(ours))
        return {"cpu_seconds": min(found)}

    def row(
        self,
        ours: Callable[[Tensor], Tensor],
        x: Tensor,
        plain: Plain | None = None,
        exact: Callable[[Tensor], Tensor] | None = None,
    ) -> Row:
        """`cpu_seconds`."""
        return self.times(lambda: ours(x), plain)


def main() -> None:
    """Measure both sides in turns, print the table, and write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("commit", help="what the working tree is set beside")
    parser.add_argument("--only", nargs="+", default=list(SMALL), help="names of cases")
    parser.add_argument("--images", type=int, default=2000, help="photographs of the bank")
    parser.add_argument("--size", type=int, default=16, help="their side")
    parser.add_argument("--rounds", type=int, default=5, help="processes on each side")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = set(options.only) - set(denoisers.all_cases(Alone(), Alone(), []))
    if unknown:
        parser.error(
            f"--only {' '.join(sorted(unknown))}: no such case; python -m benchmarks.denoisers has them"
        )
    if options.child:
        print(json.dumps(measured(options.only, options.images, options.size)))
        return
    resolved = git("rev-parse", "--verify", "--quiet", f"{options.commit}^{{commit}}", check=False)
    if not resolved:
        parser.error(f"{options.commit}: no commit of this repository")
    with tempfile.TemporaryDirectory() as folder, worktree(Path(folder) / "tree", resolved) as old:
        sides = {"old": side(Path(folder) / "old", old), "new": side(Path(folder) / "new", ROOT)}
        rounds = [one_round(sides, options, turn) for turn in range(options.rounds)]
    rows = compared(rounds)
    print(table(rows))
    for row in rows:
        if row["ratio"] > WITHIN:
            print(slower(row))
    known = about() | {"commit": resolved[:12], "threads": options.threads}
    save(OUTPUT, known | {"images": options.images, "size": options.size}, rows)


def save(path: Path, known: Row, rows: list[Row]) -> None:
    """Writes the rows; those of other cases, measured before under the same conditions, stay."""
    saved = json.loads(path.read_text()) if path.exists() else {"about": None, "rows": []}
    again = {row["case"] for row in rows}
    kept = [row for row in saved["rows"] if saved["about"] == known and row["case"] not in again]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"about": known, "complete": True, "rows": kept + rows}, indent=1))


def git(*words: str, check: bool = True) -> str:
    """What git prints."""
    done = subprocess.run(["git", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=check)
    return done.stdout.strip()


@contextmanager
def worktree(folder: Path, commit: str) -> Iterator[Path]:
    """A commit's files in a folder, for a while."""
    git("worktree", "add", "--detach", "--quiet", str(folder), commit)
    try:
        yield folder
    finally:
        git("worktree", "remove", "--force", str(folder))


def side(
    folder: Path,  # made here: caches, and the place that the process runs in
    tree: Path,  # whose package is imported
) -> dict[str, str]:
    """The environment of a side's processes: its package, the working tree's benchmarks, its own caches."""
    (folder / "package").mkdir(parents=True)
    (folder / "package" / "locality").symlink_to(tree / "locality")
    return {
        "OMP_WAIT_POLICY": "PASSIVE",
        "LOCALITY_DATA": str(ROOT / "data"),
        **os.environ,
        "PYTHONPATH": f"{folder / 'package'}{os.pathsep}{ROOT}",
        "NUMBA_CACHE_DIR": str(folder / "code"),
        "LOCALITY_CACHE": str(folder / "statistics"),
        "PWD": str(folder),
    }


def one_round(sides: dict[str, dict[str, str]], options: argparse.Namespace, turn: int) -> dict[str, Row]:
    """CPU seconds of each case on each side; who begins changes from round to round."""
    found = {}
    for name in sorted(sides, reverse=turn % 2 == 0):  # old first
        asked = [
            sys.executable,
            "-m",
            "benchmarks.beside",
            options.commit,
            "--child",
            "--only",
            *options.only,
        ]
        asked += ["--images", str(options.images), "--size", str(options.size)]
        threads = {"OMP_NUM_THREADS": str(options.threads), "NUMBA_NUM_THREADS": str(options.threads)}
        began = time.perf_counter()
        done = subprocess.run(
            asked,
            env=sides[name] | threads,
            cwd=sides[name]["PWD"],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found[name] = json.loads(done.stdout.splitlines()[-1])
        print(f"round {turn + 1}, {name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return found


def measured(names: list[str], images: int, size: int) -> Row:
    """CPU seconds of each case, over its noise levels."""
    warnings.filterwarnings("ignore", message=".*covariance lacks rank.*")
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    known = denoisers.all_cases(Alone(), Alone(), FEW, images, size)
    return {name: sum(row["cpu_seconds"] for row in known[name]()) for name in names}


def compared(rounds: list[dict[str, Row]]) -> list[Row]:
    """A row for each case: the medians of both sides, and the median, least and most of the paired ratios."""
    rows = []
    for case in rounds[0]["old"]:
        before, after = ([one[name][case] for one in rounds] for name in ("old", "new"))
        ratios = [new / old for old, new in zip(before, after, strict=True)]
        rows.append(
            {"case": case, "old": statistics.median(before), "new": statistics.median(after),
             "ratio": statistics.median(ratios), "low": min(ratios), "high": max(ratios),
             "rounds": len(ratios)}
        )  # fmt: skip
    return rows


def slower(row: Row) -> str:
    """What is said of a case that takes longer than before."""
    unsettled = ", so this is not settled" if row["low"] <= 1 else ""
    ends = f"{row['low']:.2f} to {row['high']:.2f} times"
    return f"`{row['case']}` takes {row['ratio'] - 1:.0%} longer ({ends}{unsettled})."


def page(rows: list[Row], about: dict[str, Any]) -> str:
    """The table in docs/benchmarks.md, and what it is of."""
    lines = [slower(row) for row in rows if row["ratio"] > WITHIN]
    told = " ".join(lines) or f"No case takes more than {WITHIN - 1:.0%} longer."
    what = f"{about['images']:,} photographs of {about['size']} x {about['size']} x 3"
    return (
        f"{table(rows)}\n\n{told} Beside `{about['commit']}`: {what}, "
        f"t = {', '.join(map(str, FEW))}. Threads: {about['threads']}. Processor: {about['machine']}.\n"
    )


def table(rows: list[Row]) -> str:
    """The rows in Markdown."""
    cells = [
        [row["case"], *(f"{row[key]:.3g}" for key in ("old", "new")), f"{row['ratio']:.2f}",
         f"{row['low']:.2f} to {row['high']:.2f}", row["rounds"]]
        for row in rows
    ]  # fmt: skip
    return format_markdown(
        ["case", "old, CPU seconds", "new, CPU seconds", "new / old", "least to most", "rounds"], cells
    )


if __name__ == "__main__":
    main()
