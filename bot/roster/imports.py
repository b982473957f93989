"""The roster from the hospital's own files: all or nothing, and again and again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, false, or_, select, update
from sqlmodel import SQLModel

from bot.db import Tx, count
from bot.roster.book import ADDRESSES, Book, Progress, check_book, read_book
from bot.roster.cells import STAFF
from bot.roster.duty import forget
from bot.roster.rows import Leave, Partner, Person, Shift, Site, Unit
from bot.roster.sheets import Line, Sheet, Source, read_row
from bot.roster.tables import AT_ONCE, Row, differs, insert_rows, save, stored, update_rows

PERSON = Person.__table__  # type: ignore[attr-defined]


@dataclass
class Imported:
    """What an import did, counting people; `written` is False when it was refused or only tried."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    deactivated: int = 0
    warnings: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    written: bool = False


def import_files(
    tx: Tx,
    staff: Source | None,
    units: Source | None = None,
    sites: Source | None = None,
    shifts: Source | None = None,
    partners: Source | None = None,
    *,
    region: str = "US",
    skip_bad: bool = False,
    prune: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Imported:
    """Import the CSV files whose paths are given.

    1. A file that cannot be read, or whose header is wrong, refuses the import.
    2. So does any bad row, unless `skip_bad`; every complaint names file and line.
    3. People are brought up to date by id; a column that the file does not have stays as it is.
    4. `prune` deactivates people, and removes partners, that their file no longer has.
    5. The shifts replace all shifts that were imported before; what people said themselves stays.

    `dry_run` counts and writes nothing. `progress(done, total)` counts rows. It reads the files in the transaction; who
    must not hold others up meanwhile reads them before, by `read_files`, and does the rest by `import_book`.
    """
    book = read_files(staff, units, sites, shifts, partners, region=region, progress=progress)
    return import_book(tx, book, skip_bad=skip_bad, prune=prune, dry_run=dry_run)


def read_files(
    staff: Source | None,
    units: Source | None = None,
    sites: Source | None = None,
    shifts: Source | None = None,
    partners: Source | None = None,
    *,
    region: str = "US",
    progress: Progress | None = None,
) -> Book:
    """Read the files of an import, without any database: of a hundred thousand people that is most of the work."""
    sources = {"sites": sites, "units": units, "staff": staff, "shifts": shifts, "partners": partners}
    return read_book(sources, region, progress)


def change(tx: Tx, person_id: str, changes: Mapping[str, str], region: str = "US") -> list[str]:
    """Change columns of one person, written as in staff.csv. Returns the complaints; with any, nothing was changed."""
    known = tx.get(Person, person_id)
    if known is None:
        return [f"{person_id} is nobody's id"]
    if unknown := [name for name in changes if name not in STAFF or name == "id"]:
        return [f"{', '.join(unknown)} cannot be set; the columns are {', '.join(list(STAFF)[1:])}"]
    values, complaints = read_row(changes, STAFF, region)
    if complaints:
        return complaints
    line = Line(1, {"id": known.id, "name": known.name, "unit": known.unit, **values})
    return import_book(tx, Book({"staff": Sheet("change", [line])})).complaints


def written_as(person: Person) -> dict[str, str]:
    """The person as a row of staff.csv."""
    return {column: _cell(getattr(person, column)) for column in STAFF}


def replace_rota(tx: Tx, shifts: list[Row], calendar: str = "") -> None:
    """Put these shifts in place of all that were imported before; of a role's calendar, of all that stood in that."""
    shift, leave = (SQLModel.metadata.tables[name] for name in ("shift", "leave"))
    tx.flush()
    tx.connection().execute(delete(shift).where(shift.c.source == "rota", shift.c.calendar == calendar))
    insert_rows(tx, Shift, [row for row in shifts if row.get("kind") != "leave"])
    if not calendar:
        times = ("person_id", "starts_at", "ends_at")
        tx.connection().execute(delete(leave))
        insert_rows(tx, Leave, [{name: row[name] for name in times} for row in shifts if row.get("kind") == "leave"])
    _look_again(tx)


def import_book(tx: Tx, book: Book, *, skip_bad: bool = False, prune: bool = False, dry_run: bool = False) -> Imported:
    """Check what was read against what is known, and write it (see `import_files`)."""
    tx.flush()
    active = {person.id: person.active for person in tx.connection().execute(select(PERSON.c.id, PERSON.c.active))}
    check_book(tx, book, active.keys(), _reachable(tx, book))
    done = Imported(warnings=book.said("warnings"), complaints=book.said("complaints"))
    if book.broken or (done.complaints and not skip_bad):
        return done
    listed = book.sheets["staff"].keys if "staff" in book.sheets else {}
    missing = [key for key, is_active in active.items() if is_active and key not in listed] if prune and listed else []
    if not dry_run:
        _write_places(tx, book)
    for start in range(0, len(book.lines("staff")), AT_ONCE):
        _bring_up_to_date(tx, book.lines("staff")[start : start + AT_ONCE], done, dry_run)
    done.deactivated = len(missing)
    if not dry_run:
        _write_others(tx, book, missing, prune)
        count(tx, "person", "shift")  # somebody may declare the minute after
        done.written = True
    return done


def _reachable(tx: Tx, book: Book) -> set[str]:
    """The people who are known to have an address in a column that the file says nothing of."""
    lines = book.lines("staff")
    unsaid = [PERSON.c[name] for name in ADDRESSES if lines and name not in lines[0].values]
    known = select(PERSON.c.id).where(or_(false(), *(column != "" for column in unsaid)))
    return set(tx.connection().execute(known).scalars()) if unsaid else set()


def _bring_up_to_date(tx: Tx, lines: list[Line], done: Imported, dry_run: bool) -> None:
    """Insert the people who are new and update those who changed, counting them."""
    theirs = select(PERSON).where(PERSON.c.id.in_([line.values["id"] for line in lines]))
    known = {row["id"]: dict(row) for row in tx.connection().execute(theirs).mappings()}
    rows = [_person_row(tx, line, known.get(line.values["id"])) for line in lines]
    new = [row for row in rows if row["id"] not in known]
    changed = [row for row in rows if row["id"] in known and differs(row, known[row["id"]])]
    done.added, done.updated = done.added + len(new), done.updated + len(changed)
    done.unchanged += len(rows) - len(new) - len(changed)
    if not dry_run:
        insert_rows(tx, Person, new)
        update_rows(tx, Person, changed)


def _write_places(tx: Tx, book: Book) -> None:
    save(tx, Site, _sites(book, stored(tx, Site)))
    save(tx, Unit, _units(book, stored(tx, Unit)))


def _write_others(tx: Tx, book: Book, missing: list[str], prune: bool) -> None:
    for start in range(0, len(missing), AT_ONCE):
        gone = update(PERSON).where(PERSON.c.id.in_(missing[start : start + AT_ONCE]))
        tx.connection().execute(gone.values(active=False))
    if "partners" in book.sheets:
        save(tx, Partner, [line.values for line in book.lines("partners")])
        if prune:
            table = SQLModel.metadata.tables["partner"]
            tx.connection().execute(delete(table).where(table.c.id.not_in(list(book.sheets["partners"].keys))))
    if "shifts" in book.sheets:
        replace_rota(tx, [_shift_row(line.values) for line in book.lines("shifts")])
    _look_again(tx)


def _person_row(tx: Tx, line: Line, known: Mapping[str, Any] | None) -> Row:
    row = dict(line.values)
    if known is None or "language" in row:
        row["language"] = row.get("language") or tx.settings.default_language
    if known and known["opted_out_at"] and (row.get("consent_at") or known["opted_out_at"]) > known["opted_out_at"]:
        row["opted_out_at"] = None  # asked again since, and agreed
    return row


def _sites(book: Book, known: Mapping[str, Any]) -> list[Row]:
    """The sites of the file, and one for every other site that is named."""
    listed = [_coded(line.values, "site") for line in book.lines("sites")]
    met = {row["code"] for row in listed} | known.keys()
    return listed + [{"code": code, "name": code} for code in book.site_codes.values() if code not in met]


def _units(book: Book, known: Mapping[str, Any]) -> list[Row]:
    """The units of the file, and one for every other unit that somebody works in; a new one stands where they do."""
    listed = [_coded(line.values, "unit") for line in book.lines("units")]
    met = {row["code"] for row in listed} | known.keys()
    listed += [{"code": code, "name": code} for code in book.unit_codes.values() if code not in met]
    people = (line.values for line in reversed(book.lines("staff")))
    worked_at = {values["unit"]: values["site"] for values in people if values.get("site")}
    only_site = next(iter(book.site_codes.values())) if len(book.site_codes) == 1 else ""
    return [row if row["code"] in known else {"site": worked_at.get(row["code"], only_site), **row} for row in listed]


def _shift_row(values: Row) -> Row:
    return {"person_id": values["staff_id"], **{name: value for name, value in values.items() if name != "staff_id"}}


def _coded(values: Row, column: str) -> Row:
    return {"code": values[column], **{name: value for name, value in values.items() if name != column}}


def _look_again(tx: Tx) -> None:
    """Objects and pictures that were loaded before are old now."""
    tx.expire_all()
    forget(tx)


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return ";".join(value)
    return "yes" if value is True else str(value or "")
