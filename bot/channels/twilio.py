"""What texts and calls through Twilio share: what an exception means, and how Twilio is asked what it has."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any

from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.base.version import Version
from twilio.http.response import Response

from bot.channels import BadAddress, Envelope, Handed, Misconfigured, Rejected, SendError, Throttled, Unavailable
from bot.channels.lean import TooMany, whole
from bot.channels.wire import UNSENT

Refusals = Mapping[int, tuple[type[SendError], str]]

# Codes that any REST call can bring. https://www.twilio.com/docs/api/errors
ACCOUNT: Refusals = {
    10001: (Misconfigured, "Twilio has closed our account. IT: look at the Twilio console"),
    20003: (Misconfigured, "Twilio does not accept our sign-in. IT: check the account SID and token"),
    20005: (Misconfigured, "Twilio has suspended our account. IT: look at the Twilio console"),
    20404: (Misconfigured, "Twilio does not know our account. IT: check the account SID"),
    20429: (Throttled, "Twilio asked us to slow down; it goes out in a moment"),
    20500: (Unavailable, "Twilio is in trouble; it is being asked whether it went out"),
    20503: (Unavailable, "Twilio is in trouble; it is being asked whether it went out"),
    21211: (BadAddress, "This is not a valid phone number"),
    21608: (Rejected, "A Twilio trial account may not use this number. IT: upgrade the account"),
    21609: (Misconfigured, "Twilio does not accept our address for receipts. IT: check PUBLIC_URL"),
}
EARLIER = timedelta(seconds=60)  # their clock and ours may differ by so much
LATER = timedelta(minutes=10)  # after it was handed over, most have long left Twilio's queue
CANDIDATES = 200  # texts or calls to one phone that are looked through
PAGE, LISTED = 1000, 10_000  # texts or calls that one list and one question about many of them look through
FETCHED = 24  # texts or calls that are asked about one by one
LONGEST = 30.0  # seconds for all of that


def taken(sid: Any) -> str:
    """The id in an answer; one without any is as good as unreadable. Raises Unavailable."""
    if not sid or not isinstance(sid, str):
        raise Unavailable()
    return sid


async def became(resource: Any, handed: Sequence[Handed], after: str, before: str) -> list[tuple[Handed, Any]]:
    """The texts or calls (`resource` of the SDK) that were handed over, as Twilio has them now.

    Many are listed by when they left, which hides those that have not; of these a few are fetched. What is in neither
    is left out. `after` and `before` are the SDK's names for the bounds of the list. Raises SendError.
    """
    try:
        async with asyncio.timeout(LONGEST):
            listed = await _listed(resource, handed, after, before) if len(handed) > FETCHED else {}
            missing = [one for one in handed if one.provider_id not in listed][:FETCHED]
            fetched = await asyncio.gather(*(_fetched(resource, one.provider_id) for one in missing))
    except Exception as error:
        raise no_answer(error) from error
    known = listed | {item.sid: item for item in fetched if item}
    return [(one, known[one.provider_id]) for one in handed if one.provider_id in known]


async def knock(resource: Any) -> None:
    """Ask for one text or call, whichever it is: shows whether Twilio answers and accepts us. Raises SendError."""
    try:
        await resource.page_async(page_size=1)
    except Exception as error:
        raise no_answer(error) from error


def fault(error: Exception, refusals: Refusals) -> SendError:
    """What an exception of the SDK, or from below it, means. Whatever is not a definite no is doubt."""
    if isinstance(error, SendError):
        return error
    if isinstance(error, UNSENT):
        return Unavailable("Twilio cannot be reached; it is tried again", doubt=False, retry=True)
    if isinstance(error, TooMany):
        return _refused(error.code, refusals, error.retry_after) if error.code in refusals else _slow_down(error)
    if isinstance(error, TwilioRestException | TwilioServiceException):
        return _answered(error, refusals)
    return Unavailable()


def no_answer(error: Exception) -> SendError:
    """Why Twilio could not be asked. Nothing was to be taken, so nothing is in doubt."""
    problem = fault(_of_a_list(error), ACCOUNT)
    if isinstance(problem, Throttled | Misconfigured):
        return problem
    return Unavailable("Twilio does not answer", code=problem.code, doubt=False)


def cannot_ask(error: Exception) -> Unavailable:
    """Twilio could not be asked what it has."""
    return Unavailable("Twilio cannot be asked whether it went out", code=no_answer(error).code)


def oldest_first(found: list[Any]) -> list[Any]:
    """Lists come newest first and with whole seconds, so of one second the last is the oldest."""
    return sorted(reversed(found), key=lambda item: item.date_created)


def recent(item: Any, envelope: Envelope) -> bool:
    """Whether a text or call was made by us through the API and not before this message was claimed."""
    created = item.date_created
    return item.direction == "outbound-api" and created is not None and created >= envelope.claimed_at - EARLIER


async def _listed(resource: Any, handed: Sequence[Handed], after: str, before: str) -> dict[str, Any]:
    wanted = {one.provider_id for one in handed}
    times = [one.handed_at.astimezone(UTC) for one in handed]  # the SDK writes a Z behind whatever it is given
    bounds = {after: min(times) - EARLIER, before: max(times) + LATER}
    found: dict[str, Any] = {}
    async for item in await resource.stream_async(**bounds, page_size=PAGE, limit=LISTED):
        if item.sid in wanted:
            found[item.sid] = item
        if len(found) == len(wanted):
            break
    return found


async def _fetched(resource: Any, sid: str) -> Any:
    try:
        return await resource(sid).fetch_async()
    except TwilioRestException as error:
        if error.status == 404:
            return None
        raise


def _of_a_list(error: Exception) -> Exception:
    """A list that failed says nothing but "Unable to fetch page" and holds the answer: read as any other answer is."""
    answer = error.args[-1] if isinstance(error, TwilioException) and error.args else None
    return Version.exception("GET", "", answer, "") if isinstance(answer, Response) else error


def _answered(error: TwilioRestException | TwilioServiceException, refusals: Refusals) -> SendError:
    """A 4xx with a code of Twilio's is a definite no; where a body had none, the SDK puts the status for the code."""
    status, code = whole(error.status), whole(error.code)
    if status == 401 and code == 401:
        return _refused(20003, refusals)
    if 400 <= status < 500 and code not in (0, status):
        return _refused(code, refusals)
    return Unavailable(code=str(code))


def _refused(code: int, refusals: Refusals, retry_after: float = 0.0) -> SendError:
    kind, says = refusals.get(code, (Rejected, "Twilio refused this message"))
    return kind(says, code=str(code), retry_after=retry_after)


def _slow_down(error: TooMany) -> SendError:
    _, says = ACCOUNT[20429]
    return Throttled(says, code=str(error.code or 429), retry_after=error.retry_after)
