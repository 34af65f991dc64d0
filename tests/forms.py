"""Truthful forms of other places, years and layouts, made from a seed, and what they say.

A record is made first, and its arithmetic holds; then it is set as a sheet of cells (or as paragraphs), with labels drawn from the
schemas; then a layout prints the sheet as text or PDF would leave it. All names and texts are put together from the words below. Nothing
here knows the reader: a layout prints what such pages print, whether it can be read or not.
"""

from __future__ import annotations

import copy
import csv
import io
import json
import math
import random
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pdfs import A4, PAD, Draw, pdf
from pdfs import Sheet as Paper

Record = dict[str, Any]
Lines = list[tuple[int, str]]  # the sheet's row that a line belongs to (-1: a title), and the line

SCHEMAS = Path(__file__).resolve().parent.parent / "schemas"
TABLES = (
    "tsv",
    "tsv_shifted",
    "bars",
    "markdown",
    "csv",
    "one_cell_a_line",
    "pdf_lines",
    "pdf_lines_amid",
    "pdf_lines_interleaved",
    "spaced",
    "spaced_wrapped",
    "pages",
    "cut_off",
    "pdf",
    "run_together",
)
PROSE = ("paragraphs", "wrapped", "wrapped_apart", "pages", "cut_off", "pdf", "run_together")
LAYOUTS: dict[str, tuple[str, ...]] = {
    "self_evaluation": TABLES,
    "target_declaration": TABLES,
    "budget_narrative": PROSE,
    "invoice": TABLES,
    "several": ("several",),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a sheet; `place` points to the leaf of the truth that it prints."""

    text: str
    row: int
    col: int
    rows: int = 1
    cols: int = 1
    place: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A form as a grid: `widths` of its columns in half-width characters, `head` the row of the list's head (`last` its last row)."""

    titles: tuple[str, ...]
    cells: tuple[Cell, ...]
    widths: tuple[int, ...]
    head: int
    last: int


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of a form in prose, and the leaves that it prints."""

    text: str
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """What a form says, and how it is set."""

    truth: Record
    body: Sheet | tuple[Paragraph, ...]


@dataclass(frozen=True, slots=True)
class Printed:
    """A file's bytes and suffix, and the forms that it prints, in order."""

    raw: bytes
    suffix: str
    forms: tuple[Record, ...]


# -- words -------------------------------------------------------------------------------------------------------------


def _words(text: str, mark: str = " ") -> list[str]:
    return text.split(mark)


PLACES = _words("青禾县 云溪市 临湖区 白塔镇 松岭州 望川市 石桥区 南屏县")
OFFICES = _words("水务局 教育局 卫生健康局 文化旅游局 农业农村局 交通运输局 图书馆 园林管理处 疾病预防控制中心 民政局")
WORKS = _words(
    "河道清淤 校舍修缮 疫苗冷链 古树养护 村道护栏更新 夜间照明巡修 图书流动服务 养老助餐 渡口安全值守 消防器材更换 食堂改造 桥梁检测",
)
ENDINGS = _words(" 经费 专项经费 项目 补助资金 （二期） 工作经费")
THINGS = _words("冷链车 观鸟栈道 水位标尺 路灯 书架 接种点 护栏 食堂隔断 巡护员 读者 留守老人 消火栓 桥墩 苗木 培训课 检查表")
ACTS = _words("更换 巡检 修缮 培训 配送 登记 清点 检测 补植 宣传 回访 改造")
MEASURES = {
    "数量指标": _words("数量 次数 场次 个数 人数"),
    "质量指标": _words("合格率 达标率 完好率 规范性"),
    "时效指标": _words("及时率 完成时限 响应时间"),
    "成本指标": _words("单价 费用控制 成本"),
    "经济成本指标": _words("费用控制 单价"),
    "社会成本指标": _words("扰民投诉 误工天数"),
    "生态环境成本指标": _words("废弃物排放 占地面积"),
    "经济效益指标": _words("带动增收 节约开支"),
    "社会效益指标": _words("覆盖率 知晓率 受益面"),
    "生态效益指标": _words("绿化覆盖 扬尘次数"),
    "可持续影响指标": _words("长效机制 管护制度 逐年延续情况"),
    "服务对象满意度指标": _words("群众满意度 使用者满意度 家长满意度"),
}
LEVEL1 = _words("产出指标 成本指标 效益指标 满意度指标")
CLAUSES = _words(
    "按季度逐片推进 由街道和社区一同组织 汛期之前全部完成 优先安排偏远村寨 留存影像和台账 "
    "由第三方抽查复核 与邻县共用设备 每月公示一次进度 老旧设备一律更换 节假日照常值守",
)
REASONS = _words("汛期进场受阻，下季度补做 供货延迟，已催办 两校停课整修 招标流标一次 人员调整，明年补齐 雨季封路取消两场")
STATES = _words("达标 及时 规范 健全 有所提升 良好 建立 持续")
UNITS = _words("次 个 人 场 公里 套 天 万元 件 %")
GOODS = _words(
    "Acid-free storage boxes | Archival tissue, unbuffered | Temperature logger with two probes | "
    "Vaccine carrier | Map cabinet | Tree stakes, chestnut | Irrigation bags, reusable | "
    "Bookplate labels (pack of 500) | Reading lamp | Delivery and unloading",
    " | ",
)
FIRMS = _words(
    "Harbour Lane Paper Ltd | Lindholm Nursery GmbH | Coldchain Instruments Inc. | "
    "Westmere City Library | Parks Department of Rosenau | Quayside Supplies plc | "
    "Yunxi County Vaccination Centre",
    " | ",
)
MONTHS = _words("January February March April May June July August September October November December")


def _clauses(rng: random.Random, least: int, most: int) -> str:
    parts = [
        f"{rng.choice(THINGS)}{rng.choice(ACTS)}{rng.choice(('', str(rng.randint(2, 900)) + '处'))}{rng.choice(CLAUSES)}"
        for _ in range(rng.randint(least, most))
    ]
    return rng.choice(("，", "；")).join(parts) + "。"


def _office(rng: random.Random) -> str:
    return rng.choice(PLACES) + rng.choice(OFFICES)


@lru_cache(maxsize=8)
def _schema(kind: str) -> Record:
    found: Record = json.loads((SCHEMAS / f"{kind}.json").read_text(encoding="utf-8"))
    return found


def labels_of(kind: str, *path: str) -> tuple[str, ...]:
    """The names under which a field is printed ("x-labels"), by its path in the schema's properties."""
    schema = _schema(kind)
    node = schema
    for name in path:
        node = node.get("items", node)
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]] if "properties" not in node and "$ref" in node else node
        node = node["properties"][name]
    return tuple(node["x-labels"])


