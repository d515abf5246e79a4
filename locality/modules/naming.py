"""The recipe of a module that no config made: objects by the names that a file may give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from locality.schedule import NoiseSchedule

_ROOMS = ("locality.denoisers", "locality.networks", "locality.modules")  # whose `__init__` has the names
_PLACES = ("cache", "stats")  # settings that are this machine's, or too large


def recipe(
    kind: type,
    image_shape: Sequence[int],
    **settings: Any,  # plain values, and functions by `named`
) -> dict[str, Any]:
    """What `locality.load` rebuilds the module from: `model`, `image_shape`, and no `data`."""
    model = {"_target_": _name(kind), **settings}
    return {"model": model, "data": None, "image_shape": [int(side) for side in image_shape]}


def named(function: Any, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A function, or a `partial` of one, as a config node that is called later."""
    given = dict(settings or {})
    while isinstance(function, partial):
        given, function = {**function.keywords, **given}, function.func
    kept = {name: _plain(value) for name, value in given.items() if name not in _PLACES}
    return {"_target_": _name(function), "_partial_": True, **kept}


def of_schedule(schedule: NoiseSchedule) -> dict[str, Any] | None:
    """A schedule as a config node; None for DDPM's."""
    betas = schedule.betas
    if betas.shape == NoiseSchedule.ddpm().betas.shape and betas.allclose(NoiseSchedule.ddpm().betas):
        return None
    config = {"beta_schedule": "linear", "num_train_timesteps": len(betas), "trained_betas": betas.tolist()}
    return {"_target_": "locality.networks.foreign.scheduled", "_convert_": "all", "config": config}


def _name(target: Any) -> str:
    owner = getattr(target, "__self__", None)  # the class of a classmethod, which may have inherited it
    if isinstance(owner, type):
        name, module = f"{owner.__name__}.{target.__name__}", owner.__module__
    else:
        named_by = target if hasattr(target, "__qualname__") else type(target)  # an object that is called
        name, module = named_by.__qualname__, named_by.__module__
        if getattr(target, "fit", None) is target:  # a class that is its own fit: known by that name
            name += ".fit"
    room = next((room for room in _ROOMS if module.startswith(f"{room}.")), module)
    return f"{room}.{name}"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value
