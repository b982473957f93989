"""People, units, sites, roles, shifts, partners: who is on duty, who is told, who stands above whom."""

from bot.roster.audiences import (
    affected_units,
    by_phone,
    by_slack,
    everyone,
    named,
    opt_in,
    opt_out,
    permitted,
    told_at,
)
from bot.roster.duty import EPOCH, Duty, covered, duty, forget, on_shift, person, site
from bot.roster.holders import Holding, charge, coordinator, holders, holding, superior
from bot.roster.imports import Imported, change, import_files, written_as
from bot.roster.rows import PERMISSIONS, ROLES, UNIT_ROLES, Partner, Person, Role, Shift, Site, Unit, chain, may
from bot.roster.said import find_unit, take_duty
from bot.roster.sample import lay_rota, load_sample

__all__ = [
    "EPOCH",
    "PERMISSIONS",
    "ROLES",
    "UNIT_ROLES",
    "Duty",
    "Holding",
    "Imported",
    "Partner",
    "Person",
    "Role",
    "Shift",
    "Site",
    "Unit",
    "affected_units",
    "by_phone",
    "by_slack",
    "chain",
    "change",
    "charge",
    "coordinator",
    "covered",
    "duty",
    "everyone",
    "find_unit",
    "forget",
    "holders",
    "holding",
    "import_files",
    "lay_rota",
    "load_sample",
    "may",
    "named",
    "on_shift",
    "opt_in",
    "opt_out",
    "permitted",
    "person",
    "site",
    "superior",
    "take_duty",
    "told_at",
    "written_as",
]
