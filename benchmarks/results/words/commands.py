"""What to know of a kept command: its commit, its recipe's network, and what `make measure` runs for it."""

from __future__ import annotations

from benchmarks.results.kept.recipes import recipe

EDITED = "+edits"  # ends the commit of a tree whose files differed
WITHOUT_COMMIT = "from a tree with edits that no commit has"
OTHERWISE = {  # kind, data set -> what `make measure` runs in place of the command that was kept, and why
    ("information", "cifar"): "`make measure` leaves out the networks of a run that does not ship",
    (
        "released",
        "fashion_mnist",
    ): "This command is older than `compare=released`, which `make measure` runs: "
    "that has another number of seeds, and takes settings that were found since",
    (
        "released",
        "photos16",
    ): "This command is older than `compare=released`, which `make measure` runs: that "
    "has another number of seeds, no typed `places`, and takes settings that were found since",
}


def edits(commit: str | None) -> str:
    """Words in brackets behind a commit that does not say all; else nothing.

    >>> edits("cbd6c365373e+edits"), edits("cbd6c365373e")
    (' (from a tree with edits that no commit has)', '')
    """
    return f" ({WITHOUT_COMMIT})" if str(commit).endswith(EDITED) else ""


def with_checkpoint(command: str) -> str:
    """A command with the network of the recipe that it names, where it names none itself."""
    checkpoint = None if "checkpoint=" in command else recipe(command).get("checkpoint")
    return f"{command} checkpoint={checkpoint}" if checkpoint else command
