"""What the messages are tried with: the longest facts, those that are needed, and the texts that were agreed on."""

from __future__ import annotations

from typing import Any

# The longest facts that a hospital can plausibly bring forth.
DOWN = ["Epic", "email", "phones", "lab"]
WHAT = "Epic, email, phones and lab DOWN"
USE_PAPER = "Use paper (downtime box). Leave windows open, stay logged in"
DISCHARGE = "discharge meds: paper list by pharmacist"
MARIA = "Maria Vandenberghe"
SLOW = "Epic is slow but works, keep using it until a person tells you otherwise"
LONGEST: dict[str, dict[str, Any]] = {
    "alert": dict(
        what=WHAT, services=DOWN, do=USE_PAPER, still_works="radios", works_said="pagers", site="NORTH CAMPUS",
        next="04:40",
    ),
    "unit_check": dict(units="PACU-2, ICU-NE", what=WHAT, services=DOWN, do="call or walk, no email", by="04:15"),
    "check_again": dict(units="PACU-2, ICU-NE", services=DOWN, what=SLOW, by="04:15", paper=True),
    "roll_call": dict(time="04:15"),
    "question": dict(text="Can you stay until noon, and do you have enough paper forms for the next twelve hours"),
    "sitrep": dict(number=12, title="operations", of=7),
    "sitrep_next": dict(field="decisions", place=7, of=7),
    "sitrep_report": dict(
        code="O-12",
        number=12,
        got=3,
        of=4,
        missing=["finance"],
        full=["operations: beds: 12; staff: 4 nurses for the night", "logistics: supplies: toner"],
        objective=["operations all units on paper"],
        risks=["operations late potassium results"],
        staff=["operations 4 nurses for the night", "logistics 3 runners"],
        supplies=["logistics toner, MAR forms"],
        beds=["operations 12, ICU 1"],
        diversion=["operations trauma goes to North Campus"],
        decisions=["operations stop elective surgery tomorrow"],
    ),
    "landline": dict(unit="PACU-2", what=WHAT, services=DOWN, do="use paper"),
    "card": dict(
        unit="PACU-2",
        code="T107",
        by="04:25",
        lines=["stop entering", "tell all staff", "print MAR+census at red-label PC", "paper charts, 2 IDs each page"],
    ),
    "receipt": dict(
        code="O-12",
        level=3,
        services="Epic, email, phones and lab",
        sites="MAIN, NORTH CAMPUS",
        people=2512,
        finish="04:12",
        unreachable=109,
    ),
    "digest": dict(
        code="O-12",
        time="04:20",
        silent=["3W", "5W", "ICU-NE", "PACU-2"],
        tried="texted, called",
        told="5W",
        staff=["ED", "4E"],
        forms=["6N", "7S"],
        report="diversion",
        missing=[MARIA, "Alma Quill"],
        late=["T107", "T108"],
        late_said=[f"T107 cabinets to downtime, post to ICU and ED ({MARIA})", "T108"],
        stuck=["T109", "T110"],
        stuck_said=[f"T109 MAR and census printed at red-label PC ({MARIA}): night pharmacist has the key", "T110"],
        soon=["T111"],
        ok=15,
        of=24,
        risk=["5W", "ED"],
        texts=12,
    ),
    "risk": dict(
        unit="PACU-2", time="04:31", who=MARIA, phone="+1 555-555-0142", task="T107", until="04:33", unsure=True
    ),
    "role": dict(
        title="Medical-Technical IT",
        what=WHAT,
        services=DOWN,
        level=3,
        site="NORTH CAMPUS",
        since="04:05",
        lead="you lead IT; best and worst estimate",
        bridge="555-555-0199",
        task="T107",
        calling=True,
    ),
    "holding": dict(
        time="04:40",
        services=DOWN,
        stay="use radio and runners",
        back=["Epic", "email", "phones"],
        note="Doctors: orders on paper only, signed, dated, timed",
        next="05:10",
    ),
    "update": dict(
        time="04:40",
        text="Vendor works on it. The read-only copy is at the red-label PC of each desk; last copy from 03:50",
        down=DOWN,
        next="05:10",
    ),
    "still_works": dict(
        time="04:40",
        text="phones, pagers, Slack, texts, overhead calls, the lab's printer and the pharmacy robot",
        down=DOWN,
        next="05:10",
    ),
    "read_only": dict(
        time="04:40",
        text="red-label PC at each nurse desk, log in as the downtime user; last copy from 03:50",
        down=DOWN,
        next="05:10",
    ),
    "diversion": dict(
        time="04:40", text="diversion of trauma and stroke, walk-ins accepted, one CT works", down=DOWN, next="06:40"
    ),
    "correction": dict(
        time="04:45",
        of="04:40",
        text="Read-only copy is NOT at the red-label PC. Use the tablet in the downtime box of each desk",
        next="05:10",
    ),
    "raised": dict(time="05:00", level=4, what=WHAT, services=DOWN, do=USE_PAPER, next="05:30"),
    "turn": dict(
        units=["PACU-2", "L&D-HI"], time="06:30", up=False, order=["PACU-2", "L&D-HI", "ICU", "5W", "3W", "4E"]
    ),
    "decide": dict(code="O-107", task="T107", what=WHAT, level=3, to=4, by="04:50"),
    "restored": dict(
        time="06:20",
        back=["Epic", "email"],
        what=WHAT,
        down=["phones", "lab"],
        do="Old email comes late and out of order. Finish notes you had open",
        stay="use radio and runners",
        text="Help desk is in the lobby",
        next="06:50",
    ),
    "verified": dict(time="06:50", services=DOWN, what=SLOW, next="07:20"),
    "closed": dict(time="08:00", services=DOWN, text="Keep all paper for records team; finish late entries by noon"),
    "void": dict(time="04:10"),
    "joined": dict(
        time="04:30", what="ALSO phones and lab DOWN", services=DOWN, site="NORTH CAMPUS", do=USE_PAPER, next="05:00"
    ),
    "stray": dict(),
    "stray_text": dict(who=MARIA, unit="PACU-2", text="who has the key to the box"),
    "task": dict(code="T107", text="Cabinets to downtime, post to ICU and ED", by="04:25", why=f"backup for {MARIA}"),
    "tasks": dict(
        items=[
            ("T107", DISCHARGE, "04:25"),
            ("T108", "confirm outage from 2 places; start time", "04:30"),
            ("T109", "start the log with times", "04:30"),
        ]
    ),
    "opted_out": {},
    "held": {},
    "call": dict(asked=True, down=["Epic", "email"], state="declared", level=3, next="04:40", units=["5W"], pin=True),
    "call_pin": {},
    "preflight": dict(red=["lab_lead: nobody 22:00-07:00"], other=["no charge nurse: 3W now"]),
    "many": dict(codes=[f"T{number}" for number in range(101, 121)], count=20),
    "help": dict(
        code="T107",
        unit="PACU-2",
        who=MARIA,
        need="staff",
        phone="+1 555-555-0142",
        note="two nurses for the paper charts, ours went to the ED an hour ago",
    ),
    "task_due": dict(code="T107", text=DISCHARGE, by="04:25"),
    "task_late": dict(code="T107", text=DISCHARGE, since="04:25"),
    "task_up": dict(code="T107", text=DISCHARGE, owner=MARIA, why="blocked: no toner on the whole floor"),
    "remind_promise": dict(time="04:40", code="O-12"),
    "promise_held": dict(time="04:40", next="05:10", back=True),
    "told_you": dict(text=f"{MARIA} has declared the same at 04:06; both of you stand as declarers of O-12"),
    "exercise_over": dict(real=True),
    "thanks": dict(),
    "echo": dict(text=f"T107 goes to {MARIA}"),
    "echo_taken": dict(code="T107", text=DISCHARGE, by="04:25"),
    "echo_proof": dict(code="T107", proof="number"),
    "echo_help": dict(need="staff", who=MARIA),
    "echo_risk": dict(code="T107", unit="PACU-2", drill=True),
    "status": dict(
        time="04:40",
        code="O-12",
        down=["Epic", "email"],
        state="declared",
        level=3,
        numbers="OK 15 of 24, help 2, silent 4",
        recalls="R12 10 of 12 coming, 2 reserve",
        next="05:10",
    ),
    "declared": dict(
        code="O-12",
        level=3,
        services="Epic, email",
        sites="MAIN",
        people=2512,
        unreachable=109,
        commander=MARIA,
        next="04:40",
        text="Epic and mail are down",
    ),
    "partner": dict(services="Epic, email, phones and lab", site="MAIN, NORTH CAMPUS", since="04:05", next="04:40"),
    "partner_over": dict(services="Epic, email, phones and lab", time="06:20"),
    "reply_declared": dict(
        code="O-12",
        level=3,
        sites=["MAIN", "NORTH CAMPUS"],
        told=2512,
        segments=2512,
        finish="04:12",
        sent="MERCY: " + WHAT,
        unreachable=109,
        uncovered=True,
        valid=["core", "ehr"],
        odd=["level:9"],
        changed="’ is now '",
        added='what still works: "phones"',
        find_out="start_time",
    ),
    "reply_merged": dict(code="O-12", joined=True, services=["ehr"], people=2512, newcomers=12, odd=["level:9"],
                         unsent="/outage update O-12"),
    "reply_status": dict.fromkeys(
        "code state level period services summary people delivered sent queued failed unreachable ok help risk silent "
        "told asked fine need at_risk no_answer on_site missing done under_way offered blocked overdue "
        "recovery recalls paper".split(),
        1,
    ),
    "recall": dict(
        code="R12", on_call=False, need=12, skill="PACU-2 charge nurse", start="06:00", site="NORTH CAMPUS"
    ),
    "recall_coming": dict(code="R12", eta="04:45", unit="PACU-2", site="NORTH CAMPUS"),
    "recall_needed": dict(code="R12", start="06:00", unit="PACU-2", site="NORTH CAMPUS"),
    "recall_reserve": dict(code="R12"),
    "recall_filled": dict(code="R12"),
    "recall_released": dict(code="R12"),
    "recall_off": dict(code="R12"),
    "recall_which": dict(digit="3", there="60 min", recall="R12", alert="not affected", outage="O-12"),
    "recall_news": dict(code="R12", coming=10, need=12, reserve=2, text="Everybody who may be asked was asked"),
    "reply_recall": dict(
        code="R12", state="open", need=12, skill="PACU-2 charge nurse", site="NORTH CAMPUS", start="06:00", coming=1,
        reserve=0, arrived=0, asked=[MARIA, MARIA], silent=9, planned=["04:20 all who can do it (30)"],
        excluded=["12 on shift already", "3 resting"], stop="R12",
    ),
    "reply_help": {},
    "reply_stranger": dict(account="U0MARIA"),
    "reply_later": dict(what="/outage declare ehr,email Epic and mail are down", time="04:10"),
    "inject": dict(
        code="D-12", number=3, of=9, minute="20", who="control", say="EMS asks if you are on diversion", done=True,
        refused="there is nobody to ask",
    ),
    "drill_plan": dict(
        code="D-12", at="Mon 23 Nov 10:00", title="Contact test", minutes=45, services=["ehr"], people=212,
        unreachable=9, segments=203, takes=1, recalled=45, injects=["0 min (system): declare", "10 min (control): ask"],
    ),
    "drill_score": dict(
        code="O-12", title="Contact test", passed=True, people=212, answered=180, units=24, accounted=24,
        lines=["answered within 10 min: 71 % (wanted: at least 60 %): passed"],
    ),
    "kept": dict(risk=True, since="04:10"),
    "away": dict(since="04:10", keys=True),
    "button": dict(label="9 PATIENT RISK"),
    "noted": dict(digit="1"),
    "no_button": {},
    "done_already": {},
    "wrong_key": {},
    "call_over": {},
    "call_stranger": {},
}

