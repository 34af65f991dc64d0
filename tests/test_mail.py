"""Mails: the lines of the header, the best body, and the files inside; of the internet (eml) and of Outlook (msg)."""

from __future__ import annotations

import base64
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from compound import Tree, binary, compound, narrow, outlook, wide
from officefiles import blocks, grid, read

from structurer import office
from structurer.errors import InputError

SUBJECT = "关于2024年度项目支出绩效自评材料报送工作的补充通知（请各单位于三月底前完成）"


def letter(plain: str | None = "正文", markup: str | None = None) -> EmailMessage:
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Cc"] = "张三 <z@x.cn>", "李四 <l@x.cn>, w@x.cn", "c@x.cn"
    made["Date"], made["Subject"] = (
        "Tue, 05 Mar 2024 10:00:00 +0800",
        SUBJECT,
    )
    if plain is not None:
        made.set_content(plain)
    if markup is not None:
        (made.add_alternative if plain is not None else made.set_content)(markup, subtype="html")
    return made


HEAD = f"From: 张三 <z@x.cn>\nTo: 李四 <l@x.cn>, w@x.cn\nCc: c@x.cn\nDate: Tue, 05 Mar 2024 10:00:00 +0800\nSubject: {SUBJECT}"
TABLE = "<p>见表</p><table><tr><td>甲<td>1<tr><td>乙<td>2</table>"


def test_the_header_lines_are_the_first_block_and_paragraphs_follow() -> None:
    found = read(bytes(letter("各位：\n\n请查收。\n谢谢\n")))
    assert found.sections[0].blocks == (HEAD, "各位：", "请查收。\n谢谢")
    assert (found.media_type, found.warnings) == ("message/rfc822", ())


def test_the_plain_body_is_preferred_where_it_says_all() -> None:
    found = read(bytes(letter("正文见 https://x.cn/a 与 99.50", "<p><a href='https://x.cn/a'>正文</a>见与<b>99.50</b></p>")))
    assert (found.sections[0].blocks, found.warnings) == ((HEAD, "正文见 https://x.cn/a 与 99.50"), ())


def test_a_web_page_that_says_more_is_read_and_what_it_lacks_is_told() -> None:
    found = read(bytes(letter("Please see HTML version 7", "<p>Total 99.50</p>")))
    assert found.sections[0].blocks == (HEAD, "Total 99.50")
    told = '5 word(s) stand in another form of the mail\'s text alone, which was not read: "Please see HTML version 7"'
    assert found.warnings == (told,)


def test_a_figure_that_stands_more_often_in_one_form_counts() -> None:
    assert blocks(bytes(letter("5", "<p>5 + 5</p>"))) == [HEAD, "5 + 5"]


def test_a_mail_inside_in_base64_is_unpacked() -> None:
    inner = base64.encodebytes(bytes(letter("里面")))
    head = b"From: a@x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n"
    found = office.contents(head + b"Content-Transfer-Encoding: base64\n\n" + inner + b"\n--b--\n", "a.eml", "a.eml")
    assert found is not None
    assert ([each.name for each in found.attachments], found.warnings) == ([f"{SUBJECT}.eml"], ())
    assert blocks(found.attachments[0].raw, "x.eml") == [HEAD, "里面"]


def test_the_body_with_tables_is_preferred_to_the_plain_one() -> None:
    _, first, table = blocks(bytes(letter("见表 甲 1 乙 2", TABLE)))
    assert (first, grid(table)) == ("见表", [["甲", "1"], ["乙", "2"]])


def test_a_blank_plain_body_gives_way() -> None:
    assert blocks(bytes(letter(" \n\n", "<p>另一</p>"))) == [HEAD, "另一"]


def test_files_and_mails_inside_are_attachments() -> None:
    made = letter()
    made.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="../上报/报表.pdf")
    made.add_attachment("a,b\n", subtype="csv")
    made.add_attachment(letter("里面"))
    found = read(bytes(made))
    assert [each.name for each in found.attachments][:2] == ["报表.pdf", "attachment 2.csv"]
    assert [each.raw for each in found.attachments][:2] == [b"%PDF-", b"a,b\r\n"]
    inner = found.attachments[2]
    assert inner.name == f"{SUBJECT}.eml"
    assert blocks(inner.raw, inner.name) == [HEAD, "里面"]


def test_a_mail_that_is_nothing_but_attachments_is_read() -> None:
    made = EmailMessage()
    made["MIME-Version"] = "1.0"
    made.add_attachment(b"x", maintype="application", subtype="octet-stream", filename="a.bin")
    found = office.contents(bytes(made), "a.eml", "a.eml")
    assert found is not None
    assert [each.name for each in found.attachments] == ["a.bin"]


