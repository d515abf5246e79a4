"""`locality-report runs/A runs/B`: one page of several runs, from their folders alone.

python -m locality.report runs/A runs/B --out both.html
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from locality.config import UsageError
from locality.disk import shown_path, write_atomically
from locality.report.page import render_page
from locality.report.shown import shown


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the page and says where it is. Exit codes: 0 done, 1 not written, 2 asked for what is not."""
    parser = argparse.ArgumentParser(
        prog="locality-report",
        description="One page of one run or several: tables, curves and interactive parts, in one file.",
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="runs/<run>", help="folders of runs that ended")
    parser.add_argument("--out", type=Path, default=Path("report.html"), help="the page (report.html)")
    asked = parser.parse_args(arguments)
    try:
        folders = {folder.resolve(): folder for folder in asked.runs}
        if len(folders) < len(asked.runs):
            raise UsageError("want each run once; two of those named are one folder")
        page = render_page([shown(folder) for folder in folders.values()], asked.out)
        write_atomically(asked.out, page)
    except UsageError as error:
        print(f"locality-report: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"locality-report: {asked.out} could not be written ({error})", file=sys.stderr)
        return 1
    print(
        f"{shown_path(asked.out)}: {len(folders)} run{'s' * (len(folders) > 1)}, {len(page.encode()):,} bytes"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
