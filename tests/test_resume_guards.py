"""Runs that would go on beside another, with other images, or with numbers that overflow; odd files."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import pytest
import torch
from killing import forked
from planted_files import DATA, MODEL, run_folder
from tiny_runs import NETWORK, TINY, config, latest, trained_in

import locality
from locality import app, build
from locality.config import UsageError
from locality.export import export, main
from locality.modules import DDPMModule
from locality.runs.checkpoint_file import write_checkpoint
from locality.runs.finding import newest_networks
from locality.runs.lock import hold, let_go
from locality.runs.status import is_alive, read_status

pytestmark = pytest.mark.usefixtures("no_pictures")

ASKED = [*TINY, *NETWORK, "trainer.max_epochs=1"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_in(tmp_path_factory.mktemp("trained"), *ASKED)


def interrupted(trained: Path, to: Path) -> Path:
    """A copy of a run that may go on."""
    run = to / "runs" / "20260101-000000-x"
    shutil.copytree(trained, run)
    status = json.loads((run / "status.json").read_text()) | {"state": "interrupted"}
    (run / "status.json").write_text(json.dumps(status))
    return run


@pytest.mark.parametrize("size", [1e18, 3e18])
def test_losses_that_overflow_when_they_are_averaged_or_squared_are_a_divergence(size, tmp_path, monkeypatch):
    original = DDPMModule._losses

    def huge(self: DDPMModule, batch: object, name: str) -> object:
        losses, t = original(self, batch, name)  # type: ignore[arg-type]
        return (losses * 0 + size**2 if name == "validation" else losses), t

    monkeypatch.setattr(DDPMModule, "_losses", huge)
    with pytest.raises(app.RunFailed, match="validation loss"):
        app.run(config(tmp_path, *ASKED))
    status = read_status(latest(tmp_path))
    assert (status["state"], status["diverged"]) == ("failed", True)
    assert not (latest(tmp_path) / "checkpoints" / "last.ckpt").exists()


def test_test_errors_that_are_not_finite_are_no_finished_run(tmp_path, monkeypatch):
    from lightning import Trainer

    monkeypatch.setattr(Trainer, "test", lambda *_, **__: [{"test/mse/t900": float("inf")}])
    with pytest.raises(app.RunFailed, match="test/mse/t900 is not finite"):
        app.run(config(tmp_path, *ASKED))
    assert read_status(latest(tmp_path))["state"] == "failed"


def test_a_run_does_not_go_on_with_other_images(trained, tmp_path):
    run = interrupted(trained, tmp_path)
    before = (run / "status.json").read_text()
    changed = json.loads(before) | {"fingerprint": "0" * 32}
    (run / "status.json").write_text(json.dumps(changed))
    with pytest.raises(UsageError, match="the images have changed since the run began"):
        app.run(config(tmp_path, *ASKED, f"resume={run}"))
    assert json.loads((run / "status.json").read_text()) == changed
    (run / "status.json").write_text(before)
    app.run(config(tmp_path, *ASKED, f"resume={run}"))
    assert read_status(run)["state"] == "finished"


def _hold(folder: Path) -> None:
    hold(folder)


def test_one_process_at_a_time_works_on_a_run(trained, tmp_path):
    run = interrupted(trained, tmp_path)
    hold(run)
    try:
        assert forked(_hold, run) != 0
        with pytest.raises(UsageError, match="another process works on it"):
            app.run(config(tmp_path, *ASKED, f"resume={run}"))
    finally:
        let_go()
    assert forked(_hold, run) == 0
    app.run(config(tmp_path, *ASKED, f"resume={run}"))
    assert forked(_hold, run) == 0  # a run that has ended holds nothing


def test_a_weight_that_half_precision_cannot_hold_is_exported_in_single(tmp_path):
    module = build.module(MODEL, (1, 8, 8))
    state = module.state_dict()
    name = next(name for name in state if name.endswith("bias"))
    state[name] = state[name].clone()
    state[name][0] = 1e5
    run = run_folder(tmp_path / "run", MODEL, DATA, state)
    export(run, tmp_path / "out", count=2)
    x = torch.randn(2, 1, 8, 8)
    assert torch.equal(locality.load(tmp_path / "out")(x, 1.0), locality.load(run)(x, 1.0))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda one: one.double().add(1e300), "not finite"),
        (lambda one: one.to(torch.int8), "want weights as floats, got torch.int8"),
        (lambda one: one > 0, "want weights as floats, got torch.bool"),
        (lambda one: one.to(torch.float8_e4m3fn), "want weights as floats, got torch.float8_e4m3fn"),
    ],
    ids=["too large for float32", "int8", "bool", "float8"],
)
def test_weights_of_a_kind_that_a_network_has_not_are_refused(change, told, tmp_path):
    state = build.module(MODEL, (1, 8, 8)).state_dict()
    name = next(name for name in state if name.endswith("weight"))
    run = run_folder(tmp_path / "run", MODEL, DATA, {**state, name: change(state[name])})
    content = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    write_checkpoint(content, run / "checkpoints" / "last.ckpt")
    with pytest.raises(UsageError, match=told):
        locality.load(run)


@pytest.mark.parametrize("place", ["file/x", "/proc/x/y", "link", "long/" + "n" * 300])
def test_an_export_to_where_no_folder_can_be_is_refused_in_one_line(place, trained, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(SystemExit) as ended:
        main([str(trained), str(tmp_path / place), "--count", "2"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


def test_an_export_that_is_refused_leaves_none_of_the_folders_around_it(tmp_path):
    with pytest.raises(UsageError):
        export(tmp_path / "nothing", tmp_path / "new" / "place" / "x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--count", "abc"], [], ["--form", "x"], ["--nope"]])
def test_a_mistake_in_the_arguments_of_an_export_is_one_line(arguments, trained, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main([str(trained), *([str(tmp_path / "out")] if arguments else []), *arguments])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("name", ["status.json", "config.yaml"])
def test_a_pipe_in_a_run_folder_keeps_nobody_waiting(name, trained, tmp_path):
    bad = interrupted(trained, tmp_path).rename(tmp_path / "runs" / "bad")
    (bad / name).unlink()
    os.mkfifo(bad / name)
    found = threading.Thread(target=newest_networks, args=(tmp_path / "runs", None, None), daemon=True)
    found.start()
    found.join(20)
    assert not found.is_alive()


def test_a_status_that_was_edited_is_seen_through(trained, tmp_path):
    mine = json.loads((trained / "status.json").read_text()) | {"state": "running"}
    for pid in (10**24, -1, 0, True, 2**31):
        assert not is_alive(mine | {"process": {**mine["process"], "pid": pid, "started": None}})
    run = interrupted(trained, tmp_path)
    for text in (json.dumps(mine | {"state": "Finished"}), "[]"):
        (run / "status.json").write_text(text)
        with pytest.raises(UsageError, match=r"status\.json cannot be read"):
            app.run(config(tmp_path, *ASKED, f"resume={run}"))
    (run / "status.json").unlink()
    (run / "status.json").mkdir()
    with pytest.raises(UsageError, match=r"status\.json cannot be read"):
        app.run(config(tmp_path, *ASKED, f"resume={run}"))
