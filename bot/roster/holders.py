"""Who holds a role, and who stands above whom."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain as chained

from bot.db import Tx
from bot.roster.duty import duty_of, people, person, posts, rota, site_of
from bot.roster.posts import EPOCH, Post
from bot.roster.rows import ROLES, UNIT_ROLES, Person, chain

NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Holding:
    """Who answers for a role. `via` says how we came to the owner: "shift", "oncall", "superior",
    "house_supervisor", or "nobody"."""

    owner: Person | None
    backup: Person | None
    via: str


def holders(tx: Tx, role: str, unit: str = "", site: str = "") -> list[Person]:
    """Everybody on shift with the role now, latest start first, then file order; when no shift covers the hour,
    everybody who has the role.

    A unit's role (charge nurse, runner) is looked for in that unit only. For a role of the whole house, those of the
    unit's site, or of `site`, come first.
    """
    on_shift = [post for post in _posts(tx, role, unit, site) if post.kind == "shift"]
    return list(people(tx, [post.person_id for post in on_shift]).values())


def holding(tx: Tx, role: str, unit: str = "", site: str = "", excluding: frozenset[str] = NOBODY) -> Holding:
    """The owner of the role and the backup, passing over the people in `excluding`.

    1. on shift: the first owns, the second is the backup
    2. nobody: on call with the role
    3. nobody: the role's superior, on shift or on call
    4. nobody: the house supervisor, and only then the rest of the chain
    """
    above = chain(role)
    for step in dict.fromkeys([role, *above[:1], "house_supervisor", *above[1:]]):
        in_order = _first_come(_posts(tx, step, unit, site))
        found = _people(tx, in_order, excluding, enough=2)
        if found:
            return Holding(found[0], found[1] if len(found) > 1 else None, _via(role, step, in_order, found[0]))
    return Holding(None, None, "nobody")


def charge(tx: Tx, unit: str) -> Person | None:
    """The charge nurse of the unit, if it has one now."""
    on_shift = (post for post in posts(tx, "unit_charge", unit) if post.kind == "shift")
    return next(iter(_people(tx, on_shift, NOBODY, enough=1)), None)


def superior(
    tx: Tx, subject: Person, unit: str = "", excluding: frozenset[str] = NOBODY, role: str = ""
) -> Person | None:
    """Who is above this person now: the role chain on shift first, then on call, then the HR line if on shift.

    `role` says in which of her roles she is asked about; without it, all of them count, everyday roles first.
    Somebody without a role stands under the charge nurse of `unit`, or of the unit she is in.
    """
    held = duty_of(tx, subject.id)
    where = unit or (held.unit if held else subject.unit)
    line = _line({role} if role else set(held.roles if held else subject.roles))
    passed = excluding | {subject.id}
    present = (post for above in line for post in _posts(tx, above, where, subject.site) if _in_the_house(tx, post))
    others = (post for above in line for post in _first_come(_posts(tx, above, where, subject.site)))
    found = _people(tx, chained(present, others), passed, enough=1)
    return found[0] if found else _hr_line(tx, subject, passed)


def coordinator(tx: Tx, commander_id: str) -> Person | None:
    """Who hears what fits nowhere else: the commander, else the house supervisor."""
    return (person(tx, commander_id) if commander_id else None) or holding(tx, "house_supervisor").owner


def _posts(tx: Tx, role: str, unit: str, site: str) -> list[Post]:
    found = posts(tx, role, unit)
    if unit and role in UNIT_ROLES:
        return found
    near = site or site_of(tx, unit)
    return sorted(found, key=lambda post: post.site != near) if near else found


def _first_come(posts: list[Post]) -> list[Post]:
    """Who is known to be in the house, then who is on call, then who merely has the role."""
    return sorted(posts, key=lambda post: (post.kind == "oncall") + 2 * (post.since == EPOCH))


def _people(tx: Tx, posts: Iterable[Post], passed: frozenset[str], enough: int = 0) -> list[Person]:
    found: dict[str, Person] = {}
    for post in posts:
        if post.person_id in passed or post.person_id in found:
            continue
        if somebody := person(tx, post.person_id):
            found[post.person_id] = somebody
        if enough and len(found) == enough:
            break
    return list(found.values())


def _via(role: str, step: str, posts: list[Post], owner: Person) -> str:
    if step == role:
        return next(post.kind for post in posts if post.person_id == owner.id)
    return "house_supervisor" if step == "house_supervisor" and step not in chain(role)[:1] else "superior"


def _line(roles: set[str]) -> list[str]:
    """The roles above these, nearest first; everyday roles come last in ROLES and are asked first."""
    known = [role for role in reversed(ROLES) if role in roles]
    ranks = [above for role in known for above in chain(role)] if known else ["unit_charge", *chain("unit_charge")]
    return [role for role in dict.fromkeys(ranks) if role not in roles]


def _in_the_house(tx: Tx, post: Post) -> bool:
    return post.kind == "shift" and (post.since != EPOCH or rota(tx) == "none")


def _hr_line(tx: Tx, subject: Person, passed: frozenset[str]) -> Person | None:
    for boss in _bosses(tx, subject):
        held = duty_of(tx, boss.id)
        if held and held.kind == "shift" and boss.id not in passed:
            return boss
    return None


def _bosses(tx: Tx, subject: Person) -> Iterator[Person]:
    """Up the HR line, which may be a circle: it is a file that people keep."""
    met = {subject.id}
    while subject.reports_to not in met and (boss := person(tx, subject.reports_to)):
        met.add(boss.id)
        yield boss
        subject = boss
