"""Web pages: the text that is seen and the tables, with what is hidden in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from officefiles import blocks, grid, read, spans

from structurer.errors import InputError
from structurer.office.charset import decoded, stated_in
from structurer.office.webtable import Printed, formed
from structurer.office.webtable import spans as stated_spans


def page(body: str) -> bytes:
    return f"<!DOCTYPE html><html><head><meta charset=utf-8><title>题</title></head><body>{body}</body></html>".encode()


def seen(body: str) -> list[object]:
    return [block if isinstance(block, str) else grid(block) for block in blocks(page(body))]


# --- text


def test_paragraphs_lines_and_white_space() -> None:
    body = "<h1>标题</h1>\n<p>一 <b>二</b>\n  三<br>四<p>五&nbsp;六&lt;&amp;&#20013;<div>七<div>八</div>九</div><pre>a  b\n\tc</pre>末"
    assert seen(body) == ["标题", "一 二 三\n四", "五\xa0六<&中", "七", "八", "九", "a  b\n\tc", "末"]


def test_white_space_between_elements_is_kept_once() -> None:
    assert seen("<p><span>甲 </span><span> 乙</span><span>丙</span> \n <i>丁</i></p>") == ["甲 乙丙 丁"]


def test_lists_have_their_numbers_and_bullets() -> None:
    body = (
        "<ol start=3><li>甲<li value=7>乙<ul><li>丙</ul><li>丁</ol><ol type=a reversed><li>子<li>丑</ol>"
        "<ol style='list-style-type: cjk-ideographic'><li><p>寅</p><p>卯</p></ol><ul style='list-style:none'><li>辰</ul><ol><li></ol>"
    )
    assert seen(body) == ["3. 甲", "7. 乙", "• 丙", "8. 丁", "b. 子", "a. 丑", "一. 寅", "卯", "辰", "1."]


def test_superscripts_quotes_and_formulas() -> None:
    body = "<p>10<sup>4</sup>m<sup>2</sup>，CO<sub>2</sub>，5<sup>th</sup><q>话</q><math><mfrac><mn>1</mn><mi>x</mi></mfrac></math>"
    assert seen(body) == ["10⁴m²，CO₂，5th“话”1/x"]


def test_symbol_fonts_are_read_as_what_they_draw() -> None:
    assert seen("<p><span style='font-family:Wingdings'>\xfe</span>是<font face='Wingdings 2'>\xa3</font>否</p>") == ["☑是□否"]


def test_forms_show_what_is_filled_in() -> None:
    body = (
        "<p>姓名<input value=张三><input type=hidden value=令牌><input type=checkbox checked>是<input type=radio>否"
        "<select><option>优<option selected>良</select><textarea>第一行\n第二行</textarea><input type=password value=x>"
    )
    assert seen(body) == ["姓名 张三 ☒是☐否 良", "第一行\n第二行"]


def test_what_is_not_seen_is_left_out_and_said() -> None:
    body = (
        "<p>见</p><p hidden>甲</p><p style='color:red; DISPLAY : none'>乙</p><span style='visibility:hidden'>丙</span>"
        "<template>丁</template><noscript>戊</noscript><!-- 己 --><!--[if mso]>庚<![endif]--><script>x=1</script><style>p{}</style>"
        "<dialog>辛</dialog>"
        "<p aria-hidden=true>壬</p><ruby>张<rp>(</rp><rt>zhang</rt></ruby><img src=a.png><img width=1 src=b><iframe src=c></iframe>"
    )
    found = read(page(body))
    assert found.sections[0].blocks == ("见", "壬", "张")
    assert found.warnings == (
        'text that the page hides was left out: "甲 乙 丙 辛"',
        'text for programs that show less of the page was left out: "丁 戊"',
        'comments in the page\'s source were left out: "己"',
        'readings above characters were left out: "zhang"',
        "1 picture(s) were not read; they may hold text",
        "1 frame(s) show other files, which were not read",
    )


def test_rules_of_style_sheets_hide_what_they_name() -> None:
    css = (
        ".a{display:none}/* .b{display:none} */ p.c, #d {VISIBILITY: hidden !important} .a.e{display:block} @media print{.b{display:none}}"
        " @media screen{.f{display : none}} div .g{display:none} @import 'x'; p.h{display:none} .h{display:block}"
    )
    marks = ("class=a", "class=b", "class=c", "id=d style='visibility:visible'", "class='a e'", "class=f", "class=g", "class=h")
    paragraphs = "".join(f"<p {mark}>{text}</p>" for mark, text in zip(marks, "甲乙丙丁戊己庚辛", strict=True))
    found = read(page(f"<style>{css}</style>{paragraphs}<p class=a style=display:inline>壬</p>"))
    assert "".join(str(block) for block in found.sections[0].blocks) == "乙丁戊庚壬"
    assert found.warnings == (
        'text that the page hides was left out: "甲 丙 己 辛"',
        '1 rule(s) that hide parts of the page were not followed: "div .g"',
    )


def test_notes_of_cells_as_libreoffice_writes_them_are_comments() -> None:
    found = read(page("<p><comment>请核对</comment>金额<!-- **** --></p>"))
    assert found.sections[0].blocks == ("金额",)
    assert found.warnings == ('comments in the page\'s source were left out: "请核对"',)


def test_marks_of_office_programs_hide_nothing() -> None:
    assert seen("<p>甲<![if !supportEmptyParas]>乙<![endif]><o:p>丙</o:p></p>") == ["甲乙丙"]


# --- tables


def test_tables_with_spans_and_without_end_tags() -> None:
    body = "<table><tr><th rowspan=2>资金<th colspan=2>预算<tr><td>甲<td>1,250.00</table>"
    (block,) = blocks(page(body))
    assert grid(block) == [["资金", "预算", ""], ["", "甲", "1,250.00"]]
    assert spans(block) == {"资金": (2, 1), "预算": (1, 2)}


def test_the_foot_of_a_table_stands_below_its_rows_and_its_caption_before_it() -> None:
    foot, head = "<tfoot><tr><td>合计<td>3</tfoot>", "<thead><tr><td>名<td>数</thead>"
    body = f"<table><caption>表一</caption>{foot}<tbody><tr><td>甲<td>1</tbody>{head}</table>"
    assert seen(body) == ["表一", [["名", "数"], ["甲", "1"], ["合计", "3"]]]


def test_spans_end_with_their_group_of_rows() -> None:
    body = "<table><tbody><tr><td rowspan=9>甲<td>1</tbody><tbody><tr><td rowspan=0>乙<td>2<tr><td>3</tbody></table>"
    (block,) = blocks(page(body))
    assert grid(block) == [["甲", "1"], ["乙", "2"], ["", "3"]]
    assert spans(block) == {"乙": (2, 1)}


def test_spans_that_reach_beyond_the_table_make_it_no_wider() -> None:
    assert seen("<table><tr><td colspan=100>题<tr><td>甲<td>1</table>") == [[["题", ""], ["甲", "1"]]]


SPANS = (
    ("2", "3", (2, 3)), ("x", "", (1, 1)), ("0", "0", (0, 1)), ("70000", "2000", (65534, 1000)), ("-1", "-5", (1, 1)),
    (" +2px", "3.9", (2, 3)),
)  # fmt: skip


@pytest.mark.parametrize(("rowspan", "colspan", "read_as"), SPANS)
def test_spans_as_the_standard_reads_them(rowspan: str, colspan: str, read_as: tuple[int, int]) -> None:
    assert stated_spans(rowspan, colspan) == read_as


def test_a_table_of_one_column_is_its_paragraphs() -> None:
    assert seen("<table><tr><td><p>一</p><p>二</p><tr><td>三</table>") == ["一", "二", "三"]


def test_tables_in_tables_are_read_once() -> None:
    inner = "<table><tr><td>甲<td>1<tr><td>乙<td>2</table>"
    assert seen(f"<table><tr><td>头<tr><td>前{inner}后</table>") == ["头", "前", [["甲", "1"], ["乙", "2"]], "后"]
    assert seen(f"<table><tr><td>左<td>{inner}<tr><td>下<td>x</table>") == [[["左", ""], ["下", "x"]], [["甲", "1"], ["乙", "2"]]]
    assert seen(f"<table><tr><td>左<td>{inner}</table>") == ["左", [["甲", "1"], ["乙", "2"]]]


def test_hidden_rows_and_cells_are_left_out() -> None:
    body = "<table><tr><td>甲<td>1<tr style='display:none'><td>藏<td>9<tr><td>乙<td hidden>藏<td>2</table>"
    found = read(page(body))
    assert grid(found.sections[0].blocks[0]) == [["甲", "1"], ["乙", "2"]]
    assert found.warnings == ('text that the page hides was left out: "藏 9 藏"',)


def test_lists_and_lines_in_a_cell_are_its_lines() -> None:
    assert seen("<table><tr><td>甲<td><ol><li>一<li>二</ol>三<br>四</table>") == [[["甲", "1. 一\n2. 二\n三\n四"]]]


SPAN = st.integers(0, 4)
CELL = st.builds(lambda rowspan, colspan: Printed(rowspan, max(colspan, 1), ("x",)), SPAN, SPAN)


@given(st.lists(st.lists(st.lists(CELL, max_size=4), max_size=4), max_size=3))
def test_the_first_places_of_cells_are_free(groups: list[list[list[Printed]]]) -> None:
    cells = formed(groups)
    assert cells is not None
    assert len(cells) == sum(len(row) for group in groups for row in group)
    firsts = [(cell.row, cell.col) for cell in cells]
    assert len(set(firsts)) == len(firsts)
    height = sum(len(group) for group in groups)
    assert all(cell.row + cell.rowspan <= height and cell.rowspan > 0 for cell in cells)


def test_tables_that_are_too_wide_are_refused() -> None:
    with pytest.raises(InputError, match="too wide"):
        read(page("<table><tr>" + "<td colspan=1000>x" * 30 + "</table>"))


def test_many_spans_take_bounded_time() -> None:
    row = "<tr>" + "<td rowspan=65534 colspan=900>x" * 20
    with pytest.raises(InputError, match="too wide"):
        read(page("<table>" + row + "<tr><td>y" * 3000 + "</table>"))


def test_pages_of_very_many_tags_are_refused() -> None:
    with pytest.raises(InputError, match="more than 1,000,000 tags"):
        read(page("<b>" * 1_000_001))


# --- encodings


STATED = (
    ("gb18030", "gb2312"), ("utf-8", "utf-8"), ("big5", "big5"), ("cp932", "shift_jis"), ("utf-16", ""), ("utf-8-sig", "gb2312"),
    ("gb18030", ""),
)  # fmt: skip


@pytest.mark.parametrize(("encoding", "stated"), STATED)
def test_encodings_that_pages_state_or_do_not(encoding: str, stated: str) -> None:
    text = "各機關應於會計年度終了後編製決算報告" if encoding in ("big5", "cp932") else "本表由项目实施单位据实填写，经主管部门审核后报送。"
    meta = f"<meta http-equiv='Content-Type' content='text/html; charset={stated}'>" if stated else ""
    raw = f"<html><head>{meta}</head><body><p>{text}</p></body></html>".encode(encoding)
    assert read(raw).sections[0].blocks == (text,)


def test_a_wrong_statement_is_said() -> None:
    raw = "<html><meta charset=shift_jis><p>本表由项目实施单位据实填写，€ 经主管部门审核后报送财政部门备案。</p></html>".encode()
    found = read(raw)
    assert found.sections[0].blocks == ("本表由项目实施单位据实填写，€ 经主管部门审核后报送财政部门备案。",)
    assert found.warnings == ('the text states the encoding "shift_jis" but is UTF-8',)


def test_a_chinese_page_of_utf_8_that_states_another_encoding_is_utf_8() -> None:
    for stated in ("gb2312", "big5", "euc-kr"):
        raw = f"<html><meta charset={stated}><p>项目支出绩效自评</p></html>".encode()
        assert read(raw).sections[0].blocks == ("项目支出绩效自评",)


def test_a_wrong_statement_that_is_not_of_utf_8_is_said() -> None:
    raw = "<html><meta charset=utf-8><p>本表由项目实施单位据实填写，经主管部门审核后报送财政部门备案。</p></html>".encode("gb18030")
    found = read(raw)
    assert found.sections[0].blocks == ("本表由项目实施单位据实填写，经主管部门审核后报送财政部门备案。",)
    assert found.warnings == ('the text is not of the encoding "utf-8" that is stated; it was read as gb18030',)


def test_a_broken_place_does_not_spoil_a_page_that_states_its_encoding() -> None:
    found = read("<html><meta charset=utf-8><p>执行率為百分之九十".encode() + b"\xe5<p>" + "完".encode())
    assert found.sections[0].blocks == ("执行率為百分之九十\ufffd", "完")
    assert found.warnings == ("1 place(s) of the text are broken (utf-8) and stand as U+FFFD",)


def test_utf_8_under_a_western_name_is_utf_8() -> None:
    assert decoded("执行率".encode(), "ISO-8859-1", "x").text == "执行率"
    assert decoded(b"caf\xe9 \x80", "iso-8859-1", "x").text == "café €"
    assert decoded(b"plain", "no-such-encoding", "x").text == "plain"
    assert decoded("日本".encode("iso-2022-jp"), "iso-2022-jp", "x").text == "日本"


def test_the_statement_of_a_page_is_found() -> None:
    assert stated_in(b'<?xml version="1.0" encoding="GBK"?><html>') == "GBK"
    assert stated_in(b"<html><META http-equiv=x content='text/html;charset=Big5'>") == "Big5"
    assert stated_in(b"<meta charset=utf-16>") == "utf-8"
    assert stated_in(b"<p>") == ""


# --- what is a page


@pytest.mark.parametrize(
    ("raw", "name", "is_page"),
    [
        (b"<p>x</p>", "a.html", True),
        (b"Hello <b>x</b>", "a.htm", True),
        (b"<table><tr><td>x</table>", "a.xls", True),
        (b"<!-- saved --><!DOCTYPE html><p>x", "a", True),
        (b"\xef\xbb\xbf  <HTML><p>x", "a.txt", True),
        (b"<?xml version='1.0'?>\n<html><p>x", "a", True),
        ("<html><p>x".encode("utf-16"), "a", True),
        (b"<p>x</p>", "a.txt", False),
        (b"a\tb < c", "a.xls", False),
        (b"text about <html>", "a.txt", False),
        (b"plain", "a.html", False),
    ],
)
def test_pages_are_known_by_their_start_or_their_name(raw: bytes, name: str, is_page: bool) -> None:
    from structurer import office

    assert (office.contents(raw, name, name) is not None) is is_page


def test_a_page_without_text_is_refused() -> None:
    with pytest.raises(InputError, match=r"holds no text .*1 frame"):
        read(page("<iframe src=x></iframe>"))


def test_deep_nesting_ends_in_an_error_that_a_user_understands() -> None:
    with pytest.raises(InputError, match="nests its parts too deeply"):
        read(page("<table><tr><td>a<td>" * 2_000 + "x"))


def test_pages_that_forget_end_tags_are_read_however_deep_they_nest() -> None:
    assert seen("<font><span>字" * 20_000) == ["字" * 20_000]
