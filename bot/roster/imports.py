"""The roster from the hospital's own files: all or nothing, and again and again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlmodel import SQLModel

from bot.db import Tx
from bot.roster.book import Book, Progress, check_book, read_book
from bot.roster.cells import STAFF
from bot.roster.duty import forget
from bot.roster.rows import Partner, Person, Shift, Site, Unit
from bot.roster.sheets import Line, Sheet, Source, read_row

Row = dict[str, Any]


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

    `dry_run` counts and writes nothing. `progress(done, total)` counts rows.
    """
    sources = {"sites": sites, "units": units, "staff": staff, "shifts": shifts, "partners": partners}
    book = read_book(sources, region, progress)
    return _store(tx, book, skip_bad=skip_bad, prune=prune, dry_run=dry_run)


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
    return _store(tx, Book({"staff": Sheet("change", [line])})).complaints


def written_as(person: Person) -> dict[str, str]:
    """The person as a row of staff.csv."""
    return {column: _cell(getattr(person, column)) for column in STAFF}


def replace_rota(tx: Tx, shifts: list[Row]) -> None:
    """Put these shifts in place of all that were imported before."""
    table = SQLModel.metadata.tables["shift"]
    tx.flush()
    tx.connection().execute(delete(table).where(table.c.source == "rota"))
    _insert(tx, Shift, shifts)
    _look_again(tx)


def _store(tx: Tx, book: Book, skip_bad: bool = False, prune: bool = False, dry_run: bool = False) -> Imported:
    people = _stored(tx, Person)
    check_book(tx, book, people)
    done = Imported(warnings=book.said("warnings"), complaints=book.said("complaints"))
    if book.broken or (done.complaints and not skip_bad):
        return done
    rows = [_person_row(tx, line, people.get(line.values["id"])) for line in book.lines("staff")]
    missing = [key for key, row in people.items() if row["active"] and key not in _keys(book, "staff")]
    done.deactivated = len(missing) if prune and "staff" in book.sheets else 0
    done.added = sum(row["id"] not in people for row in rows)
    done.updated = sum(row["id"] in people and _differs(row, people[row["id"]]) for row in rows)
    done.unchanged = len(rows) - done.added - done.updated
    if not dry_run:
        _write(tx, book, rows, missing if done.deactivated else [], prune)
        done.written = True
    return done


def _write(tx: Tx, book: Book, people: list[Row], missing: list[str], prune: bool) -> None:
    _save(tx, Site, _sites(book, _stored(tx, Site)))
    _save(tx, Unit, _units(book, _stored(tx, Unit), people))
    _save(tx, Person, people)
    _save(tx, Person, [{"id": key, "active": False} for key in missing])
    if "partners" in book.sheets:
        _save(tx, Partner, [line.values for line in book.lines("partners")])
        if prune:
            table = SQLModel.metadata.tables["partner"]
            tx.connection().execute(delete(table).where(table.c.id.not_in(_keys(book, "partners"))))
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


def _units(book: Book, known: Mapping[str, Any], people: list[Row]) -> list[Row]:
    """The units of the file, and one for every other unit that somebody works in; a new one stands where they do."""
    listed = [_coded(line.values, "unit") for line in book.lines("units")]
    met = {row["code"] for row in listed} | known.keys()
    listed += [{"code": code, "name": code} for code in book.unit_codes.values() if code not in met]
    worked_at = {row["unit"]: row["site"] for row in reversed(people) if row.get("site")}
    only_site = next(iter(book.site_codes.values())) if len(book.site_codes) == 1 else ""
    return [row if row["code"] in known else {"site": worked_at.get(row["code"], only_site), **row} for row in listed]


def _shift_row(values: Row) -> Row:
    return {"person_id": values["staff_id"], **{name: value for name, value in values.items() if name != "staff_id"}}


def _coded(values: Row, column: str) -> Row:
    return {"code": values[column], **{name: value for name, value in values.items() if name != column}}


def _keys(book: Book, name: str) -> set[str]:
    return set(book.sheets[name].keys) if name in book.sheets else set()


def _stored(tx: Tx, model: type[SQLModel]) -> dict[str, Mapping[str, Any]]:
    """All rows of the table by key, as plain values: ten thousand of them are no burden."""
    tx.flush()
    table = SQLModel.metadata.tables[str(model.__tablename__)]
    key = table.primary_key.columns[0].name
    return {row[key]: dict(row) for row in tx.connection().execute(select(table)).mappings()}


def _save(tx: Tx, model: type[SQLModel], rows: list[Row]) -> None:
    """Insert the rows that are new and update those that changed."""
    table = SQLModel.metadata.tables[str(model.__tablename__)]
    key = table.primary_key.columns[0]
    known = _stored(tx, model)
    _insert(tx, model, [row for row in rows if row[key.name] not in known])
    by_columns: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row[key.name] in known and _differs(row, known[row[key.name]]):
            fresh = {name: value for name, value in row.items() if name != key.name}
            by_columns.setdefault(tuple(fresh), []).append({"its_key": row[key.name], **fresh})
    for columns, changed in by_columns.items():
        change_one = (
            update(table).where(key == bindparam("its_key")).values({name: bindparam(name) for name in columns})
        )
        tx.connection().execute(change_one, changed)


def _insert(tx: Tx, model: type[SQLModel], rows: list[Row]) -> None:
    if rows:
        whole = [model(**row).model_dump() for row in rows]  # Core knows none of the model's defaults
        if "id" in whole[0] and whole[0]["id"] is None:
            whole = [{name: value for name, value in row.items() if name != "id"} for row in whole]
        tx.connection().execute(insert(SQLModel.metadata.tables[str(model.__tablename__)]), whole)


def _differs(row: Row, known: Mapping[str, Any]) -> bool:
    return any(known[name] != value for name, value in row.items())


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
