"""Corrupt text and bytes: Hypothesis draws each step as a small tuple, and `corrupt` applies the steps in turn."""

import csv
import io

from hypothesis import strategies as st

NASTY = [
    *(
        "",
        " ",
        "nan",
        "NaN",
        "inf",
        "-inf",
        "1e400",
        "-1",
        "0",
        "99",
        "7.0001",
        "1,5",
        "abc",
        "٣",
        "0x10",
        "1_0",
        "TRUE",
    ),
    *('"', 'a"b', "a\nb", "a\r\nb", "a\tb", "a\x00b", "\x00malformed", "\x1b[31mred", "\u202efdp.wav", "\ufeff"),
    *(
        "../outside/secret.wav",
        "../../outside/secret.wav",
        "..",
        ".",
        "./",
        "//",
        "/etc/passwd",
        "C:\\x.wav",
        "..\\x.wav",
    ),
    *("-rf", "--help", "-", " spaced name.wav ", "é.wav", "名前.wav", "😀", "e\u0301.wav"),
    *("$(touch pwned)", "`id`", "; rm x", "'", "';--", "=cmd|' /C calc'!A0", "%s%n", "{0}", "{{x}}", "\\", "*", "~"),
    *("x" * 5000, "9" * 400, "[", "[1 - 2]", "[" + "1" * 3000, "None", "null", "Unknown", "test", "Train", "#row"),
]
CODECS = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "latin-1", "cp1252", "cp500", "utf-7"]
JUNK = [
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\x80",
    b'"',
    b"\n\n",
    b"\r",
    b",",
    b",,,,,,,,,,",
    b"\xed\xa0\x80",
    b"\x1a",
]

place = st.floats(0, 1, exclude_max=True)
cell = st.one_of(st.sampled_from(NASTY), st.text(max_size=12))

table_step = st.one_of(
    st.tuples(
        st.sampled_from(["drop column", "duplicate column", "drop row", "duplicate row", "swap rows"]), place, place
    ),
    st.tuples(st.just("set cell"), place, place, cell),
    st.tuples(st.just("set cell"), place, place, cell),
    st.tuples(st.just("rename column"), place, cell),
    st.tuples(st.just("set column"), place, cell),
    st.tuples(st.just("separator"), st.sampled_from([";", "\t", "|", " ", ", ", ",,"])),
    st.tuples(st.just("add row"), place, st.lists(cell, max_size=12)),
)
byte_step = st.one_of(
    st.tuples(st.just("insert"), place, st.one_of(st.sampled_from(JUNK), st.binary(max_size=4))),
    st.tuples(st.just("delete"), place, st.integers(1, 40)),
    st.tuples(st.just("truncate"), place),
    st.tuples(st.just("flip"), place, st.integers(1, 255)),
    st.tuples(st.just("line ends"), st.sampled_from(["\r\n", "\r", "\n\n", "\u2028"])),
    st.tuples(st.just("encode"), st.sampled_from(CODECS)),
    st.tuples(
        st.just("replace"), st.one_of(st.just(b""), st.just(b"\n"), st.just(b"PK\x03\x04"), st.binary(max_size=60))
    ),
)
line_step = st.one_of(
    st.tuples(st.sampled_from(["drop line", "duplicate line"]), place),
    st.tuples(st.just("add line"), place, cell),
    st.tuples(st.just("corrupt line"), place, place, cell),
)


def corrupt(content, steps):
    """Return the bytes of a file after some steps of corruption."""
    for name, *arguments in steps:
        content = STEPS[name](content, *arguments)
    return content


def _at(share, count):
    return int(share * count)


def _table(change):
    def apply(content, *arguments):
        rows = list(csv.reader(io.StringIO(content.decode("utf-8", "replace").replace("\x00", ""), newline="")))
        if not rows or not any(rows):
            return content
        change(rows, *arguments)
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n", escapechar="\\").writerows(rows)
        return text.getvalue().encode("utf-8", "replace")

    return apply


def _column(change):
    def apply(rows, share, *arguments):
        index = _at(share, max(map(len, rows)))
        for number, row in enumerate(rows):
            if index < len(row):
                change(number, row, index, *arguments)

    return apply


def _set_cell(rows, row, column, value):
    cells = rows[_at(row, len(rows))]
    if cells:
        cells[_at(column, len(cells))] = value


def _rename(number, row, index, value):
    if number == 0:
        row[index] = value


def _set_column(number, row, index, value):
    if number > 0:
        row[index] = value


def _swap(rows, one, other):
    one, other = _at(one, len(rows)), _at(other, len(rows))
    rows[one], rows[other] = rows[other], rows[one]


def _insert(content, share, junk):
    index = _at(share, len(content) + 1)
    return content[:index] + junk + content[index:]


def _delete(content, share, count):
    index = _at(share, len(content) + 1)
    return content[:index] + content[index + count :]


def _flip(content, share, mask):
    index = _at(share, max(1, len(content)))
    return content[:index] + bytes(byte ^ mask for byte in content[index : index + 1]) + content[index + 1 :]


def _lines(change):
    def apply(content, share, *arguments):
        lines = content.decode("utf-8", "replace").split("\n")
        change(lines, _at(share, len(lines)), *arguments)
        return "\n".join(lines).encode("utf-8", "replace")

    return apply


def _corrupt_line(lines, index, share, value):
    cut = _at(share, len(lines[index]) + 1)
    lines[index] = lines[index][:cut] + value + lines[index][cut:]


STEPS = {
    "drop column": _table(_column(lambda number, row, index, _: row.pop(index))),
    "duplicate column": _table(_column(lambda number, row, index, _: row.insert(index, row[index]))),
    "drop row": _table(lambda rows, share, _: rows.pop(_at(share, len(rows)))),
    "duplicate row": _table(lambda rows, one, two: rows.insert(_at(two, len(rows)), rows[_at(one, len(rows))])),
    "swap rows": _table(_swap),
    "set cell": _table(_set_cell),
    "rename column": _table(_column(_rename)),
    "set column": _table(_column(_set_column)),
    "add row": _table(lambda rows, share, row: rows.insert(_at(share, len(rows)), row)),
    "separator": lambda content, separator: content.replace(b",", separator.encode()),
    "insert": _insert,
    "delete": _delete,
    "truncate": lambda content, share: content[: _at(share, len(content))],
    "flip": _flip,
    "line ends": lambda content, end: content.replace(b"\n", end.encode()),
    "encode": lambda content, codec: content.decode("utf-8", "replace").encode(codec, "replace"),
    "replace": lambda content, junk: junk,
    "drop line": _lines(lambda lines, index: lines.pop(index)),
    "duplicate line": _lines(lambda lines, index: lines.insert(index, lines[index])),
    "add line": _lines(lambda lines, index, value: lines.insert(index, value)),
    "corrupt line": _lines(_corrupt_line),
}
