"""A plugin of pytest: what the tests marked `faults` tried, and what was lost, as docs/reliability.md.

python -m pytest -m "faults or counted" -n auto --reliability=docs/reliability.md
"""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest


@dataclass
class Fault:
    """One kind of fault: how often it was tried, and how often all was well after it."""

    tried: int = 0
    survived: int = 0
    skipped: str = ""


FAULTS = pytest.StashKey[dict[str, Fault]]()  # of a session, by name
TRIED = pytest.StashKey[Fault]()  # of a test
MARKERS = ("faults", "counted")
PROPERTY = "fault"  # of a report: reports go from the processes of pytest-xdist to the one that writes


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--reliability`."""
    parser.addoption(
        "--reliability", type=Path, help="write what the tests marked `faults` found to this page"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Nothing is tried yet."""
    config.stash[FAULTS] = {}
    config.pluginmanager.register(Counter(config.stash[FAULTS]), "reliability of faults")


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`tally(tries, survived=0)`: counts what a test tries, more finely than the test as one try."""
    fault = request.node.stash.setdefault(TRIED, Fault())

    def add(tried: int = 1, survived: int = 0) -> None:
        fault.tried += tried
        fault.survived += survived

    return add


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> object:
    """Puts on the report what the test tried. A test that does not count by itself is one try."""
    report: pytest.TestReport = yield  # type: ignore[assignment, misc]
    if not any(map(item.get_closest_marker, MARKERS)) or (report.when != "call" and report.passed):
        return report
    fault = item.stash.get(TRIED, Fault())
    if report.skipped:
        fault = Fault(
            skipped=str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        )
    elif not fault.tried:  # also where what the test needs could not be set up
        fault = Fault(1, int(report.passed))
    report.user_properties.append((PROPERTY, [_told(item), *astuple(fault)]))
    return report


class Counter:
    """Adds the reports up, those of other processes, too."""

    def __init__(self, faults: dict[str, Fault]) -> None:
        self.faults = faults

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One report of a test."""
        for key, value in report.user_properties:
            if key == PROPERTY:
                name, tried, survived, skipped = value
                fault = self.faults.setdefault(name, Fault())
                fault.tried += tried
                fault.survived += survived
                fault.skipped = fault.skipped or skipped


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes the page."""
    path: Path | None = session.config.getoption("--reliability")
    if path is not None and not hasattr(session.config, "workerinput"):  # a process of pytest-xdist has that
        path.write_text(page(session.config.stash[FAULTS]))


def page(faults: dict[str, Fault]) -> str:
    """The page: a row for each kind of fault."""
    rows = [
        f"| {name} | {fault.tried} | {fault.survived} | {fault.tried - fault.survived} | "
        f"{fault.skipped.removeprefix('Skipped: ')} |"
        for name, fault in sorted(faults.items())
    ]
    tried, survived = (sum(getattr(fault, key) for fault in faults.values()) for key in ("tried", "survived"))
    return "\n".join(
        [
            "# Reliability",
            "",
            "This page is written by `make test-faults`. Each row is a kind of fault, tried as often as it "
            "says. A try survived if nothing was lost and nothing false was told.",
            "",
            f"{tried:,} tries, {survived:,} survived, {tried - survived:,} lost. Processor: {_processor()}, "
            f"{platform.system()}. Commit `{_commit()}`, {datetime.now(UTC):%Y-%m-%d}.",
            "",
            "| fault | tries | survived | lost | not tried here |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _told(item: pytest.Item) -> str:
    """The first line of the test's docstring; else its name as a sentence; and the test's `place`."""
    function = getattr(item, "function", None)
    words = (getattr(function, "__doc__", None) or "").strip().split("\n")[0].rstrip(".")
    name = getattr(item, "originalname", None) or item.name
    place = getattr(item, "callspec", None) and item.callspec.params.get("place")
    told = words or name.removeprefix("test_").replace("_", " ")
    return (f"{told} ({place})" if place else told).replace("|", "\\|")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )


def _commit() -> str:
    asked = ["git", "rev-parse", "--short=12", "HEAD"]
    done = subprocess.run(asked, capture_output=True, text=True, cwd=Path(__file__).parent, check=False)
    return done.stdout.strip() or "unknown"