def test_pictures_in_the_text_are_said_and_others_are_attachments() -> None:
    made = letter(None, f"{TABLE}<img src='cid:one'>")
    made.add_related(b"\x89PNG", maintype="image", subtype="png", cid="<one>")
    made.add_related(b"\x89PNG2", maintype="image", subtype="png", cid="<two>", filename="扫描.png", disposition="inline")
    found = read(bytes(made))
    assert [each.name for each in found.attachments] == ["扫描.png"]
    assert found.warnings == ("1 picture(s) were not read; they may hold text",)
    plain = letter("正文", "<p>x</p>")
    plain.get_payload()[1].add_related(b"\x89PNG", maintype="image", subtype="png", cid="<one>")  # type: ignore[index,union-attr]
    plain.get_payload()[1].get_payload()[0].set_content("<img src=cid:one>", subtype="html")  # type: ignore[index,union-attr]
    assert read(bytes(plain)).warnings == ("1 picture(s) in the text were not read; they may hold text",)


def test_headers_and_bodies_in_raw_chinese_bytes_are_read() -> None:
    text = "From: 王五 <w@x.cn>\nSubject: 测试主题与说明\nMessage-ID: <1@x>\nContent-Type: text/plain; charset=GB2312\n\n正文內容，€12.50\n"
    assert blocks(text.encode("gb18030")) == ["From: 王五 <w@x.cn>\nSubject: 测试主题与说明", "正文內容，€12.50"]


def test_blank_lines_before_the_header_do_no_harm() -> None:
    assert blocks(b"\xef\xbb\xbf\r\n\nFrom: a@x\nSubject: s\n\nbody", "a.eml") == ["From: a@x\nSubject: s", "body"]


def test_encoded_words_are_joined_and_broken_ones_stay() -> None:
    subject = b"=?utf-8?B?5YWz5LqO?=\n =?utf-8?B?6aKE566X?= 2024 =?utf-8?B?x?="
    raw = b"From: =?gb2312?B?1cXI/Q==?= <z@x.cn>\nMIME-Version: 1.0\nSubject: " + subject + b"\n\nx"
    assert blocks(raw) == ["From: 张三 <z@x.cn>\nSubject: 关于预算 2024 =?utf-8?B?x?=", "x"]


def test_flowed_text_is_put_together() -> None:
    raw = b"From: a@x\nMIME-Version: 1.0\nContent-Type: text/plain; format=flowed\n\none two \nthree\nfour \n\n> q \n> r \ns"
    assert blocks(raw) == ["From: a@x", "one two three\nfour", "> q r\ns"]


def test_a_malformed_mail_is_read_and_said() -> None:
    raw = b"From: a@x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=zz\n\n--zz\nContent-Type: text/plain\n\nbody\n"
    found = read(raw)
    assert found.sections[0].blocks == ("From: a@x", "body")
    assert found.warnings == ("the mail is malformed (CloseBoundaryNotFound); parts of it may be missing",)


def test_an_unknown_encoding_is_read_by_the_bytes() -> None:
    raw = "From: a@x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=x-none\n\n执行率为百分之九十八".encode()
    found = read(raw)
    assert found.sections[0].blocks[1] == "执行率为百分之九十八"
    assert found.warnings == ('the text states the encoding "x-none" but is UTF-8',)


def test_an_encrypted_mail_is_refused_and_a_signed_one_read() -> None:
    sealed = b"From: a@x\nMIME-Version: 1.0\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nAAAA"
    with pytest.raises(InputError, match="the mail is encrypted"):
        read(sealed)
    made = letter()
    made.add_attachment(b"sig", maintype="application", subtype="pgp-signature", filename="signature.asc")
    found = read(bytes(made))
    assert (found.attachments, found.warnings) == ((), ("the signature of the mail was not checked",))


def test_a_page_saved_as_one_file_is_read() -> None:
    raw = (
        b"From: <Saved by Blink>\nSubject: page\nMIME-Version: 1.0\nContent-Type: multipart/related; type=text/html; boundary=b\n\n--b\n"
        b"Content-Type: text/html\n\n<p>one</p><img src=http://x/a.png>\n--b\nContent-Type: image/png\nContent-Location: http://x/a.png\n\nx\n"
        b"--b\nContent-Type: text/css\n\np{}\n--b--\n"
    )
    found = read(raw, "a.mht")
    assert (found.sections[0].blocks, found.attachments) == (("From: <Saved by Blink>\nSubject: page", "one"), ())


@pytest.mark.parametrize(
    ("raw", "name", "is_mail"),
    [
        (b"From: a@x\nSubject: s\n\nx", "a.eml", True),
        (b"From: a@x\nSubject: s\n\nx", "a.txt", False),
        (b"Received: from y\nFrom: a@x\n\nx", "a.txt", True),
        (b"From a@x Tue Mar  5 10:00:00 2024\nReturn-Path: <a@x>\nSubject: s\n\nx", "mail", True),
        ("项目名称：道路\nDate: 2024\nMIME-Version: 1".encode(), "a.eml", False),
        (b"Project: road\nDate: 2024\n\nMessage-ID: x", "a.txt", False),
    ],
)
def test_mails_are_known_by_their_header(raw: bytes, name: str, is_mail: bool) -> None:
    assert (office.contents(raw, name, name) is not None) is is_mail


