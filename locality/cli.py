"""The command line: Hydra's, with mistakes told in one line before anything heavy is imported."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from locality.config import RUN_VARIABLE, UsageError, check, nearest

KEPT = ("data", "model", "denoiser", "gamma", "seed")  # what makes a run: resuming cannot change it


def main(task: str, configs: Path) -> None:
    """Run `train` or `evaluate` with the arguments of this process.

    Exit codes: 0 done, 1 failed at run time (the traceback is in the run folder), 2 asked for something that
    does not exist or does not fit, 130 interrupted.
    """
    if RUN_VARIABLE in os.environ and os.environ.get("LOCAL_RANK", "0") != "0":
        # A rank that Lightning started: the run folder has its config; its arguments may be a whole sweep.
        _launch(DictConfig(OmegaConf.load(Path(os.environ[RUN_VARIABLE]) / "config.yaml")))
        return
    arguments = sys.argv[1:]
    if "--list" in arguments:
        print(_choices(configs))
        return
    import hydra
    from hydra.errors import HydraException

    os.environ["HYDRA_FULL_ERROR"] = "1"  # lets hydra.main raise, instead of printing its own account
    try:
        hydra.main(version_base="1.3", config_path=str(configs), config_name=task)(_launch)()
    except (HydraException, OmegaConfBaseException) as error:
        _stop(_explain(error, task, configs, arguments), 2)


def _launch(cfg: DictConfig) -> None:
    # Errors end here: one that left the task would be told a second time by Hydra.
    try:
        cfg = check(_resumed(cfg))
        if cfg.dry_run:
            print(OmegaConf.to_yaml(cfg, resolve=True))
            return
        from locality.app import RunFailed, run
    except UsageError as error:
        _stop(str(error), 2)
    try:
        run(cfg)
    except UsageError as error:
        _stop(str(error), 2)
    except RunFailed as error:
        _stop(str(error), 1)
    except KeyboardInterrupt:
        _stop("interrupted", 130)


def _resumed(cfg: DictConfig) -> DictConfig:
    """With `resume=runs/<run>`: that run's own config, and on top what this command line names."""
    if not cfg.get("resume"):
        return cfg
    from hydra.core.hydra_config import HydraConfig

    if not HydraConfig.initialized():  # the config is a run's own already
        return cfg
    folder = Path(cfg.resume)
    if not (folder / "config.yaml").is_file():
        there = [str(path.parent) for path in sorted(folder.parent.glob("*/config.yaml"))]
        raise UsageError(
            f"resume={folder}: no run there. {nearest(str(folder), there) if there else ''}".strip()
        )
    saved = OmegaConf.load(folder / "config.yaml")
    assert isinstance(saved, DictConfig)
    OmegaConf.resolve(cfg)
    for override in HydraConfig.get().overrides.task:
        key = override.lstrip("+~").split("=")[0]
        value = OmegaConf.select(cfg, key)
        if key.split(".")[0] in KEPT and value != OmegaConf.select(saved, key):
            raise UsageError(
                f"resume: {folder} has another {key}, and a resumed run keeps its own; leave it out"
            )
        OmegaConf.update(saved, key, value, merge=False, force_add=True)
    return saved


def _choices(configs: Path) -> str:
    groups = sorted(path for path in configs.iterdir() if path.is_dir())
    return "\n".join(f"{group.name}=" + " | ".join(_names(group)) for group in groups)


def _names(group: Path) -> list[str]:
    return sorted(file.stem for file in group.glob("*.yaml"))


def _explain(error: Exception, task: str, configs: Path, arguments: list[str]) -> str:
    """One line for a mistake in the arguments, with the nearest names that exist."""
    from hydra import compose, initialize_config_dir

    plain = [argument for argument in arguments if not argument.startswith("-") and "=" in argument]
    groups = {path.name for path in configs.iterdir() if path.is_dir()}
    good = []
    for argument in plain:
        key, value = argument.split("=", 1)
        name = key.lstrip("+~").split("@")[0]
        for choice in value.split(",") if name in groups else ():
            if choice not in ("null", *_names(configs / name)):
                return f"no {name} named {choice!r}. {nearest(choice, _names(configs / name))}"
        if name in groups and "@" not in key:
            good.append(argument)
    with initialize_config_dir(str(configs), version_base="1.3"):
        whole = compose(task, [g for g in good if "," not in g])
    for argument in plain:
        key = argument.split("=", 1)[0]
        node: Any = whole
        path = [] if key.startswith(("+", "hydra.")) or key in groups else key.lstrip("~").split(".")
        for depth, part in enumerate(path):
            if not isinstance(node, DictConfig) or part not in node:
                names = [".".join([*path[:depth], str(name)]) for name in node or ()]
                return f"no setting named '{key}'. {nearest(key, names) if names else ''}".strip()
            node = node[part] if not OmegaConf.is_missing(node, part) else None
    return " ".join(str(error).split())


def _stop(message: str, code: int) -> NoReturn:
    print(f"{Path(sys.argv[0]).name}: {message}", file=sys.stderr)
    raise SystemExit(code)
