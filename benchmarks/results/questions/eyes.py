"""What the pages of results say of the other eye: who sees it, at which noise levels, beside the control."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from benchmarks.results.questions.eyes_missing import KINDS, times_of, unbounded
from benchmarks.results.words.answers import Found, is_middle, listed, sigma_of, steps, where
from benchmarks.results.words.small_tables import Table, levels_table
from benchmarks.results.words.titles import called, capital, joined, spelled
from locality.heldout import is_behind

EYE, EAR = "left_eye", "left_ear"  # the pixels that are told of
ON_THE_RING = "field on the other {} / on the ring, at sigma"
LEFT_OUT = "Left out, at or beside levels at which a network is not shown to beat Wiener"
AIM = 2.0  # times the ring's mass, on the other eye
CONTROL = re.compile(r"cifar|control")  # of networks' names: of other data
COVARIANCE = re.compile(r"wiener|pca_locality|residual")  # rows that are given the covariance
MEMORISER = re.compile(r"optimal")  # which is given the images


def mirror_verdict(found: Found) -> str:
    """Who sees the other eye at which noise levels, and where nothing follows."""
    networks = networks_of(found)
    parts = [
        "the ratio is what the field of a left eye's pixel has on the right eye, over what it has on the "
        f"ring around it. A denoiser sees the other eye where its whole interval is above {AIM:g} and above "
        "that of the control, a network trained on other images",
        f"{_counted(found, EYE, networks)}: {_listed(found, EYE, networks)}",
        *_undecided(found, networks),
        *_left_out(found, networks),
    ]
    known = sorted(name for name in _who(found) if COVARIANCE.search(name) and not CONTROL.search(name))
    if known:
        parts.append(f"Made of the covariance, or put on top of it: {_listed(found, EYE, known)}")
    parts += [f"Fields are means over {found['size']} images"] if found.get("size") else []
    return ". ".join(parts)


def networks_of(found: Found) -> list[str]:
    """The networks of the data: neither the controls, nor what is given the covariance or the images."""
    none = (CONTROL, COVARIANCE, MEMORISER)
    return sorted(name for name in _who(found) if not any(one.search(name) for one in none))


def who_sees(found: Found) -> tuple[set[str], set[str]]:
    """Who sees the other eye at a middle noise level, and who does not."""
    names = set(_who(found))
    seen = {name for name in names if any(is_middle(t) for t in sees(found, EYE, name))}
    return seen, names - seen


def sees(found: Found, pixel: str, name: str) -> list[int]:
    """Where a denoiser's whole interval is above the aim and the control's, and it beats Wiener."""
    low, bound, out = _steps(found, pixel, name, "_low"), _bound(found, pixel), _behind(found, name)
    return [t for t, value in low.items() if value >= AIM and value > bound.get(t, 0) and t not in out]


def with_bars(kept: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """What is kept, that of faces with the model of each network and the levels at which it is behind."""
    networks = {**kept.get("networks", {}), **kept.get("unshipped", {})}
    told = {}
    for data, found in kept.get("mirror", {}).items():
        command = found["run"]["command"]
        named = dict(re.findall(r"(\w+): (?:pretrained|runs/exports)/([\w.]+)", command))
        if own := re.search(r"checkpoint=pretrained/([\w.]+)", command):
            named["network"] = own[1]
        there = {name: networks[one] for name, one in named.items() if one in networks}
        behind = {name: levels_behind(one) for name, one in there.items()}
        told[data] = {**found, "behind": behind, "models": {name: _model(there[name]) for name in there}}
    return {**kept, "mirror": told} if told else dict(kept)


def kinds(found: Found, names: Sequence[str]) -> str:
    """How many networks are of which kind, where all are known.

    >>> kinds({"models": {"a": "unet", "b": "unet", "c": "dit"}}, ["a", "b", "c"])
    'two U-Nets and a DiT'
    """
    known = [KINDS.get(found.get("models", {}).get(name, "")) for name in names]
    if not known or None in known:
        return ""
    counts = {kind: known.count(kind) for kind in dict.fromkeys(KINDS.values()) if kind in known}
    return joined(f"{spelled(n)} {many}" if n > 1 else one for (one, many), n in counts.items())


def _model(network: Found) -> str:
    """The network that a command trained: unet, where it names none."""
    named = re.search(r"(?<![\w.])model=(\w+)", network.get("run", {}).get("command", ""))
    return named[1] if named else "unet"


def over_the_aim(found: Found) -> list[str]:
    """Where a control itself has surely more than the aim."""
    controls = [name for name in _who(found) if CONTROL.search(name)]
    over = {t for name in controls for t, low in _steps(found, EYE, name, "_low").items() if low >= AIM}
    told = f"{whose(controls[0])} itself has a ratio above {AIM:g}" if over else ""
    return [f"{capital(told)} at sigma {listed(sorted(over), ' and ')}"] if told else []


def ears_table(found: Found) -> Table:
    """The same of an ear, where it was measured."""
    return mirror_table(found, EAR)


def mirror_table(found: Found, pixel: str = EYE) -> Table:
    """The ratio of a pixel at each noise level."""
    head = ON_THE_RING.format(pixel.split("_")[-1])
    columns, rows = levels_table(found, f"mirror/ratio/{pixel}", _who(found), head=head)
    known = {called(name): (label, unbounded(found, pixel, name)) for label, name in rows_of(found)}
    times = times_of(found, pixel)
    told = []
    for name, *cells in rows:
        label, none = known[name]
        both = zip(times, cells, strict=True)
        told.append([label, *(none.get(t) if cell is None else cell for t, cell in both)])
    return columns, told


def rows_of(found: Found) -> list[tuple[str, str]]:
    """What tables call each row, and the row; a control is a network of other data."""
    names = ((called(name), name) for name in _who(found))
    return [(f"network of {told}" if CONTROL.search(name) else told, name) for told, name in names]


def whose(name: str) -> str:
    """A row's name, with a note for networks of other data."""
    if CONTROL.search(name):
        return f"the network trained on other images ({called(name)})"
    return "the network" if name == "network" else called(name)


