"""What a comparison of eyes does not have: ratios with a bound, and controls of each network's own kind."""

from __future__ import annotations

import re
from collections.abc import Sequence

from benchmarks.results.words.answers import Found, sigma_of, steps
from benchmarks.results.words.titles import capital, joined

TABLE = "mirror/ratio"
NOTHING = {"inf": "nothing on the ring", "undefined": "nothing on either"}  # cells that are no number
KINDS = {  # of networks, by the model that was trained: one, and several
    "unet": ("a U-Net", "U-Nets"),
    "dit": ("a DiT", "DiTs"),
    "mixer": ("an MLP-Mixer", "MLP-Mixers"),
}


def unbounded(found: Found, pixel: str, name: str) -> dict[int, str]:
    """The time-steps at which a row has no ratio of a pixel, and why: what its field has nothing on."""
    whole = found.get("tables", {}).get(TABLE, {})
    heads = [float(head.split()[-1]) for head in whole.get("columns", ())[2:]]
    own = re.compile(rf"{re.escape(name)}( \(.*\))?")  # some say how many images they read
    cells = [row[2:] for row in whole.get("rows", ()) if row[0] == pixel and own.fullmatch(str(row[1]))]
    known = {sigma: NOTHING[cell] for row in cells for sigma, cell in zip(heads, row, strict=False)
             if cell in NOTHING}  # fmt: skip
    return {
        t: known[level] for t in times_of(found, pixel) if (level := float(f"{sigma_of(t):.2g}")) in known
    }


def times_of(found: Found, pixel: str) -> list[int]:
    """The time-steps at which any row has a ratio, the noisiest first."""
    start = f"{TABLE}/{pixel}/"
    names = {key.removeprefix(start).split("/")[0] for key in found["scalars"] if key.startswith(start)}
    return sorted({t for name in names for t in steps(found, f"{start}{name}/")}, reverse=True)


def without_control(found: Found, networks: Sequence[str], controls: Sequence[str]) -> str:
    """Of which kind the controls are, and which networks have none of their own kind."""
    models = found.get("models", {})
    had = list(dict.fromkeys(KINDS[models[name]][0] for name in controls if models.get(name) in KINDS))
    kinds = dict.fromkeys(KINDS[models[name]][0] for name in networks if models.get(name) in KINDS)
    lacking = [kind for kind in kinds if kind not in had]
    if not had or not lacking:
        return ""
    told = joined(capital(one) if k == 0 else one for k, one in enumerate(lacking))
    verb = "have no control of their own kind" if len(lacking) > 1 else "has no control of its own kind"
    return f"The control is {joined(had)}, and these images are foreign to it. {told} {verb}."
