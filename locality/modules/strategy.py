"""Data-parallel ranks for any module, with parameters to train or without."""

from __future__ import annotations

from lightning.pytorch.strategies import DDPStrategy


class RanksStrategy(DDPStrategy):
    """DDP that leaves a module alone which has nothing to train (DDP itself refuses such modules)."""

    def configure_ddp(self) -> None:
        """Wraps the module only if some parameter wants a gradient."""
        assert self.lightning_module is not None
        if any(parameter.requires_grad for parameter in self.lightning_module.parameters()):
            super().configure_ddp()
