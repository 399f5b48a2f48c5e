"""A CSV sheet for people who label by hand, and what they filled in."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.llm.answers import AnswerReader
from fastnlp_jobs.llm.schema import Choice, Choices, LabelField, Number, Value

PREFIX = "gold_"
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")  # a spreadsheet would run such a cell
_NUMBER = re.compile(r"[\d.,:/eE+-]+")  # or a date; it would come back as another id, 1.23457E+15
_CELL_CHARACTERS = 32_000  # of a text; more do not fit into a cell of Excel and run over into the next rows

Gold = dict[str, dict[str, Value]]  # values by field, by id; a field nobody filled in is not there


def write_sheet(path: Path, rows: Iterable[tuple[str, str]], fields: Mapping[str, LabelField]) -> None:
    """Write ids and texts with an empty column per field; with the mark by which Excel knows UTF-8."""
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["id", "text", *(PREFIX + name for name in fields)])
        for id_, text in rows:
            writer.writerow([_harmless(id_), _harmless(text[:_CELL_CHARACTERS]), *[""] * len(fields)])


def read_sheets(path: Path, fields: Mapping[str, LabelField]) -> list[Gold]:
    """What people filled in: a sheet, or a folder with one sheet per person.

    Raises:
        BadInput: no such sheet, or a value that the schema does not allow; names file and row.
    """
    sheets = sorted(filter(_is_sheet, path.iterdir())) if path.is_dir() else [path]
    gold = [_read_sheet(sheet, fields) for sheet in sheets]
    if not any(gold):
        raise BadInput(f"gold: {path}: expected CSV sheets with values in their {PREFIX}… columns, found none")
    return gold


def _is_sheet(file: Path) -> bool:
    return file.suffix.lower() == ".csv" and not file.name.startswith(".")  # ._ann.csv is what a Mac leaves beside it


def _read_sheet(sheet: Path, fields: Mapping[str, LabelField]) -> Gold:
    try:
        with sheet.open(encoding="utf-8-sig", newline="") as handle:
            text = handle.read()
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{sheet}: expected UTF-8, got other bytes at position {error.start}; save it as CSV UTF-8"
        ) from error
    except OSError as error:
        raise BadInput(f"{sheet}: cannot read the sheet ({error.strerror})") from error
    header = text.partition("\n")[0]
    reader = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count), restval="", strict=True
    )
    gold: Gold = {}
    try:
        reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or []]
        present = _present(sheet, reader.fieldnames, fields)
        for number, cells in enumerate(reader, 2):
            id_ = _original(cells["id"])
            where = f"{sheet}: row {number}, id {id_!r:.60}"
            values = _values(cells, present, where)
            if id_ in gold:
                raise BadInput(f"{where}: the id stands twice; remove one of the rows")
            if id_:
                gold[id_] = values
            elif values:
                raise BadInput(f"{where}: expected the id of the text, found none; take it from the sheet as written")
    except csv.Error as error:
        raise BadInput(f"{sheet}: line {reader.line_num}: no CSV ({error}); save it as CSV UTF-8") from error
    return {id_: values for id_, values in gold.items() if values}


def _present(sheet: Path, header: Sequence[str], fields: Mapping[str, LabelField]) -> dict[str, LabelField]:
    """The fields that the sheet has a column for: one sheet may serve runs that ask for more, and for less."""
    found = {name: field for name, field in fields.items() if PREFIX + name in header}
    if "id" not in header or not found:
        wanted = " or ".join(PREFIX + name for name in fields) if "id" in header else "id"
        raise BadInput(f"{sheet}: expected the column {wanted}, found {', '.join(header) or 'none'}")
    double = [name for name, times in Counter(header).items() if times > 1 and name.startswith(PREFIX)]
    if double:
        raise BadInput(f"{sheet}: the column {double[0]} stands twice; give each person a sheet of their own")
    return found


def _values(cells: Mapping[str, str], fields: Mapping[str, LabelField], where: str) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, field in fields.items():
        cell = cells[PREFIX + name].strip()
        if not cell:
            continue
        reading = AnswerReader({name: field}, "").read(json.dumps({name: _original(cell)}), None)
        if reading.values is None:
            raise BadInput(f"{where}: {PREFIX}{name}: expected {_expected(field)}, got {cell!r:.60}")
        found |= reading.values
    return found


def _expected(field: LabelField) -> str:
    if isinstance(field, Number):
        return f"a number from {field.min} to {field.max}"
    if isinstance(field, Choices):
        return f"one or more of {', '.join(field.options):.200}, with commas between"
    if isinstance(field, Choice) and field.options is not None:
        return f"one of {', '.join(field.options):.200}"
    return f"at most {field.max_characters} characters"


def _harmless(cell: str) -> str:
    return f"'{cell}" if _would_change(cell) else cell


def _original(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _would_change(cell[1:]) else cell


def _would_change(cell: str) -> bool:
    shown = cell.lstrip("'")  # so that one that begins with the mark comes back with it
    return shown.startswith(_FORMULA) or _NUMBER.fullmatch(shown) is not None
