"""Run folders: `files` names what lies in them, `opening` makes them, `finding` and `resuming` read old ones."""
