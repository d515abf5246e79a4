"""What a file that may be somebody else's can name: a closed list of builders, and what each may be given.

Recipes in checkpoints, in exported networks and in run folders name Python objects, and Hydra calls them. A
stranger's file would run what it likes. So whatever comes from a file is held against the list (`listed`)
first (`judging`). Configs on the command line and in `configs/` are their user's own: nothing here looks at
them. docs/trust.md tells users the same.
"""

from locality.trust.judging import Untrusted, check_config, check_recipe

__all__ = ["Untrusted", "check_config", "check_recipe"]
