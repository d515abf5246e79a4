"""The one way to W&B: any call may fail or hang, and the run goes on."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, final

from locality.ranks import first_rank
from locality.report.wandb_files import set_aside_empty, sync_command

if TYPE_CHECKING:
    from wandb import Run

SECONDS = 30.0  # the longest wait for one call to W&B
GRACE = 5.0  # seconds for wandb-core to write what it has, before it is killed
T = TypeVar("T")


@final
class Uplink:
    """One W&B run, which starts at the first call. The run folder is the record, W&B a copy of it.

    A call that fails, or takes more than `SECONDS`, is told once, in one line; W&B is left out from then on.
    An online run that cannot start is kept offline. Ranks other than 0 have no W&B run.
    """

    def __init__(
        self,
        folder: Path,  # the run folder
        mode: Literal["offline", "online"],
        resumed: bool,  # whether earlier sessions of the run have the same W&B id
        start: Callable[[Literal["offline", "online"]], Run],  # mode -> the run
    ) -> None:
        self.on = first_rank()
        self.run: Run | None = None
        self._mode: Literal["offline", "online"] = mode
        self._folder, self._resumed, self._start = folder, resumed, start
        self._lost: Path | None = None  # the folder of an online run that was not uploaded whole

    def send(self, what: str, call: Callable[[Run], Any]) -> None:
        """Call with the run, if there is one. `what` is for the warning: the subject of 'failed'."""
        if self.on and self.run is None:
            self._begin()
        if self.on and self.run is not None:
            run = self.run
            try:
                bounded(lambda: call(run), SECONDS)
            except (Exception, SystemExit) as error:  # of any class: W&B is a copy, and its errors are many
                self._leave(what, error)

    def finish(self, exit_code: int) -> None:
        """End the W&B run, and wait until its log is written. Ctrl-C ends the wait.

        What follows in this process is another run.
        """
        ended = False
        try:
            self.send("the upload at the end", lambda run: run.finish(exit_code=exit_code))
            ended = self.on
        finally:  # also after Ctrl-C: the exit of the process must not wait, either
            self.on = False
            abandon(SECONDS if ended else GRACE)

    def sync_command(self) -> str | None:
        """The command that uploads what W&B's server does not have, or None."""
        return sync_command(self._folder, self._lost)

    def _begin(self) -> None:
        # `wandb.init` imports this: seconds of local work, which are not to count as waiting for W&B.
        import wandb.apis.public  # noqa: F401

        try:
            self.run = bounded(lambda: self._start(self._mode), SECONDS)
        except (Exception, SystemExit) as error:  # of any class, as above
            if self._mode == "offline":
                self._leave("the start", error)
                return
            abandon()
            _warn(f"no online run ({_why(error)}); this run is kept offline, its folder has everything")
            self._mode = "offline"
            self._begin()

    def _leave(self, what: str, error: BaseException) -> None:
        self.on = False
        if self._mode == "online" and self.run is not None and not self._resumed:
            self._lost = Path(self.run.settings.sync_dir)
        abandon()
        set_aside_empty(self._folder)
        later = self.sync_command()
        _warn(
            f"{what} failed ({_why(error)}); the run goes on without W&B, its folder has everything"
            + (f"; to upload what W&B has of it: {later}" if later else "")
        )


def bounded(
    call: Callable[[], T],
    seconds: float,
) -> T:
    """The result of a call; raises TimeoutError if it takes longer, and then leaves it to a daemon thread."""
    done: Future[T] = Future()

    def work() -> None:
        try:
            done.set_result(call())
        except BaseException as error:  # whatever it is, the caller gets it
            done.set_exception(error)

    threading.Thread(target=work, daemon=True, name="W&B").start()
    return done.result(seconds)


def abandon(
    grace: float = GRACE,  # seconds, before it is killed
) -> None:
    """End wandb-core: else Python waits for it at its exit, and whoever reads our output waits for both."""
    import wandb
    from wandb.sdk import wandb_setup
    from wandb.sdk.lib import module

    # W&B has no public way to end its process without waiting for it.
    connection = getattr(wandb_setup._singleton, "_connection", None)
    process = getattr(getattr(connection, "_proc", None), "_process", None)
    try:
        bounded(wandb.teardown, grace)
    except (Exception, SystemExit):  # it complains that its process is gone, or does not answer
        pass
    finally:
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
        module.unset_globals()


def _why(error: BaseException) -> str:
    told = " ".join(str(error).split())
    if isinstance(error, TimeoutError) and not told:
        return f"no answer within {SECONDS:g} s"
    return f"{type(error).__name__}: {told}" if told else type(error).__name__


def _warn(message: str) -> None:
    print(f"W&B: {message}", file=sys.stderr, flush=True)
