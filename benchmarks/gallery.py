"""python -m benchmarks.gallery     runs the examples of examples/gallery, and writes docs/gallery.md."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES, PICTURES, PAGE = ROOT / "examples/gallery", ROOT / "docs/images/gallery", ROOT / "docs/gallery.md"
ORDER = (
    "wiener_by_hand", "optimal_memorises", "masks", "cats_eye", "plant_a_pattern", "a_denoiser_in_30_lines",
)  # fmt: skip
INTRODUCTION = """# Gallery

Each example is a file of `examples/gallery/` and runs in less than a minute. Its cells begin with `# %%`, so
editors run them one by one. `python -m benchmarks.gallery` runs them all and writes this page.
"""


def main(names: list[str]) -> None:
    """Run the examples, keep their pictures, write the page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name in names or ORDER:
        picture(name, PICTURES / f"{name}.png")
        print(f"{name}: {PICTURES / name}.png")
    PAGE.write_text("\n".join([INTRODUCTION, *map(section, ORDER)]))


def picture(name: str, path: Path) -> None:
    """Run an example and save the figure that it leaves."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.close("all")
    runpy.run_path(str(EXAMPLES / f"{name}.py"))
    plt.gcf().savefig(path, dpi=90)


def section(name: str) -> str:
    """An example on the page: what it says, its picture, its code."""
    source = (EXAMPLES / f"{name}.py").read_text()
    _, words, code = source.split('"""', 2)
    title, text = words.strip().split("\n", 1)
    return (
        f"## {title.removesuffix('.')}\n{text.rstrip()}\n\n![{title}](images/gallery/{name}.png)\n\n"
        f'??? example "examples/gallery/{name}.py"\n\n'
        + "\n".join(f"    {line}".rstrip() for line in ["```python", *code.strip().splitlines(), "```"])
        + "\n"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
