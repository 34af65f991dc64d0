"""Exchanges that no check sees, by symmetry: leaves that may be renamed into each other.

Two leaves may be exchanged unseen if renaming them maps the multiset of checks, each in a canonical text, onto itself (an automorphism, as
in McKay 1981, found by trial). Such exchanges compose, so leaves fall into classes. Rows of a list may exchange the columns that no check
of a single row parts: folds over all rows do not see the order. Values are exchanged with their unit.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from structurer.contracts.clauses import AllOf, Atom, Clause, Condition, ExhaustedError, If, Work, written
from structurer.contracts.places import Names, Place

MAX_WRITTEN: Final = 1_000_000  # characters of checks written anew while exchanges are tried; a form takes some ten thousand
TRIAL: Final = 10  # characters that an exchange costs which no check has to be written for

Columns = frozenset[Place]
ITSELF: Final = frozenset({()})  # the column that is the place itself


@dataclass(frozen=True, slots=True)
class Swap:
    """Values that may be exchanged unseen: between any two of `places`, all of `columns` together.

    `columns` are relative to a place; the empty one is the place itself. A single place is the row of a list (it ends with "*"): the
    exchange is between any two rows. Otherwise a place in a list is meant with all its rows.
    """

    places: tuple[Place, ...]
    columns: tuple[Place, ...]


def swaps_of(clauses: Sequence[Clause], names: Names) -> tuple[tuple[Swap, ...], tuple[str, ...]]:
    """The swaps that no check sees, and what could not be searched."""
    found: list[Swap] = []
    try:
        trials = _Trials(names, clauses, Work(MAX_WRITTEN))
        for search in (_leaf_swaps, _object_swaps, _row_swaps):
            found += map(_as_column, search(trials))
    except ExhaustedError:
        return tuple(found), ("exchanges of fields: there are too many checks to try them all",)
    return tuple(found), ()


def _as_column(swap: Swap) -> Swap:
    """A class of leaves with one name in several objects is a column of these objects."""
    lasts, aboves = {place[-1:] for place in swap.places}, {place[:-1] for place in swap.places}
    if swap.columns != ((),) or len(lasts) > 1 or len(aboves) < len(swap.places):
        return swap
    return Swap(tuple(place[:-1] for place in swap.places), tuple(lasts))


# -- trials ------------------------------------------------------------------------------------------------------------


class _Trials:
    """Tries exchanges of leaves on the checks that name them, within a bound on the work.

    `naming`: the checks that name a leaf; `below`: the named leaves under a place.
    """

    def __init__(self, names: Names, clauses: Sequence[Clause], work: Work) -> None:
        self.names, self.work = names, work
        self.naming: dict[Place, list[Clause]] = defaultdict(list)
        self.below: dict[Place, list[Place]] = defaultdict(list)
        self._texts: dict[Clause, str] = {}
        for clause in clauses:
            self._texts[clause] = self._text(clause, {})
            for place in clause.places:
                self.naming[place].append(clause)
        for place in names.order(self.naming):
            for length in range(len(place)):
                self.below[place[:length]].append(place)

    def naming_below(self, places: Iterable[Place]) -> list[Clause]:
        """The checks that name a leaf under one of these places."""
        return list(dict.fromkeys(clause for above in places for place in self.below.get(above, ()) for clause in self.naming[place]))

    def classes(self, members: Iterable[Place], columns: Columns) -> list[tuple[Place, ...]]:
        """The members parted into classes of which any two may exchange the columns unseen; no single ones."""
        found: list[list[Place]] = []
        for member in members:
            home = next((each for each in found if self._unseen(each[0], member, columns)), None)
            if home is None:
                found.append([member])
            else:
                home.append(member)
        return [tuple(each) for each in found if len(each) > 1]

    def _unseen(self, here: Place, there: Place, columns: Columns) -> bool:
        """Whether two places can exchange columns (both have them, printed alike), and the checks stay the same."""
        pairs = [((*here, *column), (*there, *column)) for column in columns]
        self.work.spend(TRIAL * len(pairs))
        if not all(self._alike(one, other) for one, other in pairs):
            return False
        moved = {**dict(pairs), **{other: one for one, other in pairs}}
        touched = dict.fromkeys(clause for place in moved for clause in self.naming.get(place, ()))
        return Counter(self._texts[clause] for clause in touched) == Counter(self._text(clause, moved) for clause in touched)

    def _alike(self, one: Place, other: Place) -> bool:
        here, there = self.names.leaves.get(one), self.names.leaves.get(other)
        printed = here is not None and there is not None and (here.kind, here.choices) == (there.kind, there.choices)
        return printed and len(self.naming.get(one, ())) == len(self.naming.get(other, ()))

    def _text(self, clause: Clause, moved: Mapping[Place, Place]) -> str:
        """The canonical text of a check: of each row as often as there are rows."""
        assert clause.condition is not None
        self.work.spend(len(clause.rule.check.text))
        return f"{clause.rule.requires} of each {_row_of((*clause.rule.scope, ''))}: {_written(clause.condition, clause, moved)}"


def _written(condition: Condition, clause: Clause, moved: Mapping[Place, Place]) -> str:
    if isinstance(condition, Atom):
        return "!" * (not condition.demanded) + written(condition.test, lambda path: clause.targets[path.name].name(moved))
    if isinstance(condition, If):
        return f"({_written(condition.premise, clause, moved)} -> {_written(condition.then, clause, moved)})"
    kind = "all of" if isinstance(condition, AllOf) else "any, or none, of" if condition.open else "any of"
    return f"{kind} ({', '.join(sorted(_written(part, clause, moved) for part in condition.parts))})"


def _row_of(place: Place) -> Place:
    """The innermost row of a list in which a leaf stands; the empty place outside of lists."""
    last = max((at for at, part in enumerate(place[:-1]) if part == "*"), default=-1)
    return place[: last + 1]


# -- what may be exchanged ---------------------------------------------------------------------------------------------


def _leaf_swaps(trials: _Trials) -> Iterator[Swap]:
    """Single leaves of one kind in one record or row (there: whole columns)."""
    alike: dict[object, list[Place]] = defaultdict(list)
    for place in trials.names.order(place for place in trials.naming if place in trials.names.leaves):
        leaf = trials.names.leaves[place]
        if place[-1] != "*":
            alike[_row_of(place), leaf.kind, _unit(place, trials.names), leaf.choices].append(place)
    for members in alike.values():
        yield from (Swap(each, ((),)) for each in trials.classes(members, ITSELF))


def _unit(place: Place, names: Names) -> Place | str | None:
    """The leaf that prints the unit, where one beside it does; otherwise the unit as declared."""
    leaf = names.leaves.get(place)
    unit = leaf.unit if leaf else None
    beside = (*place[:-1], *(unit or "").split("."))
    return beside if beside in names.leaves else unit


def _object_swaps(trials: _Trials) -> Iterator[Swap]:
    """Columns of sibling objects, such as the lines of a table, which checks within one object link."""
    objects = (place[:at] for place in trials.names.leaves for at in range(1, len(place)) if "*" not in place[at - 1 : at + 1])
    siblings: dict[Place, list[Place]] = defaultdict(list)
    for place in dict.fromkeys(objects):
        siblings[place[:-1]].append(place)
    for each in siblings.values():
        yield from _sibling_swaps(trials, each) if len(each) > 1 else ()


def _sibling_swaps(trials: _Trials, siblings: Sequence[Place]) -> list[Swap]:
    """Sets of columns, as few together as may be: where not all siblings may exchange a set, the checks of those that may link fewer."""
    classes = {part: trials.classes(siblings, part) for part in _linked_columns(trials, siblings)}
    failed = frozenset[Place]().union(*(part for part, alike in classes.items() if not alike))
    if failed and failed not in classes:
        classes[failed] = trials.classes(siblings, failed)
    found: list[Swap] = []
    for part, alike in classes.items():
        for each in alike if len(part) > 1 else ():
            found += [Swap(each, tuple(sorted(part)))] if len(each) == len(siblings) else _sibling_swaps(trials, each)
    return list(dict.fromkeys(found))


def _linked_columns(trials: _Trials, siblings: Sequence[Place]) -> list[Columns]:
    """The columns that checks name, in sets that a check of one object, or a column that prints units, links."""
    units = [link for above in siblings for link in _unit_links(trials, above)]
    named = [place[len(above) :] for above in siblings for place in trials.below.get(above, ())]
    trials.work.spend(len(named))
    links = [*units, *(link for clause in trials.naming_below(siblings) for link in _links_of(clause, frozenset(siblings)))]
    return _components((*named, *(unit for _, unit in units)), links)


def _links_of(clause: Clause, siblings: Columns) -> Iterable[list[Place]]:
    """The columns that one check names in one object, for each object; siblings stand equally deep."""
    depth, found = len(next(iter(siblings))), defaultdict[Place, list[Place]](list)
    for place in clause.places:
        if place[:depth] in siblings:
            found[place[:depth]].append(place[depth:])
    return found.values()


def _unit_links(trials: _Trials, above: Place) -> Iterator[tuple[Place, ...]]:
    """Columns below a place with the column that prints their unit."""
    for place in trials.below.get(above, ()):
        unit = _unit(place, trials.names)
        if isinstance(unit, tuple) and unit[: len(above)] == above:
            yield place[len(above) :], unit[len(above) :]


def _components(columns: Iterable[Place], links: Iterable[Iterable[Place]]) -> list[Columns]:
    """Columns in sets that links connect."""
    parts = {column: frozenset({column}) for column in columns}
    for link in links:
        joined = frozenset[Place]().union(*{parts[column] for column in link})
        parts |= dict.fromkeys(joined, joined)
    return list(dict.fromkeys(parts.values()))


def _row_swaps(trials: _Trials) -> Iterator[Swap]:
    """Columns of a list that stay consistent when two of its rows exchange them, but for whole rows, whose order says nothing."""
    for row in filter(trials.below.get, trials.names.rows):
        depth = len(row)
        every = dict.fromkeys(_column(place[depth:]) for place in trials.names.leaves if place[:depth] == row)
        named = {_column(place[depth:]) for place in trials.below[row]}
        units = [tuple(map(_column, link)) for link in _unit_links(trials, row)]
        bound = [_bound(clause, row) for clause in trials.naming_below([row])]
        for part in _components(every, [*units, *bound]):
            if not named.isdisjoint(part) and len(part) < len(every):
                yield Swap((row,), tuple(sorted(part)))


def _column(below: Place) -> Place:
    """A leaf of a row; of a list within the row, the whole list."""
    return below[: below.index("*") + 1] if "*" in below else below


def _bound(clause: Clause, row: Place) -> list[Place]:
    """The columns of which a check compares the values in one and the same row, or finds rows by them."""
    found: list[Place] = []
    for target in clause.named:
        found += [_column(key[len(row) :]) for key in target.keys if key[: len(row)] == row]
        place = target.place or ()
        if place[: len(row)] == row and len(place) > len(row) and (target.keys or target.rows[row.count("*") - 1] == "*"):
            found.append(_column(place[len(row) :]))
    return found
