"""Driving conversations: the calls of a round are made at once, their answers sent back, until the conversation comes to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from structurer.asking.llm import Answer, Call, Rounds
from structurer.errors import HaltError, ModelError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ended(Generic[T]):
    """What a conversation came to."""

    value: T


Heard = Callable[[Call, Answer], None]


async def converse(rounds: Rounds[T]) -> T:
    """Drive a conversation to its end. Raises what the conversation raises, and HaltError when a model will answer no more."""
    return await _from(rounds, further(rounds, None))


def concluded(rounds: Rounds[T]) -> T:
    """What a conversation comes to, for callers without an event loop, or with one that is not to be waited for."""
    came = further(rounds, None)
    return came.value if isinstance(came, Ended) else apart(_from(rounds, came))


def apart(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to its end in an event loop of its own; where this thread has one running already (a notebook), in a thread of its own."""
    if not _loop_is_running():
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(copy_context().run, asyncio.run, coroutine).result()


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def further(rounds: Rounds[T], answers: tuple[Answer, ...] | None) -> tuple[Call, ...] | Ended[T]:
    """One round further: the calls it wants next, or its end."""
    try:
        return next(rounds) if answers is None else rounds.send(answers)
    except StopIteration as end:  # which no future can carry
        return Ended(end.value)


async def _from(rounds: Rounds[T], came: tuple[Call, ...] | Ended[T]) -> T:
    while not isinstance(came, Ended):
        came = further(rounds, await answered(came))
    return came.value


async def answered(calls: tuple[Call, ...], heard: Heard = lambda _call, _answer: None) -> tuple[Answer, ...]:
    """All of a round, also when one of them halts the run: the others are paid for and may be kept."""
    answers = await asyncio.gather(*(_answer(call, heard) for call in calls))
    for answer in answers:
        if isinstance(answer, HaltError):
            raise answer
    return tuple(answers)


async def _answer(call: Call, heard: Heard) -> Answer:
    """Heard at once: the rest of its round may be cancelled, and this answer is paid for."""
    answer: Answer
    try:
        answer = await call.model.complete(call.request)
    except ModelError as error:
        answer = error
    heard(call, answer)
    return answer
