"""The self-check: every host that Muster needs while it runs, what is missing, and what is broken.

It asks nobody: what it says is told from the settings, the files and the roster.
"""

import re
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qsl

from sqlmodel import select

from bot import exercises, playbooks, roster
from bot.db import Tx
from bot.settings import Settings

#: Domains whose hosts fail together with a hospital's Microsoft cloud
MICROSOFT = (
    "azure.com", "azure.net", "azure-api.net", "azurecontainerapps.io", "azureedge.net", "azurefd.net",
    "azurewebsites.net", "cloudapp.net", "dynamics.com", "hotmail.com", "live.com", "microsoft.com",
    "microsoftonline.com", "msn.com", "office.com", "office.net", "office365.com", "outlook.com", "powerautomate.com",
    "sharepoint.com", "skype.com", "trafficmanager.net", "windows.net",
)  # fmt: skip
#: Addresses of Apprise that lead there whatever their host part says
MICROSOFT_SCHEMES = ("azure", "msteams", "o365", "workflow", "workflows")
NAME = re.compile(r"([a-z0-9-]+\.)+[a-z]{2,}")  # of a host
HERE = ("", "127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Host:
    """`use`: what it is needed for."""

    use: str
    host: str
    microsoft: bool


@dataclass(frozen=True)
class Findings:
    """`missing` are facts that texts go without; `broken` is what has to be mended."""

    hosts: list[Host]
    channels: dict[str, bool]
    missing: list[str]
    broken: list[str]

    def json(self) -> dict[str, Any]:
        return asdict(self)


def examine(tx: Tx) -> Findings:
    """What can be known without asking anybody."""
    settings = tx.settings
    needed = hosts(settings)
    broken = [*playbooks.current(tx).complaints, *tx.render.complaints, *exercises.current(tx).complaints]
    broken += exercises.unannounced(tx)
    broken += [f"{each.host} ({each.use}) is Microsoft's: it fails when their cloud does" for each in needed
               if each.microsoft]  # fmt: skip
    ready = {"sms": settings.sms_ready, "voice": settings.voice_ready, "slack": settings.slack_ready}
    if not any(ready.values()):
        broken.append("no channel is set up: nobody can be told. Set TWILIO_… or SLACK_…")
    return Findings(needed, ready, _missing(tx, settings), broken)


def hosts(settings: Settings) -> list[Host]:
    """Every host that is reached, or that reaches us, at run time; none of this machine."""
    twilio = settings.sms_ready or settings.voice_ready
    named = [("texts and calls", settings.twilio_api_url if twilio else ""),
             ("Slack", settings.slack_api_url if settings.slack_ready else "")]  # fmt: skip
    if settings.slack_app_token:
        named.append(("Slack, Socket Mode", "wss://wss-primary.slack.com"))
    named += [(f"fallback gateway {number}", url) for number, url in enumerate(settings.sms_fallback_urls, start=1)]
    named += [("sign of life", settings.heartbeat_url), ("our own address", settings.public_url)]
    named += [("database", settings.database_url)] if settings.sqlite_path is None else []
    every = [(use, host, _scheme(url)) for use, url in named for host in _hosts_in(url)]
    return [Host(use, host or scheme, _under(host) or scheme in MICROSOFT_SCHEMES) for use, host, scheme in every
            if host not in HERE or scheme in MICROSOFT_SCHEMES]  # fmt: skip


def _hosts_in(url: str) -> list[str]:
    """The host of an address, and those that its query names, as Apprise's `?smtp=` does."""
    values = [value for _, value in parse_qsl(url.partition("?")[2]) if "//" in value or "@" not in value]
    named = [_host(value if "//" in value else f"//{value}") for value in values]
    return [_host(url), *(host for host in named if NAME.fullmatch(host))]


def _host(url: str) -> str:
    """Read by hand: the library stops at a password that holds what a URL may not."""
    place = re.split("[/?#]", url.partition("//")[2])[0].rpartition("@")[2].lower()
    return place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0]


def _scheme(url: str) -> str:
    return url.partition(":")[0].lower()


def _under(host: str) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in MICROSOFT)


def _missing(tx: Tx, settings: Settings) -> list[str]:
    sites = list(tx.exec(select(roster.Site).order_by(roster.Site.code)))
    said = []
    if not settings.callback_number and any(not site.help_phone for site in sites or [roster.Site(code="")]):
        said.append("CALLBACK_NUMBER: texts name no number to call")
    said += [
        f"downtime_box of site {site.code}: nobody is told where it stands" for site in sites if not site.downtime_box
    ]
    said += [] if sites else ["the staff list: muster roster import staff.csv"]
    off = {"sms": ("texts", settings.sms_ready), "voice": ("calls", settings.voice_ready),
           "slack": ("Slack", settings.slack_ready)}  # fmt: skip
    return said + [f"{what}: not set up, so nobody is reached that way" for what, ready in off.values() if not ready]
