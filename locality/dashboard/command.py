"""The command line of dashboards."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from locality.config import UsageError
from locality.dashboard.logged import Logged, project_of, runs_of
from locality.dashboard.specification import NOBODY, check_installed, specification, write
from locality.disk import shown_path


def main(arguments: Sequence[str] | None = None) -> None:
    """The command: ends with 0 if all was done, 2 for what cannot be, 1 for what W&B did not take."""
    parser = argparse.ArgumentParser(
        prog="python -m locality.dashboard",
        description="A W&B workspace and a report of what runs logged, as dashboard.json; --push sends them.",
    )
    parser.add_argument("runs", nargs="+", help="run folders, or the name of a W&B project that runs log to")
    parser.add_argument("--root", default="runs", type=Path, help="where runs of a project are (runs)")
    parser.add_argument("--out", type=Path, help="folder of the files (the run's; of several, the one above)")
    parser.add_argument("--entity", help="W&B user or team (that of the login)")
    parser.add_argument("--project", help="W&B project (the one that the runs log to)")
    parser.add_argument("--push", action="store_true", help="send both to W&B's server, in at most 30 s")
    parser.add_argument(
        "--preview", action="store_true", help="sketch both in dashboard.html, from the folders"
    )

    def stop(message: str) -> NoReturn:
        _end(f"{message}; see --help", 2)

    parser.error = stop  # type: ignore[method-assign]
    asked = parser.parse_args(arguments)
    try:
        _carry_out(asked)
    except UsageError as error:
        _end(str(error), 2)
    except OSError as error:
        named = "" if error.filename is None else f"{error.filename}: "
        _end(f"{named}{error.strerror or error}; name another folder with --out, or make room", 1)


def _carry_out(asked: argparse.Namespace) -> None:
    check_installed()
    runs = runs_of(asked.runs, asked.root)
    project = asked.project or project_of(runs)
    folder = asked.out or (runs[0].folder if len(runs) == 1 else runs[0].folder.parent)
    found = specification(runs, asked.entity or NOBODY, project)
    print(f"dashboard: {shown_path(write(found, folder))}")
    if asked.preview:
        from locality.dashboard.preview import sketch

        print(f"preview: {shown_path(sketch(found, runs, folder))}")
    _tell_missing(runs)
    if asked.push:
        _push(asked, runs, project, folder)


def _push(asked: argparse.Namespace, runs: Sequence[Logged], project: str, folder: Path) -> None:
    from locality.dashboard.push import push
    from locality.report.account import PushFailed

    try:
        done = push(runs, asked.entity, project, folder)
    except PushFailed as error:
        _end(str(error), 1)
    print(f"report: {done.report}\nworkspace: {done.workspace}")
    if done.preset:
        print(f"note: the charts' preset of an earlier push stays ({done.preset})")


def _tell_missing(runs: Sequence[Logged]) -> None:
    away = [run.name for run in runs if not run.mirrored]
    if away:
        names = ", ".join(away[:3]) + (f" and {len(away) - 3} more" if len(away) > 3 else "")
        print(
            f"note: {names} ran without W&B (logger=none): their panels stay empty there, --preview has them"
        )


def _end(message: str, code: int) -> NoReturn:
    print(f"dashboard: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(code)
