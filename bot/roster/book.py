"""All files of one import together, and what no row can know by itself: who exists, and who shares what."""

import re
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field

from sqlmodel import select

from bot.db import Tx
from bot.roster.cells import PARTNERS, SHIFTS, SITES, STAFF, UNITS
from bot.roster.rows import Site, Unit
from bot.roster.sheets import Line, Sheet, Source, count_rows, read_sheet

Progress = Callable[[int, int], None]

EVERY = 100  # rows between two calls of `progress`
FILES = {
    "sites": (SITES, "site"),
    "units": (UNITS, "unit"),
    "staff": (STAFF, "id"),
    "shifts": (SHIFTS, ""),
    "partners": (PARTNERS, "id"),
}
TEXTED = re.compile(r"[\w/-]{1,16}")
ADDRESSES = ("mobile", "mobile2", "landline", "slack_id")


@dataclass
class Book:
    """The sheets that were given, and how units and sites are spelled: lower case to the first spelling seen."""

    sheets: dict[str, Sheet] = field(default_factory=dict)
    unit_codes: dict[str, str] = field(default_factory=dict)
    site_codes: dict[str, str] = field(default_factory=dict)

    def lines(self, name: str) -> list[Line]:
        return self.sheets[name].lines if name in self.sheets else []

    def said(self, what: str) -> list[str]:
        return [sentence for sheet in self.sheets.values() for sentence in getattr(sheet, what)]

    @property
    def broken(self) -> bool:
        return any(sheet.broken for sheet in self.sheets.values())


def read_book(sources: Mapping[str, Source | None], region: str, progress: Progress | None) -> Book:
    """Read every file that was given."""
    given = {name: source for name, source in sources.items() if source is not None}
    total = sum(count_rows(source) for source in given.values())
    book, before = Book(), 0
    for name, source in given.items():
        columns, key = FILES[name]
        book.sheets[name] = read_sheet(source, columns, key, region, _ticker(progress, before, total))
        before += count_rows(source)
    if progress:
        progress(total, total)
    for line in book.lines("staff"):
        line.values |= {"place": line.number, "active": True}
    return book


def check_book(tx: Tx, book: Book, people: Set[str], reachable: Set[str]) -> None:
    """Add the complaints and warnings that need more than one row; `people` are those known so far, `reachable` those
    of them who have an address that the file says nothing of."""
    _spell(tx, book)
    if staff := book.sheets.get("staff"):
        staff.keep(lambda line: _boss_trouble(line, staff, people))
        for line in staff.lines:
            _warn_about(line, staff, reachable)
        staff.warnings += _shared(staff.lines, ("mobile", "mobile2"), "an answer from it counts for all of them")
        staff.warnings += _shared(staff.lines, ("slack_id",), "only the first of them is meant by it")
    if shifts := book.sheets.get("shifts"):
        known = people | {line.values["id"] for line in book.lines("staff")}
        shifts.keep(lambda line: _shift_trouble(line, known))
        if not shifts.lines and not shifts.complaints:
            shifts.warnings.append(f"{shifts.name}: has no rows, so everybody counts as on shift")
    _warn_about_units(book)


def _ticker(progress: Progress | None, before: int, total: int) -> Callable[[int], None]:
    def ticked(done: int) -> None:
        if progress and done % EVERY == 0:
            progress(min(before + done, total), total)

    return ticked


def _spell(tx: Tx, book: Book) -> None:
    """One spelling for each unit and site, whatever the files make of capitals: the first one seen stays."""
    book.unit_codes = {code.lower(): code for code in tx.exec(select(Unit.code))}
    book.site_codes = {code.lower(): code for code in tx.exec(select(Site.code))}
    for name in ("sites", "units", "staff", "shifts"):
        for line in book.lines(name):
            for column, codes in (("unit", book.unit_codes), ("site", book.site_codes)):
                if code := line.values.get(column):
                    line.values[column] = codes.setdefault(code.lower(), code)


def _boss_trouble(line: Line, staff: Sheet, people: Set[str]) -> str:
    boss = line.values.get("reports_to")
    if not boss or boss in staff.keys or boss in people:
        return ""
    return f"reports_to {boss} is nobody's id"


def _warn_about(line: Line, staff: Sheet, reachable: Set[str]) -> None:
    person = line.values
    if person["id"] not in reachable and not any(person.get(address) for address in ADDRESSES):
        staff.warn(line.number, f"{person['name']} has no address and will stand on the unreached list")
    if person.get("reports_to") == person["id"]:
        staff.warn(line.number, f"{person['name']} reports to nobody else; the line ends there")


def _shared(lines: Iterable[Line], columns: tuple[str, ...], so: str) -> list[str]:
    owners: dict[str, list[str]] = {}
    for line in lines:
        for address in {line.values.get(column, "") for column in columns} - {""}:
            owners.setdefault(address, []).append(f"{line.values['id']} (line {line.number})")
    return [f"{address} belongs to {', '.join(ids)}: {so}" for address, ids in owners.items() if len(ids) > 1]


def _shift_trouble(line: Line, known: Set[str]) -> str:
    if line.values["staff_id"] not in known:
        return f"staff_id {line.values['staff_id']} is nobody's id"
    if line.values["ends_at"] <= line.values["starts_at"]:
        return "ends_at is not after starts_at"
    return ""


def _warn_about_units(book: Book) -> None:
    if not (sheet := book.sheets.get("units") or book.sheets.get("staff")):
        return
    for code in book.unit_codes.values():
        if not TEXTED.fullmatch(code):
            sheet.warnings.append(f"unit {code} cannot be texted, as in HERE 5W: a short code is one word")
