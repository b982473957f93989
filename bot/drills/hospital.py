"""A made-up hospital of any size: units, people in every role, phones of numbers that belong to nobody."""

from dataclasses import dataclass
from datetime import timedelta
from random import Random

from sqlmodel import col, select

from bot import roster
from bot.db import Tx
from bot.roster import ROLES, UNIT_ROLES, Person, Shift, Site, Unit
from bot.simulator import Simulator
from bot.simulator.staff import Staff, Temperament, deal

#: Area codes; with 555-01xx behind them a hundred numbers each
AREAS = """
    201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 239 240 248 251 252 253
    254 256 260 262 267 269 270 272 276 281 301 302 303 304 305 307 308 309 310 312 313 314 315 316 317 318 319 320 321
    323 325 330 331 334 336 337 339 346 347 351 352 360 361 364 380 385 386 401 402 404 405 406 407 408 409 410 412 413
    414 415 417 419 423 424 425 430 432 434 435 440 442 443 458 463 469 470 475 478 479 480 484 501 502 503 504 505 507
""".split()
MOST = 100 * len(AREAS) * 3 // 4  # people; the rest are the units' phones
A_UNIT = 25  # people
FEWEST_UNITS = 4
DECLARER, ACCOUNT, COMMAND_CHANNEL = "p0", "U0P0", "C0COMMAND"
ON_CALL_OF = 3  # of those at the bedside who are at home one of so many is on call
NO_PHONE = 97  # one of so many has no address at all
#: Who sits in the house around the clock; whoever holds another role is at home at night, on call
AROUND_THE_CLOCK = frozenset({"house_supervisor", "service_desk", "switchboard", "pharmacist_in_charge", *UNIT_ROLES})

#: At 04:00, of people at home: 16 % answer a text within 45 minutes, 41 % a call (the randomised recall of reference
#: S157). Whoever is on call for a role has promised to hear a call; that 80 % do is our guess.
READS = Temperament(texts="late", voice="answers")
HEARS = Temperament(texts="never", voice="answers", rings=15.0)
SLEEPS = Temperament(texts="never", voice="ignores")
ASLEEP = ((READS, 16), (HEARS, 25), (SLEEPS, 59))
ON_CALL = ((READS, 16), (HEARS, 64), (SLEEPS, 20))
SLIPS = 0.04  # of what simulated people text is not what they were asked for, or says that a task is blocked


@dataclass(frozen=True)
class House:
    """How large it is and when: `off_pct` of the bedside staff are at home; at night most of the command centre is."""

    people: int
    off_pct: int
    night: bool
    lasts: timedelta


def hire(tx: Tx, house: House) -> None:
    """Write the hospital's rows; whoever is first is the commander, and may do everything."""
    tx.add(Site(code="MAIN", name="Main house"))
    units = [f"W{number}" for number in range(1, max(FEWEST_UNITS, house.people // A_UNIT) + 1)]
    for number, code in enumerate(units):
        tx.add(Unit(code=code, name=f"Ward {code[1:]}", site="MAIN", landline=phone(MOST + number)))
    people = [_person(number, house, units) for number in range(house.people)]
    tx.add_all(people)
    tx.flush()
    for person in people:
        if kind := _duty(person, house):
            until = tx.now + house.lasts + timedelta(hours=1)
            tx.add(Shift(person_id=person.id, kind=kind, starts_at=tx.now - timedelta(hours=1), ends_at=until))
    roster.forget(tx)


def phone(number: int) -> str:
    return f"+1{AREAS[number // 100]}55501{number % 100:02d}"


def populate(tx: Tx, sim: Simulator, seed: int, house: House) -> None:
    """Put somebody behind every phone, each with a temperament that the seed deals."""
    for unit in tx.exec(select(Unit)):
        sim.staff.add(unit.landline, Temperament(texts="never", voice="answers", rings=12.0))
    for person in tx.exec(select(Person).order_by(col(Person.place))):
        if person.mobile:
            _behind(sim.staff, person, seed, house)
    sim.slack.add_user(ACCOUNT, "Commander")
    sim.slack.add_channel(COMMAND_CHANNEL, "command-centre")


def _behind(staff: Staff, person: Person, seed: int, house: House) -> None:
    random = Random(f"{seed}:{person.id}")
    kind, asleep = _duty(person, house), house.night
    if kind == "shift" or not asleep:
        temperament = deal(random)
    else:
        table = ON_CALL if kind else ASLEEP
        temperament = random.choices([each for each, _ in table], [share for _, share in table])[0]
    staff.add(person.mobile, temperament, SLIPS)


def _person(number: int, house: House, units: list[str]) -> Person:
    held = _roles(number, house, len(units))
    in_charge = "unit_charge" in held
    return Person(
        id=f"p{number}", name=f"Person {number} Made-Up", site="MAIN", roles=held, place=number,
        unit=units[number % len(units)] if in_charge or not held else units[0],
        mobile="" if not held and number % NO_PHONE == NO_PHONE - 1 else phone(number),
        skills=[] if held else ["rn"],
        permissions=["admin"] if number == 0 else ["declare", "manage"] if "house_supervisor" in held else [],
        slack_id=ACCOUNT if number == 0 else "",
    )  # fmt: skip


def _roles(number: int, house: House, units: int) -> list[str]:
    """First those of the whole house, shared out among a fifth of the people where they are few; then one in charge of
    each unit; all others are at the bedside."""
    whole_house = [role for role in ROLES if role not in UNIT_ROLES]
    heads = min(len(whole_house), max(house.people // 5, 1))
    if number < heads:
        return whole_house[number::heads]
    return ["unit_charge"] if number < heads + units else []


def _duty(person: Person, house: House) -> str:
    """`shift`, `oncall`, or nothing for whoever is at home."""
    if person.roles:
        here = person.place == 0 or not house.night or AROUND_THE_CLOCK & set(person.roles)
        return "shift" if here else "oncall"
    if person.place * 37 % 100 >= house.off_pct:
        return "shift"
    return "" if person.place % ON_CALL_OF else "oncall"
