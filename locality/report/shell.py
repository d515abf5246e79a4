"""What is around the body of a page: head, style, scripts, and the policy that keeps it alone.

Scripts and styles are in `assets/`. The policy allows the page's own scripts and no request to anywhere.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path

from locality.report.figures import Look
from locality.report.markup import data

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("page", "tables", "charts", "slides", "explorer", "paired", "start")  # in this order


def shell(
    nav: str,
    body: str,
    title: str,
    looks: Mapping[str, Look],  # of all series and denoisers, each with a switch
) -> str:
    """The page around its body."""
    shown = {
        name: {"label": look.label, "colour": look.color, "line": look.line} for name, look in looks.items()
    }
    page = data("page-data", {"looks": shown, "switches": list(looks)})
    policy = (
        f"default-src 'none'; script-src 'sha256-{_digest()}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    bar = (
        f'<div class="bar"><div><nav>{nav}</nav><details id="switches"><summary></summary></details>'
        '<button type="button" id="theme"></button></div></div>'
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_style()}</style>\n</head>\n"
        f"<body>\n{bar}\n<main>\n{body}\n</main>\n"
        f"{page}\n<script>{_script()}</script>\n</body>\n</html>\n"
    )


@cache
def _script() -> str:
    own = "\n".join((ASSETS / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    plotting = (ASSETS / "uplot/uPlot.iife.min.js").read_text(encoding="utf-8")
    return f'{plotting}\n(() => {{\n"use strict";\n{own}}})();\n'


@cache
def _style() -> str:
    return (ASSETS / "uplot/uPlot.min.css").read_text() + (ASSETS / "page.css").read_text()


@cache
def _digest() -> str:
    return base64.b64encode(hashlib.sha256(_script().encode()).digest()).decode()
