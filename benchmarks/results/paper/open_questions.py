"""What docs/results/paper.md says is open: our reading of what no table here says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from benchmarks.results.caveats import banks
from benchmarks.results.kept.gathering import Kept
from benchmarks.results.words.answers import SEEDS, Found, number_of
from benchmarks.results.words.titles import called, joined

NOISE = (
    "Networks that predict the noise, as the paper's do, and are ahead of Wiener at high noise. Ours of "
    "CIFAR-10 and of cats are behind there ([beside the others](epsilon.md))."
)
RIVAL = "Kamb and Ganguli's analytical model, the paper's own rival (its Figure 5), beside PCA locality"
EQUIVARIANT = ("equivariant_local_score", "equivariant_broken")  # that model, and with borders
SIMPLER = "local_score"
OTHERS = (
    "A plain MLP on cats, all pixels at once: it did not come below Wiener's error. The MLP-Mixer did.",
    "Faces of 64 x 64 and larger with a network, and CelebA-HQ, which could not be had.",
    "Networks of the paper's size, trained for as long.",
)


def open_questions(kept: Kept, tables: Mapping[str, Found]) -> list[str]:
    """A line each."""
    return [f"{NOISE}{_predict(kept)}", *_rival(tables), *OTHERS]


def _rival(tables: Mapping[str, Found]) -> list[str]:
    """How many training images and seeds the paper's own rival had: too few to be ranked."""
    rows = [row for row in EQUIVARIANT if any(row in banks(found) for found in tables.values())]
    images = [known[row] for found in tables.values() for row in rows if row in (known := banks(found))]
    seeds = [number_of(found, "paper/samples", row) or 0 for found in tables.values() for row in rows]
    seeds = [count for count in seeds if count]
    if not images or not seeds:
        return [f"{RIVAL}. It was not measured."]
    few = f"{_span(images)} training images and {_span(seeds)} seeds"
    ranked = f" Rows of fewer than {SEEDS} seeds are not ranked." if max(seeds) < SEEDS else ""
    return [
        f"{RIVAL}. Here {joined(map(called, rows))} had {few}.{ranked} Their r2 says little of that model. "
        f"Its simpler form, {called(SIMPLER)}, has a row above."
    ]


def _span(counts: list[int] | list[float]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,.0f} to {high:,.0f}" if low < high else f"{low:,.0f}"


def _predict(kept: Kept) -> str:
    """What the networks that ship put out."""
    ends = Counter(one.get("predicts") for one in kept.get("networks", {}).values())
    noise, v = ends["epsilon"], ends["v_prediction"]
    told = f" Of the networks that ship {v} predict v" + (f" and {noise} the noise" if noise else "")
    return f"{told} ([which](networks.md))." if v else ""
