"""How the released form stands to the exact form and to batch averages."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results.questions.forms_short import Known, way_of
from benchmarks.results.words.answers import EXACT, RELEASED, WSSM, Found, differences, signed
from benchmarks.results.words.titles import called, markdown

LEAST = 0.0005  # of r2: less is 0 in three digits


def released_beside(known: Known) -> str:
    """How the released form stands to the exact form and to batch averages, and what that rests on."""
    rows = []
    for base in (EXACT, WSSM):
        cells = [_cell(differences(found, RELEASED, "released", base)) for found in known.values()]
        rows += [[f"less that of {called(base)}", *cells]] if any(cells) else []
    table = markdown((f"r2 of the {called(RELEASED)}, medians over seeds", *known), rows)
    return "\n\n".join([table, *_lent(known)]) if rows else ""


def _cell(both: Sequence[tuple[float, float, float]]) -> str | None:
    """The median difference, and whether it is sure."""
    if not both:
        return None
    tiny = all(abs(end) < LEAST for one in both for end in one)
    return f"{signed(both[-1])} ({'the same to three digits' if tiny else way_of(both)})"


def _lent(known: Known) -> list[str]:
    """Whose tau batch averages had, where it was another's."""
    lenders = {lender for found in known.values() if (lender := _lender(found))}
    return [
        f"Batch averages had the tau of {called(lender)} here, and the {called(RELEASED)} one of its own. "
        "So a difference between these two may be of masks or of tau. These runs do not tell which."
        for lender in sorted(lenders)
    ]


def _lender(found: Found) -> str | None:
    lender: str | None = found.get("borrowed", {}).get(WSSM)
    return lender
