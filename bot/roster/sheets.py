"""Reading one CSV file: its rows, and every complaint with its line."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.roster.cells import BadCell, Column

Source = str | Path


@dataclass(slots=True)
class Line:
    """One good row: where it stands in its file, and its values."""

    number: int
    values: dict[str, Any]


@dataclass
class Sheet:
    """What one file holds. `broken` means that no row of it can be trusted: no file, no header, a wrong column."""

    name: str
    lines: list[Line] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    keys: dict[str, int] = field(default_factory=dict)  # every key in the file, bad rows too, and its first line
    broken: bool = False

    def complain(self, number: int, sentence: str) -> None:
        self.complaints.append(f"{self.name} line {number}: {sentence}")

    def warn(self, number: int, sentence: str) -> None:
        self.warnings.append(f"{self.name} line {number}: {sentence}")

    def keep(self, refuse: Callable[[Line], str]) -> None:
        """Drop the lines for which `refuse` returns a complaint."""
        kept = []
        for line in self.lines:
            if sentence := refuse(line):
                self.complain(line.number, sentence)
            else:
                kept.append(line)
        self.lines = kept


def read_sheet(
    source: Source, columns: Mapping[str, Column], key: str, region: str, ticked: Callable[[int], None]
) -> Sheet:
    """Read a file whose rows are told apart by `key` (none, when empty). `ticked` hears how many rows are done."""
    sheet = Sheet(Path(source).name)
    try:
        rows = _rows(sheet, Path(source).read_bytes())
        if (first := next(rows, None)) is None:
            return _broken(sheet, f"is empty; it needs a header row: {', '.join(columns)}")
        header = [name.strip().lower() for name in first[1]]
        if sentence := _header_trouble(header, columns):
            return _broken(sheet, sentence)
        for done, (number, cells) in enumerate(rows, start=1):
            _read_line(sheet, number, header, cells, columns, key, region)
            ticked(done)
    except OSError as problem:
        return _broken(sheet, f"cannot be read: {problem.strerror}")
    except csv.Error as problem:
        return _broken(Sheet(sheet.name, warnings=sheet.warnings), f"is not a CSV file: {problem}")
    return sheet


def count_rows(source: Source) -> int:
    """About how many rows the file has, cheaply, for the progress bar."""
    try:
        return max(Path(source).read_bytes().count(b"\n") - 1, 0)
    except OSError:
        return 0


def read_row(cells: Mapping[str, str], columns: Mapping[str, Column], region: str) -> tuple[dict[str, Any], list[str]]:
    """The values of one row, and a complaint for every cell that has none."""
    values: dict[str, Any] = {}
    complaints = []
    for name, raw in cells.items():
        try:
            if columns[name].required and not raw:
                raise BadCell("is missing")
            values[name] = columns[name].read(raw, region)
        except BadCell as problem:
            complaints.append(f"{name} {problem}")
    return values, complaints


def _broken(sheet: Sheet, sentence: str) -> Sheet:
    sheet.complaints.append(f"{sheet.name}: {sentence}")
    sheet.broken = True
    return sheet


def _rows(sheet: Sheet, raw: bytes) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the line on which it begins; empty cells are cut off their ends."""
    reader = csv.reader(io.StringIO(_decoded(sheet, raw), newline=""), strict=True)
    begins = 1
    try:
        for row in reader:
            cells = [_clean(cell) for cell in row]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as problem:
        raise csv.Error(f"line {begins}: {problem}") from problem


def _clean(cell: str) -> str:
    """Without the invisible marks that come along when a number is copied from an address book."""
    return cell.strip() if cell.isprintable() else "".join(c for c in cell if c.isprintable() or c.isspace()).strip()


def _decoded(sheet: Sheet, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:  # what Excel saves as plain "CSV"
        sheet.warnings.append(f"{sheet.name}: is not UTF-8 and was read as Windows-1252; check the accents in names")
        return raw.decode("cp1252", errors="replace")


def _header_trouble(header: list[str], columns: Mapping[str, Column]) -> str:
    known = f"; the columns are {', '.join(columns)}"
    if unknown := [name or "(no name)" for name in header if name not in columns]:
        return f"unknown column {', '.join(unknown)}{known}"
    if twice := sorted({name for name in header if header.count(name) > 1}):
        return f"column {', '.join(twice)} stands there twice"
    if missing := [name for name, column in columns.items() if column.required and name not in header]:
        return f"column {', '.join(missing)} is missing{known}"
    return ""


def _read_line(
    sheet: Sheet, number: int, header: list[str], cells: list[str], columns: Mapping[str, Column], key: str, region: str
) -> None:
    if len(cells) > len(header):
        return sheet.complain(number, f"has {len(cells)} cells, the header has {len(header)}: is a comma unquoted?")
    cells += [""] * (len(header) - len(cells))  # spreadsheets leave empty cells off the end
    values, complaints = read_row(dict(zip(header, cells, strict=True)), columns, region)
    complaints += _seen_before(sheet, number, values.get(key, ""), key)
    for sentence in complaints:
        sheet.complain(number, sentence)
    if not complaints:
        sheet.lines.append(Line(number, values))


def _seen_before(sheet: Sheet, number: int, value: str, key: str) -> list[str]:
    word = value if key == "id" else value.lower()  # units and sites are the same however they are typed
    first = sheet.keys.setdefault(word, number) if word else number
    return [] if first == number else [f"{key} {value} stands already in line {first}"]
