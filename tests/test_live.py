"""The live line: written over in a terminal, sparse elsewhere, silent in a notebook."""

from __future__ import annotations

import io
import time

from locality.live import PATIENCE, Live


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def drawn(out: io.StringIO) -> str:
    """What a terminal shows in its last line."""
    return out.getvalue().rsplit("\x1b[2K", 1)[-1]


def test_a_terminal_shows_what_is_done_and_the_time_left():
    out, clock = Terminal(), Clock()
    live = Live(out, clock)
    with live.shown(), live.task("wiener", steps=10) as task:
        task.note("plan")
        assert drawn(out) == "wiener: plan"
        clock.now = 100.0  # a plan is no step
        for level in range(1, 4):
            task.at(f"level {level} of 10")
            clock.now += 2.0
        task.note("level 3 of 10")  # 2 steps of 10 are done, in 6 s by now
        assert drawn(out) == "wiener: level 3 of 10, 24 s left"
        with live.task("statistics"):
            assert drawn(out) == "wiener: level 3 of 10, 24 s left: statistics"
        live.print("a row")
        assert "a row\n" in out.getvalue()
        assert drawn(out) == "wiener: level 3 of 10, 24 s left"
    assert drawn(out) == ""


def test_parts_of_a_step_count_too_and_draw_nothing_by_themselves():
    out, clock = Terminal(), Clock()
    live = Live(out, clock)
    assert list(live.parts([1, 2])) == [1, 2]  # where nothing goes on
    with live.shown(), live.task("fields", steps=1) as task:
        task.at("level 1 of 1", parts=True)
        for batch in live.parts([0, 1]):
            for pixel in live.parts(range(5)):
                if (batch, pixel) == (1, 2):  # 5 of 10, and 2 of 10
                    clock.now = 14.0
                    before = out.getvalue()
                    assert str(task) == "fields: level 1 of 1, 70 %, 6 s left"
        assert out.getvalue() == before  # the ticks draw
        with live.task("masks"):  # of another task nothing is counted
            assert list(live.parts("ab")) == ["a", "b"]
        assert str(task) == "fields: level 1 of 1, 100 %"
    with live.shown(), live.task("optimal", steps=2) as task:
        task.at("level 1 of 2")
        assert list(live.parts("ab")) == ["a", "b"]
        assert str(task) == "optimal: level 1 of 2"


def test_no_line_is_longer_than_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    out = Terminal()
    live = Live(out)
    with live.shown(), live.task("x" * 200):
        assert len(drawn(out)) < 40


def test_what_is_no_terminal_gets_a_line_now_and_then_and_no_codes():
    out, clock = io.StringIO(), Clock()
    live = Live(out, clock)
    with live.shown(), live.task("optimal", steps=100) as task:
        for level in range(100):
            task.at(f"level {level + 1} of 100")
            clock.now += PATIENCE / 10
    lines = out.getvalue().splitlines()
    assert 8 <= len(lines) <= 11
    assert all(line.startswith("optimal: level ") for line in lines)
    assert "\x1b" not in out.getvalue()
    assert "\r" not in out.getvalue()


def test_what_takes_long_in_one_go_says_for_how_long_and_is_no_silence():
    out, clock = io.StringIO(), Clock()
    live = Live(out, clock, tick=0.001)
    with live.shown(), live.task("statistics"):
        clock.now = PATIENCE + 1
        while not out.getvalue():
            time.sleep(0.001)
    assert out.getvalue() == "statistics, 31 s\n"


def test_where_nothing_goes_on_the_terminal_is_left_to_others():
    out = Terminal()
    live = Live(out)
    with live.shown():
        live.changed()  # as each tick does, while a training draws its own bar
        assert out.getvalue() == ""


def test_nothing_is_said_where_no_run_shows_it():
    out = Terminal()
    with Live(out).task("statistics"):
        pass
    assert out.getvalue() == ""
