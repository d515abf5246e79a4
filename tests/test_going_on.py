"""`pretrained=`: a training goes on from the weights of another network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tiny_runs import NETWORK, TINY, config, latest

import locality
from locality import app
from locality.config import UsageError

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture(scope="module", name="origin")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("origin")
    app.run(config(root, *TINY, *NETWORK))
    return latest(root)


def weights(run: Path) -> dict[str, torch.Tensor]:
    return locality.load(run).net.state_dict()


def test_the_first_weights_are_those_of_the_other_network(origin, tmp_path):
    app.run(config(tmp_path, *TINY, *NETWORK, f"pretrained={origin}", "seed=1", "model.learning_rate=1e-12"))
    before, after = weights(origin), weights(latest(tmp_path))
    assert before.keys() == after.keys()
    assert all(torch.allclose(before[name], after[name], rtol=0, atol=1e-6) for name in before)
    lineage = json.loads((latest(tmp_path) / "lineage.json").read_text())
    assert any(origin.name in name for name in lineage["uses"])


def test_training_goes_on_from_there(origin, tmp_path):
    app.run(config(tmp_path, *TINY, *NETWORK, f"pretrained={origin}"))
    before, after = weights(origin), weights(latest(tmp_path))
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_a_run_that_went_on_needs_its_origin_no_more(origin, tmp_path):
    copy = tmp_path / "copy.ckpt"
    copy.write_bytes((origin / "checkpoints" / "last.ckpt").read_bytes())
    app.run(config(tmp_path, *TINY, *NETWORK, f"pretrained={copy}"))
    copy.unlink()
    assert weights(latest(tmp_path))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.prediction=epsilon", "puts out v_prediction, and the model epsilon; give"),
        ("model.network.layers=2", "is not built as the model"),
        ("model.network.layers=2 model.prediction=sample", "is not built as the model"),  # the real cause
        ("data=photos", "for images"),
    ],
)
def test_a_network_that_does_not_fit_is_refused_in_one_line(origin, tmp_path, override, message):
    with pytest.raises(UsageError, match=message) as error:
        app.run(config(tmp_path, *TINY, *NETWORK, *override.split(), f"pretrained={origin}"))
    assert "\n" not in str(error.value)
    assert str(origin) in str(error.value)


def test_a_network_of_diffusers_asks_for_its_own_model(tmp_path):
    from diffusers import DDPMPipeline, DDPMScheduler
    from test_hub import network

    DDPMPipeline(network(), DDPMScheduler()).save_pretrained(tmp_path / "saved")
    with pytest.raises(UsageError, match="give model=hub, too"):
        app.run(config(tmp_path, *TINY, *NETWORK, f"pretrained={tmp_path / 'saved'}"))


def test_images_of_another_shape_are_named_before_what_could_be_changed(origin, tmp_path):
    with pytest.raises(UsageError, match=r"for images \(1, 8, 8\), and the data have \(3, 16, 16\)"):
        app.run(
            config(
                tmp_path,
                *TINY,
                *NETWORK,
                "data=photos",
                "model.prediction=v_prediction",
                f"pretrained={origin}",
            )
        )


def test_what_is_no_network_of_ours_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"pretrained=.*nobody/nothing: no checkpoint there"):
        app.run(config(tmp_path, *TINY, *NETWORK, "pretrained=nobody/nothing"))
    with pytest.raises(UsageError, match="want a model that is trained"):
        app.run(config(tmp_path, *TINY, "model=wiener", "pretrained=nobody/nothing"))
