"""Word documents: what is printed is read in order, what is not is said."""

from __future__ import annotations

import io

import docx as python_docx
import pytest
from officefiles import W, blocks, docx, grid, p, part, r, read, relations, spans, table, tc

from structurer.errors import InputError


def warnings(raw: bytes) -> tuple[str, ...]:
    return read(raw).warnings


# --- paragraphs


def test_paragraphs_and_tables_stand_in_the_order_of_the_body() -> None:
    found = blocks(docx(p("前言") + table(tc("名称") + tc("道路养护"), tc("金额") + tc("12.50")) + p("后记")))
    assert [found[0], grid(found[1]), found[2]] == ["前言", [["名称", "道路养护"], ["金额", "12.50"]], "后记"]


def test_tabs_and_soft_line_breaks_stay_in_a_paragraph() -> None:
    run = "<w:r><w:t>姓名</w:t><w:tab/><w:t>张三</w:t><w:br/><w:t>单位</w:t><w:noBreakHyphen/><w:t>1</w:t><w:softHyphen/></w:r>"
    assert blocks(docx(p(runs=run))) == ["姓名\t张三\n单位-1"]


def test_a_tab_that_only_indents_is_no_cell() -> None:
    assert blocks(docx(p(runs="<w:r><w:tab/><w:t>一、概况</w:t></w:r>"))) == ["一、概况"]


def test_explicit_page_breaks_part_sections() -> None:
    broken = p(runs='<w:r><w:t>一</w:t><w:br w:type="page"/><w:t>二</w:t></w:r>')
    before = p("三", "<w:pageBreakBefore/>")
    section = p("四", '<w:sectPr><w:type w:val="nextPage"/></w:sectPr>')
    last = p("五") + "<w:sectPr/>"
    assert [section.blocks for section in read(docx(broken + before + section + last)).sections] == [
        ("一",),
        ("二",),
        ("三", "四"),
        ("五",),
    ]


def test_a_section_that_goes_on_on_the_same_page_starts_no_page() -> None:
    body = p("一", "<w:sectPr/>") + p("二") + '<w:sectPr><w:type w:val="continuous"/></w:sectPr>'
    assert len(read(docx(body)).sections) == 1


def test_superscripts_keep_apart_from_the_number_before_them() -> None:
    up, down = '<w:vertAlign w:val="superscript"/>', '<w:vertAlign w:val="subscript"/>'
    runs = r("10") + r("4", up) + r("元，CO") + r("2", down) + r("，第5") + r("th", up) + r("1,250") + r("1)", up)
    assert blocks(docx(p(runs=runs))) == ["10⁴元，CO₂，第5th1,250¹⁾"]


def test_small_characters_that_are_moved_up_are_superscripts() -> None:
    runs = r("10") + r("3", '<w:position w:val="8"/><w:sz w:val="14"/>') + r("元", '<w:position w:val="6"/>')
    assert blocks(docx(p(runs=runs))) == ["10³元"]


def test_symbol_fonts_are_read_as_what_they_draw() -> None:
    fonts = '<w:rFonts w:ascii="Wingdings 2" w:hAnsi="Wingdings 2"/>'
    symbol = '<w:r><w:sym w:font="Wingdings" w:char="F0FE"/></w:r><w:r><w:sym w:font="Wingdings" w:char="F0A8"/></w:r>'
    assert blocks(docx(p(runs=r("R", fonts) + r("是 ") + r("£", fonts) + r("否") + symbol))) == ["☑是 □否☑◻"]


def test_an_unknown_symbol_is_said() -> None:
    raw = docx(p(runs='<w:r><w:t>箭头</w:t><w:sym w:font="Wingdings 3" w:char="F075"/></w:r>'))
    assert blocks(raw) == ["箭头\ufffd"]
    assert warnings(raw) == ("1 symbol(s) of a symbol font are not known here and stand as U+FFFD",)


def test_formulas_are_written_on_one_line() -> None:
    ratio = "<m:f><m:num><m:r><m:t>1</m:t></m:r></m:num><m:den><m:r><m:t>a+b</m:t></m:r></m:den></m:f>"
    power = "<m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>"
    raw = docx(p(runs=f"<m:oMath>{ratio}{power}</m:oMath>"))
    assert blocks(raw) == ["1/(a+b)x²"]
    assert warnings(raw) == ("1 formula(s) were written on one line",)


