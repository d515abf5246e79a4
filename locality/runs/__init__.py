"""Run folders: `opening` makes them, `status` says how they stand, `finding` and `resuming` read old ones."""
