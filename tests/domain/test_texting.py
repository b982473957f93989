"""What a text means: numbers, GSM-7, the whole SMS grammar of the contract, and what may not be kept."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.simulator import segments as carrier
from bot.texting import (
    RESERVED,
    BadNumber,
    Reply,
    Says,
    e164,
    fit,
    fold,
    is_gsm7,
    mask,
    parse_reply,
    patient_data,
    segments,
)
from bot.texting.gsm7 import septets

ANSWER, TASK, DUTY, TOLD, DECLARE, COMMAND = Says.ANSWER, Says.TASK, Says.DUTY, Says.TOLD, Says.DECLARE, Says.COMMAND
SUSPECTED, STATUS, FREE = Says.SUSPECTED, Says.STATUS, Says.FREE

for_any = settings(deadline=2000)  # milliseconds: a busy machine is no failure, a runaway pattern is

# Letters that matter to the grammar, so that chance finds its corners.
TEXTS = st.text() | st.text(alphabet="0123456789 TOo-.,:!?=&\n\t19OUTAGEdoneupdateſıK👍“”é\u200d", max_size=40)


# --- replies


@pytest.mark.parametrize(
    ("text", "digit", "note"),
    [
        ("1", "1", ""), ("2", "2", ""), ("3", "3", ""), ("4", "4", ""), ("9", "9", ""),
        ("OK", "1", ""), ("ok.", "1", ""), ("Okay", "1", ""), ("k", "1", ""), ("YES", "1", ""),
        ("Got it!", "1", ""),
        ("👍", "1", ""), ("👍🏽", "1", ""), ("👍👍 ", "1", ""),
        ("Liked “MERCY: Epic and email DOWN”", "1", ""), ("👍 to “MERCY: Epic and email DOWN”", "1", ""),
        (" 2 ", "2", ""), ("9!!!", "9", ""), ("(9)", "9", ""), ('"1"', "1", ""), ("9️⃣", "9", ""),
        ("９", "9", ""), ("٩", "9", ""),
        ("2 5W", "2", "5W"), ("9 bleeding in OR 2", "9", "bleeding in OR 2"),
        ("2\nneed two nurses", "2", "need two nurses"),
        ("1. fine", "1", "fine"), ("2-need staff", "2", "need staff"), ("1=read", "1", "read"),
        ("3: forms", "3", "forms"),
        ("ok thx", "1", ""), ("OK, thank you!", "1", ""), ("ok 👍", "1", ""), ("yes ok", "1", ""), ("Y", "1", ""),
        ("sí, todo bien, gracias", "1", ""), ("oui merci", "1", ""),
        ("PATIENT RISK", "9", ""), ("patient at risk!", "9", ""), ("nine", "9", ""), ("Nine nine", "9", ""),
        ("riesgo", "9", ""), ("nueve", "9", ""), ("risque patient", "9", ""), ("*9", "9", ""),
        ("Patient risk: bed 4 bleeds", "9", "bed 4 bleeds"), ("9PATIENT RISK", "9", "PATIENT RISK"),
        ("patient risk: no oxygen bed 4", "9", "no oxygen bed 4"), ("patient risk not breathing", "9", "not breathing"),
        ("Patient risk? (bed 4)", "9", "bed 4)"), ("patient at risk, low O2", "9", "low O2"),
        ("patient risk is high", "9", "is high"), ("patient risk none of us can see", "9", "none of us can see"),
        ("9 patient risk none", "9", "patient risk none"), ("#9 bleeds", "9", "bleeds"),
        ("2 O2 tanks", "2", "O2 tanks"), ("3 T2 cables", "3", "T2 cables"), ("4 t 5", "4", "t 5"),
        ("#1", "1", ""), ("1?", "1", ""), ("#1 4821", "1", "****"),
        ("1 9", "9", "1 9"), ("1,9", "9", "1,9"), ("2 and 9", "9", "2 and 9"), ("9 1", "9", "1"),
        ("1 and 3", "1", "and 3"), ("1 24", "1", "24"),
        ("9 T7", "9", "T7"), ("9 R1", "9", "R1"), ("2 rn 3", "2", "rn 3"), ("9 4821", "9", "4821"),
        ("4 4100 wing", "4", "4100 wing"),
        ("2 4821 call me", "2", "**** call me"),
    ],
)  # fmt: skip
def test_a_digit_answers(text, digit, note):
    assert parse_reply(text) == Reply(says=ANSWER, digit=digit, note=note)


@pytest.mark.parametrize(
    ("text", "digit", "code", "note"),
    [
        ("2 R1", "2", "R1", ""), ("2r1", "2", "R1", ""), ("4 R12 car is dead", "4", "R12", "car is dead"),
        ("yes R1", "1", "R1", ""), ("Cannot: r 07", "4", "R7", ""), ("no R1 sorry", "4", "R1", "sorry"),
        ("2 O-1", "2", "O-1", ""), ("2 O2", "2", "O-2", ""), ("2 O-2 tanks", "2", "O-2", "tanks"),
        ("1 o1 read", "1", "O-1", "read"), ("3 R1 4821", "3", "R1", "****"),
    ],
)  # fmt: skip
def test_a_digit_may_say_what_it_is_about(text, digit, code, note):
    assert parse_reply(text) == Reply(says=ANSWER, digit=digit, code=code, note=note)


@pytest.mark.parametrize(
    "text",
    ["", "10 beds", "12", "5", "0", "2:30 beds", "1/2 dose", "3.5 mg", "1st floor", "9am", "9-1-1",
     "+1 555 0142", "$9", "99",
     "10-4", "20-5 beds", "not 9", "not 7 of us", "patient risk: none", "no patient risk", "nine beds",
     "patient risk? none", "Patient risk (none)", "patient at risk? no", "risque patient ? non", "patient risk is none",
     "patient risk is low", "patient risk has been resolved", "patient risk - n/a", "risque patient faible",
     "patient risk none on 5W", "patient risk form is missing", "patient risk assessments on paper?",
     "y?", "ok?", "Yes ?", "#1 priority is printers", "got it?",
     "ok but we need help", "yes it is", "thanks", "ok no", "no",
     "help in icu", "End of shift", "Stop please", "need staff",
     "done with charts",
     "charge nurse is gone", "here is the thing", "told the doctor", "update please", "update?", "close the door",
     "status of epic", "Outages?", "T7a", "UPDATE 12345678901"],
)  # fmt: skip
def test_what_fits_nothing_goes_to_a_person(text):
    assert parse_reply(text) == Reply(says=FREE, note=text)


@pytest.mark.parametrize(
    ("text", "verb", "code", "note", "also"),
    [
        ("1 T7", "have", "T7", "", ()), ("1t7", "have", "T7", "", ()), ("ok T7", "have", "T7", "", ()),
        ("okay t7", "have", "T7", "", ()), ("1 T7=I have it", "have", "T7", "I have it", ()),
        ("1 T-7", "have", "T7", "", ()),
        ("3 T7", "unclear", "T7", "3", ()), ("3 t-7!", "unclear", "T7", "3", ()), ("4t7 why", "unclear", "T7", "4", ()),
        ("2 T7", "cannot", "T7", "", ()), ("2 T7 no toner", "cannot", "T7", "no toner", ()),
        ("can’t T7", "cannot", "T7", "", ()),
        ("DONE T7", "done", "T7", "", ()), ("Done T7.2", "done", "T7.2", "", ()),
        ("done: T07 12 charts", "done", "T7", "12 charts", ()),
        ("DONE T7, T8 and T9", "done", "T7", "", ("T8", "T9")), ("done t7 t8 12", "done", "T7", "12", ("T8",)),
        ("T7 done", "done", "T7", "", ()), ("DONE", "done", "", "", ()),
        ("BLOCKED T7 no paper", "blocked", "T7", "no paper", ()),
        ("T7 blocked: no paper", "blocked", "T7", "no paper", ()),
        ("NEED T7", "need", "T7", "", ()), ("need help with T7 now", "need", "T7", "now", ()),
        ("T7 12", "proof", "T7", "12", ()), ("T7 1", "proof", "T7", "1", ()), ("T7", "proof", "T7", "", ()),
        ("fınıshed T7", "done", "T7", "", ()),
    ],
)  # fmt: skip
def test_a_code_is_about_a_task(text, verb, code, note, also):
    assert parse_reply(text) == Reply(says=TASK, verb=verb, code=code, note=note, also=also)


@pytest.mark.parametrize(
    ("text", "verb", "unit", "note"),
    [
        ("HERE 5W", "here", "5W", ""), ("here on 5w.", "here", "5W", ""), ("HERE", "here", "", ""),
        ("CHARGE 5W", "charge", "5W", ""), ("charge at ICU-2", "charge", "ICU-2", ""),
        ("AWAY", "away", "", ""), ("away until 8", "away", "", "until 8"),
    ],
)  # fmt: skip
def test_who_is_on_shift(text, verb, unit, note):
    assert parse_reply(text) == Reply(says=DUTY, verb=verb, unit=unit, note=note)


@pytest.mark.parametrize(
    ("text", "unit", "also"),
    [("TOLD 5W", "5W", ()), ("told unit 5w", "5W", ()), ("Told 5W, ICU and 3W.", "5W", ("ICU", "3W"))],
)
def test_a_unit_was_told_in_person(text, unit, also):
    assert parse_reply(text) == Reply(says=TOLD, unit=unit, also=also)


@pytest.mark.parametrize(
    ("text", "pin", "note"),
    [
        ("OUTAGE 4821", "4821", ""), ("Outage: 48210000", "48210000", ""), ("outage4821 epic", "4821", "epic"),
        ("OUTAGE 4821 epic,email L2 all is down", "4821", "epic,email L2 all is down"),
        ("outage pin 4821", "4821", ""),
        ("OUTAGE", "", ""), ("OUTAGE epic down", "", "epic down"), ("OUTAGE epic down 4821", "", "epic down ****"),
    ],
)  # fmt: skip
def test_an_outage_is_declared(text, pin, note):
    assert parse_reply(text) == Reply(says=DECLARE, pin=pin, note=note)


@pytest.mark.parametrize(
    ("text", "verb", "code", "pin", "note"),
    [
        ("UPDATE O-1 4821 email is back", "update", "O-1", "4821", "email is back"),
        ("update 4821 email is back", "update", "", "4821", "email is back"),
        ("UPDATE 4821 O-1 email is back", "update", "O-1", "4821", "email is back"),
        ("update 0-12 4821: email is back", "update", "O-12", "4821", "email is back"),
        ("CORRECT o1 4821 ED is open", "correct", "O-1", "4821", "ED is open"),
        ("RAISE O-1 4821 4", "raise", "O-1", "4821", "4"), ("Lower 4821 1", "lower", "", "4821", "1"),
        ("RESTORE 4821 email", "restore", "", "4821", "email"),
        ("VERIFY 4821", "verify", "", "4821", ""), ("CLOSE O-1 pin 4821", "close", "O-1", "4821", ""),
        ("COMMAND O-1 4821", "command", "O-1", "4821", ""), ("VOID", "void", "", "", ""),
        ("VOID O-1", "void", "O-1", "", ""),
        ("UPDATE O-1 email is back 4821", "update", "O-1", "", "email is back ****"),
    ],
)  # fmt: skip
def test_an_outage_is_run(text, verb, code, pin, note):
    assert parse_reply(text) == Reply(says=COMMAND, verb=verb, code=code, pin=pin, note=note)


@pytest.mark.parametrize(
    ("text", "digit", "pin"), [("1 4821", "1", "4821"), ("2: 48210000.", "2", "48210000"), ("3 4821", "3", "4821")]
)
def test_a_suspected_outage_is_decided(text, digit, pin):
    assert parse_reply(text) == Reply(says=SUSPECTED, digit=digit, pin=pin)


@pytest.mark.parametrize(("text", "code"), [("STATUS", ""), ("status?", ""), ("Status O-2", "O-2")])
def test_the_state_is_asked_for(text, code):
    assert parse_reply(text) == Reply(says=STATUS, code=code)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["STOP", "stop.", " Stop! ", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"], Says.OPTED_OUT),
        (["REVOKE", "OPTOUT", "opt out", "Opt-Out"], Says.OPTED_OUT),
        (["START", "unstop"], Says.OPTED_IN),
        (["HELP", "help?", "INFO"], Says.WANTS_HELP),
    ],
)  # fmt: skip
def test_what_carriers_act_on_is_never_a_command(words, says):
    assert [parse_reply(word) for word in words] == [Reply(says=says)] * len(words)


def test_every_reserved_word_is_known_for_what_it_is():
    assert {parse_reply(word).says for word in RESERVED} == {Says.OPTED_OUT, Says.OPTED_IN, Says.WANTS_HELP}


@for_any
@given(TEXTS)
def test_a_reply_is_always_something(text):
    reply = parse_reply(text)
    assert reply.digit in ("", "1", "2", "3", "4", "9") and (not reply.pin or 4 <= len(reply.pin) <= 8)


@for_any
@given(st.sampled_from(["1", "2", "9", "DONE T7", "OUTAGE", "UPDATE O-1", "T7"]), st.sampled_from("!( '=\n"))
def test_long_nonsense_is_read_at_once(opening, letter):
    assert parse_reply(opening + letter * 20_000 + "x")


# --- masking


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("OUTAGE 4821 epic", "OUTAGE **** epic"), ("outage4821", "outage****"),
        ("UPDATE O-1 4821 back", "UPDATE O-1 **** back"),
        ("void 48210000", "void ****"), ("raise 4 4821", "raise 4 ****"),
        ("UPDATE O-1 back 4821", "UPDATE O-1 back ****"),
        ("1 4821", "1 ****"), ("2 4821 call me", "2 **** call me"), ("4821", "****"),
        ("48210000, yes", "****, yes"),
        ("OUTAGE ４８２１", "OUTAGE ****"),
        ("2 5W", "2 5W"), ("9 4821", "9 4821"), ("T7 1200", "T7 1200"), ("call 5550142", "call 5550142"),
        ("5551234567 is my number", "5551234567 is my number"), ("2026-11-22", "2026-11-22"), ("", ""),
        ("é  x ", "é  x "),
    ],
)  # fmt: skip
def test_a_pin_is_masked_before_it_is_stored(text, masked):
    assert mask(text) == masked


@for_any
@given(
    st.from_regex(r"(OUTAGE|UPDATE|UPDATE O-[1-9]|close|1|2|)[ :]{1,2}[0-9]{4,8}( [a-z]{1,9}){0,3}", fullmatch=True),
    st.data(),
)
def test_no_pin_survives(text, data):
    digits = "".join(letter for letter in text.partition("O-")[2][1:] or text if letter.isdigit())[-8:]
    pin = parse_reply(text).pin or digits.removeprefix("1").removeprefix("2")
    assert pin not in mask(text) and pin not in parse_reply(text).note


# --- GSM-7


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("‘It’s’ “on” – now…", "'It's' \"on\" - now..."),
        ("José está aquí: ¿qué? ¡ñandú!", "José esta aqui: ¿qué? ¡ñandu!"),
        ("cafe\u0301", "café"), ("a\u00a0b\tc", "a b c"), ("Ça garçon", "Ça garcon"),
        ("½ ≥ 2 → 37 °C", "1/2 >= 2 -> 37 degC"),
        ("≠", "!="), ("5 µg", "5 ug"), ("ok 👍🏽", "ok "), ("a\u200bb\ufe0f", "ab"), ("Łódź œ", "Lodz oe"),
        ("中", "?"),
        ("€[~]", "€[~]"), ("", ""),
    ],
)  # fmt: skip
def test_what_gsm7_lacks_is_folded(text, folded):
    assert fold(text) == folded


@for_any
@given(TEXTS)
def test_folding_gives_gsm7_and_changes_nothing_twice(text):
    assert is_gsm7(fold(text)) and fold(fold(text)) == fold(text)


@for_any
@given(TEXTS, st.integers(1, 160))
def test_what_fits_is_one_segment_and_cut_between_words(text, limit):
    short, words = fit(text, limit), fold(text).split()
    assert segments(short) == 1 and septets(short) <= limit
    first_is_longer = bool(words) and septets(words[0]) > limit
    assert first_is_longer or short.split() == words[: len(short.split())]
    assert not first_is_longer or words[0].startswith(short)


def test_what_fits_is_left_alone():
    assert fit("Next  04:40 ") == "Next  04:40 "
    assert fit("a" * 160) == "a" * 160
    assert fit("€" * 80) == "€" * 80
    assert fit("use paper, keep windows open", 12) == "use paper,"
    assert fit("use paper", 9) == "use paper" and fit("use paper", 8) == "use"
    assert fit("paperpaper", 5) == "paper"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1), ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("€" * 80, 1), ("€" * 81, 2),
        ("“" * 70, 1), ("“" * 71, 2), ("👍" * 35, 1), ("👍" * 36, 2), ("a" * 152 + "€" + "a" * 153, 3),
    ],
)  # fmt: skip
def test_segments_are_counted_as_carriers_do(text, count):
    assert segments(text) == count


@for_any
@given(st.text(max_size=400) | st.text(alphabet="a€[é“👍", max_size=400))
def test_segments_agree_with_the_carriers(text):
    assert segments(text) == carrier.segments(text)


# --- phone numbers


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("212-555-0142", "+12125550142"), (" (212) 555 0142 ", "+12125550142"), ("1.212.555.0142", "+12125550142"),
        ("+15550100001", "+15550100001"), ("+44 7700 900123", "+447700900123"),
        ("011 44 7700 900123", "+447700900123"),
        ("tel:+1-212-555-0142", "+12125550142"),
    ],
)  # fmt: skip
def test_any_usual_writing_of_a_number(raw, number):
    assert e164(raw, "US") == number


def test_a_national_number_belongs_to_its_region():
    assert e164("07700 900123", "GB") == "+447700900123" == e164("07700 900123", "gb")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("", "is not a phone number"), ("none", "is not a phone number"), ("12345", "is too short"),
        ("555-0142", "has no area code"), ("212 555 0142 0142", "is too long"),
        ("+999 123 456 789", "has no country code"),
        ("212 555 0142 x12", "has an extension"), ("2.12555E+09", "spreadsheet"), ("2125550142.0", "spreadsheet"),
    ],
)  # fmt: skip
def test_a_bad_number_is_refused_with_the_reason(raw, why):
    with pytest.raises(BadNumber, match=why):
        e164(raw, "US")


@for_any
@given(TEXTS)
def test_a_number_is_dialable_or_refused(raw):
    try:
        number = e164(raw, "US")
    except BadNumber:
        return
    assert number[0] == "+" and number[1:].isdecimal() and e164(number, "US") == number


# --- patient data


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Smith MRN 123456 bed 4", "[removed] [removed] bed 4"), ("mrn: A-88231", "[removed]"),
        ("acct # 88231-2", "[removed]"),
        ("chart # 8823145", "[removed]"), ("acct 88231", "[removed]"), ("fell 3/4/50", "fell [removed]"),
        ("2 pt john doe", "2 [removed] [removed]"), ("bed 4 jane doe", "bed 4 [removed] [removed]"),
        ("SMITH,JOHN fell", "[removed],[removed] fell"), ("baby boy Okafor is blue", "[removed] is blue"),
        ("Smith, John bed", "[removed], [removed] bed"), ("smith, john MRN", "[removed], [removed] MRN"),
        ("Smith, John", "[removed], [removed]"), ("ICU, Smith, John", "ICU, [removed], [removed]"),
        ("Baby Boy Smith", "[removed]"), ("BABY BOY SMITH", "[removed]"),
        ("BABY GIRL ORTIZ", "[removed]"), ("DOE JANE 45F", "[removed] [removed] 45F"),
        ("Jane Okafor 45 yo", "[removed] [removed] 45 yo"),
        ("Maria Lopez allergic", "[removed] [removed] allergic"),
        ("maria lopez is bleeding", "[removed] [removed] is bleeding"),
        ("acct 88231 hospital no 8823145", "[removed] [removed]"), ("bed 4 Mary fell", "bed 4 [removed] fell"),
        ("room 12 john fell", "room 12 [removed] fell"), ("ana is septic in room 12", "[removed] is septic in room 12"),
        ("pt john fell", "[removed] fell"), ("call bed 4 Mary Smith", "call bed 4 [removed] [removed]"),
        ("fell 3/4/36", "fell [removed]"),
        ("[removed] bed 4", "[removed] bed 4"),
        ("123-45-6789 fell", "[removed] fell"), ("bleeding 12345678", "bleeding [removed]"),
        ("DOB 3/14/62", "[removed]"), ("born 1962-03-14", "[removed]"), ("14 Mar 1962, male", "[removed], male"),
        ("smith bed 4 bleeding", "[removed] bed 4 bleeding"), ("Jones in room 12", "[removed] in room 12"),
        ("Bed 4 Nguyen iv pump failed", "Bed 4 [removed] iv pump failed"),
        ("NO MEDS ROOM 12 OKAFOR", "NO MEDS ROOM 12 [removed]"),
        ("pt Garcia has no meds", "[removed] has no meds"), ("mrs okafor needs insulin", "[removed] needs insulin"),
        ("cama 4 García sangra", "cama 4 [removed] sangra"), ("garcia en la cama 12", "[removed] en la cama 12"),
        ("Habitación 12: Iker sin oxígeno", "Habitación 12: [removed] sin oxígeno"),
        ("habitacion 12 MUÑOZ", "habitacion 12 [removed]"), ("box 3 Etxeberria grave", "box 3 [removed] grave"),
        ("paciente Ruiz sin suero", "[removed] sin suero"), ("la señora Okafor se cae", "la [removed] se cae"),
        ("Sr. Vega, cama 2", "[removed], cama 2"), ("sra Okafor pide ayuda", "[removed] pide ayuda"),
        ("NHC 88231", "[removed]"), ("historia clínica nº 88231", "[removed]"), ("historia: 4412", "[removed]"),
        ("nacido el 14/3/1962", "[removed]"), ("nacida 14 de marzo de 1962", "[removed]"),
        ("nació el 3 de enero de 48", "[removed]"), ("14 de agosto de 1962", "[removed]"),
        ("lit 4 Dupont saigne", "lit 4 [removed] saigne"), ("durand chambre 12", "[removed] chambre 12"),
        ("Chambre 12: Océane sans oxygène", "Chambre 12: [removed] sans oxygène"),
        ("Mme okafor sans perfusion", "[removed] sans perfusion"), ("M. Dupré est tombé", "[removed] est tombé"),
        ("patiente Leroy instable", "[removed] instable"), ("IPP 8823145", "[removed]"),
        ("dossier 88231", "[removed]"), ("dossier médical n° 4412", "[removed]"),
        ("né le 14 mars 1962", "[removed]"), ("née le 1er août 1948", "[removed]"), ("née en 1948", "[removed]"),
        ("3 février 1962", "[removed]"), ("12 déc. 1951", "[removed]"),
    ],
)  # fmt: skip
def test_patient_data_is_taken_out(text, kept):
    assert patient_data(text) == kept


@pytest.mark.parametrize("text", ["Rodriguez needs 2nd nurse rm 4", "Jones in 412 has no armband"])
def test_a_surname_is_taken_out_wherever_it_stands_in_the_clause_of_a_room(text):
    assert patient_data(text) == text.replace(text.split()[0], "[removed]")


@pytest.mark.parametrize(
    "text", ["Okafor, Ada 4/5/22", "OKAFOR ADA 04-05-2022", "4/5/22 Okafor, Ada", "Smith, John 4/5/60"]
)
def test_a_date_beside_a_name_is_a_birth(text):
    held = patient_data(f"{text} fell")
    assert held is not None and held.replace("[removed]", "").strip(" ,") == "fell"


@pytest.mark.parametrize(
    ("text", "staff", "held"),
    [
        ("Ann Kelly in 412 asks for forms", ["Ann Kelly"], None), ("rm 4 Ann Kelly has it", ["Ann Kelly"], None),
        ("Ann Kelly in 412, pt fell", ["Ann Kelly"], "[removed] [removed] in 412, [removed]"),
        ("Ann Kelly in 412 DOB 3/4/50", ["Ann Kelly"], "[removed] [removed] in 412 [removed]"),
        ("Ann Kelly: Jones in 412 fell", ["Ann Kelly"], "[removed] [removed]: [removed] in 412 fell"),
    ],
)  # fmt: skip
def test_a_colleague_is_no_patient_unless_somebody_is(text, staff, held):
    assert patient_data(text, staff) == held


@pytest.mark.parametrize(
    "text",
    ["Downtime Drill 11/22/26", "Epic Upgrade 11/22/26", "back by Tuesday Night 11/24/26", "forms of 4/5/22 are old",
     "Ben Ode is off 11/24/26", "next update 11/22/26"],
)  # fmt: skip
def test_a_date_beside_other_words_is_none(text):
    assert patient_data(text) is None


@pytest.mark.parametrize(
    "text",
    ["", "2 5W", "Need help bed 4", "ICU bed 4 monitor down", "no oxygen room 412", "NO POWER ROOM 12",
     "10 beds open",
     "call 555-0142", "call 5550142", "call 123456", "T7 12 charts", "MR scanner down", "Patient Transport is down",
     "patient at risk bed 4", "next update 11/22/2026", "Ben Ode has it", "Nurse Kelly is in charge",
     "call Reed, Lee or Kim",
     "lag is 500 ms here", "collect near-miss reports", "Downtime box 2 is empty", "4 A.M. rounds are late",
     "Falta oxígeno en la cama 4", "cama 4 sin monitor", "Habitación 12 sin luz", "PACIENTE URGENTE cama 4",
     "el paciente de la cama 4 sangra", "la señora de la limpieza tiene la llave", "El box 3 está libre",
     "historia en papel desde las 12", "Próximo 14 de diciembre de 2026", "Paciente Crítico box 2",
     "Manque oxygène lit 4", "lit 4 sans scope", "Chambre 12 libre", "RISQUE PATIENT lit 4", "ne pas entrer 14/3",
     "M. le directeur arrive", "Monsieur le docteur arrive", "Le patient du lit 4 saigne", "dossier papier lit 4",
     "Infirmière en chambre 12", "need 2nd nurse rm 4", "Code blue rm 412", "in 15 min", "24", "Epic slow in 412",
     "need 2 nurses in 412", "Jones is back in 120 min",
     "hospital no 1234 is the desk line", "call hospital number 5551234", "acct 500 open orders", "back up 1/12/30",
     "room 12 john has keys", "Bed 4, call Mary", "printer in room 5 down david IT", "call Smith, John or Mary",
     "Maria Lopez has the keys", "Smith, John and Mary are here", "Mary, John and Ana have it"],
)  # fmt: skip
def test_a_plain_report_is_not_patient_data(text):
    assert patient_data(text) is None


@for_any
@given(TEXTS)
def test_the_screen_reads_anything(text):
    assert patient_data(text) != text


@pytest.mark.parametrize(
    ("text", "verb"),
    [("Hecho T7", "done"), ("T7 terminé", "done"), ("fait T7 04:15", "done"), ("bloqué T7 plus de papier", "blocked"),
     ("NECESITO T7", "need"), ("voy T7", "have"), ("impossible T7", "cannot"), ("T7 12", "proof")],
)  # fmt: skip
def test_people_answer_in_their_language(text: str, verb: str) -> None:
    reply = parse_reply(text)
    assert (reply.says, reply.code, reply.verb) == (Says.TASK, "T7", verb)


@pytest.mark.parametrize("text", ["sí", "Si.", "vale", "oui", "D’accord", "tout va bien"])
def test_a_yes_is_a_yes_in_every_language(text: str) -> None:
    assert parse_reply(text) == parse_reply("1")


def test_a_yes_with_more_behind_it_is_read_by_a_person() -> None:
    assert parse_reply("si no hay papel, que hago").says == Says.FREE