NEEDED = {  # without these a message says nothing; every other fact may be missing
    "alert": "what",
    "unit_check": "units what",
    "check_again": "units",
    "question": "text",
    "sitrep": "of",
    "sitrep_next": "field place of",
    "sitrep_report": "code got of",
    "landline": "unit what",
    "card": "unit code lines",
    "receipt": "code services",
    "digest": "code time",
    "risk": "time",
    "role": "title what",
    "holding": "time",
    "update": "time text",
    "correction": "time text",
    "still_works": "time text",
    "read_only": "time text",
    "diversion": "time text",
    "raised": "time level what",
    "turn": "units time",
    "decide": "code task level to",
    "restored": "time",
    "verified": "time",
    "closed": "time",
    "void": "time",
    "joined": "time what",
    "stray_text": "who text",
    "task": "code text",
    "tasks": "items",
    "many": "codes count",
    "task_due": "code text by",
    "task_late": "code text",
    "task_up": "code text",
    "remind_promise": "time",
    "promise_held": "time",
    "told_you": "text",
    "echo": "text",
    "echo_taken": "code text",
    "echo_proof": "code proof",
    "echo_help": "need",
    "echo_risk": "code",
    "recall": "code need skill",
    "recall_coming": "code",
    "recall_needed": "code",
    "recall_reserve": "code",
    "recall_filled": "code",
    "recall_released": "code",
    "recall_off": "code",
    "recall_which": "digit there recall alert outage",
    "recall_news": "code",
    "status": "time code state level",
    "declared": "code services",
}

