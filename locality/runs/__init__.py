"""Run folders: `files` names their content, `opening` makes them, `finding` and `resuming` read old ones."""
