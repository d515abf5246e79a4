"""What was measured: run folders, networks that ship, and docs/results.json."""