def _labeller(rng: random.Random, kind: str) -> Callable[..., str]:
    """Names for the fields of one form: half of them the commonest, the others any; brackets and colons in either width."""
    wide = rng.random() < 0.6

    def label(*path: str, of: Sequence[str] = ()) -> str:
        names = tuple(of) or labels_of(kind, *path)
        name = names[0] if rng.random() < 0.5 else rng.choice(names)
        return name.replace(":", "：").replace("(", "（").replace(")", "）") if wide else name

    return label


def decimal(hundredths: int, places: int = 2, *, thousands: bool = False) -> str:
    """A number of hundredths in print, with as many decimals (fewer only where nothing is lost)."""
    if places < 2 and hundredths % 10 ** (2 - places):
        places = 1 if hundredths % 10 == 0 else 2
    return f"{hundredths / 100:{',' if thousands else ''}.{places}f}"


# -- self_evaluation ---------------------------------------------------------------------------------------------------

AMOUNTS = ("initial_budget", "annual_budget", "executed")
FUND_COLUMNS = (*AMOUNTS, "weight", "execution_rate", "score")
SOURCES = ("current_year_appropriation", "carried_over", "other")


class _Rows:
    """Collects the cells of a sheet row by row."""

    def __init__(self) -> None:
        self.cells: list[Cell] = []
        self.row = 0

    def add(self, *cells: tuple[int, int, str, str]) -> None:
        """One row: (column, columns, text, place) of each cell."""
        self.cells += [Cell(text, self.row, col, 1, cols, place) for col, cols, text, place in cells]
        self.row += 1

    def side(self, text: str, first: int, col: int = 0, cols: int = 1) -> None:
        """A merged label beside the rows from `first` to the last."""
        if self.row > first:
            self.cells.append(Cell(text, first, col, self.row - first, cols))

    def sheet(self, titles: Sequence[str], widths: Sequence[int], head: int, last: int) -> Sheet:
        cells = sorted(self.cells, key=lambda cell: (cell.row, cell.col))
        return Sheet(tuple(titles), tuple(cells), tuple(widths), head, last)


def self_evaluation(rng: random.Random) -> Form:
    """A self-evaluation: funds, goals, 3 to 40 indicators with weights and scores, total and grade."""
    label = _labeller(rng, "self_evaluation")
    year, unit, dash = rng.randint(2018, 2025), rng.choice(("元", "万元")), rng.choice(("—", "-", ""))
    funds, printed = _funds(rng, dash, small=unit == "万元")
    own = sum(int(row["weight"] or 0) for row in funds.values())
    indicators, decimals = _indicators(rng, 100 - own)
    _scored(rng, indicators, (100 - own) * 100, decimals)
    score = sum(round(float(row["score"] or 0) * 100) for row in (*funds.values(), *indicators))
    grades = ((90, "优"), (80, "良"), (60, rng.choice(("中", "合格"))))
    grade = next((name for least, name in grades if score >= least * 100), "差" if grades[2][1] == "中" else "不合格")
    truth: Record = {
        "kind": "self_evaluation",
        "fiscal_year": str(year),
        "project_name": rng.choice(WORKS) + rng.choice(ENDINGS),
        "supervising_department": _office(rng),
        "implementing_unit": _office(rng),
        "currency_unit": unit,
        "funds": funds,
        "expected_goal": _clauses(rng, 1, 8),
        "actual_completion": _clauses(rng, 1, 8),
        "indicators": indicators,
        "total": {"weight": decimal(10000, decimals), "score": decimal(score, decimals)},
        "grade": grade if rng.random() < 0.8 else None,
    }
    return Form(truth, _evaluation_sheet(rng, truth, printed, label, dash))


