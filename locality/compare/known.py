"""What compare=calibrate found earlier, applied to the recipes of candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from locality.bank import ImageBank
from locality.calibration import Kept, load
from locality.config import UsageError
from locality.denoisers.fitting import Recipe
from locality.ranks import say


@dataclass(frozen=True)
class Known:
    """The calibrations that lie beside a checkpoint."""

    folder: Path  # has <name>.<setting>.json for a candidate's setting
    bank: ImageBank  # the training images that they have to be of
    given: frozenset[str] = frozenset()  # "<candidate>.<setting>" of the command line: not calibrated; and
    # "<candidate>.members.<member>.<setting>"
    remedy: str = "give compare.calibration=none"  # what to do about a file that does not fit

    def with_members(self, name: str, fit: Recipe) -> Recipe:
        """A stack, with the calibrations of candidates for the members that are named as these."""
        members = fit.settings.get("members")
        if not isinstance(members, Mapping):
            return fit
        recipes = {one: Recipe.of(member) for one, member in members.items()}
        places = {one: f"{name}.members.{one}" for one in recipes}
        found = {one: self.applied(place, recipes[one], self.of(place, one)) for one, place in places.items()}
        return fit.with_(members=found)

    def of(self, name: str, alike: str) -> dict[str, Kept]:
        """The calibrations by setting that a candidate takes from one of the name `alike`.

        Those of settings that the command line names are left out. Raises UsageError for damaged ones.
        """
        found: dict[str, Kept] = {}
        for path in sorted(self.folder.glob(f"{alike}.*.json")):
            try:
                one = load(path)
            except ValueError as error:
                where = "" if str(path) in str(error) else f"{path}: "
                raise UsageError(f"{where}{error}; or {self.remedy}") from error
            if f"{name}.{one.setting}" in self.given:
                continue
            if not one.is_of(self.bank):
                raise UsageError(f"{path}: of other training images; {self.remedy}")
            found[one.setting] = one
            say(
                f"{name}: {one.setting} calibrated against the {one.rival} with {one.count} "
                f"{one.inputs} and {one.bank_count:,} training images, {path}"
            )
        return found

    def applied(self, name: str, fit: Recipe, kept: Mapping[str, Kept]) -> Recipe:
        """The recipe with these calibrations. Raises UsageError for one that does not fit it."""
        for one in kept.values():
            try:
                fit = one.apply(fit)
            except ValueError as error:
                raise UsageError(f"{self.folder}, {name}: {error}; or {self.remedy}") from error
        return fit
