"""Compare denoisers. Examples: python evaluate.py --help"""

from pathlib import Path

from locality.cli import main

if __name__ == "__main__":
    main("evaluate", Path(__file__).resolve().parent / "configs")
