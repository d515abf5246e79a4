"""What is typed of candidates: `compare.bank_counts={optimal: 500}`, `candidates.optimal.chunk_size=8`."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence

from omegaconf import DictConfig, open_dict

from locality.choices import Choices
from locality.settings import OF_CANDIDATES, check_candidates
from locality.typed.files import choices_of, given_in, read, said

NAMED = re.compile(rf"compare\.({'|'.join(OF_CANDIDATES)})(\.[^=]+=|=\s*\{{)")


def with_names(
    task: str,
    choices: Choices,
    arguments: Sequence[str],
) -> list[str]:
    """The arguments with what is said of candidates as Hydra takes it of any name, also of a new one.

    It is added to what the comparison says of others. A comparison without the setting is left to refuse it.
    """
    places = {n: found[1] for n, one in enumerate(arguments) if (found := NAMED.match(one))}
    if task != "evaluate" or not places:
        return list(arguments)
    known = _settings(choices, _comparison(task, choices, arguments).split(","))
    return [f"++{one}" if places.get(n) in known else one for n, one in enumerate(arguments)]


def _comparison(task: str, choices: Choices, arguments: Sequence[str]) -> str:
    given = given_in(arguments)
    usual = choices_of(choices, task)
    usual |= choices_of(choices, f"experiment/{given.get('experiment')}", "override /")
    return given.get("compare", usual["compare"])


def _settings(choices: Choices, chosen: Sequence[str]) -> set[str]:
    """The settings of candidates that these comparisons take, as files of the same kind name them."""
    wanted = [said(choices, "compare", name).get("compare", {}) for name in chosen]
    kinds = {one.get("_target_") for one in wanted}
    contents = (read(choices.file("compare", name)) or {} for name in choices.names("compare"))
    others = (one["compare"] for one in contents if isinstance(one.get("compare"), dict))
    alike = [one for one in others if one.get("_target_") in kinds]
    return {key for one in (*wanted, *alike) for key in one} & set(OF_CANDIDATES)


def of_candidates(
    cfg: DictConfig,  # checked
    overrides: Sequence[str],  # what the command line says
) -> DictConfig:
    """The config of an evaluation with what the command line says of candidates; of a training, as it is.

    `given` gets the settings that it names, `<candidate>.<setting>` however deep: no calibration replaces
    them. Candidates that it takes out (`~candidates.<name>`) leave the settings of the comparison, too.
    Raises UsageError where the comparison says something of a candidate that is not there.
    """
    if cfg.task != "evaluate":
        return cfg
    named, removed = (
        [match[1] for match in (re.match(pattern, text) for text in overrides) if match]
        for pattern in (r"\+*candidates\.([^=]+)=", r"~(?:denoiser@)?candidates\.([^.=]+)$")
    )
    cfg = copy.deepcopy(cfg)
    parts = [key.split(".") for key in named]
    cfg.given = sorted({".".join(part[:depth]) for part in parts for depth in range(2, len(part) + 1)})
    with open_dict(cfg):
        for name in removed:
            for setting in OF_CANDIDATES:
                if isinstance(cfg.compare.get(setting), DictConfig):
                    cfg.compare[setting].pop(name, None)
            if name in (cfg.compare.get("baselines") or ()):
                cfg.compare.baselines.remove(name)
    _check_names(cfg)
    return cfg


def _check_names(cfg: DictConfig) -> None:
    variants = cfg.compare.get("variants")
    more = [one for one in variants.values() if one] if isinstance(variants, DictConfig) else []
    names = [str(name) for rows in (cfg.candidates, *more) for name in rows]
    for setting in OF_CANDIDATES:
        if isinstance(cfg.compare.get(setting), DictConfig):
            check_candidates(setting, cfg.compare[setting], names)
