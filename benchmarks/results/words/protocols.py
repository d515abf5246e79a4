"""Which of two protocols numbers are of: settings found on the network's own samples, or on val images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.results.words.answers import Found
from benchmarks.results.words.titles import called, joined, on
from locality.calibration import OWN_SAMPLES

SAMPLES, VAL = "samples", "val images"  # on which settings were found
BATCHES = (  # of the released form; `compare=released` has the number
    "Its batches have 512 images on all data. The paper's code has 256 for AFHQ. So on cats it is not that "
    "code's form to the letter."
)


def found_on(found: Found) -> str:
    """What settings were found on; empty where nothing is recorded."""
    ways = {str(one[2]).endswith(OWN_SAMPLES) for one in found.get("calibrated") or []}
    return "" if not ways else SAMPLES if True in ways else VAL


def apart(known: Mapping[str, Found]) -> dict[str, dict[str, Found]]:
    """Protocol -> name -> found: counts are never made over two of them."""
    groups: dict[str, dict[str, Found]] = {}
    for name, found in known.items():
        groups.setdefault(found_on(found), {})[name] = found
    return groups


def of(protocol: str, known: Mapping[str, Found]) -> str:
    """`settings found on val images, 2026-11-26`: a protocol, and the days of its runs; or nothing."""
    days = dict.fromkeys(str(one["run"]["started"]).split()[0] for one in known.values() if "run" in one)
    return ", ".join(filter(None, [f"settings found on {protocol}", joined(days)])) if protocol else ""


def mixed(known: Mapping[str, Found]) -> str:
    """That a table is of two protocols, where it is: on which data settings were found on what."""
    groups = {way: list(one) for way, one in apart(known).items() if way}
    if len(groups) < 2:
        return ""
    each = joined(f"on {way} {on(titles)}" for way, titles in groups.items())
    return f"Calibrated settings were found {each}: these are two protocols."


def unlike(known: Mapping[str, Found], rows: Sequence[str]) -> list[str]:
    """Where the settings of some rows were found on more samples or images than those of others."""
    said = []
    for title, found in known.items():
        groups: dict[str, list[str]] = {}
        for row, _, what, _ in found.get("calibrated") or []:
            if row in rows:
                groups.setdefault(str(what), []).append(called(row))
        if len(groups) > 1:
            each = joined(f"those of {joined(names)} on {what}" for what, names in groups.items())
            said.append(f"O{on([title])[1:]} some settings were found on more than others: {each}.")
    return [" ".join(said)] if said else []
