"""Grammars of hostile text: cells, tables, JSON, YAML and words of a command line."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Sequence
from typing import Any

from mutators import Rng, spoilt

CELLS = (
    "", "n/a", "NaN", "nan", "inf", "-inf", "1e999", "-1e308", "9" * 400, "0x1F", "1_000", "1,5",
    "1.234,5", "1,234", "٣٤", "½", "1e-320", "-0", "+5", "1e3", "010", "TRUE", "null", "None",
    "#N/A",
    "=1+1", "@SUM(A1)", "<script>alert(1)</script>", "&amp;", "\"", "'", "\"\"", "a\"b", "\"a",
    "a\"",
    "../../../etc/passwd", "C:\\x", "sub-01", "sub-", "sub- 01", "e\u0301", "\u202egpj", "\ufeff",
    "\u200b", "\x1b[31mred\x1b[0m", "\x07", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029",
    "x" * 3000, "😀", "\U0010ffff", "ß", "İ", "M", "F", "1", "2", "P", "C", "male", "-9", "999",
    "45.5",
    "%s%n", "{label}", "${oc.env:HOME}", "{0}", "\\", "\\n", "|", "a b", " lead", "trail ", "\xa0",
)  # fmt: skip
LONG = 200_000


def pick(rng: Rng, among: Sequence[Any]) -> Any:
    return among[int(rng.integers(len(among)))]


def cell(rng: Rng) -> str:
    """Return a hostile cell; now and then a very long one."""
    if rng.random() < 0.01:
        return "y" * LONG
    return str(pick(rng, CELLS))


Table = list[list[str]]


def changed_table(rows: Table, rng: Rng) -> Table:
    """Change a table in one to five places; the first row is its header."""
    rows = [list(row) for row in rows]
    for _ in range(int(rng.integers(1, 6))):
        rows = CHANGES[int(rng.integers(len(CHANGES)))](rows, int(rng.integers(len(rows))), rng)
    if rng.random() < 0.01:
        rows = [row + [f"{k}.{j}" for j in range(5_000)] for k, row in enumerate(rows)]
    return rows


def _other_cell(rows: Table, k: int, rng: Rng) -> Table:
    if rows[k]:
        rows[k][int(rng.integers(len(rows[k])))] = cell(rng)
    return rows


def _other_name(rows: Table, k: int, rng: Rng) -> Table:
    rows[0][int(rng.integers(len(rows[0])))] = cell(rng) or "x"
    return rows


def _column_twice(rows: Table, k: int, rng: Rng) -> Table:
    head = [*rows[0], str(pick(rng, rows[0]))]
    return [head, *([*row, cell(rng)] for row in rows[1:])]


def _short_row(rows: Table, k: int, rng: Rng) -> Table:
    rows[k] = rows[k][: int(rng.integers(len(rows[k]) + 1))] or [""]
    return rows


def _row_twice(rows: Table, k: int, rng: Rng) -> Table:
    return [*rows[:k], list(pick(rng, rows)), *rows[k:]]


def _long_row(rows: Table, k: int, rng: Rng) -> Table:
    rows[k].append(cell(rng))
    return rows


def _without_column(rows: Table, k: int, rng: Rng) -> Table:
    column = int(rng.integers(len(rows[0])))
    return [row[:column] + row[column + 1 :] or [""] for row in rows]


def _without_row(rows: Table, k: int, rng: Rng) -> Table:
    return [*rows[:k], *rows[k + 1 :]] if len(rows) > 2 else rows


CHANGES: tuple[Callable[[Table, int, Rng], Table], ...] = (
    *(_other_cell,) * 5,
    *(_other_name, _column_twice, _short_row, _row_twice, _long_row),
    *(_without_column, _without_row),
)


def written(rows: Table, rng: Rng, separator: str = "\t", quoted: bool = False) -> bytes:
    """Write a table as some program does."""
    end = str(pick(rng, ("\n", "\r\n", "\r", "\n", "\n")))
    quote = quoted or rng.random() < 0.2
    lines = [separator.join(f'"{own}"' if quote else own for own in row) for row in rows]
    return encoded(end.join(lines) + end * int(rng.integers(0, 4)), rng)


def encoded(text: str, rng: Rng) -> bytes:
    how = int(rng.integers(12))
    if how == 0:
        return codecs.BOM_UTF8 + text.encode("utf-8", "surrogatepass")
    if how == 1:
        return codecs.BOM_UTF16_LE + text.encode("utf-16-le", "surrogatepass")
    if how == 2:
        return codecs.BOM_UTF16_BE + text.encode("utf-16-be", "surrogatepass")
    if how == 3:
        return text.encode("latin-1", "replace")
    if how == 4:
        return spoilt(text.encode("utf-8", "surrogatepass"), rng)
    return text.encode("utf-8", "surrogatepass")


def sound_table(rows: Table, rng: Rng, separator: str = "\t") -> bytes:
    """Write a table differently, so that it holds the same."""
    end = str(pick(rng, ("\n", "\r\n", "\r")))
    quote = rng.random() < 0.5
    lines = [separator.join(f'"{own}"' if quote else own for own in row) for row in rows]
    if separator == "\t" and rng.random() < 0.3:
        lines = [line + "\t" * int(rng.integers(1, 4)) for line in lines]
    text = end.join(lines) + end * int(rng.integers(0, 4))
    marks = (b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    mark = marks[rng.integers(4)]
    kinds = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
    return mark + text.encode(kinds.get(mark, "utf-8"))


JSON_TEXTS = (
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 6000, "1E400", "-0", "01", "0x10",
    '"\\ud800"', '"\\u0000"', '"\\u202e"', '"\\u001b[31m"', '"\\u2028"', '"<script>"', "null",
    "true", "false", "[]", "{}", '""', '"a\\nb"', "[[[]]]", '{"": {"": []}}', "1e-400", "[1,2",
    '"x', "'x'", "//", "{,}", "[1,]", '{"a":1,"a":2}', '"' + "z" * 5000 + '"',
    "12345678901234567890",
    '["a","b"]', "[null]", '[{"CodeMeaning": 3}]', "0.005", "-3", '"GR\\\\IR"', '{"Levels": 3}',
)  # fmt: skip


def json_text(tree: Any, rng: Rng) -> bytes:
    """Return a JSON document with one to four values in place of what it holds."""
    marks = []
    for k in range(int(rng.integers(1, 5))):
        mark = f"@@{k}@@"
        tree = _marked(tree, mark, rng)
        marks.append(mark)
    text = json.dumps(tree)
    for mark in marks:
        text = text.replace(f'"{mark}"', str(pick(rng, JSON_TEXTS)))
    how = int(rng.integers(14))
    if how == 0:
        depth = int(pick(rng, (50, 2000, 100_000)))
        text = "[" * depth + ("]" * depth if rng.random() < 0.5 else "")
    elif how == 1:
        depth = int(pick(rng, (50, 2000, 100_000)))
        text = '{"a":' * depth + "1" + "}" * depth
    elif how == 2:
        text = str(pick(rng, JSON_TEXTS))
    elif how == 3:
        return spoilt(text.encode(), rng)
    elif how == 4:
        text = f"[{text}]" if rng.random() < 0.5 else text + text
    return encoded(text, rng)


def _marked(tree: Any, mark: str, rng: Rng) -> Any:
    """Put a mark in place of some value, at some depth; or under a new name."""
    if isinstance(tree, dict) and tree:
        name = str(pick(rng, list(tree)))
        if rng.random() < 0.15:
            return tree | {cell(rng)[:50]: mark}
        inner = isinstance(tree[name], dict | list) and rng.random() < 0.7
        return tree | {name: _marked(tree[name], mark, rng) if inner else mark}
    if isinstance(tree, list) and tree:
        k = int(rng.integers(len(tree)))
        inner = isinstance(tree[k], dict | list) and rng.random() < 0.7
        return [*tree[:k], _marked(tree[k], mark, rng) if inner else mark, *tree[k + 1 :]]
    return mark


YAML_VALUES = (
    "", "~", "null", "true", "no", "1", "-1", "0", "1e9", "1e999", ".nan", ".inf", "0o17", "010",
    "1_000", "12:30:45", "2001-01-01", "[]", "{}", "[1, [2, [3]]]", "{a: {b: {c: d}}}", '"x', "'x",
    "!!python/object/apply:os.system [id]", "!!binary aGk=", "!!set {a, b}", "!!int x", "!foo bar",
    "*unknown", "&a [*a]", "${oc.env:HOME}", "${oc.env:NOT_THERE_AT_ALL}", "${name}", "${", "???",
    "${oc.decode:'[1'}", "${.name}", "${cohort.name}", "${now:%Y}", "${a.b.c}", "| \n  text",
    "> \n  text", "@x", "`x", "%x", "- a", "a: b: c", "\t", "\"\\x1b[31m\"", "\"\\u202e\"", '"\\0"',
    "'" + "k" * 3000 + "'", "P", "C", "[pat, hc]", "[hc]", "[pat, pat]", "{test: paired}",
    "{test: nonsense}", "{formula: 'age + sex'}", "{formula: '" + "(" * 300 + "'}",
    "{formula: '__import__(\"os\").system(\"id\")'}", "{formula: 'C(age) : sex ** 99'}",
    "[age, sex, age]", "[../../x]", "sub-01", "\"a\\nb\"", "<script>", "[0" + ", 0" * 3000 + "]",
)  # fmt: skip
BOMB = "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


def yaml_text(base: str, rng: Rng) -> bytes:
    """Return a YAML document with lines changed, added or lost."""
    lines = base.strip("\n").split("\n")
    for _ in range(int(rng.integers(1, 4))):
        how, k = int(rng.integers(8)), int(rng.integers(len(lines)))
        key, colon, _ = lines[k].partition(":")
        if how < 4 and colon:
            lines[k] = f"{key}: {pick(rng, YAML_VALUES)}"
        elif how == 4:
            lines.insert(k, f"{pick(rng, ('extra', 'name', 'defaults', '<<', '?', '1', 'null'))}: "
                            f"{pick(rng, YAML_VALUES)}")  # fmt: skip
        elif how == 5:
            lines[k] = pick(rng, ("\t", " ", "  ", "- ", "# ")) + lines[k]
        elif how == 6 and len(lines) > 1:
            del lines[k]
        else:
            lines.append(pick(rng, ("---", "...", "%YAML 1.2", "- x", "}", lines[k])))
    text = "\n".join(lines) + "\n"
    how = int(rng.integers(25))
    if how == 0:
        text += 'a: &a ["x","x","x","x","x","x","x","x","x"]\n' + BOMB
    elif how == 1:
        text += "deep: " + "[" * int(pick(rng, (40, 900, 20_000))) + "\n"
    elif how == 2:
        text += "deep: " + "{a: " * 3000 + "1" + "}" * 3000 + "\n"
    elif how == 3:
        return spoilt(text.encode(), rng)
    return encoded(text, rng)


VALUES = (
    "", "x", "0", "-1", "1e9", "1e999", "nan", "inf", "null", "true", "[]", "[a", "{a", "(", "'",
    '"',
    "[1,2,3]", "{a:1}", "a,b", "1,2", "${oc.env:HOME}", "${x}", "${", "\\", "a=b", "a b", "\n",
    "\t",
    "\x1b[31m", "\u202e", "\x00", "../../..", "/etc/passwd", "~", "~root/x", "file:///etc/passwd",
    "s3://bucket/x", "http://127.0.0.1:1/x", "gs://x", "é", "😀", "x" * 5000, "9" * 400, "10",
    "6,8",
    "range(1,3)", "choice(a,b)", "glob(*)", "[[[[[[]]]]]]", "{" * 200, "[" * 3000, "<script>",
    "%", "*",
    "@x", "!x", "$(id)", "`id`", ";id", "|id", "&&id", "-", "--", "sub-01", "[sub-01,sub-02]",
    "\udcff",
)  # fmt: skip
OPTIONS = (
    "-m", "-h", "--help", "--config-dir", "--multirun", "--version", "--nonsense", "-x", "init",
    "lake=status", "lake=verify", "lake=gc", "lake=publish", "lake=", "lake=nonsense", "to=x",
    "completion=bash", "completion=nonsense", "participant", "group", "check=true", "dry_run=true",
    "--", "-", "", "~cohort", "+cohort", "+cohort=", "cohort=psp", "+cohort=nobody", "hydra.mode=x",
    "hydra/launcher=x", "hydra.searchpath=[x]", "+a.b.c=1", "++x=1", "~source", "source=nobody",
)  # fmt: skip


def command_words(keys: Sequence[str], base: Sequence[str], rng: Rng) -> list[str]:
    """Return a command line: a sound one with hostile words added, changed or lost."""
    words = list(base)
    for _ in range(int(rng.integers(1, 4))):
        how = int(rng.integers(10))
        if how < 6:
            sign = str(pick(rng, ("", "", "", "+", "++", "~")))
            words.append(f"{sign}{pick(rng, keys)}={pick(rng, VALUES)}")
        elif how == 6:
            words.insert(int(rng.integers(len(words) + 1)), str(pick(rng, OPTIONS)))
        elif how == 7 and words:
            del words[int(rng.integers(len(words)))]
        elif how == 8:
            words.append(str(pick(rng, VALUES)))
        elif words:
            k = int(rng.integers(len(words)))
            words[k] = words[k].partition("=")[0] + "=" + str(pick(rng, VALUES))
    return [word.replace("\0", "\\0") for word in words]
