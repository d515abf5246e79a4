"""docs/results.md, and what README.md says of results."""
