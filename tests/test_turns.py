"""What is most urgent is done first, one thing at a time."""

import threading
from concurrent.futures import CancelledError

import pytest

from structurer.archive.turns import Turns


def test_the_urgent_goes_first_and_equals_go_in_order_one_at_a_time():
    turns, gate, done = Turns("t"), threading.Event(), []
    first = turns.asked(1, lambda: gate.wait(10))
    later = [turns.asked(urgency, lambda name=name: done.append(name)) for urgency, name in ((1, "a"), (1, "b"), (0, "c"), (0, "d"))]
    gate.set()
    assert first.result(10) is True
    for came in later:
        came.result(10)
    assert done == ["c", "d", "a", "b"]
    turns.close()


def test_an_error_is_that_of_the_one_who_asked():
    turns = Turns("t")
    with pytest.raises(ZeroDivisionError):
        turns.asked(0, lambda: 1 // 0).result(10)
    assert turns.asked(0, lambda: 1).result(10) == 1
    turns.close()


def test_once_closed_nothing_more_is_begun_and_what_waits_is_cancelled():
    turns, gate = Turns("t"), threading.Event()
    first, second = turns.asked(0, lambda: gate.wait(10)), turns.asked(0, lambda: 1)
    turns.close()
    gate.set()
    assert first.result(10) is True
    with pytest.raises(CancelledError):
        second.result(10)
    with pytest.raises(RuntimeError):
        turns.asked(0, lambda: 1)


def test_what_was_cancelled_before_its_turn_is_not_done():
    turns, gate, done = Turns("t"), threading.Event(), []
    first, second = turns.asked(0, lambda: gate.wait(10)), turns.asked(0, lambda: done.append(1))
    assert second.cancel()
    gate.set()
    first.result(10)
    turns.asked(0, lambda: None).result(10)
    assert done == []
    turns.close()
