"""docs/results/paper.md: how each claim of the paper stands."""
