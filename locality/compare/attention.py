"""What would make the tables of a comparison mislead: said above them, and kept in the report."""

from __future__ import annotations

import math
from collections.abc import Mapping

from locality.compare.origins import COLUMNS, Origins
from locality.compare.summary import Quantity
from locality.live import prose
from locality.ranks import say
from locality.report import Report

NOTES, SETTINGS = "compare/attention", "compare/settings"  # tables of any comparison
ROUNDING = 1e-3  # of a ratio of errors: a Wiener filter is as good as itself


class Attention:
    """The warnings of a run."""

    def __init__(
        self,
        report: Report,
        longer: Mapping[str, str] | None = None,  # the commands that go on with trainings, by network
    ) -> None:
        self._report, self._longer = report, longer or {}
        self.notes: list[str] = []

    def add(self, note: str) -> None:
        """Says a warning, and keeps it; once, however often it is given."""
        if note in self.notes:
            return
        self.notes.append(note)
        say(prose(f"warning: {note}"))
        self._report.table(NOTES, ["beware"], [[one] for one in self.notes])

    def settings(self, origins: Origins) -> None:
        """Keeps how the settings of candidates were found, and warns of those that nobody chose."""
        rows = origins.rows()
        if rows:
            self._report.table(SETTINGS, COLUMNS, rows)
        advice = origins.advice()
        if advice:
            self.add(advice)

    def banks(self, far: list[str]) -> None:
        """Says which settings were found with other numbers of training images: no fault, but less sharp."""
        if far:
            say(prose(f"note: more images want a smaller tau and a larger patch: {'; '.join(far)}"))

    def worse(
        self,
        name: str,
        ratio: Quantity,
        learns: bool = True,  # a network, which longer training makes better
    ) -> None:
        """Warns of a network, or another reference, whose held-out error is above the Wiener filter's.

        The whole interval is above, or the mean where there is no interval.
        """
        least = ratio.mean if math.isnan(ratio.low) else ratio.low
        if least > 1 + ROUNDING:
            other, longer = "take another (checkpoint=, networks=)", self._longer.get(name)
            if longer:
                other += f", or train it longer: {longer}"
            elif learns:
                other = f"train it longer, or {other}"
            self.add(
                f"the {name} is worse than the Wiener filter: its held-out error is {ratio} times as large; "
                f"being like it says little, so {other}"
            )

    def concluded(self, conclusion: str) -> str:
        """The last words of a run, with a word about its warnings."""
        count = len(self.notes)
        above = "" if count == 0 else f"beware, {count} warning{'s' if count > 1 else ''} above the tables"
        return "; ".join(filter(None, [conclusion, above]))
