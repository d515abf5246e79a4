"""What the pages of results say of the conditions under which numbers were found."""

from __future__ import annotations

from pathlib import Path

from benchmarks.results.caveats import HEADS, caveats
from tests.test_results_page import BY_PAGE, measured

ROOT = Path(__file__).resolve().parents[1]


def test_no_page_says_that_test_images_chose_nothing() -> None:
    """The shares of ln N of rows by entropy were fitted to errors on test images of CIFAR-10."""
    assert "chose nothing but what rows [by entropy]" in HEADS[2]
    assert (
        "errors on a few test images](results/information.md) of CIFAR-10"
        in caveats({"cifar": measured("paper")}, {})[2]
    )
    for page in ("without_network", "by_output"):
        why = BY_PAGE[page].why
        assert "test images" in why
        assert "no val image" not in why
    how_to = (ROOT / "docs" / "how_to" / "calibrate.md").read_text()
    assert "nothing is tuned" not in how_to
    assert "fitted to errors on a few test images" in how_to
    assert "from the training images alone" not in (ROOT / "docs" / "concepts.md").read_text()