def _funds(rng: random.Random, dash: str, *, small: bool) -> tuple[Record, Record]:
    """The truth of the four rows of funds, and what their cells print."""
    top = 200_000 if small else 300_000_000
    amounts = {source: [0, 0, 0] for source in SOURCES}
    for source in SOURCES:
        if source == SOURCES[0] or rng.random() < 0.35:
            annual = rng.randint(top // 100, top)
            spent = annual if rng.random() < 0.3 else rng.randint(annual // 2, annual)
            amounts[source] = [rng.choice((annual, 0, rng.randint(top // 100, top))), annual, spent]
    rows = {"total": [sum(column) for column in zip(*amounts.values(), strict=True)], **amounts}
    mode = rng.choice(("total", "total", "sources", "none"))
    weights = dict.fromkeys(rows, 0) | ({"total": rng.choice((10, 20))} if mode == "total" else {})
    if mode == "sources":
        filled = [source for source in SOURCES if amounts[source][1]]
        weights |= {source: 10 // len(filled) + (10 % len(filled) if source == filled[0] else 0) for source in filled}
    cut, percent, thousands, sub_rates = rng.random() < 0.4, rng.choice(("%", "")), rng.random() < 0.5, rng.random() < 0.6
    truth: Record = {}
    print_: Record = {}
    for name, row in rows.items():
        rate = None if not row[1] or (name != "total" and not sub_rates and not weights[name]) else row[2] * 10000 / row[1]
        shown = None if rate is None else (math.floor(rate + 1e-9) if cut else round(rate))
        scored = None if shown is None or not weights[name] else round(weights[name] * shown / 100)
        values = [
            *(decimal(amount) for amount in row),
            str(weights[name]) if weights[name] else None,
            None if shown is None else decimal(shown),
            None if scored is None else decimal(scored),
        ]
        truth[name] = dict(zip(FUND_COLUMNS, values, strict=True))
        cells = [decimal(amount, thousands=thousands) for amount in row] + [dash if value is None else value for value in values[3:]]
        cells[4] += percent if shown is not None else ""
        print_[name] = dict(zip(FUND_COLUMNS, cells, strict=True))
    return truth, print_


def _groups(rng: random.Random) -> list[tuple[str, str | None]]:
    """The level labels of a form, in printed order."""
    found: list[tuple[str, str | None]] = [
        ("产出指标", level2) for level2 in ("数量指标", "质量指标", "时效指标") if rng.random() < 0.8
    ] or [("产出指标", "数量指标")]
    cost = rng.choice(("under", "own", "bare", "none"))
    own: list[tuple[str, str | None]] = [
        ("成本指标", level2) for level2 in ("经济成本指标", "社会成本指标", "生态环境成本指标") if rng.random() < 0.6
    ]
    if cost == "under":
        found.append(("产出指标", "成本指标"))
    elif cost == "own":
        found = [*own, *found] if rng.random() < 0.4 else [*found, *own]
    elif cost == "bare":
        found.append(("成本指标", None))
    effects = ("经济效益指标", "社会效益指标", "生态效益指标", "可持续影响指标")
    found += [("效益指标", level2) for level2 in effects if rng.random() < 0.5]
    if rng.random() < 0.8:
        found.append((rng.choice(("满意度指标", "满意度指标", "满意度指标", "效益指标")), "服务对象满意度指标"))
    return found


def _indicators(rng: random.Random, weight: int, *, levels: bool = True) -> tuple[list[Record], int]:
    """Indicators without scores, and the decimals that weights and scores are printed with."""
    groups = _groups(rng)
    most = 40 if weight > 40 else 30
    count = min(max(len(groups), rng.choice((rng.randint(3, 8), rng.randint(8, 16), rng.randint(16, 40)))), most)
    sizes = [1] * len(groups)
    for _ in range(count - len(groups)):
        sizes[rng.randrange(len(groups))] += 1
    flat = not levels or rng.random() < 0.12
    rows = [
        {"level1": level1, "level2": None if flat else level2, **_indicator(rng, level2 or level1)}
        for (level1, level2), size in zip(groups, sizes, strict=True)
        for _ in range(size)
    ]
    return rows, rng.choice((0, 2))


def _indicator(rng: random.Random, level: str) -> Record:
    """Name, target and result of one indicator."""
    name = f"{rng.choice(('', '', rng.choice(PLACES)))}{rng.choice(THINGS)}{rng.choice(ACTS)}{rng.choice(MEASURES[level])}"
    name += rng.choice(("", "", "", f"（{rng.choice(CLAUSES)}）"))
    form = rng.random()
    number = rng.randint(1, 400)
    if form < 0.35:
        share = rng.choice(("100", "95", "90", "85.5"))
        target, actual = rng.choice(("≥", "=", "")) + share + "%", rng.choice((share, "100", "97.25")) + "%"
    elif form < 0.65:
        measured = rng.choice(UNITS)
        target, actual = rng.choice(("≥", "=", "≥", "")) + f"{number}{measured}", f"{number + rng.randint(0, 9)}{measured}"
    elif form < 0.75:
        target, actual = (
            rng.choice((f"≤{number}天", "0起", f"降低{number}%", f"＜{number}件")),
            rng.choice((f"{number // 2}天", "0起", f"{number}%")),
        )
    else:
        target, actual = rng.choice(STATES), rng.choice((*STATES, "达成预期指标", "基本达成目标且效果较好"))
    return {"level3": name, "target": target if rng.random() > 0.02 else None, "actual": actual}


def _scored(rng: random.Random, rows: list[Record], whole: int, decimals: int) -> None:
    """Share the weight out among the rows, and give each its score; what is not full has its reason."""
    step = 100 if len(rows) <= whole // 200 and rng.random() < 0.7 else 50
    shares = [1] * len(rows)
    for _ in range(whole // step - len(rows)):
        shares[rng.randrange(len(rows))] += 1
    for row, share in zip(rows, shares, strict=True):
        weight = share * step
        full = rng.random() < 0.8
        score = weight if full else weight * rng.randint(40, 95) // 100
        row |= {"weight": decimal(weight, decimals), "score": decimal(score, decimals), "deviation": None if full else rng.choice(REASONS)}


def _evaluation_sheet(rng: random.Random, truth: Record, printed: Record, label: Callable[..., str], dash: str) -> Sheet:
    rows = _Rows()
    rows.add((0, 1, label("project_name"), ""), (1, 7, truth["project_name"], "/project_name"))
    rows.add(
        (0, 1, label("supervising_department"), ""),
        (1, 3, truth["supervising_department"], "/supervising_department"),
        (4, 1, label("implementing_unit"), ""),
        (5, 3, truth["implementing_unit"], "/implementing_unit"),
    )
    first = rows.row
    rows.add((1, 1, "", ""), *((2 + index, 1, label("funds", "total", name), "") for index, name in enumerate(FUND_COLUMNS)))
    skipped = {
        source
        for source in SOURCES[1:]
        if rng.random() < 0.15 and not any(float(printed[source][name].replace(",", "") or 0) for name in AMOUNTS)
    }
    for name in ("total", *SOURCES):
        if name in skipped:
            truth["funds"][name] = dict.fromkeys(FUND_COLUMNS)
        else:
            rows.add(
                (1, 1, label("funds", name), ""),
                *((2 + index, 1, printed[name][column], f"/funds/{name}/{column}") for index, column in enumerate(FUND_COLUMNS)),
            )
        if name == SOURCES[0] and rng.random() < 0.15:
            rows.add((1, 1, "财政专户管理资金", ""), *((2 + index, 1, "0.00" if index < 3 else dash, "") for index in range(6)))
    rows.side(f"项目资金（{truth['currency_unit']}）", first)
    first = rows.row
    rows.add((1, 3, label("expected_goal"), ""), (4, 4, label("actual_completion"), ""))
    rows.add((1, 3, truth["expected_goal"], "/expected_goal"), (4, 4, truth["actual_completion"], "/actual_completion"))
    rows.side("年度总体目标", first)
    head = rows.row
    columns = [
        ("level1", 0, 1),
        ("level2", 1, 1),
        ("level3", 2, 1),
        ("target", 3, 1),
        ("actual", 4, 1),
        ("weight", 5, 1),
        ("score", 6, 1),
        ("deviation", 7, 1),
    ]
    if not any(row["level2"] for row in truth["indicators"]):
        columns[1:3] = [("level3", 1, 2)]
    last = _list_rows(rows, truth["indicators"], columns, lambda name: label("indicators", name))
    rows.add((0, 5, label("total"), ""), (5, 1, truth["total"]["weight"], "/total/weight"), (6, 1, truth["total"]["score"], "/total/score"))
    if truth["grade"]:
        rows.add((0, 5, label("grade"), ""), (5, 3, truth["grade"], "/grade"))
    title = rng.choice(_schema("self_evaluation")["x-anchors"])
    year = rng.choice((f"（{truth['fiscal_year']}年度）", f"({truth['fiscal_year']} 年度)"))
    widths = (8, rng.choice((8, 10, 14)), rng.choice((14, 20, 28)), rng.choice((10, 16)), rng.choice((10, 16)), 8, 8, rng.choice((12, 18)))
    return rows.sheet((title, year), widths, head, last)


def _list_rows(rows: _Rows, members: list[Record], columns: Sequence[tuple[str, int, int]], label: Callable[[str], str]) -> int:
    """The head and rows of a list; level labels are merged over the rows they cover. Returns the last row."""
    head = rows.row
    rows.add(*((col, cols, label(name), "") for name, col, cols in columns))
    for number, member in enumerate(members):
        rows.add(
            *(
                (col, cols, member[name] or "", f"/indicators/{number}/{name}")
                for name, col, cols in columns
                if name not in ("level1", "level2")
            )
        )
    for name, col, cols in columns[:2]:
        if name in ("level1", "level2"):
            keys = [(member["level1"], member["level2"] if name == "level2" else "") for member in members]
            for start in (index for index, key in enumerate(keys) if index == 0 or keys[index - 1] != key):
                size = next((index for index in range(start, len(keys)) if keys[index] != keys[start]), len(keys)) - start
                rows.cells.append(Cell(members[start][name] or "", head + 1 + start, col, size, cols))
    return rows.row - 1


# -- target_declaration ------------------------------------------------------------------------------------------------


def target_declaration(rng: random.Random, *, name: str = "", yuan: int = 0) -> Form:
    """A declaration of targets: dates, funds, goals, indicators with targets alone. `yuan`: the project's total."""
    label = _labeller(rng, "target_declaration")
    unit = "元" if yuan else rng.choice(("元", "万元"))
    year, total, thousands, dash = (
        rng.randint(2018, 2026),
        yuan * 100 or rng.randint(50_000, 90_000_000),
        rng.random() < 0.5,
        rng.choice(("—", "", "-")),
    )
    other, over, aside = (rng.choice((0, 0, total // rng.randint(3, 9))) for _ in range(3))
    amounts = {
        "project_total": total,
        "fiscal": total - other,
        "project_other": other,
        "annual_total": total,
        "current_year_appropriation": total - over - aside,
        "carried_over": over,
        "annual_other": aside,
    }
    blank = {field for field in ("project_other", "carried_over", "annual_other") if not amounts[field] and rng.random() < 0.3}
    indicators, _ = _indicators(rng, 90)
    start, end = f"{year}-{rng.randint(1, 6):02d}-01", f"{year + rng.choice((0, 0, 1))}-12-31"
    truth: Record = {
        "kind": "target_declaration",
        "fiscal_year": str(year),
        "project_name": name or rng.choice(WORKS) + rng.choice(ENDINGS),
        "project_nature": rng.choice(("经常性项目", "一次性项目", "阶段性项目", None)),
        "project_category": rng.choice(("特定目标类", "其他运转类")),
        "supervising_department": _office(rng),
        "implementing_unit": _office(rng),
        "start_date": start,
        "end_date": end,
        "currency_unit": unit,
        "funds": {field: None if field in blank else decimal(amount) for field, amount in amounts.items()},
        "overall_goal": rng.choice((None, _clauses(rng, 1, 5))),
        "annual_goal": _clauses(rng, 1, 8),
        "indicators": [{key: row[key] for key in ("level1", "level2", "level3", "target")} for row in indicators],
    }
    shown = {field: dash if field in blank else decimal(amount, thousands=thousands) for field, amount in amounts.items()}
    return Form(truth, _declaration_sheet(rng, truth, shown, label))


def _declaration_sheet(rng: random.Random, truth: Record, shown: dict[str, str], label: Callable[..., str]) -> Sheet:
    rows = _Rows()
    pair = [("project_nature", truth["project_nature"])] if truth["project_nature"] else []
    named = [("project_name", truth["project_name"]), *pair, ("project_category", truth["project_category"])]
    rows.add(
        *(
            cell
            for index, (field, value) in enumerate(named)
            for cell in ((2 * index, 1, label(field), ""), (2 * index + 1, 1, value, f"/{field}"))
        )
    )
    rows.add(
        (0, 1, label("supervising_department"), ""),
        (1, 2, truth["supervising_department"], "/supervising_department"),
        (3, 1, label("implementing_unit"), ""),
        (4, 2, truth["implementing_unit"], "/implementing_unit"),
    )
    dated = rng.choice(("{}-{}-{}", "{}.{}.{}", "{}年{}月{}日"))
    start, end = (dated.format(*truth[field].split("-")) for field in ("start_date", "end_date"))
    rows.add((0, 1, label("start_date"), ""), (1, 2, start, "/start_date"), (3, 1, label("end_date"), ""), (4, 2, end, "/end_date"))
    first = rows.row
    for left, right in (
        ("project_total", "annual_total"),
        ("fiscal", "current_year_appropriation"),
        ("", "carried_over"),
        ("project_other", "annual_other"),
    ):
        beside = ((1, 1, label("funds", left), ""), (2, 1, shown[left], f"/funds/{left}")) if left else ()
        rows.add(*beside, (3, 1, label("funds", right), ""), (4, 2, shown[right], f"/funds/{right}"))
    rows.side(f"项目资金（{truth['currency_unit']}）", first)
    first = rows.row
    rows.add((1, 2, label("overall_goal"), ""), (3, 3, label("annual_goal"), ""))
    rows.add((1, 2, truth["overall_goal"] or "", "/overall_goal"), (3, 3, truth["annual_goal"], "/annual_goal"))
    rows.side("项目绩效目标", first)
    head = rows.row
    columns = [("level1", 1, 1), ("level2", 2, 1), ("level3", 3, 2), ("target", 5, 1)]
    if not any(row["level2"] for row in truth["indicators"]):
        columns[1:3] = [("level3", 2, 3)]
    last = _list_rows(rows, truth["indicators"], columns, lambda name: label("indicators", name))
    rows.side("绩效指标", head)
    title = rng.choice(_schema("target_declaration")["x-anchors"])
    return rows.sheet((title, f"（{truth['fiscal_year']}年度）"), (12, rng.choice((16, 20)), rng.choice((14, 18)), 18, 12, 18), head, last)


# -- budget_narrative --------------------------------------------------------------------------------------------------

NUMERALS = "一二三四五六七八九十"
STYLES = (("{han}、", "{}.", "({})"), ("（{han}）", "{}、", "（{}）"), ("{}、", "（{}）", "{circled}"))


def budget_narrative(rng: random.Random, *, name: str = "") -> Form:
    """A project's budget in prose. Its total in yuan is in the truth under "yuan"."""
    name = name or rng.choice(WORKS) + rng.choice(("", "经费", "项目"))
    unit, year, wide = rng.choice(("万元", "元")), rng.randint(2020, 2026), rng.random() < 0.5
    section, item, part = rng.choice(STYLES)
    items = [_budget_item(rng, unit, number, wide) for number in range(rng.randint(1, 9))]
    yuan = sum(entry[1] for entry in items)
    months = rng.randint(1, 6), rng.randint(7, 12)
    basis = [
        f"{rng.choice(PLACES)[:2]}{rng.choice('财府卫教水')}{rng.choice(('发', '函', '办发'))}"
        f"〔{rng.randint(2008, year)}〕{rng.randint(1, 200)}号"
        for _ in range(rng.randint(0, 4))
    ]
    bodies = rng.sample(("办公室", "财务科", "养护科", "冷链组", "各乡镇卫生院", "后勤服务中心（库房组）", "疾控科"), rng.randint(1, 4))
    where = rng.choice(("start", "end", None))
    total = {"amount": _yuan(yuan, unit), "unit": unit}
    truth: Record = {
        "kind": "budget_narrative",
        "project_name": name,
        "period_start": f"{year}-{months[0]:02d}",
        "period_end": f"{year}-{months[1]:02d}",
        "stated_total": dict(total),
        "legal_basis": basis,
        "implementing_bodies": bodies,
        "budget_total": dict(total) if where else None,
        "budget_items": [entry[0] for entry in items],
        "calculations": [row for entry in items for row in entry[3]],
    }
    span = rng.choice(("拟于{0}年{1}月至{0}年{2}月实施", "自{0}年{1}月起至{0}年{2}月止推进", "定于{0}年{1}月到{0}年{2}月开展")).format(
        year, *months
    )
    amount = _yuan(yuan, unit, thousands=wide)
    lines: list[Paragraph] = list(_narrative_title(rng, name))
    bodied = "、".join(bodies) + rng.choice(("", "。"))
    based = (
        "1.文件依据：" + "、".join(f"《{rng.choice(WORKS)}实施办法》（{number}）" for number in basis) + "等。" if basis else "按部门职责。"
    )
    sections: list[tuple[str, list[Paragraph]]] = [
        (
            rng.choice(("项目概述", "项目概况")),
            [
                Paragraph(
                    f"{_office(rng)}{span}{name}，{_clauses(rng, 1, 4)}经测算，"
                    f"{rng.choice(('预算资金', '预算资金约', '预算资金总额为', '资金共计'))}{amount}{unit}。",
                    ("/period_start", "/period_end", "/stated_total"),
                )
            ],
        ),
        (rng.choice(("立项依据", "设立依据")), [Paragraph(based, ("/legal_basis",)), Paragraph("2.工作职能：" + _clauses(rng, 1, 3))]),
        ("实施主体", [Paragraph(bodied, ("/implementing_bodies",))]),
        (
            "实施方案",
            [Paragraph(item.format(number + 1, circled="①②③"[number]) + _clauses(rng, 1, 3)) for number in range(rng.randint(1, 3))],
        ),
        ("实施周期", [Paragraph(f"{year}年{months[0]}月1日至{year}年{months[1]}月28日")]),
        (rng.choice(("年度预算安排", "预算安排", "资金安排")), _budget_section(rng, items, item, part, where, f"{amount}{unit}")),
        ("绩效目标", [Paragraph("见后附表格。")]),
    ]
    for number, (heading, body) in enumerate(sections):
        lines += [Paragraph(section.format(number + 1, han=NUMERALS[number]) + heading), *body]
    return Form(truth | {"yuan": yuan}, tuple(lines))


def _yuan(yuan: int, unit: str, *, thousands: bool = False) -> str:
    return decimal(yuan // 100 if unit == "万元" else yuan * 100, thousands=thousands)


def _narrative_title(rng: random.Random, name: str) -> Iterator[Paragraph]:
    style = rng.choice(("（{}）", "：{}", " 1 {}", "label"))
    yield Paragraph("项目经费情况说明" + ("" if style == "label" else style.format(name)))
    if style == "label":
        yield Paragraph(f"项目名称：{name}")


def _budget_item(rng: random.Random, unit: str, number: int, wide: bool) -> tuple[Record, int, str, list[Record], list[str]]:
    """An item: its truth, its yuan, its text behind the number, its calculations, and the texts of its parts."""
    label = rng.choice(WORKS) + rng.choice(("费", "经费", "补助", "费（含税）"))
    count, price, times = rng.randint(2, 60), 100 * rng.randint(1, 50), rng.choice((1, 1, 12))
    yuan = count * price * times
    amount = _yuan(yuan, unit, thousands=wide) + unit
    calculations: list[Record] = []
    parts: list[str] = []
    sub: list[Record] = []
    tail = rng.choice(("。", f"，{rng.choice(CLAUSES)}。", f"：{_clauses(rng, 1, 2)}"))
    way = rng.random()
    if way < 0.4:
        times_sign, equals = rng.choice((("*", "="), ("×", "＝"), ("×", "=")))
        expression = times_sign.join(
            (f"{count}{rng.choice('人次套')}", f"{decimal(price * 100, thousands=wide)}元", *((f"{times}月",) if times > 1 else ()))
        )
        calculations = [{"expression": expression, "result": _yuan(yuan, unit), "unit": unit}]
        tail = rng.choice(("，按{}计算。", "：{}。", "（{}）。")).format(f"{expression}{equals}{amount}")
    elif way < 0.6:
        first = yuan // 200 * 100
        shares = [(f"{rng.choice(THINGS)}{rng.choice(ACTS)}", share) for share in (first, yuan - first)]
        sub = [{"label": name, "amount": _yuan(share, unit), "unit": unit} for name, share in shares]
        parts = [f"{name}{rng.choice(('费用', '')) if False else ''}{_yuan(share, unit, thousands=wide)}{unit}" for name, share in shares]
        tail = "，其中："
    text = rng.choice(("{}{}", "{}：{}", "{}共需{}", "{}预计{}")).format(label, amount) + tail
    return {"label": label, "amount": _yuan(yuan, unit), "unit": unit, "sub_items": sub}, yuan, text, calculations, parts


def _budget_section(
    rng: random.Random,
    items: Sequence[tuple[Record, int, str, list[Record], list[str]]],
    item: str,
    part: str,
    where: str | None,
    total: str,
) -> list[Paragraph]:
    found = [Paragraph(f"本项目预算合计{total}，具体如下：", ("/budget_total",))] if where == "start" else []
    calculations = 0
    for number, (_, _, text, worked, parts) in enumerate(items):
        places = (f"/budget_items/{number}", *(f"/calculations/{calculations + index}" for index in range(len(worked))))
        calculations += len(worked)
        found.append(Paragraph(item.format(number + 1) + text, places))
        for index, sub in enumerate(parts):
            mark = "；" if index + 1 < len(parts) else "。"
            found.append(
                Paragraph(part.format(index + 1, circled="①②③"[index]) + sub + mark, (f"/budget_items/{number}/sub_items/{index}",))
            )
    return [*found, *([Paragraph(f"以上各项合计{total}。", ("/budget_total",))] if where == "end" else [])]


# -- invoice -----------------------------------------------------------------------------------------------------------


def invoice(rng: random.Random) -> Form:
    """An English invoice."""
    label = _labeller(rng, "invoice")
    seller, buyer = rng.sample(FIRMS, 2)
    sign, code = rng.choice((("£", "GBP"), ("$", "USD"), ("", "EUR"), ("", "SEK")))
    year, month, day = rng.randint(2019, 2026), rng.randint(1, 12), rng.randint(13, 28)
    thousands = rng.random() < 0.7
    lines: list[Record] = []
    for _ in range(rng.randint(1, 20)):
        quantity, price = rng.randint(1, 120), rng.randint(50, 60_000)
        lines.append(
            {
                "description": f"{rng.choice(GOODS)}{rng.choice(('', ', grey', ', type A', ' for the lending hall'))}",
                "quantity": str(quantity),
                "unit_price": decimal(price),
                "amount": decimal(quantity * price),
            }
        )
    net = sum(round(float(line["amount"]) * 100) for line in lines)
    rate = rng.choice((5, 8, 19, 20))
    tax = (net * rate + 50) // 100
    truth: Record = {
        "kind": "invoice",
        "seller": seller,
        "buyer": buyer,
        "invoice_number": f"{rng.choice('ABC')}{rng.choice(('-', '/', ''))}{rng.randint(1000, 99999)}",
        "issue_date": f"{year}-{month:02d}-{day:02d}",
        "currency": code if not sign else None,
        "lines": lines,
        "subtotal": decimal(net),
        "tax_rate": str(rate),
        "tax": decimal(tax),
        "total": decimal(net + tax),
    }

    def money(text: str) -> str:
        return sign + decimal(round(float(text) * 100), thousands=thousands)

    rows = _Rows()
    dated = rng.choice((f"{day} {MONTHS[month - 1]} {year}", f"{MONTHS[month - 1][:3]} {day}, {year}", truth["issue_date"]))
    colon = rng.choice((":", ""))
    rows.add(
        (0, 1, label("seller") + colon, ""),
        (1, 1, seller, "/seller"),
        (2, 1, label("invoice_number") + colon, ""),
        (3, 1, truth["invoice_number"], "/invoice_number"),
    )
    rows.add(
        (0, 1, label("buyer") + colon, ""), (1, 1, buyer, "/buyer"), (2, 1, label("issue_date") + colon, ""), (3, 1, dated, "/issue_date")
    )
    if not sign:
        rows.add((0, 4, f"All amounts in {code}", "/currency"))
    head = rows.row
    columns = ("description", "quantity", "unit_price", "amount")
    rows.add(*((col, 1, label("lines", name), "") for col, name in enumerate(columns)))
    for number, line in enumerate(lines):
        shown = (line["description"], line["quantity"], money(line["unit_price"]), money(line["amount"]))
        rows.add(*((col, 1, text, f"/lines/{number}/{name}") for col, (name, text) in enumerate(zip(columns, shown, strict=True))))
    last = rows.row - 1
    rows.add((2, 1, label("subtotal"), ""), (3, 1, money(truth["subtotal"]), "/subtotal"))
    rows.add((2, 1, rng.choice((f"VAT {rate}%", f"Tax ({rate}%)", f"GST {rate}%")), "/tax_rate"), (3, 1, money(truth["tax"]), "/tax"))
    rows.add((2, 1, label("total"), ""), (3, 1, money(truth["total"]), "/total"))
    return Form(truth, rows.sheet((rng.choice(("INVOICE", "Invoice", "Tax Invoice")),), (30, 30, 16, 16), head, last))


# -- layouts: a sheet as lines -----------------------------------------------------------------------------------------


def wrapped(text: str, columns: int) -> list[str]:
    """Break a text into lines of a printed width: ideographs anywhere, Latin words and figures only between them."""
    lines, line = [], ""
    for word in re.findall(r"[!-~]+ ?|.", text, re.DOTALL):
        if line and _width(line + word.rstrip()) > columns:
            lines.append(line.rstrip())
            line = ""
        line += word
    return [*lines, line.rstrip()]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WFA" else 1 for char in text)


def _by_row(sheet: Sheet) -> list[list[Cell]]:
    rows: list[list[Cell]] = [[] for _ in range(max(cell.row + cell.rows for cell in sheet.cells))]
    for cell in sheet.cells:
        rows[cell.row].append(cell)
    return rows


def _grid(sheet: Sheet) -> list[list[str]]:
    """Every row with all its columns; a merged cell stands in its first."""
    rows = [[""] * len(sheet.widths) for _ in _by_row(sheet)]
    for cell in sheet.cells:
        rows[cell.row][cell.col] = cell.text
    return rows


def _titled(sheet: Sheet, lines: Lines) -> Lines:
    return [*((-1, title) for title in sheet.titles), *lines]


def tsv(sheet: Sheet, rng: random.Random) -> Lines:
    return _titled(sheet, [(number, "\t".join(row)) for number, row in enumerate(_grid(sheet))])


def tsv_shifted(sheet: Sheet, rng: random.Random) -> Lines:
    """Tabs as a word processor's export leaves them: blocks a column off, level labels in the column before theirs, rows torn by a page."""
    grid = _grid(sheet)
    if rng.random() < 0.5:
        shifted = range(rng.randint(1, 4), sheet.head)
        grid = [["", *row] if number in shifted and not row[0] else row for number, row in enumerate(grid)]
    lines: Lines = []
    torn = rng.choice([*range(sheet.head + 1, sheet.last + 1)])
    for number, row in enumerate(grid):
        inside = sheet.head < number <= sheet.last
        if inside and not row[0] and row[1].endswith("指标") and row[1] not in LEVEL1 and rng.random() < 0.3:
            row = [row[1], "", *row[2:]]
        if inside and number == torn:
            keep = [max(len(text) - 1, 2) if text.endswith("指标") else len(text) for text in row[:2]]
            rest = [text[size:] for text, size in zip(row[:2], keep, strict=True)]
            lines += [(number, "\t".join([*(text[:size] for text, size in zip(row[:2], keep, strict=True)), *row[2:]])), (number, "")]
            lines += [(number, "\t".join([*rest, *([""] * (len(row) - 2))]))] if any(rest) else []
        else:
            lines.append((number, "\t".join(row)))
    return _titled(sheet, lines)


def bars(sheet: Sheet, rng: random.Random) -> Lines:
    outer = rng.random() < 0.5
    mark = rng.choice(("|", " | "))
    return _titled(sheet, [(number, f"|{mark.join(row)}|" if outer else mark.join(row)) for number, row in enumerate(_grid(sheet))])


def markdown(sheet: Sheet, rng: random.Random) -> Lines:
    lines: Lines = [(number, "| " + " | ".join(row) + " |") for number, row in enumerate(_grid(sheet))]
    rule = (0, "|" + "---|" * len(sheet.widths))
    return _titled(sheet, [lines[0], rule, *lines[1:]])


def one_cell_a_line(sheet: Sheet, rng: random.Random) -> Lines:
    """Every cell on lines of its own; blank cells leave no trace. Merged labels may be broken as their narrow column breaks them."""
    narrow, apart = rng.random() < 0.4, rng.random() < 0.4
    lines: Lines = []
    for cell in sheet.cells:
        merged = cell.rows > 1 or (sheet.head < cell.row <= sheet.last and cell.col < 2 and not cell.place)
        pieces = wrapped(cell.text, 4) if narrow and merged else [cell.text]
        for piece in pieces if cell.text else ():
            lines += [(cell.row, piece), *([(cell.row, "")] if apart else [])]
    return _titled(sheet, lines)


def _placed(sheet: Sheet, *, top: bool, wide: bool = False) -> list[tuple[int, int, str, int]]:
    """Every line of every cell as a page has it: (half lines from the top, left edge, text, row); cells at their top or in the middle."""
    lefts = [sum(sheet.widths[:col]) + 2 * col for col in range(len(sheet.widths) + 1)]
    texts = {
        id(cell): wrapped(cell.text, 10**6 if wide and cell.rows == 1 else lefts[cell.col + cell.cols] - lefts[cell.col] - 2)
        for cell in sheet.cells
        if cell.text
    }
    heights = [max([1, *(len(texts.get(id(cell), "")) for cell in row if cell.rows == 1)]) for row in _by_row(sheet)]
    for cell in sheet.cells:
        lack = len(texts.get(id(cell), "")) - sum(heights[cell.row : cell.row + cell.rows])
        heights[cell.row + cell.rows - 1] += max(lack, 0)
    found = []
    for cell in sheet.cells:
        own = texts.get(id(cell), [])
        above = 2 * sum(heights[: cell.row]) + (0 if top else sum(heights[cell.row : cell.row + cell.rows]) - len(own))
        found += [(above + 2 * number, lefts[cell.col], text, cell.row) for number, text in enumerate(own)]
    return sorted(found)


def _lined(placed: list[tuple[int, int, str, int]], *, spaced: bool) -> Lines:
    """What stands at one height on one line: parted by single spaces, or at its place."""
    lines: dict[int, tuple[int, str]] = {}
    for height, left, text, row in placed:
        if height not in lines:
            lines[height] = (row, " " * left * spaced + text)
        else:
            first, line = lines[height]
            lines[height] = (first, line + (" " * max(left - _width(line), 2) if spaced else " ") + text)
    return [lines[height] for height in sorted(lines)]


def pdf_lines(sheet: Sheet, rng: random.Random, *, amid: bool = False) -> Lines:
    """A PDF's text a line a printed line: cells centred on their row, so that a wrapped name stands above and below its figures. Merged
    labels come before their rows, or amid them; goals come one after the other."""
    merged = [cell for cell in sheet.cells if cell.rows > 1 or (sheet.head < cell.row <= sheet.last and not cell.place)]
    goals = [cell for cell in sheet.cells if len(cell.text) > 40 and cell.rows == 1]
    aside = goals if amid else [*goals, *merged]
    rest = replace(sheet, cells=tuple(replace(cell, text="") if cell in aside else cell for cell in sheet.cells))
    lines = _lined(_placed(rest, top=False), spaced=False)
    found: Lines = []
    for number in range(len(_by_row(sheet))):
        for cell in (cell for cell in aside if cell.row == number and cell.text):
            found += [(number, line) for line in wrapped(cell.text, sum(sheet.widths[cell.col : cell.col + cell.cols]))]
        found += [line for line in lines if line[0] == number]
    apart = rng.random() < 0.5
    return _titled(sheet, [entry for line in found for entry in (line, *([(line[0], "")] if apart else []))])


def pdf_lines_amid(sheet: Sheet, rng: random.Random) -> Lines:
    return pdf_lines(sheet, rng, amid=True)


def pdf_lines_interleaved(sheet: Sheet, rng: random.Random) -> Lines:
    """Each line across all columns of the table: wrapped cells go on side by side on the next line, from the top of their row."""
    return _titled(sheet, _lined(_placed(sheet, top=True), spaced=False))


def spaced(sheet: Sheet, rng: random.Random) -> Lines:
    """Columns by runs of spaces, a row a line; only what is long is wrapped."""
    longest = [
        max([2, *(_width(cell.text) for cell in sheet.cells if cell.col == col and cell.cols == 1)]) for col in range(len(sheet.widths))
    ]
    fitted = replace(sheet, widths=tuple(min(max(wanted, 8), 44) for wanted in longest))
    return _titled(sheet, _lined(_placed(fitted, top=True), spaced=True))


def spaced_wrapped(sheet: Sheet, rng: random.Random) -> Lines:
    """Columns by runs of spaces, every cell wrapped at its width: a PDF's text with its layout kept."""
    return _titled(sheet, _lined(_placed(sheet, top=rng.random() < 0.5), spaced=True))


def run_together(sheet: Sheet, rng: random.Random) -> Lines:
    """No separator at all."""
    return [*((-1, title) for title in sheet.titles), (0, "".join(cell.text for cell in sheet.cells))]


LINED: dict[str, Callable[[Sheet, random.Random], Lines]] = {
    "tsv": tsv,
    "tsv_shifted": tsv_shifted,
    "bars": bars,
    "markdown": markdown,
    "one_cell_a_line": one_cell_a_line,
    "pdf_lines": pdf_lines,
    "pdf_lines_amid": pdf_lines_amid,
    "pdf_lines_interleaved": pdf_lines_interleaved,
    "spaced": spaced,
    "spaced_wrapped": spaced_wrapped,
    "run_together": run_together,
}


def prose_lines(body: Sequence[Paragraph], layout: str, rng: random.Random) -> Lines:
    """Paragraphs as lines: whole, wrapped at a width, or with a blank line between all lines."""
    if layout == "run_together":
        return [(-1, body[0].text), (0, "".join(paragraph.text for paragraph in body[1:]))]
    size = 10**6 if layout == "paragraphs" else 2 * rng.randint(24, 44)
    apart = layout == "wrapped_apart" or (layout == "paragraphs" and rng.random() < 0.5)
    lines = [(number, line) for number, paragraph in enumerate(body) for line in wrapped(paragraph.text, size)]
    return [entry for line in lines for entry in (line, *([(line[0], "")] if apart else []))]


# -- pages, cuts, PDF --------------------------------------------------------------------------------------------------


def paged(lines: Lines, rng: random.Random, sheet: Sheet | None) -> Lines:
    """Page numbers and form feeds at random places; the head of the list may be repeated on the new page."""
    mark = rng.choice(("- {} -", "第{}页 共9页", "{} / 9", "{}"))
    repeats = sheet is not None and rng.random() < 0.5
    head = [line for line in lines if sheet is not None and line[0] == sheet.head]
    cuts = set(rng.sample(range(3, len(lines)), min(len(lines) // 12 + 1, max(len(lines) - 3, 0))))
    found: Lines = []
    for number, (row, line) in enumerate(lines):
        if number in cuts:
            starts = sheet is not None and sheet.head + 1 < row <= sheet.last and lines[number - 1][0] < row
            found += [(row, mark.format(len(found) // 20 + 1)), (row, "\f" + (head[0][1] if repeats and starts else line))]
            found += [*head[1:], (row, line)] if repeats and starts else []
        else:
            found.append((row, line))
    return found


def cut_off(form: Form, rng: random.Random) -> Form:
    """The form as it is when the document ends somewhere in its list."""
    if isinstance(form.body, Sheet):
        cells = sorted(form.body.cells, key=lambda cell: (cell.row, cell.col))
        least = next(index for index, cell in enumerate(cells) if cell.row == form.body.head + 2 or index == len(cells) - 1)
        cut = rng.randint(least, len(cells) - 1)
        return Form(without(form.truth, [cell.place for cell in cells[cut:]]), replace(form.body, cells=tuple(cells[:cut])))
    least = next(index for index, part in enumerate(form.body) if "/budget_items/0" in part.places) + 1
    cut = rng.randint(least, len(form.body))
    return Form(without(form.truth, [place for part in form.body[cut:] for place in part.places]), form.body[:cut])


def without(truth: Record, places: Sequence[str]) -> Record:
    """The truth without what is no longer printed; a row goes with its name."""
    found = copy.deepcopy(truth)
    for place in sorted(filter(None, places), key=_is_row, reverse=True):
        *above, last = place.removesuffix("/level3").removesuffix("/description").split("/")[1:]
        node: Any = found
        for part in above:
            node = node.get(part) if isinstance(node, dict) else node[int(part)] if int(part) < len(node) else {}
        if isinstance(node, list):
            del node[int(last) :]
        elif node and last in node:
            node[last] = [] if isinstance(node[last], list) else None
    return found


def _is_row(place: str) -> bool:
    return place.endswith(("/level3", "/description")) or place.rpartition("/")[2].isdigit()


def pdf_of(form: Form) -> bytes:
    """The form on pages: a ruled table with wrapped cells, broken between rows; or paragraphs."""
    if not isinstance(form.body, Sheet):
        return pdf(*_text_pages([line for part in form.body for line in [*wrapped(part.text, 88), ""]]))
    sheet = form.body
    scale = (A4[0] - 60) / sum(sheet.widths)
    xs = [30 + scale * sum(sheet.widths[:col]) for col in range(len(sheet.widths) + 1)]
    size = [int((xs[cell.col + cell.cols] - xs[cell.col] - 2 * PAD) / 5) for cell in sheet.cells]
    texts = {cell: wrapped(cell.text, columns) for cell, columns in zip(sheet.cells, size, strict=True)}
    heights = [max([1, *(len(texts[cell]) for cell in row if cell.rows == 1)]) * 13 + 2 * PAD for row in _by_row(sheet)]
    for cell in sheet.cells:
        lack = len(texts[cell]) * 13 + 2 * PAD - sum(heights[cell.row : cell.row + cell.rows])
        heights[cell.row + cell.rows - 1] += max(lack, 0)
    pages: list[list[int]] = [[]]
    for row, height in enumerate(heights):
        if pages[-1] and sum(heights[other] for other in pages[-1]) + height > A4[1] - 130:
            pages.append([])
        pages[-1].append(row)
    return pdf(*(_table_page(sheet, texts, xs, heights, rows) for rows in pages))


def _text_pages(lines: list[str]) -> Iterator[Draw]:
    for start in range(0, len(lines), 50):
        part = lines[start : start + 50]

        def draw(paper: Paper, part: list[str] = part) -> None:
            for number, line in enumerate(part):
                paper.text(60, 50 + 14 * number, line)

        yield draw


def _table_page(sheet: Sheet, texts: dict[Cell, list[str]], xs: list[float], heights: Sequence[float], rows: list[int]) -> Draw:
    def draw(paper: Paper) -> None:
        top = 40.0
        for title in sheet.titles if rows[0] == 0 else ():
            paper.text(200, top, title)
            top += 20
        ys = [top + sum(heights[rows[0] : row]) for row in [*rows, rows[-1] + 1]]
        cells = []
        for cell in sheet.cells:
            first, end = max(cell.row, rows[0]), min(cell.row + cell.rows, rows[-1] + 1)
            if first < end:
                cells.append((first - rows[0], cell.col, end - first, cell.cols, tuple(texts[cell]) if first == cell.row else ()))
        paper.table(xs, ys, cells)

    return draw


# -- documents ---------------------------------------------------------------------------------------------------------

MAKERS: dict[str, Callable[[random.Random], Form]] = {
    "self_evaluation": self_evaluation,
    "target_declaration": target_declaration,
    "budget_narrative": budget_narrative,
    "invoice": invoice,
}


def printed(kind: str, layout: str, seed: int) -> Printed:
    """One file: the form that the seed makes, in a layout of `LAYOUTS[kind]`."""
    rng = random.Random(f"{kind} {layout} {seed}")
    if layout == "several":
        return _several(rng)
    form = MAKERS[kind](rng)
    if layout == "pdf":
        return Printed(pdf_of(form), ".pdf", (_public(form.truth),))
    if layout == "csv" and isinstance(form.body, Sheet):
        return Printed(_csv(form.body), ".csv", (_public(form.truth),))
    form = cut_off(form, rng) if layout == "cut_off" else form
    base = rng.choice(("tsv", "bars", "pdf_lines", "one_cell_a_line", "spaced")) if layout in ("pages", "cut_off") else layout
    if not isinstance(form.body, Sheet):
        base = rng.choice(("paragraphs", "wrapped")) if layout in ("pages", "cut_off") else layout
    lines = _lines(form, base, rng)
    lines = paged(lines, rng, form.body if isinstance(form.body, Sheet) else None) if layout == "pages" else lines
    return Printed(_text(lines), ".txt", (_public(form.truth),))


def _lines(form: Form, layout: str, rng: random.Random) -> Lines:
    return LINED[layout](form.body, rng) if isinstance(form.body, Sheet) else prose_lines(form.body, layout, rng)


def _text(lines: Lines) -> bytes:
    return ("\n".join(line for _, line in lines) + "\n").encode()


def _public(truth: Record) -> Record:
    return {key: value for key, value in truth.items() if key != "yuan"}


def _csv(sheet: Sheet) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([[title, *[""] * (len(sheet.widths) - 1)] for title in sheet.titles])
    writer.writerows(_grid(sheet))
    return out.getvalue().encode("utf-8")


def _several(rng: random.Random) -> Printed:
    """Several forms with prose between them; a narrative is followed by its declaration."""
    forms: list[Form] = []
    for _ in range(rng.randint(2, 3)):
        if rng.random() < 0.5:
            forms.append(self_evaluation(rng))
        else:
            told = budget_narrative(rng)
            forms += [told, target_declaration(rng, name=told.truth["project_name"], yuan=told.truth["yuan"])]
    lines: Lines = [(-1, f"{_office(rng)}部门预算公开说明"), (-1, "")]
    for form in forms:
        table = isinstance(form.body, Sheet)
        layout = rng.choice(("tsv", "bars", "pdf_lines", "one_cell_a_line")) if table else rng.choice(("paragraphs", "wrapped"))
        lines += [*_lines(form, layout, rng), (-1, "")]
    return Printed(_text(lines), ".txt", tuple(_public(form.truth) for form in forms))
