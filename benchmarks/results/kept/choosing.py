"""Which run folders count: finished evaluations of a kind on the whole of some data, the best of each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from locality.runs.finding import runs_in

ENDS = {"epsilon": "_epsilon", "v_prediction": "_v"}  # of the name of a data set, by what networks predict
LONGER = "_longer"  # ends it where the first network went on from trained weights
WEAK = "_weak"  # or where their letters are weak, which takes more images to see
STRONG = 0.5  # from which strength on a letter is not weak
SIGNED = "_signed"  # ends the kind of fields whose derivatives kept their signs
LETTERS = ("pattern", f"pattern{SIGNED}")
TABLES = {  # comparison -> the kind of its results, and what begins the names of tables that are kept
    "paper_table": ("paper", ()),
    "mirror": ("mirror", ("mirror/ratio",)),
    "information": ("information", ("information/",)),
    "halves": ("halves", ("halves/agreement",)),
    "labels": ("labels", ("labels/errors",)),
    "pattern": ("pattern", ("pattern/verdict", "pattern/contrast", "pattern/learned")),
    "sensitivity": ("fields", ("sensitivity/cosine", "sensitivity/radius")),
}
SECTIONS = (
    "paper",
    "variants",
    "released",
    "by_output",
    "larger",
    "remaining",
    "bank_sizes",
    "equal_banks",
    "epsilon",
)  # of paper_table


@dataclass(frozen=True)
class Found:
    """A finished evaluation whose numbers count."""

    kind: str
    name: str  # of the data set
    size: int  # seeds, or images
    folder: Path


def found(runs: Path, shipped: Path) -> Iterator[Found]:
    """Every finished evaluation of these kinds on the whole of some data, the newest last."""
    for folder, status in runs_in(runs):
        if status["state"] != "finished" or not (folder / "metrics.json").is_file():
            continue
        cfg = OmegaConf.load(folder / "config.yaml")
        if cfg.task != "evaluate":
            continue
        comparison = str(cfg.compare._target_).rsplit(".", 1)[-1]
        kind = TABLES.get(comparison, ("",))[0]
        if comparison == "paper_table":
            section = cfg.compare.get("section", "paper")
            kind = section if section in SECTIONS else ""
        magnitude = cfg.compare.get("magnitude", "absolute")
        if kind and magnitude != "absolute":
            kind = f"{kind}{SIGNED}" if magnitude == "signed" else ""
        trained = list(networks_of(cfg, runs, shipped))
        data = trained[0].data if cfg.data is None and trained else cfg.data
        if not kind or data is None or data.subset is not None or (cfg.gamma and kind not in LETTERS):
            continue  # another comparison, or a trial
        assert isinstance(data, DictConfig)
        end = kind_of(trained) if kind in LETTERS else ""
        yield Found(kind, f"{data_name(data)}{end}", int(cfg.compare.count), folder)


def best(runs: Iterator[Found]) -> list[Found]:
    """The runs to tell of: for each kind and data set the newest with the most seeds or images."""
    chosen: dict[tuple[str, str], Found] = {}
    for one in runs:
        before = chosen.get((one.kind, one.name))
        if before is None or one.size >= before.size:
            chosen[one.kind, one.name] = one
    return list(chosen.values())


def quickest(run: Found, others: Sequence[Found]) -> dict[str, float]:
    """The seconds of each row, the least of the day's runs that made the same samples."""
    start = f"{run.kind}/seconds/"
    day = run.folder.name.split("-")[0]
    least: dict[str, float] = {}
    own = _scalars(run)
    for other in others:
        if (other.kind, other.name) == (run.kind, run.name) and other.folder.name.startswith(day):
            theirs = _scalars(other)
            for key in own.keys() & theirs.keys():
                row = key.removeprefix(start)
                alike = [f"{run.kind}/{what}/{row}" for what in ("bank", "samples", "median_r2", "r2")]
                if key.startswith(start) and all(own.get(one) == theirs.get(one) for one in alike):
                    least[key] = min(least.get(key, own[key]), theirs[key])
    return least


def _scalars(run: Found) -> dict[str, Any]:
    return dict(json.loads((run.folder / "metrics.json").read_text())["scalars"])


def networks_of(cfg: DictConfig, runs: Path, shipped: Path) -> Iterator[DictConfig]:
    """The configs of several networks."""
    for path in dict(cfg.networks or {}).values() if isinstance(cfg.networks, DictConfig) else ():
        places = (root / Path(path).name / "config.yaml" for root in (runs, runs / "exports", shipped))
        if place := next(filter(Path.is_file, places), None):
            found = OmegaConf.load(place)
            assert isinstance(found, DictConfig)
            yield found


def kind_of(known: Sequence[DictConfig]) -> str:
    """What ends the name of a data set: what its networks predict, and how they were trained."""
    if not known:
        return ""
    end = ENDS.get(predicts(known[0]), "")
    if OmegaConf.select(known[0], "run.before"):
        return f"{end}{LONGER}"
    gammas = [gamma for one in known if (gamma := OmegaConf.select(one, "data.gamma"))]
    return f"{end}{WEAK}" if gammas and max(gammas) < STRONG else end


def predicts(cfg: DictConfig) -> str:
    """What a network puts out: the noise, where its config does not say."""
    return str(OmegaConf.select(cfg, "model.prediction") or "epsilon")


def data_name(data: DictConfig) -> str:
    """What the pages call a data set: its source, and the side of its images where there is a choice."""
    return f"{str(data.source._target_).rsplit('.', 1)[-1]}{data.source.get('size') or ''}"
