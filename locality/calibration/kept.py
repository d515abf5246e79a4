"""What any calibration leaves: a file that says what was found, for which denoiser and which images."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from locality.bank import ImageBank, thinned
from locality.denoisers.fitting import Fit, Recipe
from locality.disk import write_atomically

# What other content, or no file, ends in.
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError)
NETWORK, CLEAN = "network", "clean images"  # what estimates are measured against, on noised images
SAMPLES = "network's samples"  # likewise, on what the network meets on its way to samples
VAL_IMAGES, OWN_SAMPLES = "val images", "samples of the network"  # what is denoised


class Kept(ABC):
    """What was found for a setting of a denoiser's fit. Subclasses are frozen dataclasses."""

    FORMAT: ClassVar[str]
    formats: ClassVar[dict[str, type[Kept]]] = {}
    sigmas: tuple[float, ...]  # S noise levels
    target: str  # NETWORK, CLEAN or SAMPLES
    bank: str  # fingerprint of the training images
    bank_count: int  # how many they are

    def __init_subclass__(cls) -> None:
        Kept.formats[cls.FORMAT] = cls

    @property
    @abstractmethod
    def setting(self) -> str:
        """The argument of the fit that was calibrated."""

    @property
    @abstractmethod
    def count(self) -> int:
        """How many images were denoised."""

    @property
    def rival(self) -> str:
        """Whose estimates it made others come close to."""
        return NETWORK if self.target == SAMPLES else self.target

    @property
    def inputs(self) -> str:
        """What was denoised, `count` of them."""
        return OWN_SAMPLES if self.target == SAMPLES else VAL_IMAGES

    @abstractmethod
    def mapping(self) -> Mapping[float, Any]:
        """{sigma: value}: what denoisers take for the setting."""

    @abstractmethod
    def told(self) -> dict[str, Any]:
        """What the file says beside the fields, for people to read."""

    def apply(self, fit: Fit) -> Recipe:
        """The recipe with the calibrated setting. Raises ValueError if it has none of that name."""
        return bind(fit, self.setting, self.mapping())

    def is_of(self, bank: ImageBank) -> bool:
        """Whether these, or evenly spread ones of these, are the training images that it was made with."""
        return self.bank_count <= len(bank) and thinned(bank, self.bank_count).fingerprint == self.bank

    def save(self, path: str | Path) -> None:
        """Write it as JSON."""
        write_atomically(Path(path), json.dumps(self._content(), separators=(",", ":")) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote. Raises ValueError for any other content, edited files included."""
        try:
            content = json.loads(Path(path).read_text())
            if content["format"] != cls.FORMAT:
                raise ValueError(f"want {cls.FORMAT}, got {content['format']}")
            assert is_dataclass(cls)
            found = cls(*(_tuples(content[field.name]) for field in fields(cls)))
            good = content == found._content()
        except _UNREADABLE as error:
            raise ValueError(f"{path}: not a calibration ({error!r}); calibrate again") from error
        if not good:
            raise ValueError(f"{path}: edited, damaged or of another version; calibrate again")
        return found

    def _content(self) -> dict[str, Any]:
        assert is_dataclass(self)
        whole = {"format": self.FORMAT, **self.told(), **asdict(self)}
        content: dict[str, Any] = json.loads(json.dumps(whole))
        return content


def load(path: str | Path) -> Kept:
    """Read what any calibration saved. Raises ValueError for any other content."""
    try:
        kind = Kept.formats[json.loads(Path(path).read_text())["format"]]
    except _UNREADABLE as error:
        raise ValueError(f"{path}: not a calibration ({error!r}); calibrate again") from error
    return kind.load(path)


def _tuples(value: Any) -> Any:
    """Lists of JSON as tuples."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def short(value: Any) -> Any:
    """Numbers in nested lists, as tuples of seven digits each: more are noise, and make files long."""
    return tuple(map(short, value)) if isinstance(value, list) else float(f"{value:.6e}")


def bind(fit: Fit, parameter: str, value: object) -> Recipe:
    """The recipe with a setting. Raises ValueError if it has none of that name."""
    return Recipe.of(fit).with_(**{parameter: value})


def distinct(name: str, numbers: Sequence[float]) -> Sequence[float]:
    """The numbers. Raises ValueError for none, for others than finite ones, and for one that comes twice."""
    good = all(isinstance(k, int | float) and not isinstance(k, bool) and math.isfinite(k) for k in numbers)
    if not good or not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(f"{name}: want distinct finite numbers, at least one, got {list(numbers)}")
    return numbers


def check_target(target: str) -> None:
    """Raises ValueError for a target that is none."""
    if target not in (NETWORK, CLEAN, SAMPLES):
        raise ValueError(f"target: want {NETWORK!r}, {CLEAN!r} or {SAMPLES!r}, got {target!r}")