# --- tables


def test_cells_merged_across_and_down_have_spans() -> None:
    rows = (
        tc("标题", '<w:gridSpan w:val="3"/>'),
        tc("资金", '<w:vMerge w:val="restart"/>') + tc("预算") + tc("12"),
        tc("", "<w:vMerge/>") + tc("执行") + tc("11"),
        tc("合计", '<w:gridSpan w:val="2"/>') + tc("23"),
    )
    found = blocks(docx(table(*rows)))[0]
    assert grid(found) == [["标题", "", ""], ["资金", "预算", "12"], ["", "执行", "11"], ["合计", "", "23"]]
    assert spans(found) == {"标题": (1, 3), "资金": (2, 1), "合计": (1, 2)}


def test_merged_cells_are_those_of_python_docx() -> None:
    made = python_docx.Document()
    built = made.add_table(rows=4, cols=4)
    for number, cell in enumerate(cell for row in built.rows for cell in row.cells):
        cell.text = str(number)
    for first, last in (((0, 0), (0, 3)), ((1, 0), (3, 0)), ((2, 2), (3, 3))):
        built.cell(*last).text = built.cell(*first).text = ""
        built.cell(*first).merge(built.cell(*last)).text = "m"
    out = io.BytesIO()
    made.save(out)
    theirs = [[cell.text for cell in row.cells] for row in built.rows]
    found = blocks(out.getvalue())[0]
    lines = grid(found)
    for cell in found.cells:  # type: ignore[union-attr]
        for row in range(cell.row, cell.row + cell.rowspan):
            for col in range(cell.col, cell.col + cell.colspan):
                lines[row][col] = cell.text
    assert lines == theirs


def test_text_beneath_a_merged_cell_is_said() -> None:
    raw = docx(table(tc("上", '<w:vMerge w:val="restart"/>') + tc("甲"), tc("看不见", "<w:vMerge/>") + tc("乙")))
    assert grid(blocks(raw)[0]) == [["上", "甲"], ["", "乙"]]
    assert warnings(raw) == ('text beneath merged cells was left out: "看不见"',)


def test_a_cell_that_goes_on_from_nothing_is_a_cell() -> None:
    assert grid(blocks(docx(table(tc("甲", "<w:vMerge/>") + tc("1"), tc("", "<w:vMerge/>") + tc("2"))))[0]) == [["甲", "1"], ["", "2"]]


def test_rows_may_start_and_end_inside_the_table() -> None:
    body = table(tc("甲") + tc("乙") + tc("丙")).replace(
        "</w:tbl>", f'<w:tr><w:trPr><w:gridBefore w:val="1"/></w:trPr>{tc("丁")}</w:tr></w:tbl>'
    )
    assert grid(blocks(docx(body))[0]) == [["甲", "乙", "丙"], ["", "丁", ""]]


def test_paragraphs_of_a_cell_are_its_lines_and_tabs_in_it_are_spaces() -> None:
    cell = tc(p("一") + p() + p(runs="<w:r><w:t>二</w:t><w:tab/><w:t>三</w:t></w:r>"))
    assert grid(blocks(docx(table(cell + tc("右"))))[0]) == [["一\n二  三", "右"]]


def test_a_table_in_a_cell_follows_the_table_once() -> None:
    inner = table(tc("甲") + tc("乙"), tc("1") + tc("2"))
    found = blocks(docx(table(tc("目标") + tc(p("说明") + inner + p("完")), tc("左") + tc("右"))))
    assert [grid(block) for block in found] == [[["目标", "说明\n完"], ["左", "右"]], [["甲", "乙"], ["1", "2"]]]


def test_a_frame_around_a_page_is_no_table() -> None:
    inner = table(tc("甲") + tc("乙"), tc("1") + tc("2"))
    found = blocks(docx(table(tc(p("一") + inner + p("二")))))
    assert [found[0], grid(found[1]), found[2]] == ["一", [["甲", "乙"], ["1", "2"]], "二"]


