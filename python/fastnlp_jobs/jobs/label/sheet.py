"""A CSV sheet for people who label by hand, and what they filled in."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.llm.answers import AnswerReader
from fastnlp_jobs.llm.schema import LabelField, Value

PREFIX = "gold_"
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")  # a spreadsheet would run such a cell

Gold = dict[str, dict[str, Value]]  # values by field, by id; a field nobody filled in is not there


def write_sheet(path: Path, rows: Iterable[tuple[str, str]], fields: Mapping[str, LabelField]) -> None:
    """Write ids and texts with an empty column per field; with the mark by which Excel knows UTF-8."""
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["id", "text", *(PREFIX + name for name in fields)])
        for id_, text in rows:
            writer.writerow([_harmless(id_), _harmless(text), *[""] * len(fields)])


def read_sheets(path: Path, fields: Mapping[str, LabelField]) -> list[Gold]:
    """What people filled in: a sheet, or a folder with one sheet per person.

    Raises:
        BadInput: no such sheet, or a value that the schema does not allow; names file and row.
    """
    sheets = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    gold = [_read_sheet(sheet, fields) for sheet in sheets]
    if not any(gold):
        raise BadInput(f"gold: {path}: expected CSV sheets with values in their {PREFIX}… columns, found none")
    return gold


def _read_sheet(sheet: Path, fields: Mapping[str, LabelField]) -> Gold:
    try:
        text = sheet.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{sheet}: expected UTF-8, got other bytes at position {error.start}; save it as UTF-8"
        ) from error
    except OSError as error:
        raise BadInput(f"{sheet}: cannot read the sheet ({error.strerror})") from error
    header = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count))
    expected = ["id", *(PREFIX + name for name in fields)]
    missing = [name for name in expected if name not in (reader.fieldnames or [])]
    if missing:
        raise BadInput(f"{sheet}: expected the column `{missing[0]}`, found {', '.join(reader.fieldnames or ['none'])}")
    gold: Gold = {}
    try:
        for cells in reader:
            id_ = _original(cells["id"] or "")
            if id_ in gold:
                raise BadInput(f"{sheet}: line {reader.line_num}: the id {id_!r} stands twice; remove one of the rows")
            gold[id_] = _values(cells, fields, f"{sheet}: line {reader.line_num}")
    except csv.Error as error:
        raise BadInput(f"{sheet}: line {reader.line_num}: no CSV ({error})") from error
    return {id_: values for id_, values in gold.items() if values}


def _values(cells: Mapping[str, str | None], fields: Mapping[str, LabelField], where: str) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, field in fields.items():
        cell = (cells[PREFIX + name] or "").strip()
        if not cell:
            continue
        reading = AnswerReader({name: field}, "").read(json.dumps({name: _original(cell)}), None)
        if reading.values is None:
            raise BadInput(f"{where}: {PREFIX}{name}: {cell!r:.60} is no value of this field ({reading.reason})")
        found |= reading.values
    return found


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _original(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