def levels_behind(network: Found) -> list[list[float]]:
    """The gaps between noise levels, one end of which is behind Wiener; beyond the last there is no end."""
    rows = network["tables"]["heldout"]["rows"]
    ends = [(0.0, False), *((row[0], is_behind(row[0], *row[-2:])) for row in rows), (float("inf"), False)]
    return [[a, b] for (a, behind), (b, behind_too) in pairwise(ends) if behind or behind_too]


def _behind(found: Found, name: str) -> set[int]:
    """The time-steps that lie beside a level at which a network is not shown to beat Wiener."""
    gaps = found.get("behind", {}).get(name, [])
    times = _steps(found, EYE, name)
    return {t for t in times if any(low <= sigma_of(t) <= high for low, high in gaps)}


def _counted(found: Found, pixel: str, networks: Sequence[str]) -> str:
    seeing = [name for name in networks if sees(found, pixel, name)]
    return f"{len(seeing)} of {len(networks)} networks of these faces see it at some noise level"


def _listed(found: Found, pixel: str, names: Sequence[str]) -> str:
    """Who sees it where, and where there is no number."""
    among = {t for name in _who(found) for t in _steps(found, pixel, name)}
    parts = []
    for name in names:
        none = among - set(_steps(found, pixel, name))
        why = set(unbounded(found, pixel, name).values())
        but = f" ({joined(sorted(why), 'or') or 'no ratio'} {where(none, among)})" if none else ""
        parts.append(f"{whose(name)}{_read(found, name)} {where(sees(found, pixel, name), among)}{but}")
    return "; ".join(parts)


def undecided(found: Found, name: str) -> list[int]:
    """The time-steps at which a network would count without the control."""
    low, bound, out = _steps(found, EYE, name, "_low"), _bound(found, EYE), _behind(found, name)
    return [t for t, value in low.items() if AIM <= value <= bound.get(t, 0) and t not in out]


def _undecided(found: Found, networks: Sequence[str]) -> list[str]:
    known = {name: undecided(found, name) for name in networks}
    parts = [f"{whose(name)} at sigma {listed(times)}" for name, times in known.items() if times]
    return (
        [f"The control's interval reaches that of {'; '.join(parts)}: nothing follows there"] if parts else []
    )


def _left_out(found: Found, networks: Sequence[str]) -> list[str]:
    out = {name: sorted(_behind(found, name)) for name in networks}
    told = [f"{whose(name)} at sigma {listed(times)}" for name, times in out.items() if times]
    return [f"{LEFT_OUT}: {'; '.join(told)}"] if told else []


def ears(found: Found) -> list[str]:
    """The same of the ears, at one noise level: most networks see them there, and the control has least."""
    networks = networks_of(found)
    seen = {name: sees(found, EAR, name) for name in networks}
    times = [t for one in seen.values() for t in one]
    if not times:
        known = any(_steps(found, EAR, name) for name in networks)
        return ["No network surely has such a spot on the other ear"] if known else []
    controls = {name: _steps(found, EAR, name) for name in _who(found) if CONTROL.search(name)}

    def most(t: int) -> tuple[int, float]:
        return times.count(t), -max((one.get(t, 0.0) for one in controls.values()), default=0.0)

    best = max(sorted(set(times)), key=most)
    ratios = [_steps(found, EAR, name)[best] for name in networks if best in seen[name]]
    beside = [f"{whose(name)} has {one[best]:.3g}" for name, one in controls.items() if best in one]
    span = f"{min(ratios):.3g}" + (f" to {max(ratios):.3g}" if len(ratios) > 1 else "")
    return [
        f"For an ear's pixel {len(ratios)} of {len(networks)} networks look at the other ear",
        f"At sigma {sigma_of(best):.3g} they have {span} times as much there as on the ring"
        f"{f'; {joined(beside)}' if beside else ''}",
    ]


def _read(found: Found, name: str) -> str:
    """How many images a row read, where it was not given all."""
    tables = found.get("tables", {})
    for row in tables["mirror/ratio"]["rows"] if "mirror/ratio" in tables else ():
        match = re.fullmatch(rf"{re.escape(name)} \(([\d,]+) images\)", str(row[1]))
        if match:
            return f", which read {match[1]} images,"
    return ""


def _bound(found: Found, pixel: str) -> dict[int, float]:
    """The upper end of the control's interval at each noise level."""
    ends = [_steps(found, pixel, name, "_high") for name in _who(found) if CONTROL.search(name)]
    return {t: max(one[t] for one in ends if t in one) for t in {t for one in ends for t in one}}


def _steps(found: Found, pixel: str, name: str, end: str = "") -> dict[int, float]:
    return steps(found, f"mirror/ratio{end}/{pixel}/{name}/")


def _who(found: Found) -> list[str]:
    start = f"mirror/ratio/{EYE}/"
    names = (key.removeprefix(start) for key in found["scalars"] if key.startswith(start))
    return list(dict.fromkeys(name.split("/")[0] for name in names))