def test_rows_and_cells_in_content_controls_are_read() -> None:
    row = f"<w:tr>{tc('甲')}<w:sdt><w:sdtContent>{tc('乙')}</w:sdtContent></w:sdt></w:tr>"
    body = f"<w:tbl><w:sdt><w:sdtContent>{row}</w:sdtContent></w:sdt></w:tbl>"
    assert grid(blocks(docx(body))[0]) == [["甲", "乙"]]


def test_a_cell_that_asks_for_its_content_keeps_its_place() -> None:
    asking = f"<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>{tc('点击输入')}</w:sdtContent></w:sdt>"
    raw = docx(table(tc("姓名") + asking + tc("电话") + tc("1"), tc("甲") + tc("乙") + tc("丙") + tc("丁")))
    assert grid(blocks(raw)[0]) == [["姓名", "", "电话", "1"], ["甲", "乙", "丙", "丁"]]
    assert warnings(raw) == ('the words that ask for a content were left out: "点击输入"',)


# --- lists

NUMBERING = part(
    "numbering",
    '<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="chineseCounting"/><w:lvlText w:val="%1、"/>'
    '<w:suff w:val="nothing"/></w:lvl><w:lvl w:ilvl="1"><w:numFmt w:val="decimal"/><w:isLgl/><w:lvlText w:val="%1.%2"/></w:lvl>'
    '</w:abstractNum><w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="&#xF0B7;"/></w:lvl>'
    '<w:lvl w:ilvl="1"><w:start w:val="3"/><w:numFmt w:val="thaiNumbers"/><w:lvlText w:val="%2)"/></w:lvl></w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>'
    '<w:num w:numId="3"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride></w:num>',
)


