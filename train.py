"""Train a network or fit an analytical denoiser. Examples: python train.py --help"""

from pathlib import Path

from locality.cli import main

if __name__ == "__main__":
    main("train", Path(__file__).resolve().parent / "configs")
