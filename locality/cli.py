"""The command line: Hydra's, with mistakes told in one line before anything heavy is imported."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NoReturn

from omegaconf import DictConfig, OmegaConf

from locality.choices import Choices, import_from
from locality.config import RUN_VARIABLE, UsageError, check
from locality.live import LIVE, prose
from locality.ranks import forget_left_over
from locality.shipped import command, shipped_folder
from locality.stopping import ended_by_closed_pipes
from locality.typed import beside, check_strength, of_candidates, placed, recipes_of_others, typed

SWEEP = ("-m", "--multirun")
PRINTED = {"--list", "--help", "-h", "--hydra-help", "--info"}  # nothing but printing is asked for


def train() -> None:
    """The command `locality-train`."""
    main("train", shipped_folder("configs"))


def evaluate() -> None:
    """The command `locality-evaluate`."""
    main("evaluate", shipped_folder("configs"))


def main(task: str, configs: Path) -> None:
    """Run `train` or `evaluate` with the arguments of this process.

    Choices come from `configs`, --config-dir and $LOCALITY_CONFIGS. Exit codes: 0 done, 1 failed at run time
    (the traceback is in the run folder), 2 asked for something that does not exist or does not fit, 130
    interrupted. A sweep goes on after a job that fails, and ends in the greatest code of its jobs.
    """
    if _launched():  # the run folder has its config; its arguments may be a whole sweep
        _launch(DictConfig(OmegaConf.load(Path(os.environ[RUN_VARIABLE]) / "config.yaml")))
        return
    warnings.showwarning = _note
    from locality.arguments import expanded

    with ended_by_closed_pipes() if PRINTED & set(expanded(sys.argv[1:])) else nullcontext():
        _main(task, configs)


def _main(task: str, configs: Path) -> None:
    from locality.arguments import check_jobs, explain

    if (read := _read(task, configs)) is None:
        return
    import hydra

    from locality.runs import jobs

    OmegaConf.register_new_resolver("command", command, replace=True)  # of --help
    os.environ["HYDRA_FULL_ERROR"] = "1"  # lets hydra.main raise, instead of printing its own account
    choices, arguments = read
    launch = hydra.main(version_base="1.3", config_path=str(configs), config_name=task)(_launch)
    try:
        if not any(argument in SWEEP for argument in arguments):
            launch()
            return
        check_jobs(task, choices, arguments)
        jobs.prepare()
        if "dry_run=true" in arguments:
            sys.argv[1:] = jobs.without_launcher(arguments)
        code = jobs.carry_out(launch)
        if code:
            raise SystemExit(code)
    except UsageError as error:
        _stop(str(error), 2)
    except Exception as error:  # errors of ours end in _launch: this one is Hydra's, of whatever class
        _stop(explain(error, task, choices, arguments), 2)


def _read(task: str, configs: Path) -> tuple[Choices, list[str]] | None:
    """The choices that there are, and the arguments with what follows from them; None after `--list`.

    What is wrong with the arguments alone ends the process.
    """
    from locality.arguments import config_dir, expanded, wrong_choice, wrong_grammar, wrong_option

    arguments = expanded(sys.argv[1:])
    try:
        choices = Choices.of(configs, config_dir(arguments))
    except UsageError as error:
        _stop(str(error), 2)
    if "--list" in arguments:
        print(choices.described(recipes_of_others(task, choices, choices.names("experiment"))))
        return None
    wrong = wrong_option(arguments)
    if not wrong:
        try:
            arguments = placed(task, choices, arguments)
        except UsageError as error:
            wrong = str(error)
    wrong = wrong or wrong_choice(task, choices, arguments) or wrong_grammar(arguments)
    if wrong:
        _stop(wrong, 2)
    import_from(choices.own)  # own configs name own Python beside them
    added = [] if set(SWEEP) & set(arguments) else typed(task, choices, arguments)  # a sweep: job by job
    arguments = sys.argv[1:] = beside(arguments, [*added, *choices.settings()])
    return choices, arguments


def _launch(cfg: DictConfig) -> None:
    from locality.runs import jobs

    # Errors end here: one that left the task would be told a second time by Hydra.
    sweep = None if _launched() else jobs.current()
    if sweep is None:
        try:
            _do(cfg)
        except _Ended as ended:
            _stop(str(ended), ended.code)
    elif sweep.begin():
        warnings.showwarning = _note  # another process has its own
        from locality.arguments import of_job

        try:
            _do(of_job(cfg))
        except _Ended as ended:
            if ended.for_all and sweep.in_turn:
                _stop(str(ended), ended.code)
            sweep.end(str(ended), ended.code)
        else:
            sweep.end()


class _Ended(Exception):
    """What was asked for ends here, for a reason that is told in one line."""

    def __init__(self, message: str, code: int, for_all: bool = False) -> None:
        super().__init__(message)
        self.code, self.for_all = code, for_all  # for_all: jobs that would follow in this process, too


def _do(cfg: DictConfig) -> None:
    """Raises _Ended for whatever goes wrong."""
    try:
        cfg = _said(check(_resumed(cfg)))
        if cfg.get("sweep") and not cfg.resume and not _launched():
            if (job := _of_sweep(cfg)) is None:
                return
            cfg = job
        if not _launched():
            forget_left_over(cfg.trainer)
        if cfg.dry_run:
            print(f"{OmegaConf.to_yaml(cfg, resolve=True)}# names fit; a run checks values and files, too")
            return
        if not _launched():
            from locality.unusual import tell

            tell(cfg)
        from locality.app import RunFailed, RunStopped, run
        from locality.runs import jobs

        try:
            run(cfg, jobs.number())
        except RunStopped as error:
            _ended_early(error)
        except RunFailed as error:
            raise _Ended(str(error), 1) from error
    except UsageError as error:
        raise _Ended(str(error), 2) from error
    except KeyboardInterrupt as error:
        raise _Ended("interrupted", 130, for_all=True) from error
    except _Ended:
        raise
    except Exception as error:  # before there was a run folder to put it in
        with tempfile.NamedTemporaryFile("w", prefix="locality-", suffix=".txt", delete=False) as file:
            file.write(traceback.format_exc())
        raise _Ended(f"{type(error).__name__}: {error} (traceback: {file.name})", 1) from error


def _ended_early(error: Any) -> None:
    """A run that was stopped. All ranks stop together, and the first one says so."""
    if _launched():
        return
    if error.code:
        raise _Ended(str(error), error.code, for_all=True) from error
    print(f"{Path(sys.argv[0]).name}: {error}; it can be resumed", flush=True)


def _launched() -> bool:
    """Is this a rank that Lightning started? Its first rank kills all ranks when one ends with an error."""
    return RUN_VARIABLE in os.environ and os.environ.get("LOCAL_RANK", "0") != "0"


def _resumed(cfg: DictConfig) -> DictConfig:
    from hydra.core.hydra_config import HydraConfig

    if not cfg.get("resume") or not HydraConfig.initialized():  # without Hydra: a run's own config already
        return cfg
    from locality.runs.resuming import resumed

    (configs,) = [
        source.path for source in HydraConfig.get().runtime.config_sources if source.provider == "main"
    ]
    usual = OmegaConf.load(Path(configs) / "trainer" / "default.yaml")
    return resumed(cfg, HydraConfig.get().overrides.task, DictConfig(usual))


def _said(cfg: DictConfig) -> DictConfig:
    """The config with what this command line says of candidates. UsageError where it says half of it."""
    from hydra.core.hydra_config import HydraConfig

    if not HydraConfig.initialized():  # without Hydra: the first rank has noted it
        return cfg
    typed_words = HydraConfig.get().overrides.task
    check_strength(cfg, typed_words)
    return of_candidates(cfg, typed_words)


def _of_sweep(cfg: DictConfig) -> DictConfig | None:
    """A job of a sweep that is taken up again: None if it has finished, its run to go on with if it began."""
    from locality.runs.resuming import earlier_job
    from locality.runs.status import is_network

    folder, state = earlier_job(cfg) or (None, "")
    if folder is None:
        return cfg
    if state in ("finished", "running"):
        print(f"sweep=resume: {folder} {'has finished' if state == 'finished' else 'is running'}", flush=True)
        return None
    if is_network(cfg):  # an analytical denoiser is fitted in one pass: it starts again
        print(f"sweep=resume: going on with {folder}", flush=True)
        cfg.resume = str(folder)
    return cfg


def _note(message: Warning | str, *_: object, **__: object) -> None:
    """A warning in one line, beside the other notes: stderr is for the line that a command ends in."""
    LIVE.print(prose(f"note: {' '.join(str(message).split())}"))


def _stop(message: str, code: int) -> NoReturn:
    print(f"{Path(sys.argv[0]).name}: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(code)
