"""Parcels: what goes in comes out, and whatever else a child may send is an InputError."""

from __future__ import annotations

import json
import struct
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structurer.errors import InputError
from structurer.sandbox.parcel import TEXT_BYTES, Shape, packed, unpacked

PAGE: Shape = {"text": str, "angle": float, "dpi": float | None, "offsets": "i", "boxes": "d", "warnings": [str], "picture": bytes}


def page(**changed: Any) -> dict[str, Any]:
    whole = {"text": "合计\t1,000.00", "angle": 0.5, "dpi": None, "offsets": array("i", [0, 2]), "boxes": array("d", [1.5, 2.5])}
    return whole | {"warnings": ["page 1 is turned"], "picture": b"\x00\xff"} | changed


def parcel(text: str, raw: bytes = b"") -> bytes:
    """Any text and bytes in the frame of a parcel."""
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded + raw


def test_what_is_packed_comes_out_again():
    assert unpacked(packed(page()), PAGE, "a.pdf") == page()


def test_arrays_and_bytes_come_out_in_the_order_in_which_they_went_in():
    several = [[array("d", [1.0]), array("d")], [array("d", [2.0, 3.0])]]
    assert unpacked(packed(several), [["d"]], "a.pdf") == several


def test_a_tuple_arrives_as_a_list():
    assert unpacked(packed(("a", "b")), [str], "a.pdf") == ["a", "b"]


def test_lone_surrogates_and_characters_beyond_the_first_plane_are_kept():
    assert unpacked(packed("\ud800 𠘨 \x00"), str, "a.pdf") == "\ud800 𠘨 \x00"


def test_a_whole_number_may_stand_for_a_float():
    assert unpacked(packed(page(angle=90)), PAGE, "a.pdf")["angle"] == 90


def nests() -> st.SearchStrategy[tuple[Any, Any]]:
    """A shape and a value that has it."""
    finite = st.floats(-1e18, 1e18)
    plain = st.sampled_from([(str, st.text()), (int, st.integers(-(2**63) + 1, 2**63 - 1)), (float, finite), (bool, st.booleans())])
    other = st.sampled_from([(bytes, st.binary()), ("d", st.lists(finite).map(lambda some: array("d", some))), (int | None, st.none())])
    leaf = (plain | other).flatmap(lambda pair: pair[1].map(lambda value: (pair[0], value)))
    return st.recursive(leaf, lambda inner: st.dictionaries(st.text(min_size=1), inner | inner.map(_listed)).map(_parted), max_leaves=20)


def _listed(pair: tuple[Any, Any]) -> tuple[Any, Any]:
    return [pair[0]], [pair[1], pair[1]]


def _parted(fields: dict[str, tuple[Any, Any]]) -> tuple[Any, Any]:
    return {key: pair[0] for key, pair in fields.items()}, {key: pair[1] for key, pair in fields.items()}


@given(nests())
def test_any_nest_comes_out_again(pair):
    shape, value = pair
    assert unpacked(packed([value]), [shape], "a.pdf") == [value]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_no_number_is_not_packed(number):
    with pytest.raises(ValueError, match="JSON"):
        packed([number])


def test_other_objects_are_not_packed():
    with pytest.raises(TypeError, match="set cannot travel"):
        packed({"a": {1}})


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"text": 5}, ".text is a int"),
        ({"text": None}, ".text is a NoneType"),
        ({"angle": True}, ".angle is a bool"),
        ({"angle": "0"}, ".angle is a str"),
        ({"angle": 1e300}, ".angle is a float, or too large"),
        ({"dpi": 2**70}, ".dpi is a int, or too large"),
        ({"warnings": "page"}, ".warnings is no list"),
        ({"warnings": ["a", 1]}, r".warnings\[1\] does not belong"),
        ({"warnings": [["a"]]}, r".warnings\[0\] does not belong"),
        ({"boxes": [1.0]}, ".boxes is no array of d"),
        ({"boxes": array("f", [1.0])}, ".boxes is no array of d"),
        ({"boxes": array("d", [1.0, float("nan")])}, ".boxes holds what is no number"),
        ({"boxes": array("d", [float("-inf")])}, ".boxes holds what is no number"),
        ({"picture": "text"}, ".picture is a str"),
        ({"more": 1}, "it has not the fields"),
    ],
)
def test_what_has_another_shape_is_told_with_its_place(changed, told):
    with pytest.raises(InputError, match=told) as caught:
        unpacked(packed(page(**changed)), PAGE, "a.pdf")
    assert caught.value.where == "a.pdf"
    assert caught.value.remedy


def test_a_missing_field_is_told():
    less = page()
    del less["text"]
    with pytest.raises(InputError, match="it has not the fields text, angle"):
        unpacked(packed(less), PAGE, "a.pdf")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\x00" * 7,
        struct.pack("<Q", 2**63),
        struct.pack("<Q", 5) + b"[1]",
        parcel(""),
        parcel("[1"),
        parcel("[NaN]"),
        parcel("[Infinity]"),
        parcel("[1e999]"),
        parcel("[" * 100_000),
        parcel("[" + "1" * 5000 + "]"),
        parcel("[1]", b"more"),
        parcel('[{"": ["d", 8]}]'),
        parcel('[{"": ["d", 7]}]', b"1234567"),
        parcel('[{"": ["d", -8]}]', b"12345678"),
        parcel('[{"": ["d", true]}]', b"1"),
        parcel('[{"": ["d", 1.0]}]', b"1"),
        parcel('[{"": ["u", 8]}]', b"\xff" * 8),
        parcel('[{"": ["dd", 8]}]', b"12345678"),
        parcel('[{"": [null, 8]}]', b"12345678"),
        parcel('[{"": ["d"]}]'),
        parcel('[{"": 5}]'),
        parcel('[{"": null}]'),
        parcel('[{"": {"a": 1, "b": 2}}]'),
        struct.pack("<Q", 2) + b"\xff\xfe",
    ],
)
@pytest.mark.parametrize("shape", [[float], ["d"], PAGE])
def test_damaged_and_hostile_parcels_are_input_errors(sent, shape):
    with pytest.raises(InputError, match="the parser gave what cannot be"):
        unpacked(sent, shape, "a.pdf")


def test_a_text_too_long_to_be_parsed_is_not_parsed():
    with pytest.raises(InputError, match="too long"):
        unpacked(parcel("[" + " " * TEXT_BYTES + "]"), [int], "a.pdf")


@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_an_input_error(sent):
    with pytest.raises(InputError):
        unpacked(sent, PAGE, "a.pdf")


@given(st.data())
def test_a_parcel_with_any_byte_changed_is_read_or_refused(data):
    sent = bytearray(packed(page()))
    sent[data.draw(st.integers(0, len(sent) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = unpacked(bytes(sent), PAGE, "a.pdf")
    except InputError:
        return
    assert found.keys() == page().keys()
    assert json.dumps(found["warnings"])