def test_thousands_of_parts_are_refused() -> None:
    part = b"--b\nContent-Type: text/plain\n\nx\n"
    raw = b"From: a@x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n" + part * 10_001 + b"--b--\n"
    with pytest.raises(InputError, match="more than 10,000 parts"):
        read(raw)


def test_parts_nested_without_end_are_refused() -> None:
    raw = b"From: a@x\nMIME-Version: 1.0\n"
    raw += b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level) for level in range(2000))
    with pytest.raises(InputError, match="nests its parts too deeply"):
        read(raw)


# --- Outlook

RECIPIENTS: Tree = {
    "__recip_version1.0_#00000000": outlook({**wide("3001", "李四"), **wide("39FE", "l@x.cn")}, 8, p0C15=1),
    "__recip_version1.0_#00000001": outlook({**wide("3001", "w@x.cn"), **wide("39FE", "w@x.cn")}, 8, p0C15=2),
}
SENT = {**wide("0C1A", "张三"), **wide("5D01", "z@x.cn")}


def test_a_mail_of_outlook_has_its_lines_body_and_files() -> None:
    attached = outlook({**wide("3707", "报表.xlsx"), **binary("3701", b"x" * 5000)}, 8)
    inner = outlook({**wide("0037", "里面的邮件"), **wide("1000", "里面的正文"), **SENT}, 24)
    mail = {**outlook({**wide("3001", "里面的邮件")}, 8, p3705=5), "__substg1.0_3701000D": inner}
    headers = wide("007D", "Received: x\r\nDate: Tue, 05 Mar 2024 10:00:00 +0800\r\n")
    tree = {**SENT, **RECIPIENTS, **wide("0037", "关于预算"), **wide("1000", "正文\r\n第二行\r\n"), **headers}
    found = read(compound(outlook({**tree, "__attach_version1.0_#00000000": attached, "__attach_version1.0_#00000001": mail})))
    head = "From: 张三 <z@x.cn>\nTo: 李四 <l@x.cn>\nCc: w@x.cn\nDate: Tue, 05 Mar 2024 10:00:00 +0800\nSubject: 关于预算"
    assert found.sections[0].blocks == (head, "正文\n第二行")
    assert [each.name for each in found.attachments] == ["报表.xlsx", "里面的邮件.eml"]
    assert found.attachments[0].raw == b"x" * 5000
    assert blocks(found.attachments[1].raw, "x.eml") == ["From: 张三 <z@x.cn>\nSubject: 里面的邮件", "里面的正文"]
    assert (found.media_type, found.warnings) == ("application/vnd.ms-outlook", ())


@pytest.mark.parametrize("fixed", [{"p3FFD": 936}, {"p3FDE": 54936}, {}])
def test_narrow_strings_are_read_by_their_code_page_or_by_their_bytes(fixed: dict[str, int]) -> None:
    text = "本表由项目实施单位据实填写，经主管部门审核后报送。"
    raw = compound(outlook({**narrow("0037", "关于预算执行情况的说明".encode("gbk")), **narrow("1000", text.encode("gbk"))}, **fixed))
    assert blocks(raw) == ["Subject: 关于预算执行情况的说明", text]


def test_markup_in_its_own_encoding_is_read_where_it_has_tables() -> None:
    page = f"<html><meta charset=gb2312>{TABLE}<img src='cid:one'></html>".encode("gbk")
    picture = outlook({**wide("3712", "one"), **binary("3701", b"x")}, 8)
    found = read(compound(outlook({**wide("1000", "见表"), **binary("1013", page), "__attach_version1.0_#00000000": picture})))
    assert grid(found.sections[0].blocks[1]) == [["甲", "1"], ["乙", "2"]]
    assert (found.attachments, found.warnings) == ((), ("1 picture(s) were not read; they may hold text",))


def test_a_body_that_is_rich_text_alone_is_said() -> None:
    found = read(compound(outlook({**wide("0037", "主题"), **binary("1009", b"x" * 100)})))
    assert found.warnings == ("the body of the mail is kept as Rich Text alone and was not read; save the mail as eml or PDF",)


def test_streams_that_claim_the_same_bytes_are_refused() -> None:
    raw = bytearray(compound(outlook({f"s{number}": b"x" * 5000 for number in range(40)})))
    first = raw.index("s0".encode("utf-16-le") + bytes(4))
    for number in range(1, 40):
        place = raw.index(f"s{number}".encode("utf-16-le") + bytes(4))
        raw[place + 116 : place + 128] = raw[first + 116 : first + 120] + (150_000).to_bytes(8, "little")
    with pytest.raises(InputError, match="damaged"):
        read(bytes(raw))
