"""Text that is not ours (commands, paths, names, error texts) inside Markdown, where it opens nothing.

In HTML `html.escape` does this.
"""

from __future__ import annotations

import re

# What opens or ends something inside a line: code, escapes, emphasis, links, HTML, entities, formulas, cells.
SPECIAL = re.compile(r"[\\`*<|~$]|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_])|&(?=[#\w])|#(?=#*\s*$)")


def plain(text: str) -> str:
    """The text on one line, in which nothing is Markdown or HTML; fit for a heading or a cell of a table.

    >>> print(plain("a_b|<i>"))
    a_b&#124;&#60;i>
    """
    # Entities, not backslashes: renderers disagree on backslashes before a bar in a table.
    return SPECIAL.sub(lambda found: f"&#{ord(found[0])};", _line(text))


def code(text: str) -> str:
    """The text on one line, as code; fit for a cell of a table.

    >>> print(code("x=`<b>`"))
    `` x=`<b>` ``
    """
    line = _line(text)
    if "|" in line or not line:  # a bar ends a cell even inside of code
        return f"<code>{plain(line)}</code>"
    # CommonMark 6.1: a span ends at the first run of as many backticks as opened it.
    fence = "`" * (_longest_run(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"


def block(text: str, language: str = "") -> str:
    """The text as a block of code: the fence is longer than any run of backticks in it."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text.strip()}\n{fence}"


def _line(text: str) -> str:
    # Also other line ends and control characters, which some renderers take for line ends.
    return re.sub(r"[\x00-\x20\x7f\x85\u2028\u2029]+", " ", text).strip()


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
