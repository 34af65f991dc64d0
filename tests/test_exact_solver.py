"""Error localisation against an independent exact solver: Google's CP-SAT finds the least weight, and all sets of that weight, for corrupted
records whose checks it is given as an integer programme of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from random import Random
from typing import TypeAlias

import pytest
from ortools.sat.python import cp_model

from structurer.algebra import round_half_up, truncate
from structurer.checks import Binary, Call, Facts, Node, Number, Path, Quantity, Unary, confront, parse
from structurer.facts import Sheet
from structurer.reconcile import UNUSUAL, WEIGHT, Block, Owed, Problem, Status, Suspect, localise
from structurer.solving import FINER_STEPS
from structurer.syntax import STAR, spine, walk

BOUND = 10**6  # of a cell, in its own steps; the numbers of the records stay far below
Expr: TypeAlias = cp_model.LinearExprT


# -- the model ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ratio:
    """A number as numerator over a denominator that is at least 1: a constant, or a variable of the model. `void`: nothing over nothing."""

    numerator: Expr
    denominator: Expr
    void: tuple[cp_model.IntVar, ...] = ()


@dataclass
class Model:
    """The checks of one block over its cells: a cell whose boolean is false keeps its figure; all others are free on their grid."""

    problem: Problem
    cells: tuple[str, ...]
    finer: bool
    model: cp_model.CpModel = field(default_factory=cp_model.CpModel)
    steps: dict[str, cp_model.IntVar] = field(default_factory=dict)
    changed: dict[str, cp_model.IntVar] = field(default_factory=dict)
    odd: cp_model.IntVar | None = None

    def __post_init__(self) -> None:
        parts = FINER_STEPS if self.finer else 1
        self.odd = self.model.new_bool_var("odd") if self.finer else None
        for cell in self.cells:
            quantity = self.problem.facts.cells[cell]
            assert quantity.value is not None
            own = quantity.value / quantity.ulp * parts
            assert own.denominator == 1
            step, changed = self.model.new_int_var(-BOUND * parts, BOUND * parts, cell), self.model.new_bool_var(f"changed {cell}")
            self.model.add(step == own.numerator).only_enforce_if(~changed)
            if self.odd is not None:
                coarse = self.model.new_int_var(-BOUND, BOUND, "")
                self.model.add(step == parts * coarse).only_enforce_if(~self.odd)
                self.model.add(step >= 0).only_enforce_if(~self.odd, changed)
            self.steps[cell], self.changed[cell] = step, changed

    def size(self, cell: str) -> Fraction:
        """What one step of a cell is worth."""
        return self.problem.facts.cells[cell].ulp / (FINER_STEPS if self.finer else 1)

    def variable(self) -> cp_model.IntVar:
        return self.model.new_int_var(-(10**15), 10**15, "")

    def named(self, expression: Expr) -> cp_model.IntVar:
        name = self.variable()
        self.model.add(name == expression)
        return name

    def product(self, left: Expr, right: Expr) -> Expr:
        if isinstance(left, int) or isinstance(right, int):
            return left * right
        result = self.variable()
        self.model.add_multiplication_equality(result, [left, right])
        return result

    # -- numbers --

    def pointers(self, path: Path) -> list[str]:
        return Sheet(self.problem.facts, "")._pointers(path)

    def number(self, node: Node) -> Ratio:
        if isinstance(node, Number):
            return Ratio(node.value.numerator, node.value.denominator)
        if isinstance(node, Path):
            return self.cell(*self.pointers(node))
        if isinstance(node, Unary):
            inner = self.number(node.operand)
            return Ratio(-1 * inner.numerator, inner.denominator, inner.void)
        if isinstance(node, Call):
            return self.call(node)
        first, links = spine(node)
        value = self.number(first)
        for link in links:
            value = self.combined(link.operator, value, self.number(link.right))
        return value

    def cell(self, pointer: str) -> Ratio:
        size = self.size(pointer)
        return Ratio(self.steps[pointer] * size.numerator, size.denominator)

    def combined(self, operator: str, left: Ratio, right: Ratio) -> Ratio:
        void = left.void + right.void
        if operator == "*":
            return Ratio(
                self.product(left.numerator, right.numerator), self.product(left.denominator, right.denominator), void
            )
        if operator == "/":
            return self.quotient(left, right)
        one, other = self.product(left.numerator, right.denominator), self.product(right.numerator, left.denominator)
        return Ratio(one + other if operator == "+" else one - other, self.product(left.denominator, right.denominator), void)

    def quotient(self, left: Ratio, right: Ratio) -> Ratio:
        """Numerator and divisor with the divisor's sign; nothing over nothing says nothing, and no other divisor is zero."""
        up, down = self.product(left.numerator, right.denominator), self.product(right.numerator, left.denominator)
        if isinstance(down, int):
            assert down
            return Ratio(up if down > 0 else -1 * up, abs(down), left.void + right.void)
        above, below, void = self.variable(), self.model.new_int_var(1, 10**15, ""), self.model.new_bool_var("")
        positive, negative = self.model.new_bool_var(""), self.model.new_bool_var("")
        self.model.add_exactly_one(void, positive, negative)
        self.model.add(up == 0).only_enforce_if(void)
        self.model.add(down == 0).only_enforce_if(void)
        for literal, sign in ((positive, 1), (negative, -1)):
            self.model.add(above == sign * up).only_enforce_if(literal)
            self.model.add(below == sign * down).only_enforce_if(literal)
        return Ratio(above, below, (*left.void, *right.void, void))

    def call(self, call: Call) -> Ratio:
        if call.name in ("sum", "min", "max"):
            members = [member for argument in call.arguments for member in self.members(argument)]
            if call.name == "sum":
                total = members[0]
                for member in members[1:]:
                    total = self.combined("+", total, member)
                return total
            return self.extremum(call.name, members)
        inner = self.number(call.arguments[0])
        if call.name == "abs":
            return self.magnitude(inner)
        digits = call.arguments[1]
        assert isinstance(digits, Number)
        return self.cut(inner, 10 ** int(digits.value), rounded=call.name == "round")

    def members(self, node: Node) -> list[Ratio]:
        return [self.cell(pointer) for pointer in self.pointers(node)] if isinstance(node, Path) else [self.number(node)]

    def extremum(self, name: str, members: list[Ratio]) -> Ratio:
        denominators = [member.denominator for member in members]
        assert all(isinstance(one, int) for one in denominators), "an extremum of quotients is not modelled"
        common, result = lcm(*denominators), self.variable()
        scaled = [member.numerator * (common // one) for member, one in zip(members, denominators, strict=True)]
        (self.model.add_min_equality if name == "min" else self.model.add_max_equality)(result, scaled)
        return Ratio(result, common, tuple(void for member in members for void in member.void))

    def magnitude(self, inner: Ratio) -> Ratio:
        result = self.variable()
        self.model.add_max_equality(result, [inner.numerator, -1 * inner.numerator])
        return Ratio(result, inner.denominator, inner.void)

    def cut(self, inner: Ratio, parts: int, *, rounded: bool) -> Ratio:
        """Whole parts of a unit, toward zero; rounded: half a part is added away from zero before."""
        size, whole, negative = self.variable(), self.variable(), self.model.new_bool_var("")
        up = parts * inner.numerator
        self.model.add(size == up).only_enforce_if(~negative)
        self.model.add(size == -1 * up).only_enforce_if(negative)
        self.model.add(size >= 0)
        covered = self.product(whole, inner.denominator)
        if rounded:
            self.model.add(2 * covered <= 2 * size + inner.denominator)
            self.model.add(2 * covered + inner.denominator > 2 * size)
        else:
            self.model.add(covered <= size)
            self.model.add(covered + inner.denominator > size)
        result = self.variable()
        self.model.add(result == whole).only_enforce_if(~negative)
        self.model.add(result == -1 * whole).only_enforce_if(negative)
        return Ratio(result, parts, inner.void)

    # -- conditions --

    def require(self, owed: Owed) -> None:
        root = owed.check.root
        assert isinstance(root, Binary)
        left, right = self.number(root.left), self.number(root.right)
        assert isinstance(left.denominator, int)
        difference = self.product(right.numerator, left.denominator) - self.product(left.numerator, right.denominator)
        unless = [~void for void in left.void + right.void]
        if root.operator == "==" and isinstance(root.left, Path) and owed.level == "print":
            self.require_print(root.left, difference, left.denominator, right.denominator, unless)
            return
        relation = {"==": difference == 0, "<=": difference >= 0, ">=": difference <= 0, "<": difference >= 1, ">": difference <= -1}
        self.model.add(relation[root.operator]).only_enforce_if(unless)

    def require_print(self, path: Path, more: Expr, scale: int, denominator: Expr, unless: list[cp_model.IntVar]) -> None:
        """[y - u/2, y + u) above zero, mirrored below zero, (-u, u) at zero; `more` is what is printed less the print."""
        (pointer,) = self.pointers(path)
        parts = 2 * self.problem.facts.cells[pointer].ulp * scale
        assert parts.denominator == 1
        double, step = self.product(parts.numerator, denominator), self.steps[pointer]
        above, below, nothing = (self.model.new_bool_var("") for _ in range(3))
        self.model.add_exactly_one(above, below, nothing)
        for literal, sign in ((above, 1), (below, -1)):
            self.model.add(sign * step >= 1).only_enforce_if(literal)
            self.model.add(4 * sign * more >= -1 * double).only_enforce_if(literal, *unless)
            self.model.add(2 * sign * more < double).only_enforce_if(literal, *unless)
        self.model.add(step == 0).only_enforce_if(nothing)
        for sign in (1, -1):
            self.model.add(2 * sign * more < double).only_enforce_if(nothing, *unless)


@dataclass(frozen=True)
class Answer:
    """What CP-SAT says of a block: the least weight, and the sets of that weight, each with the values it found for their cells."""

    weight: int
    sets: dict[frozenset[str], dict[str, Fraction]]


def solved(problem: Problem, block: frozenset[int], *, finer: bool = False) -> Answer | None:
    """All optimal sets of cells for some checks of a problem; None if there are none. Every solution found forbids its own set."""
    checks = [problem.owed[number] for number in sorted(block)]
    cells = sorted({cell for owed in checks for cell in read(problem, owed)})
    model = Model(problem, tuple(cells), finer)
    weights = {suspect.name: suspect.weight for suspect in problem.suspects}
    for owed in checks:
        model.require(owed)
    for cell in cells:
        if weights[cell] is None:
            model.model.add(model.changed[cell] == 0)
    cost = sum((weights[cell] or 0) * model.changed[cell] for cell in cells) + (UNUSUAL * model.odd if model.odd is not None else 0)
    model.model.minimize(cost)
    weight, sets = None, dict[frozenset[str], dict[str, Fraction]]()
    while True:
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 1
        status = solver.solve(model.model)
        if status == cp_model.INFEASIBLE:
            break
        assert status == cp_model.OPTIMAL or (weight is not None and status == cp_model.FEASIBLE), solver.status_name(status)
        if weight is None:
            weight = round(solver.objective_value)
            model.model.clear_objective()
            model.model.add(cost == weight)
        chosen = frozenset(cell for cell in cells if solver.value(model.changed[cell]))
        sets[chosen] = {cell: solver.value(model.steps[cell]) * model.size(cell) for cell in chosen}
        model.model.add_bool_or([~model.changed[cell] for cell in chosen])
    return None if weight is None else Answer(weight, sets)


def read(problem: Problem, owed: Owed) -> frozenset[str]:
    """The cells of a check."""
    sheet = Sheet(problem.facts, "")
    return frozenset(cell for path in walk(owed.check.root) if isinstance(path, Path) for cell in sheet._pointers(path))


def blocks(problem: Problem) -> Iterator[tuple[frozenset[int], tuple[int, ...]]]:
    """The checks that hang together by cells that may be doubted, with those of them that fail, where any do."""
    firm = {suspect.name for suspect in problem.suspects if suspect.weight is None}
    failing = [number for number, owed in enumerate(problem.owed) if not holds(problem, owed)]
    groups: list[tuple[set[int], set[str]]] = []
    for number, owed in enumerate(problem.owed):
        members, cells = {number}, set(read(problem, owed) - firm)
        for other in [group for group in groups if group[1] & cells]:
            groups.remove(other)
            members |= other[0]
            cells |= other[1]
        groups.append((members, cells))
    for members, _ in groups:
        broken = tuple(number for number in failing if number in members)
        if broken:
            yield frozenset(members), broken


def holds(problem: Problem, owed: Owed) -> bool:
    level = confront(owed.check, problem.facts).level
    return level.value in ("exact", "not applicable") or (level.value == "print" and owed.level == "print")


# -- records -----------------------------------------------------------------------------------------------------------


@dataclass
class Record:
    """A record in the making: exact values and steps by name, and the checks that it keeps."""

    values: dict[str, Fraction] = field(default_factory=dict)
    steps: dict[str, Fraction] = field(default_factory=dict)
    checks: list[str] = field(default_factory=list)
    rows: int = 0

    def put(self, name: str, value: Fraction | int, step: Fraction | int = 1) -> Fraction:
        self.values[name], self.steps[name] = Fraction(value), Fraction(step)
        return self.values[name]


CENT, TENTH = Fraction(1, 100), Fraction(1, 10)


def evaluation(chance: Random) -> Record:
    """A form of self-evaluation: rates of execution cut off, scores capped by weights, totals over funds and indicators."""
    record, kinds = Record(), ["own", "other"][: chance.randint(1, 2)]
    for name in kinds:
        budget = record.put(f"{name}_budget", Fraction(chance.randint(2_000, 90_000), 100), CENT)
        executed = record.put(f"{name}_executed", truncate(budget * Fraction(chance.randint(30, 100), 100), 2), CENT)
        rate = record.put(f"{name}_rate", truncate(executed / budget * 100, 2), CENT)
        record.checks.append(f"{name}_rate == {name}_executed / {name}_budget * 100")
        if name == "own":
            weight = record.put("weight", 10)
            record.put("score", round_half_up(min(weight, weight * rate / 100), 1), TENTH)
            record.checks += ["score == min(weight, weight * own_rate / 100)", "score <= weight"]
    if len(kinds) > 1:
        record.put("budget", record.values["own_budget"] + record.values["other_budget"], CENT)
        record.put("executed", round_half_up(record.values["own_executed"] + record.values["other_executed"], 1), TENTH)
        record.checks += ["budget == sum(own_budget, other_budget)", "executed == own_executed + other_executed"]
    record.rows = chance.randint(1, 3)
    weights = [record.put(f"rows/{row}/weight", chance.randint(2, 30)) for row in range(record.rows)]
    scores = [record.put(f"rows/{row}/score", weight - chance.randint(0, 20) * TENTH, TENTH) for row, weight in enumerate(weights)]
    record.put("weights", sum(weights) + record.values["weight"])
    record.put("total", sum(scores) + record.values["score"], TENTH)
    record.checks += ["weights == weight + sum(rows[*].weight)", "total == score + sum(rows[*].score)", "total <= weights"]
    record.checks += [f"rows[{row!r}].score <= rows[{row!r}].weight".replace("'", '"') for row in map(str, range(record.rows))]
    return record


def invoice(chance: Random) -> Record:
    """Amounts from quantities and prices, their sum, a tax that is rounded, the sum of both."""
    record = Record(rows=chance.randint(1, 3))
    for row in range(record.rows):
        quantity = record.put(f"rows/{row}/quantity", chance.randint(1, 40))
        price = record.put(f"rows/{row}/price", Fraction(chance.randint(50, 9_000), 100), CENT)
        record.put(f"rows/{row}/amount", quantity * price, CENT)
        record.checks.append(f'rows["{row}"].amount == rows["{row}"].quantity * rows["{row}"].price')
    net = record.put("net", sum(record.values[f"rows/{row}/amount"] for row in range(record.rows)), CENT)
    rate = chance.choice(["0.06", "0.09", "0.13"])
    tax = record.put("tax", round_half_up(net * Fraction(rate), 2), CENT)
    record.put("gross", net + tax, CENT)
    record.checks += ["net == sum(rows[*].amount)", "gross == net + tax"]
    record.checks.append(f"tax == {chance.choice([f'net * {rate}', f'round(net * {rate}, 2)'])}")
    return record


def balances(chance: Random) -> Record:
    """Scholtus' kind of system: every new variable is the sum or the difference of older ones; some are not negative or in an order."""
    record, names = Record(), list[str]()
    for number in range(chance.randint(5, 11)):
        name = f"x{number}"
        if number < 3 or chance.random() < 0.35:
            record.put(name, chance.randint(0, 2_000))
        else:
            chosen = chance.sample(names, min(len(names), chance.choice([1, 2, 2, 2, 3])))
            signs = [1, *(chance.choice([1, 1, -1]) for _ in chosen[1:])]
            record.put(name, sum(sign * record.values[one] for sign, one in zip(signs, chosen, strict=True)))
            terms = "".join(f" {'+' if sign > 0 else '-'} {one}" for sign, one in zip(signs, chosen, strict=True))
            record.checks.append(f"{name} == {terms.removeprefix(' + ')}" if chance.random() < 0.7 else f"{terms.removeprefix(' + ')} == {name}")
        names.append(name)
    for one, other in chance.sample([(one, other) for one in names for other in names if one < other], 2):
        low, high = sorted((one, other), key=record.values.__getitem__)
        record.checks.append(f"{low} <= {high}")
    record.checks += [f"{name} >= 0" for name in names if record.values[name] >= 0 and chance.random() < 0.3]
    return record


def mixed(chance: Random) -> Record:
    """The other functions: least and greatest, absolute differences, and both ways of rounding."""
    record = Record()
    a, b, c = (record.put(name, Fraction(chance.randint(-500, 3_000), 10), TENTH) for name in "abc")
    record.put("low", min(a, b, c), TENTH)
    record.put("high", max(a, b), TENTH)
    record.put("gap", abs(a - b), TENTH)
    record.put("near", round_half_up(a / 3, 1), TENTH)
    record.put("cut", truncate(b * c / 7, 0))
    record.checks += ["low == min(a, b, c)", "high == max(a, b)", "gap == abs(a - b)", "near == round(a / 3, 1)", "cut == trunc(b * c / 7, 0)"]
    return record


FAMILIES: dict[str, Callable[[Random], Record]] = {"evaluation": evaluation, "invoice": invoice, "balances": balances, "mixed": mixed}


def corrupted(value: Fraction, step: Fraction, chance: Random) -> Fraction:
    """A wrong digit, two digits exchanged, a digit lost or doubled, the point moved, or the sign lost: another figure on the same grid."""
    digits = str(int(abs(value) / step))
    while True:
        place, kind = chance.randrange(len(digits)), chance.randrange(6)
        one, other = digits[:place], digits[place + 1 :]
        made = {
            0: one + str(chance.randint(0, 9)) + other,
            1: one + other[:1] + digits[place] + other[1:],
            2: one + other or "0",
            3: one + digits[place] * 2 + other,
            4: digits + "0",
            5: digits,
        }[kind]
        sign = (-1 if value < 0 else 1) * (-1 if kind == 5 else 1)
        if int(made) * sign * step != value:
            return int(made) * sign * step


def problem(record: Record, chance: Random, *, weighted: bool, usual: bool) -> Problem:
    """The record with one to three wrong figures. `usual`: numbers are not negative and as printed, others cost UNUSUAL."""
    values = dict(record.values)
    for name in chance.sample(sorted(values), min(len(values), chance.choice([1, 1, 1, 2, 2, 3]))):
        values[name] = corrupted(values[name], record.steps[name], chance)
    cells = {f"/{name}": Quantity(value, record.steps[name], str(value)) for name, value in values.items()}
    suspects = tuple(
        Suspect(
            cell,
            chance.choice([WEIGHT, 2 * WEIGHT, 30, 100, 120, None]) if weighted else WEIGHT,
            (cell,),
            {cell: quantity.ulp},
            whole=not usual,
            signed=not usual,
        )
        for cell, quantity in cells.items()
    )
    rows = {"/rows": record.rows} if record.rows else {}
    return Problem(Facts(cells, rows), tuple(Owed(parse(text)) for text in record.checks), suspects)
