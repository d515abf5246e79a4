"""Text of users opens neither Markdown nor HTML, in a model card and on a report's page."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from locality.report import Chart, ModelCard, Series, Table
from locality.report.card import render_card
from locality.report.page import render_page
from locality.report.quoting import block, code, plain
from locality.report.shown import Shown

HOSTILE = st.text(st.sampled_from("`\\|*_[]()<>&#!~$-\n\r\x85 ab1;:/\"'"), max_size=24)
EXAMPLES = ["`", "``", "a`<b>", "\\|", "a\\|<i>", "<!--", "&lt;", "[x](y)", "x\n\n<b>", "_a_", "**", "#"]


def spans(line: str) -> list[tuple[bool, str]]:
    """(is code, text) in turn, as CommonMark 6.1 reads a line without backslashes."""
    found: list[tuple[bool, str]] = []
    place = 0
    while opening := re.compile("`+").search(line, place):
        closing = re.compile(f"(?<!`){opening[0]}(?!`)").search(line, opening.end())
        end = closing.end() if closing else opening.end()
        inside = line[opening.end() : closing.start()] if closing else ""
        if inside.startswith(" ") and inside.endswith(" ") and inside.strip():
            inside = inside[1:-1]
        found += [(False, line[place : opening.start()])]
        found += [(True, inside)] if closing else [(False, opening[0])]
        place = end
    return [part for part in [*found, (False, line[place:])] if part[1]]


def one_line(text: str) -> str:
    return re.sub(r"[\x00-\x20\x85]+", " ", text).strip()


def with_examples(test):
    for text in EXAMPLES:
        test = example(text)(test)
    return test


@with_examples
@given(HOSTILE)
def test_code_is_one_span_that_shows_the_text(text: str) -> None:
    quoted = code(text)
    assert "\n" not in quoted
    assert "|" not in quoted  # which would end a cell of a table
    if quoted.startswith("<code>"):
        inside = quoted.removeprefix("<code>").removesuffix("</code>")
        assert unescape(inside) == one_line(text)
        assert not re.search(r"[<`*\\|]", inside)
    else:
        assert spans(quoted) == [(True, one_line(text))]


@with_examples
@given(HOSTILE)
def test_plain_text_has_nothing_that_opens_a_construct_and_shows_the_text(text: str) -> None:
    quoted = plain(text)
    assert unescape(quoted) == one_line(text)
    assert not re.search(r"[`<*\\|~$\n]|\]\(|\]\[", quoted)


@with_examples
@given(HOSTILE)
def test_no_line_of_a_block_ends_its_fence(text: str) -> None:
    first, *inside, last = block(text, "python").split("\n")
    fence = first.removesuffix("python")
    assert last == fence
    assert not any(set(line.strip()) == {"`"} and len(line.strip()) >= len(fence) for line in inside)


class Tags(HTMLParser):
    """Collects the tags of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def run(text: str) -> dict[str, object]:
    return {"command": f"python train.py {text}", "commit": text, "started": text, "seconds": 1.0} | {
        "finished": True, "versions": {text: text}, "resumed": [{"commit": text}]}  # fmt: skip


@pytest.mark.parametrize("text", ["x`<script>alert(1)</script>", "a|<img src=x>", "'><img src=x>", '"><img>'])
def test_a_hostile_command_or_name_opens_nothing_in_card_and_page(text: str, tmp_path: Path) -> None:
    table = Table([text, "r2"], [[text, 0.5]])
    card = render_card(ModelCard(text, "s", "d", text), {text: 1.0}, {text: table}, run(text))
    outside, fence = "", ""
    for line in card.split("\n"):
        if not fence and (opened := re.match("(```+)", line)):
            fence = opened[1]
        elif fence and line == fence:
            fence = ""
        elif not fence:
            outside += "".join(part for is_code, part in spans(line) if not is_code) + "\n"
    assert not fence
    assert not re.search("<(script|img)", outside)
    rows = [line for line in card.split("\n") if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {3}
    pages = []
    for name in (text, "harmless"):
        page = Tags()
        own = Table([name, "r2"], [[name, 0.5]])
        chart = Chart(name, name, name, [1.0], {name: Series([1.0])})
        panel = {"kind": "paired", "title": name, "note": name}
        shown = Shown(
            tmp_path / "run",
            run(name),
            {name: 1.0},
            {name: own},
            {name: chart},
            [],
            {name: panel},
            name,
            [name],
        )
        page.feed(render_page([shown, replace(shown, folder=tmp_path / "other")], tmp_path / "page", name))
        pages.append(page)
    assert pages[0].tags == pages[1].tags
    assert f"python train.py {text}" in pages[0].text
