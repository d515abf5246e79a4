"""The W&B account and what a push sends to its server, in bounded time and with errors in one line."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from locality.config import UsageError
from locality.report.uplink import SECONDS, abandon, bounded

T = TypeVar("T")
PROBE = 5.0  # seconds to reach the server; W&B itself would go on trying for minutes
LATER = "the dashboard is in its file; without --push it stays there"


class PushFailed(RuntimeError):
    """W&B's server was not reached, or did not take what it was sent."""


def pushed(
    call: Callable[[], T],
    seconds: float = SECONDS,
) -> T:
    """The result of a call to W&B's server. It waits no longer than this, whatever W&B does.

    Raises UsageError without credentials, PushFailed for a server that refuses or does not answer.
    """
    import wandb
    import wandb.apis.public  # seconds of local work, which are not to count as waiting for W&B
    from wandb import errors

    # `mode`: whoever asks for a push means it, whatever WANDB_MODE says of runs.
    wandb.setup(settings=wandb.Settings(silent=True, console="off", mode="online"))
    server = str(wandb.setup().settings.base_url)
    try:
        _reach(server)
        return bounded(call, seconds)
    except TimeoutError as error:
        raise PushFailed(f"no answer from {server} within {seconds:g} s; {LATER}") from error
    except UsageError:
        raise
    except OSError as error:
        raise PushFailed(f"{server} cannot be reached ({error.strerror or error}); {LATER}") from error
    except Exception as error:  # of any class: W&B's errors share none
        if "respond in time" in str(error):
            raise PushFailed(f"no answer from {server}; {LATER}") from error
        if isinstance(error, errors.AuthenticationError | errors.UsageError):
            raise UsageError(
                f"{server} does not know this login ({_line(error)}): run `wandb login`"
            ) from error
        raise PushFailed(f"{server} refused: {_line(error)}; {LATER}") from error
    finally:
        abandon()


def entity() -> str:
    """Whose account this is. Raises UsageError where nobody is logged in."""
    import wandb

    if not bool(wandb.login(prompt=False)):
        raise UsageError("nobody is logged in at W&B: run `wandb login` once, or set WANDB_API_KEY")
    found = wandb.Api().default_entity
    if not found:
        raise UsageError("the W&B account has no default entity: give --entity")
    return str(found)


def keep_chart(owner: str, name: str, spec: dict[str, Any]) -> str | None:
    """Keeps a preset of custom charts with the account; why not, where the server refuses.

    W&B has no way to ask whether a preset is there: one of an earlier push is refused, and stays.
    """
    import wandb

    try:
        wandb.Api().create_custom_chart(
            entity=owner,
            name=name,
            display_name=name,
            spec_type="vega2",
            access="private",
            spec=json.dumps(spec),
        )
    except Exception as error:  # of any class, as above; what the report then lacks is told
        return _line(error)
    return None


def _reach(server: str) -> None:
    """Raises OSError where the server takes no connection. What a proxy does is the proxy's to say."""
    parts = urlsplit(server)
    host = parts.hostname or ""
    if parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    socket.create_connection((host, port), PROBE).close()


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
