"""The list: what a file may have built, kind by kind, and what it may give each builder."""

from __future__ import annotations

Arguments = dict[str, str]  # what an argument may be: a kind of LISTED, or a name in _VALUES


def _plain(names: str) -> Arguments:
    return dict.fromkeys(names.split(), "plain")


_BANK = "chunk_size memory_budget"
_MIXTURE = "components places rank pseudo_count most seed"

# Kind of object -> its builders -> the arguments that a file may give them. None of these writes a file or
# runs code that it is given; `cache`, `stats` and functions are left out on purpose.
LISTED: dict[str, dict[str, Arguments]] = {
    "module": {
        "locality.modules.DDPMModule": {
            "network": "network", "schedule": "schedule", "prediction": "prediction",
            **_plain("learning_rate weight_decay betas warmup_steps ema_decay seed compile fused"),
        },
        "locality.modules.AnalyticModule": {"denoiser": "fit", "schedule": "schedule", "seed": "plain"},
    },
    "network": {
        "locality.networks.unet": _plain("channels layers attention dropout groups classes patch_size"),
        "locality.networks.dit": _plain("width depth heads patch_size dropout"),
        "locality.networks.mlp": _plain("width depth expansion dropout"),
        "locality.networks.mixer": _plain("width depth mixing expansion patch_size dropout"),
        "locality.networks.hub": {"pretrained": "folder"},
        "locality.networks.foreign.configured": {"config": "plain"},
    },
    "schedule": {
        "locality.NoiseSchedule.ddpm": _plain("steps beta_start beta_end"),
        "locality.networks.hub_schedule": {"pretrained": "folder"},
        "locality.networks.foreign.scheduled": {"config": "plain"},
    },
    "prediction": {"locality.networks.hub_prediction": {"pretrained": "folder"}},
    "fit": {
        "locality.denoisers.Wiener.fit": _plain("shrinkage"),
        "locality.denoisers.Optimal.fit": _plain(_BANK),
        "locality.denoisers.Nearest.fit": _plain(_BANK),
        "locality.denoisers.LocalScore.fit": _plain(f"patch_size share {_BANK}"),
        "locality.denoisers.EquivariantLocalScore.fit": _plain(f"patch_size border {_BANK}"),
        "locality.denoisers.PatchComposite.fit": {
            **_plain(f"patch_size border mass share {_BANK}"), "heat": "nothing",
        },
        "locality.denoisers.PCALocality.fit": _plain(
            f"tau mask_axis threshold softmax decomposition shrinkage share {_BANK}"
        ),
        "locality.denoisers.Smoothed.fit": _plain(f"smoothing copies seed {_BANK}"),
        "locality.denoisers.GoldenSubset.fit": _plain(
            "tau mask_axis threshold shrinkage k_min k_max m_min proxy_size presample random_above seed "
            f"share {_BANK}"
        ),
        "locality.denoisers.SoftLocality.fit": _plain(f"beta blend reach shrinkage {_BANK}"),
        "locality.denoisers.LocalMixture.fit": _plain(f"window {_MIXTURE} memory_budget"),
        "locality.denoisers.stacked_mixtures": _plain(f"windows shares {_MIXTURE} {_BANK}"),
        "locality.denoisers.ByClass.fit": {"denoiser": "fit", "count": "plain"},
        "locality.denoisers.Stacked.fit": {"members": "members", **_plain("counts shares")},
    },
    "data": {
        "locality.data.ImageDataModule": {
            "source": "source", "pattern": "injection", "root": "root",
            **_plain("gamma batch_size eval_batch_size flip subset subset_draw pixels seed image_seed"),
        }
    },
    "source": {
        "locality.data.photos": _plain("size train val test"),
        "locality.data.digits": {},
        "locality.data.GaussianSource": _plain(
            "size channels length std channel_correlation mean_level train val test"
        ),
        "locality.data.fashion_mnist": _plain("download"),
        "locality.data.mnist": _plain("download"),
        "locality.data.cifar": _plain("download"),
        "locality.data.celeba_hq": {"size": "plain", "cache": "cache"},
        "locality.data.afhq": {"size": "plain", "cache": "cache"},
    },
    "injection": {
        "locality.data.PatternInjection": {"pattern": "shape", **_plain("colour mode clip")},
    },
    "shape": {f"locality.data.{name}": {} for name in ("letter_w", "two_points", "cross")},
    "trainer": {
        "lightning.Trainer": {
            "strategy": "strategy",
            **_plain(
                "accelerator devices num_nodes precision max_epochs min_epochs max_steps min_steps max_time "
                "limit_train_batches limit_val_batches limit_test_batches overfit_batches "
                "val_check_interval check_val_every_n_epoch log_every_n_steps accumulate_grad_batches "
                "gradient_clip_val gradient_clip_algorithm deterministic benchmark enable_progress_bar"
            ),
        }
    },
    "strategy": {"locality.modules.strategy.RanksStrategy": {}},
    "logger": {"locality.report.loggers": _plain("wandb project artifacts")},
}  # fmt: skip
FITTED = ("locality.denoisers.wiener.Wiener",)  # classes whose state a checkpoint may hold
WAITING = ("network", "fit", "source", "shape")  # kinds that may be called later (`_partial_`)
