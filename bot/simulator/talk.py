"""What happens in a call once it is answered: TwiML is played, keys are waited for and handed in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import urljoin

from bot.simulator import twiml
from bot.simulator.agenda import Agenda
from bot.simulator.call import Call
from bot.simulator.phones import Phone
from bot.simulator.webhooks import Webhooks

APP_ERROR = "We are sorry. An application error has occurred. Goodbye."
MOST_DOCUMENTS = 25  # in one call: a Gather whose action leads back to itself would go on for ever

End = Callable[[Call, str], Awaitable[None]]


class Talk:
    """Plays documents to people. `words_per_second` is how fast the voice speaks; 0 = speaking takes no time."""

    def __init__(self, account: str, webhooks: Webhooks, agenda: Agenda, end: End) -> None:
        self.account = account
        self.webhooks = webhooks
        self.agenda = agenda
        self.words_per_second = 0.0
        self._end = end

    async def begin(self, call: Call, phone: Phone | None) -> None:
        """Fetches the first document and plays it; `phone` presses what it is set to press."""
        if phone is not None and phone.voice == "answers":
            call.hand = phone.keys if callable(phone.keys) else _one_by_one(phone.keys)
        await self.fetch(call, call.url)

    async def fetch(self, call: Call, url: str, **keys: str) -> None:
        """Asks the app what to play next, and plays it."""
        call.stop_waiting()
        call.gather, call.verbs, call.documents = None, [], call.documents + 1
        call.url = urljoin(self.webhooks.full(call.url), url)
        if call.documents > MOST_DOCUMENTS:
            return await self._break_off(call, f"more than {MOST_DOCUMENTS} documents in one call")
        answer = await self.webhooks.signed_post(call.url, call.form(self.account) | keys)
        if call.status != "in-progress":
            return None
        if answer is None or not answer.ok:
            return await self._break_off(call, "")
        try:
            call.verbs = twiml.verbs(answer.body)
        except twiml.BadTwiml as error:
            return await self._break_off(call, str(error))
        await self._play(call)

    async def take_keys(self, call: Call) -> None:
        """Hands the pressed keys in when there are enough of them, or the closing key came."""
        gather, keys = call.gather, call.keys
        if gather is None or not keys:
            return
        closing = keys.find(gather.finish_on_key) if gather.finish_on_key else -1
        if closing >= 0:
            await self._hand_in(call, gather, keys[:closing], keys[closing + 1 :])
        elif gather.num_digits and len(keys) >= gather.num_digits:
            await self._hand_in(call, gather, keys[: gather.num_digits], keys[gather.num_digits :])

    async def _play(self, call: Call) -> None:
        """Plays on until keys or time are waited for, or the document ends, which ends the call."""
        while call.verbs and call.status == "in-progress":
            verb = call.verbs.pop(0)
            if isinstance(verb, twiml.Gather):
                return await self._ask(call, verb)
            if isinstance(verb, twiml.Redirect):
                return await self.fetch(call, verb.url)
            if isinstance(verb, twiml.Hangup):
                break
            if seconds := self._utter(call, verb):
                call.waits.append(self.agenda.after(seconds, partial(self._play, call), in_turn=True))
                return
        if call.status == "in-progress":
            await self._end(call, "completed")

    async def _ask(self, call: Call, gather: twiml.Gather) -> None:
        speech = sum(self._utter(call, twiml.Say(text)) for text in gather.says)
        call.gather = gather
        silence = partial(self._silence, call, gather)
        call.waits.append(self.agenda.after(speech + gather.timeout, silence, in_turn=True))
        call.keys += call.hand(call.heard[-1] if call.heard else "")
        await self.take_keys(call)

    async def _silence(self, call: Call, gather: twiml.Gather) -> None:
        """The time for keys is over: what was pressed is handed in, else the document goes on."""
        if call.gather is not gather or call.status != "in-progress":
            return
        if call.keys or gather.even_empty:
            return await self._hand_in(call, gather, call.keys, "")
        call.gather = None
        await self._play(call)

    async def _hand_in(self, call: Call, gather: twiml.Gather, digits: str, rest: str) -> None:
        call.keys = rest
        if digits:
            call.pressed.append(digits)
        await self.fetch(call, gather.action or call.url, Digits=digits)

    async def _break_off(self, call: Call, says: str) -> None:
        if says:
            self.webhooks.complain(12100, call.url, says)
        call.heard.append(APP_ERROR)
        await self._end(call, "completed")

    def _utter(self, call: Call, verb: twiml.Verb) -> float:
        """Says something; returns how long that takes, in seconds."""
        if isinstance(verb, twiml.Say):
            call.heard.append(verb.text)
            return len(verb.text.split()) / self.words_per_second if self.words_per_second else 0.0
        return verb.seconds if isinstance(verb, twiml.Pause) and self.words_per_second else 0.0


def _one_by_one(keys: tuple[str, ...]) -> Callable[[str], str]:
    left = iter(keys)
    return lambda heard: next(left, "")
