"""Where the settings of a denoiser are from: calibrated, given by hand, or defaults for other data."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from locality.calibration import Kept
from locality.denoisers.fitting import Recipe

CALIBRATED, DEFAULT, BY_HAND, BY_BANK = "calibrated", "default", "by hand", "by the bank's entropy"
WORDS = {"entropy": BY_BANK, "entropy:output": f"{BY_BANK}, output by output"}  # what may be given
UNLIKE = 2  # times as many training images, from which on the best setting may be another
SHARES = "shares"  # of stacked denoisers: found all together, not chosen from a list
COLUMNS = ("denoiser", "setting", "found", "against", "on", "training images", "calibrated by")  # of `rows`


class Origin(NamedTuple):
    """How one setting was found."""

    how: str
    against: str | None = None  # whose estimates it made the denoiser come close to
    on: str | None = None  # what was denoised
    images: int | None = None  # training images that the denoiser had then

    def cells(self) -> list[str | None]:
        """The four, as a table has them."""
        return [*self[:3], None if self.images is None else f"{self.images:,}"]


@dataclass
class Origins:
    """How each setting that can be calibrated was found, of every candidate."""

    given: Collection[str] = ()  # "<candidate>.<setting>" of the command line: not calibrated; and
    # "<candidate>.members.<member>.<setting>"
    command: str = ""  # that calibrates for this checkpoint
    usual: Collection[str] = ()  # the candidates that the command has by itself
    _found: dict[str, dict[str, Origin]] = field(default_factory=dict)  # by candidate and setting
    _alike: dict[str, str] = field(default_factory=dict)  # candidate -> whose calibration it takes

    def note(self, name: str, alike: str, recipe: Recipe, kept: Mapping[str, Kept]) -> None:
        """What a candidate has: calibrations by setting, and a recipe with the rest."""
        self._alike[name] = alike
        settings = [*recipe.grids, *([SHARES] if recipe.accepts(SHARES) else [])]
        self._found[name] = {one: self._origin(name, one, recipe, kept.get(one)) for one in settings}

    def cell(self, name: str) -> str | None:
        """The cell of a table: `tau calibrated`; None where there is nothing to calibrate."""
        found = self._found.get(name, {})
        return ", ".join(f"{setting} {one.how}" for setting, one in found.items()) or None

    def rows(self) -> list[list[str | None]]:
        """The cells of COLUMNS, for each setting; the command where it was not found."""
        return [
            [name, setting, *one.cells(), self.command_for([name]) if one.how == DEFAULT else None]
            for name, found in self._found.items()
            for setting, one in found.items()
        ]

    def far(
        self,
        counts: Mapping[str, int],  # training images that each candidate has now
    ) -> list[str]:
        """Settings that were found with many more or fewer images than the candidate has now, in words."""
        return [
            f"{name} has {counts[name]:,}, and its {setting} was found with {one.images:,}"
            for name, found in self._found.items()
            for setting, one in found.items()
            if one.images and not 1 / UNLIKE <= one.images / counts[name] <= UNLIKE
        ]

    def uncalibrated(self) -> list[str]:
        """The candidates with a setting that nobody chose for these data."""
        return [
            name for name, found in self._found.items() if any(one.how == DEFAULT for one in found.values())
        ]

    def command_for(self, names: Collection[str]) -> str | None:
        """The command that calibrates these; None where nothing can be kept for them."""
        more = sorted({self._alike[name] for name in names} - set(self.usual))
        added = [f"+denoiser@candidates.{one}={one}" for one in more]
        return " ".join([self.command, *added]) if self.command else None

    def advice(self) -> str | None:
        """A line for the terminal; None where every setting was chosen for these data."""
        names = self.uncalibrated()
        if not names:
            return None
        command = self.command_for(names)
        where = "compare=calibrate finds them for a network, and checkpoint= of that network takes them"
        how = f"calibrate: {command}" if command else where
        return f"not calibrated for these data, so maybe far from their best: {', '.join(names)}; {how}"

    def _origin(self, name: str, setting: str, recipe: Recipe, kept: Kept | None) -> Origin:
        if f"{name}.{setting}" in self.given:
            return Origin(BY_HAND)
        if kept is not None:
            return Origin(CALIBRATED, kept.rival, f"{kept.count} {kept.inputs}", kept.bank_count)
        return Origin(WORDS.get(str(recipe.settings.get(setting)), DEFAULT))
