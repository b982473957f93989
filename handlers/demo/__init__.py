"""The demo's page: what the visitor does there goes through the simulated providers, signed and over HTTP, as ever."""

from collections.abc import Awaitable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, FastAPI, HTTPException
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from bot.simulator import Phone, Said
from handlers.demo import view
from handlers.demo.view import Held, Scene

__all__ = ["Held", "Scene", "add"]

PAGE = Path(__file__).parents[2] / "templates" / "board"
DECLARATION = "declare ehr,email"
# Nothing is loaded from anywhere else, and nothing that a text holds can become a script.
LOCKED = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}

Text = Annotated[str, Body(embed=True, min_length=1, max_length=1600)]
Json = dict[str, Any]


def add(web: FastAPI, scene: Scene) -> None:
    """Lay the page and its doors over the app's own."""
    web.include_router(phones(scene))
    web.include_router(slack(scene))
    web.mount("/demo/files", StaticFiles(directory=PAGE))

    @web.get("/")
    async def page() -> FileResponse:
        return FileResponse(PAGE / "demo.html", headers=LOCKED)

    @web.get("/demo/state")
    async def state(user: str = "") -> Json:
        return await view.state(scene, user)


def phones(scene: Scene) -> APIRouter:
    """What the visitor does with a phone."""
    doors = APIRouter(prefix="/demo/phones/{number}")

    @doors.post("/text")
    async def text(number: str, body: Text) -> Json:
        answer = await phone_of(scene, number).text(body)
        return {"status": answer.status if answer else 0}

    @doors.post("/press")
    async def press(number: str, digits: Annotated[str, Body(embed=True, pattern=r"^[0-9*#]{1,8}$")]) -> Json:
        return await _in_call(phone_of(scene, number).press(digits))

    @doors.post("/answer")
    async def answer(number: str) -> Json:
        return await _in_call(phone_of(scene, number).pick_up())

    @doors.post("/hangup")
    async def hangup(number: str) -> Json:
        return await _in_call(phone_of(scene, number).hang_up())

    return doors


def slack(scene: Scene) -> APIRouter:
    """What the visitor does as a manager in Slack."""
    doors = APIRouter(prefix="/demo")

    @doors.post("/declare")
    async def declare() -> Json:
        who = await scene.db.read(view.declarer)
        return _answer(await scene.sim.slack.command(who, "/outage", DECLARATION))

    @doors.post("/slack")
    async def command(user: Text, line: Text) -> Json:
        name, _, words = line.strip().partition(" ")
        if name not in view.COMMANDS:
            raise HTTPException(400, f"A line begins with {', '.join(view.COMMANDS)}.")
        asked = scene.clock.now().timestamp()
        said = await scene.sim.slack.command(await _manager(scene, user), name, words.strip())
        return _answer(said) | {"asked": asked}

    @doors.post("/slack/click")
    async def click(user: Text, channel: Text, ts: Text, action: Text, value: Text) -> Json:
        who = await _manager(scene, user)
        if channel not in (f"D{who[1:]}", scene.command_channel):
            raise HTTPException(404, "That channel is not shown here.")
        try:
            return _answer(await scene.sim.slack.click(who, channel, ts, action, value))
        except LookupError as gone:
            raise HTTPException(409, "That button is gone.") from gone

    return doors


def phone_of(scene: Scene, number: str) -> Phone:
    """One of the visitor's phones; anybody else's is 404."""
    if number not in [held.number for held in scene.held]:
        raise HTTPException(404, "You do not hold that phone.")
    return scene.sim.phone(number)


async def _manager(scene: Scene, user: str) -> str:
    if user not in [manager["id"] for manager in await scene.db.read(view.managers)]:
        raise HTTPException(404, "There is no such manager on duty.")
    return user


async def _in_call(act: Awaitable[Any]) -> Json:
    try:
        return {"status": (await act).status}
    except LookupError as gone:
        raise HTTPException(409, "There is no call on this phone.") from gone


def _answer(said: Said) -> Json:
    return {"status": said.status, "text": said.text}
