"""Picture files, read as their formats say or refused by name: what image folders and patterns share."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from locality.data.errors import DataDamaged

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")  # by content; a JPEG file may turn out to hold several pictures
_PNG = b"\x89PNG\r\n\x1a\n"
_DEPTH = 24  # byte of a PNG file that says how many bits a channel has


def open_picture(path: Path) -> Image.Image:
    """The one picture of a file, decoded and upright, in the mode that Pillow has for it.

    The orientation of EXIF or XMP is obeyed. Colour profiles and gamma are not applied: numbers are taken as
    they are stored. Raises DataDamaged, by name, for a file that cannot be read or is cut short, a PNG file
    with a wrong checksum, another format whatever its suffix, a file with several pictures (animations,
    stereo pairs), and colours of 16 bits, of which Pillow drops the lower 8.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DataDamaged(f"{path} cannot be read ({reason}); mend or remove it") from error
    try:
        return _decoded(path, content)
    except DataDamaged:
        raise
    except Image.DecompressionBombError as error:
        raise DataDamaged(f"{path} claims to be huge ({error}); make it smaller or remove it") from error
    except UnidentifiedImageError as error:
        raise DataDamaged(
            f"{path} is damaged, or no PNG, JPEG, WebP or BMP file; get it again, convert or remove it"
        ) from error
    # A damaged file can make Pillow's readers raise anything: OSError, SyntaxError and ValueError for what
    # they check; struct.error, IndexError, KeyError, TypeError, OverflowError, MemoryError for what not.
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise DataDamaged(f"{path} is damaged ({reason}); get it again or remove it") from error


def stored_mode(path: Path) -> str | None:
    """The mode that the head of a file says; None where `open_picture` will tell what is wrong."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            return image.mode
    except Exception:  # as in `open_picture`: a damaged file can make Pillow raise anything
        return None


def _decoded(path: Path, content: bytes) -> Image.Image:
    if content.startswith(_PNG):
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            image.verify()  # the checksums, which decoding does not look at
    with Image.open(BytesIO(content), formats=FORMATS) as image:
        frames = getattr(image, "n_frames", 1)
        if frames > 1:
            raise DataDamaged(f"{path} has {frames} pictures in it; keep one of them, or remove the file")
        image.load()
        if content.startswith(_PNG) and content[_DEPTH] == 16 and not image.mode.startswith("I"):
            raise DataDamaged(f"{path} has 16 bits a channel; save it with 8, or remove it")
        return ImageOps.exif_transpose(image)
