"""What lies beside the package in a checkout, and in a wheel inside it: the configs and small networks."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHIPPED = ("configs", "pretrained")


class Shipped(BuildHookInterface[Any]):
    """An editable install finds the checkout's own; `locality/shipped.py` knows both places."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the folders to the wheel."""
        if version != "editable":
            build_data["force_include"].update({name: f"locality/{name}" for name in SHIPPED})