def listed(text: str, num: int, level: int = 0) -> str:
    return p(text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{num}"/></w:numPr>')


def with_lists(body: str, styles: str = "") -> bytes:
    parts = {"word/numbering.xml": NUMBERING, "word/styles.xml": part("styles", styles)}
    return docx(body, {"rId1": "numbering numbering.xml", "rId2": "styles styles.xml"}, parts)


def test_numbers_of_lists_are_printed_level_by_level() -> None:
    body = listed("甲", 1) + listed("子", 1, 1) + listed("丑", 1, 1) + listed("乙", 1) + listed("寅", 1, 1) + listed("点", 2)
    assert blocks(with_lists(body)) == ["一、甲", "1.1 子", "1.2 丑", "二、乙", "2.1 寅", "• 点"]


def test_a_list_that_starts_anew_does_and_others_go_on() -> None:
    assert blocks(with_lists(listed("甲", 1) + p("中间") + listed("乙", 1) + listed("丙", 3))) == ["一、甲", "中间", "二、乙", "七、丙"]


def test_a_number_alone_in_a_cell_is_read() -> None:
    body = table(tc(listed("", 1)) + tc("甲"), tc(listed("", 1)) + tc("乙"))
    assert grid(blocks(with_lists(body))[0]) == [["一、", "甲"], ["二、", "乙"]]


def test_a_number_that_cannot_be_told_is_said() -> None:
    raw = with_lists(listed("甲", 2, 1))
    assert blocks(raw) == ["甲"]
    assert warnings(raw) == ("numbers of lists of the kind thaiNumbers are not known here and were left out",)


def test_numbers_come_from_styles_too() -> None:
    style = '<w:style w:type="paragraph" w:styleId="h"><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
    based = '<w:style w:type="paragraph" w:styleId="g"><w:basedOn w:val="h"/></w:style>'
    loop = '<w:style w:type="paragraph" w:styleId="l"><w:basedOn w:val="l"/></w:style>'
    body = p("甲", '<w:pStyle w:val="h"/>') + p("乙", '<w:pStyle w:val="g"/>') + p("丙", '<w:pStyle w:val="l"/>')
    none = p("丁", '<w:pStyle w:val="h"/><w:numPr><w:numId w:val="0"/></w:numPr>')
    assert blocks(with_lists(body + none, style + based + loop)) == ["一、甲", "二、乙", "丙", "丁"]


# --- what is not printed


def test_deleted_text_is_left_out_and_inserted_text_read_and_both_are_said() -> None:
    deleted = "<w:del><w:r><w:delText>旧值99</w:delText></w:r></w:del>"
    moved = "<w:moveFrom><w:r><w:t>搬走</w:t></w:r></w:moveFrom><w:moveTo><w:r><w:t>搬来</w:t></w:r></w:moveTo>"
    raw = docx(p("金额", runs=f"{deleted}<w:ins><w:r><w:t>12</w:t></w:r></w:ins>{moved}"))
    assert blocks(raw) == ["金额12搬来"]
    assert warnings(raw) == (
        'text that tracked changes delete was left out: "旧值99 搬走"',
        "4 character(s) are insertions by tracked changes and were read as part of the text",
    )


def test_a_paragraph_whose_end_is_deleted_goes_on_in_the_next() -> None:
    assert blocks(docx(p("前半", "<w:rPr><w:del/></w:rPr>") + p("后半"))) == ["前半后半"]


def test_deleted_and_hidden_rows_are_left_out_and_said() -> None:
    gone = f"<w:tr><w:trPr><w:del/></w:trPr>{tc('删')}{tc('1')}</w:tr>"
    hidden = f"<w:tr><w:trPr><w:hidden/></w:trPr>{tc('藏')}{tc('2')}</w:tr>"
    raw = docx(f"<w:tbl><w:tr>{tc('甲')}{tc('3')}</w:tr>{gone}{hidden}</w:tbl>")
    assert grid(blocks(raw)[0]) == [["甲", "3"]]
    assert warnings(raw) == ('text that tracked changes delete was left out: "删1"', 'hidden text was left out: "藏2"')


def test_hidden_text_is_left_out_and_quoted() -> None:
    style = part("styles", '<w:style w:type="character" w:styleId="s"><w:rPr><w:vanish/></w:rPr></w:style>')
    runs = (
        r("看得见")
        + r("藏一", "<w:vanish/>")
        + r("藏二", '<w:rStyle w:val="s"/>')
        + r("露出", '<w:rStyle w:val="s"/><w:vanish w:val="0"/>')
    )
    raw = docx(p(runs=runs), {"rId1": "styles styles.xml"}, {"word/styles.xml": style})
    assert blocks(raw) == ["看得见露出"]
    assert warnings(raw) == ('hidden text was left out: "藏一 藏二"',)


def test_what_is_left_out_is_quoted_with_at_most_80_characters() -> None:
    (said,) = warnings(docx(p("甲", runs=r("字" * 500 + "\u202e", "<w:vanish/>"))))
    assert said == f'hidden text was left out: "{"字" * 79}…"'


def test_the_words_that_ask_for_a_content_are_no_content() -> None:
    asking = "<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent><w:r><w:t>点击输入</w:t></w:r></w:sdtContent></w:sdt>"
    filled = "<w:sdt><w:sdtPr/><w:sdtContent><w:r><w:t>张三</w:t></w:r></w:sdtContent></w:sdt>"
    raw = docx(p("姓名：", runs=filled) + p("电话：", runs=asking))
    assert blocks(raw) == ["姓名：张三", "电话："]
    assert warnings(raw) == ('the words that ask for a content were left out: "点击输入"',)


def test_comments_pictures_charts_and_objects_are_said() -> None:
    comment = part("comments", f'<w:comment w:id="0">{p("请核对")}</w:comment>')
    drawn = '<w:r><w:drawing><a:blip r:embed="x"/></w:drawing></w:r><w:r><w:drawing><c:chart r:id="y"/></w:drawing></w:r>'
    held = '<w:r><w:object><o:OLEObject r:id="z"/></w:object></w:r>'
    raw = docx(p("正文", runs=drawn + held), {"rId1": "comments comments.xml"}, {"word/comments.xml": comment})
    assert blocks(raw) == ["正文"]
    assert warnings(raw) == (
        "1 picture(s) were not read; they may hold text",
        "1 chart(s) were not read",
        "1 embedded object(s) were not read",
        '1 comment(s) were left out: "请核对"',
    )


def test_readings_above_characters_are_left_out_and_said() -> None:
    ruby = "<w:r><w:ruby><w:rt><w:r><w:t>zhang</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>张</w:t></w:r></w:rubyBase></w:ruby></w:r>"
    raw = docx(p(runs=ruby + r("三")))
    assert blocks(raw) == ["张三"]
    assert warnings(raw) == ('readings above characters were left out: "zhang"',)


# --- fields and controls


def mark(kind: str, inner: str = "") -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}">{inner}</w:fldChar></w:r>'


