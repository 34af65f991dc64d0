"""Records are held to the whole of their own JSON Schema, with patterns in linear time."""

from structurer.contracts.contract import load
from structurer.judging.validate import violations

SCHEMA = load(
    {
        "type": "object",
        "required": ["code"],
        "properties": {
            "code": {"type": "string", "pattern": r"^[A-Z]{2}\d+$"},
            "share": {"type": "number", "minimum": 0, "maximum": 1},
            "count": {"type": "integer", "multipleOf": 5},
            "paid": {"type": "boolean"},
            "rows": {
                "type": "array",
                "minItems": 2,
                "items": {"type": "object", "properties": {"day": {"type": "string", "format": "date"}}},
            },
        },
    },
    kind="demanding",
)


def test_a_record_that_keeps_its_schema_breaks_nothing() -> None:
    values = {"/code": "AB12", "/share": "0.25", "/count": 10, "/paid": "yes", "/rows/0/day": "2024-01-31", "/rows/1/day": None}
    assert violations(SCHEMA, values, {"/rows": 2}) == {}


def test_each_breach_is_said_at_its_place() -> None:
    values = {"/code": "ab12", "/share": "1.5", "/count": 7, "/paid": "perhaps", "/rows/0/day": "2024-01-31"}
    broken = violations(SCHEMA, values, {"/rows": 1})
    assert broken == {
        "/code": ("breaks the schema: 'ab12' does not match '^[A-Z]{2}\\\\d+$'",),
        "/share": ("breaks the schema: Decimal('1.5') is greater than the maximum of 1",),
        "/count": ("breaks the schema: 7 is not a multiple of 5",),
        "/paid": ("breaks the schema: 'perhaps' is not of type 'boolean'",),
        "/rows": ("breaks the schema: [{'day': '2024-01-31'}] is too short",),
    }


def test_blank_fields_break_nothing_here() -> None:
    values = {"/code": None, "/share": None, "/count": None, "/paid": None}
    assert set(violations(SCHEMA, values, {"/rows": 2})) == set()


def test_white_space_in_a_print_does_not_break_a_pattern() -> None:
    assert violations(SCHEMA, {"/code": "AB 12"}, {"/rows": 2}) == {}


def test_a_pattern_that_would_hang_a_backtracking_engine_does_not() -> None:
    schema = load({"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}, kind="hostile")
    assert list(violations(schema, {"/a": "a" * 60_000 + "!"}, {})) == ["/a"]