# The texts of the agreed table, each with the facts of its example.
AGREED: list[tuple[str, str, dict[str, Any]]] = [
    (
        "MERCY STAFF CALL R1 (voluntary): need 4 ICU RN from 06:00 at MAIN. "
        "Reply 1=there in 30 min 2=60 min 3=2 h 4=cannot. Questions 5555",
        "recall",
        dict(code="R1", need=4, skill="ICU RN", start="06:00", site="MAIN"),
    ),
    (
        "MERCY: Epic and email DOWN. Use paper (downtime box). Leave windows open, stay logged in. "
        "Reply 1=read 9=PATIENT RISK, or call 5555. Next 04:40",
        "alert",
        dict(what="Epic and email DOWN", do=USE_PAPER, next="04:40"),
    ),
    (
        "MERCY 5W: Epic, email DOWN, use paper. Answer for 5W: 1=OK 2=need staff 3=need forms 4=not affected "
        "9=PATIENT RISK. No answer by 04:15: we call",
        "unit_check",
        dict(units="5W", what="Epic, email DOWN", do="use paper", by="04:15"),
    ),
    (
        "MERCY 5W LIST T7 by 04:25: tell all staff; print MAR+census at red-label PC; paper charts, 2 IDs each page. "
        "Text DONE T7 or NEED T7",
        "card",
        dict(
            unit="5W",
            code="T7",
            by="04:25",
            lines=["tell all staff", "print MAR+census at red-label PC", "paper charts, 2 IDs each page"],
        ),
    ),
    (
        "DECLARED O-1 level 3: Epic, email at MAIN. Texting 212 on shift till 04:12; 9 no phone. "
        "You command until relieved. Wrong? VOID O-1 and PIN",
        "receipt",
        dict(code="O-1", level=3, services="Epic, email", sites="MAIN", people=212, finish="04:12", unreachable=9),
    ),
    (
        "MERCY O-1 04:20: NO ANSWER 3W, 5W, ICU (texted, called). Send someone, then text TOLD 5W. "
        "Need staff: ED, 4E. OK 5 of 10. Patient risk: 0",
        "digest",
        dict(
            code="O-1",
            time="04:20",
            silent=["3W", "5W", "ICU"],
            tried="texted, called",
            told="5W",
            staff=["ED", "4E"],
            ok=5,
            of=10,
            risk=0,
        ),
    ),
    (
        "PATIENT RISK 5W 04:31 from charge nurse. Call 5W now: 555-0142. Text 1 T31=I have it. "
        "Nobody by 04:33: next person is called",
        "risk",
        dict(unit="5W", time="04:31", who="charge nurse", phone="555-0142", task="T31", until="04:33"),
    ),
    (
        "MERCY IT: Epic and email DOWN, level 3, MAIN, since 04:05. You lead IT. Join bridge 555-0199. "
        "Text 1 T2=I have it, 2 T2=cannot. We also call you",
        "role",
        dict(
            title="IT",
            what="Epic and email DOWN",
            level=3,
            site="MAIN",
            since="04:05",
            lead="You lead IT",
            bridge="555-0199",
            task="T2",
            calling=True,
        ),
    ),
    (
        "MERCY 04:40: no new word. Treat Epic and email as DOWN, stay on paper. Questions or risk: call 5555. "
        "Next 05:10. No reply needed",
        "holding",
        dict(time="04:40", services=["Epic", "email"], next="05:10"),
    ),
    (
        "MERCY 06:20: EMAIL IS BACK. EPIC STILL DOWN, stay on paper. "
        "Enter nothing late until your charge nurse says so. Call 5555. Next 06:50",
        "restored",
        dict(time="06:20", back=["email"], down=["Epic"], next="06:50"),
    ),
    (
        "MERCY: IGNORE our 04:10 text, sent by mistake. No downtime is called. Go on as before. "
        "If a system IS down for you, call 5555",
        "void",
        dict(time="04:10"),
    ),
    (
        "MERCY: a person will read your text. Quicker: 1=OK 2=need help 9=PATIENT RISK, or call 5555. "
        "No patient names please",
        "stray",
        {},
    ),
]
