"""Whether a run is told of, and to whom: the command's option, the environment, or a program around this one that has set a provider."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from structurer.errors import UsageError
from structurer.telemetry.tracing import OFF, Signals, Telemetry

SWITCH: Final = "STRUCTURER_TELEMETRY"


class Choice(StrEnum):
    """What a user may want: nothing, all but the names of files, or those too."""

    OFF = "off"
    ON = "on"
    NAMES = "names"


_SAME: Final = {"1": "on", "true": "on", "yes": "on", "0": "off", "false": "off", "no": "off"}


def start(option: bool | None = None, told: Callable[[str], None] = lambda _: None) -> Telemetry:
    """The telemetry of a run, to be closed at its end; `option` is the command's (None: not given) and stands above the environment.

    `told` hears once when nothing can be sent, from another thread. Raises UsageError where the packages are missing, or a variable has a
    value that cannot be.
    """
    choice = _chosen(option)
    if choice is Choice.OFF:
        return OFF
    if _is_set():
        from opentelemetry import metrics, trace

        return Telemetry(Signals.of(trace.get_tracer_provider(), metrics.get_meter_provider()), names=choice is Choice.NAMES)
    if choice is None or os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return OFF
    from structurer.telemetry.sending import own

    return own(told, names=choice is Choice.NAMES)


def _chosen(option: bool | None) -> Choice | None:
    """None where nobody says."""
    said = os.environ.get(SWITCH, "").strip().lower()
    try:
        choice = Choice(_SAME.get(said, said)) if said else None
    except ValueError:
        raise UsageError("is none of off, on and names", where=SWITCH, remedy=f"export {SWITCH}=on, or unset it") from None
    if option is None:
        return choice
    return (choice if choice is Choice.NAMES else Choice.ON) if option else Choice.OFF


def _is_set() -> bool:
    """Whether the program around this one has set a provider; it has not as long as it has not imported the package."""
    trace, metrics = sys.modules.get("opentelemetry.trace"), sys.modules.get("opentelemetry.metrics")
    providers = [*([trace.get_tracer_provider()] if trace else []), *([metrics.get_meter_provider()] if metrics else [])]
    return any(not re.fullmatch("_?(Proxy|NoOp)(Tracer|Meter)Provider", type(provider).__name__) for provider in providers)