def test_a_field_prints_its_result_and_not_its_instruction() -> None:
    nested = mark("begin") + "<w:r><w:instrText>IF </w:instrText></w:r>" + mark("begin") + "<w:r><w:instrText>X</w:instrText></w:r>"
    nested += mark("separate") + r("不印") + mark("end") + mark("separate") + r("结果") + mark("end")
    simple = '<w:fldSimple w:instr="DATE"><w:r><w:t>2024年</w:t></w:r></w:fldSimple>'
    assert blocks(docx(p(runs=nested + simple))) == ["结果2024年"]


def test_old_form_fields_show_what_is_chosen() -> None:
    checked = mark("begin", "<w:ffData><w:checkBox><w:checked/></w:checkBox></w:ffData>") + mark("end")
    unchecked = mark("begin", '<w:ffData><w:checkBox><w:default w:val="0"/></w:checkBox></w:ffData>') + mark("end")
    choices = '<w:ffData><w:ddList><w:result w:val="1"/><w:listEntry w:val="优"/><w:listEntry w:val="良"/></w:ddList></w:ffData>'
    assert blocks(docx(p(runs=checked + r("是") + unchecked + r("否 ") + mark("begin", choices) + mark("end")))) == ["☒是☐否 良"]


def test_checkboxes_of_content_controls_are_their_signs() -> None:
    properties = '<w:sdtPr><w14:checkbox><w14:checked w14:val="1"/></w14:checkbox></w:sdtPr>'
    box = f"<w:sdt>{properties}<w:sdtContent><w:r><w:t>☒</w:t></w:r></w:sdtContent></w:sdt>"
    assert blocks(docx(p(runs=box + r("同意")))) == ["☒同意"]


@pytest.mark.parametrize(
    ("code", "shown"), [("eq \\o\\ac(○,3)", "③"), ("EQ \\o\\ac(□,甲)", "(甲)"), ("eq \\f(1,2)", "1/2"), ("eq \\s\\up5(x)", "")]
)
def test_fields_that_draw_their_text_are_read_where_it_is_known_how(code: str, shown: str) -> None:
    raw = docx(p("第", runs=mark("begin") + f"<w:r><w:instrText>{code}</w:instrText></w:r>" + mark("end") + r("条")))
    assert blocks(raw) == [f"第{shown}条"]
    assert warnings(raw) == (() if shown else (f'1 field(s) that draw their text were not read: "{code}"',))


# --- what stands around the text


def test_a_text_box_is_read_once_after_its_paragraph() -> None:
    content = f"<w:txbxContent>{p('框中字')}</w:txbxContent>"
    choice = f'<mc:Choice Requires="wps"><w:drawing><wps:txbx>{content}</wps:txbx></w:drawing></mc:Choice>'
    fallback = f"<mc:Fallback><w:pict><v:textbox>{content}</v:textbox></w:pict></mc:Fallback>"
    art = '<w:r><w:pict><v:textpath string="机密"/></w:pict></w:r>'
    body = p("正文", runs=f"<w:r><mc:AlternateContent>{choice}{fallback}</mc:AlternateContent></w:r>{art}") + p("后文")
    assert blocks(docx(body)) == ["正文", "框中字", "机密", "后文"]


def test_headers_and_footers_are_read_once_and_only_those_that_pages_show() -> None:
    def margin(tag: str, text: str) -> str:
        return part(tag, p(text))

    ids = {f"rId{number}": f"{kind} {kind}{number}.xml" for number, kind in enumerate(("header", "header", "footer", "header"), 1)}
    texts = ("单位：万元", "首页", "第1页", "单位：万元")
    parts = {f"word/{target.split(' ')[1]}": margin("hdr", text) for target, text in zip(ids.values(), texts, strict=True)}
    references = '<w:headerReference w:type="default" r:id="rId1"/><w:headerReference w:type="first" r:id="rId2"/>'
    references += '<w:footerReference w:type="default" r:id="rId3"/>'
    body = p("一", f"<w:sectPr>{references}</w:sectPr>") + p("二")
    body += '<w:sectPr><w:type w:val="continuous"/><w:headerReference w:type="default" r:id="rId4"/></w:sectPr>'
    raw = docx(body, ids, parts)
    assert blocks(raw) == ["单位：万元", "一", "二", "第1页"]
    assert warnings(raw) == ('headers or footers that no page shows were left out: "首页"',)


