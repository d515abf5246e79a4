"""Builders of networks: `build(image_shape, ...) -> net(x_vp, t)`, and diffusers' folders in and out."""

from locality.networks.diffusers_folder import save_pipeline
from locality.networks.dit import dit
from locality.networks.foreign import hub, hub_prediction, hub_schedule
from locality.networks.mixer import mixer
from locality.networks.mlp import mlp
from locality.networks.unet import unet

__all__ = ["dit", "hub", "hub_prediction", "hub_schedule", "mixer", "mlp", "save_pipeline", "unet"]
