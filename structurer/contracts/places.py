"""The places of a schema that its checks name: which leaf or row, of this record or of another, each path of a check leads to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from structurer.arithmetic.operands import Sort
from structurer.arithmetic.syntax import Path, Star
from structurer.contracts.schema import Joined, Kind, Leaf, Schema

Place = tuple[str, ...]  # of a leaf in the schema: names from the root, "*" for a list's rows


@dataclass(frozen=True, slots=True)
class Target:
    """What a path of a check leads to.

    `place`: the leaf or row, in this record or (by its alias) another; None where it leads nowhere. `rows`: of each list on the way "*",
    the row of the check's scope, or "[*]", every row; and the alias of a join. `keys`: the two columns by which joined rows are found.
    """

    place: Place | None
    rows: tuple[str, ...]
    keys: tuple[Place, ...]
    sort: Sort | None

    def name(self, moved: Mapping[Place, Place]) -> str:
        """One text for all paths that lead here, once leaves have moved."""
        place = self.place and moved.get(self.place, self.place)
        return f"{place}{self.rows}{[moved.get(key, key) for key in self.keys]}"


@dataclass(frozen=True, slots=True)
class Names:
    """The leaves of a schema by place, their order, the rows of its lists, the aliases of related records, the joined lists by where their
    alias stands, and the columns by which rows are joined."""

    leaves: Mapping[Place, Leaf]
    rank: Mapping[Place, int]
    rows: Mapping[Place, None]
    related: frozenset[str]
    joined: Mapping[Place, Joined]
    keyed: frozenset[Place]

    def target(self, path: Path, scope: Place) -> Target:
        """What a path of a check with this scope leads to. A key called "*" leads nowhere: it is no row."""
        own = tuple("" if part == "*" else part for part in path.parts)
        parts = own if path.absolute or (not scope and own[0] in self.related) else (*scope, *own)
        flat = tuple("*" if isinstance(part, Star) else part for part in parts)
        join = self.joined.get(flat[:3])
        place = (join.rows, *flat[3:]) if join else flat
        if not (self.is_related(place) or place in self.leaves or place in self.rows):
            return Target(None, flat, (), None)
        rows = tuple("[*]" if isinstance(part, Star) else part for part in parts if isinstance(part, Star) or part == "*")
        return Target(place, rows + flat[2:3] if join else rows, _keys(join) if join else (), self._sort(place))

    def _sort(self, place: Place) -> Sort:
        leaf = self.leaves.get(place)
        return Sort.CELL if leaf is None else Sort.NUMBER if is_figure(leaf) else Sort.TEXT

    def is_related(self, place: Place) -> bool:
        return place[0] in self.related

    def is_quantity(self, place: Place) -> bool:
        """Whether a factor of scale may be wrong in a cell; assumed of those of other records."""
        leaf = self.leaves.get(place)
        if leaf is None:
            return self.is_related(place)
        return leaf.kind.numeric and leaf.kind is not Kind.YEAR and place not in self.keyed

    def order(self, places: Iterable[Place]) -> tuple[Place, ...]:
        """In the order of the schema, cells of other records behind."""
        return tuple(sorted(places, key=lambda place: (self.rank.get(place, len(self.rank)), place)))


def names_of(schema: Schema) -> Names:
    """The names that the checks of a schema may use."""
    leaves = {leaf.path: leaf for leaf in schema.leaves()}
    return Names(
        leaves=leaves,
        rank={place: number for number, place in enumerate(leaves)},
        rows=dict.fromkeys(place[: at + 1] for place in leaves for at, part in enumerate(place) if part == "*"),
        related=frozenset(alias for alias, _ in schema.related),
        joined={(join.of, "*", alias): join for alias, join in schema.joined},
        keyed=frozenset(key for _, join in schema.joined for key in _keys(join)),
    )


def _keys(join: Joined) -> tuple[Place, Place]:
    return (join.rows, "*", join.there), (join.of, "*", join.here)


def is_figure(leaf: Leaf) -> bool:
    """Whether a leaf is a figure (numbers, and dates and months, which are ordered like them), not a text."""
    return leaf.kind.numeric or leaf.kind in (Kind.DATE, Kind.MONTH)