def test_notes_stand_at_the_end_of_their_page_and_keep_apart_from_numbers() -> None:
    note = f'<w:footnote w:id="2">{p(runs="<w:r><w:footnoteRef/></w:r>" + "<w:r><w:tab/><w:t>含上年结转</w:t></w:r>")}</w:footnote>'
    rule = f'<w:footnote w:type="separator" w:id="0">{p("线")}</w:footnote>'
    parts = {
        "word/footnotes.xml": part("footnotes", rule + note),
        "word/endnotes.xml": part("endnotes", f'<w:endnote w:id="1">{p("尾")}</w:endnote>'),
    }
    run = '<w:r><w:footnoteReference w:id="2"/></w:r>'
    end = '<w:r><w:endnoteReference w:id="1"/></w:r>'
    body = p("金额1,250", runs=run + end) + p("后页", "<w:pageBreakBefore/>")
    found = read(docx(body, {"rId1": "footnotes footnotes.xml", "rId2": "endnotes endnotes.xml"}, parts))
    assert [section.blocks for section in found.sections] == [("金额1,250¹i", "¹ 含上年结转"), ("后页", "i 尾")]


def test_a_diagram_is_read_as_its_words() -> None:
    data = (
        '<dgm:dataModel xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">'
        "<dgm:pt><dgm:t><a:p><a:r><a:t>立项</a:t></a:r></a:p></dgm:t></dgm:pt><dgm:pt><dgm:t><a:p><a:r><a:t>验收</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:dataModel>"
    )
    run = '<w:r><w:drawing><dgm:relIds r:dm="rId5"/></w:drawing></w:r>'
    raw = docx(p("流程", runs=run), {"rId5": "diagramData diagrams/data1.xml"}, {"word/diagrams/data1.xml": data})
    assert blocks(raw) == ["流程", "立项", "验收"]


def test_files_inside_come_as_attachments() -> None:
    run = '<w:r><w:object><o:OLEObject r:id="rId5"/></w:object></w:r>'
    rels = {"rId5": "package embeddings/a.xlsx", "rId6": "aFChunk b.html"}
    found = read(docx(p("见附件", runs=run) + '<w:altChunk r:id="rId6"/>', rels, {"word/embeddings/a.xlsx": b"PK", "word/b.html": b"<p>"}))
    assert [(each.name, each.raw) for each in found.attachments] == [("a.xlsx", b"PK"), ("b.html", b"<p>")]
    assert found.warnings == ()


# --- other kinds of files


def test_the_strict_kind_of_the_standard_is_read() -> None:
    namespaces = W.replace(
        "http://schemas.openxmlformats.org/wordprocessingml/2006/main", "http://purl.oclc.org/ooxml/wordprocessingml/main"
    )
    parts = {"word/document.xml": f"<w:document {namespaces}><w:body>{p('严格')}</w:body></w:document>"}
    assert blocks(docx("", None, parts)) == ["严格"]


def test_a_relationship_that_points_nowhere_does_no_harm() -> None:
    assert blocks(docx(p("正文"), {"rId9": "image NULL", "rId8": "hyperlink !http://x", "rId7": "styles gone.xml"})) == ["正文"]


def test_a_document_without_text_is_refused_with_its_reasons() -> None:
    with pytest.raises(InputError, match="holds no text") as caught:
        read(docx(p(runs='<w:r><w:drawing><a:blip r:embed="x"/></w:drawing></w:r>')))
    assert "1 picture(s) were not read" in caught.value.what


def test_a_document_without_a_body_is_damaged() -> None:
    with pytest.raises(InputError, match="it has no body"):
        read(docx("", None, {"word/document.xml": f"<w:document {W}/>", "word/_rels/document.xml.rels": relations()}))
