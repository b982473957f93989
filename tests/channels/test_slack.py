"""Slack messages over the wire: the real SDK against a scripted provider."""

import pytest

from bot.channels import Sent, Unavailable
from bot.channels.slack import BAD_ADDRESSES, Slack, blocks, escape
from tests.channels.provider import BODY, Answer, envelope, talk

TS = "1763784609.000100"
TAKEN = Answer(200, {"ok": True, "channel": "C1", "ts": TS})
BUTTONS = (("Our unit is OK", "answer_1", "7:1"), ("Patient risk", "answer_9", "7:9"))


def no(error, status=200, **headers):
    return Answer(status, {"ok": False, "error": error}, headers)


def opens(**options):
    return lambda url: Slack(token="xoxb-test", base_url=f"{url}/api/", **options)


def note(**facts):
    return envelope(**{"channel": "slack", "to": "C1"} | facts)


def send(answer, message=None, **options):
    """What posting brought, and what the provider heard."""
    return talk([answer], opens(**options), lambda slack: slack.send(message or note()))


def test_it_posts_a_message():
    sent, heard = send(TAKEN, note(buttons=BUTTONS))
    assert sent == Sent(provider_id=f"C1:{TS}", delivered=True)
    assert [(heard[0].method, heard[0].path)] == [("POST", "/api/chat.postMessage")]
    assert heard[0].headers["Authorization"] == "Bearer xoxb-test"
    assert (heard[0].json["channel"], heard[0].json["text"]) == ("C1", BODY)
    assert heard[0].json["metadata"] == {"event_type": "muster", "event_payload": {"id": 7}}
    assert heard[0].json["blocks"] == blocks(BODY, BUTTONS)


def test_a_message_to_a_person_is_found_under_its_channel():
    sent, heard = send(Answer(200, {"ok": True, "channel": "D9", "ts": TS}), note(to="U1"))
    assert sent == Sent(provider_id=f"D9:{TS}", delivered=True)
    assert heard[0].json["channel"] == "U1"


@pytest.mark.parametrize(("header", "seconds"), [("30", 30.0), ("", 0.0), ("86400", 300.0)])
def test_it_says_how_long_to_wait(header, seconds):
    error, _ = send(no("ratelimited", 429, **{"Retry-After": header}))
    assert error.retry_after == seconds


def test_every_bad_address_is_a_line_for_a_person():
    assert all(says[0].isupper() and len(says) < 100 for says in BAD_ADDRESSES.values())


def posted(ts, number=7, kind="muster"):
    return {"ts": ts, "metadata": {"event_type": kind, "event_payload": {"id": number}}}


def look_for(*answers, to="C1"):
    return talk(list(answers), opens(), lambda slack: slack.look_for(note(to=to)))


def test_it_finds_its_own_by_metadata_over_all_pages_oldest_first():
    newer = [posted("9.2"), posted("9.1", 8), {"ts": "9.0", "text": BODY}]
    older = [posted("8.9", kind="other"), posted("8.1", "7"), {"ts": "8.0", "metadata": {}}]
    first = Answer(200, {"ok": True, "messages": newer, "response_metadata": {"next_cursor": "more"}})
    found, heard = look_for(first, Answer(200, {"ok": True, "messages": older}))
    assert [one.provider_id for one in found] == ["C1:8.1", "C1:9.2"]
    asked, again = (request.query for request in heard)
    assert (heard[0].path, asked["channel"], asked["include_all_metadata"]) == ("/api/conversations.history", "C1", "1")
    assert float(asked["oldest"]) == pytest.approx(note().claimed_at.timestamp() - 60)
    assert again["cursor"] == "more"


def test_it_opens_the_conversation_with_a_person_first():
    opened = Answer(200, {"ok": True, "channel": {"id": "D9"}})
    found, heard = look_for(opened, Answer(200, {"ok": True, "messages": [posted("9.2")]}), to="U1")
    assert [one.provider_id for one in found] == ["D9:9.2"]
    assert [one.path for one in heard] == ["/api/conversations.open", "/api/conversations.history"]


@pytest.mark.parametrize(
    "answer",
    [no("ratelimited", 429), no("missing_scope"), Answer(503, "<html>"), Answer(200, "<"), Answer(200, {"ok": True})],
)
def test_what_cannot_be_asked_is_unavailable(answer):
    assert type(look_for(answer)[0]) is Unavailable


def test_a_message_is_a_section_and_a_row_of_buttons():
    section, row = blocks("*Epic* is down", BUTTONS)
    assert section == {"type": "section", "text": {"type": "mrkdwn", "text": "*Epic* is down"}}
    first, risk = row["elements"]
    assert first == {
        "type": "button",
        "text": {"type": "plain_text", "text": "Our unit is OK"},
        "action_id": "answer_1",
        "value": "7:1",
    }
    assert risk["style"] == "danger"


def test_a_long_text_is_cut_into_sections_at_a_word():
    words = ["paper"] * 2000
    texts = [block["text"]["text"] for block in blocks(" ".join(words))]
    assert len(texts) == 4 and max(map(len, texts)) <= 3000 and " ".join(texts).split() == words
    assert [len(block["text"]["text"]) for block in blocks("x" * 7000)] == [3000, 3000, 1000]


def test_many_buttons_stay_within_the_limits():
    rows = blocks("", [("L" * 99, f"a{number}", "v" * 2500) for number in range(60)])
    assert [len(row["elements"]) for row in rows] == [25, 25, 10]
    button = rows[0]["elements"][0]
    assert (len(button["text"]["text"]), len(button["value"])) == (75, 2000)


def test_the_same_action_never_stands_twice_in_a_row():
    rows = blocks(
        "",
        [
            ("I have it", "have", "T7"),
            ("Cannot", "cannot", "T7"),
            ("I have it", "have", "T8"),
            ("Cannot", "cannot", "T8"),
        ],
    )
    assert [[button["value"] for button in row["elements"]] for row in rows] == [["T7", "T7"], ["T8", "T8"]]


def test_there_are_never_more_than_fifty_blocks():
    assert len(blocks("x" * 200_000, BUTTONS)) == 50 and blocks("x" * 200_000, BUTTONS)[-1]["type"] == "actions"
    assert len(blocks("", [("same", "same", str(number)) for number in range(80)])) == 50


def test_nothing_to_say_is_no_block():
    assert blocks("  ") == []


def test_free_text_cannot_mention_or_link():
    assert escape("<!channel> R&D") == "&lt;!channel&gt; R&amp;D"
