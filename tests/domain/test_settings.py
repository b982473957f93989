"""Settings: where they come from, what they become, and every complaint at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.settings import BadSettings, Settings

TWILIO = {"twilio_account_sid": "AC1", "twilio_auth_token": "token", "twilio_from": "+15550100"}
OUTSIDE = "https://muster.example.org"


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """An environment with no setting in it and a folder with no `.env`."""
    for name in list(os.environ):
        if name.removesuffix("_FILE").lower() in Settings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def complaints(**given) -> list[str]:
    with pytest.raises(BadSettings) as refused:
        Settings.load(**given)
    return refused.value.complaints


def env_file(text: str) -> None:
    Path(".env").write_text(text, encoding="utf-8")


class TestSources:
    def test_it_starts_with_nothing_set(self):
        settings = Settings.load()
        assert settings.database_url == "sqlite:///muster.db"
        assert settings.public_url == "http://127.0.0.1:8000"
        assert (settings.host, settings.port) == ("127.0.0.1", 8000)
        assert (settings.sms_per_second, settings.calls_per_second) == (10, 1)
        assert settings.callback_number == ""
        assert not (settings.sms_ready or settings.voice_ready or settings.slack_ready)

    def test_it_reads_the_env_file(self):
        env_file('ORG_NAME="Mercy General"\nPORT=8100 # beside the other one\nUNRELATED=1\n')
        settings = Settings.load()
        assert (settings.org_name, settings.port) == ("Mercy General", 8100)

    def test_the_process_environment_wins(self, monkeypatch):
        env_file("PORT=8100\nORG_NAME=Mercy")
        monkeypatch.setenv("PORT", "8200")
        settings = Settings.load()
        assert (settings.port, settings.org_name) == (8200, "Mercy")

    def test_an_empty_value_is_an_unset_one(self, monkeypatch):
        env_file("PORT=8100\nTIMEZONE=\nSMS_FALLBACK_URLS=")
        monkeypatch.setenv("PORT", "")
        settings = Settings.load()
        assert (settings.port, settings.timezone, settings.sms_fallback_urls) == (8000, "UTC", ())

    def test_what_is_given_wins_over_both(self, monkeypatch):
        env_file("PORT=8100")
        monkeypatch.setenv("PORT", "8200")
        assert Settings.load(port=8300).port == 8300

    def test_another_env_file_may_be_named_or_none(self, tmp_path):
        env_file("PORT=8100")
        (tmp_path / "other").write_text("PORT=8400")
        assert Settings.load("other").port == 8400
        assert Settings.load(None).port == 8000

    def test_a_misspelled_given_name_is_refused(self):
        with pytest.raises(TypeError, match="prot"):
            Settings.load(prot=1)

    def test_an_unreadable_env_file_is_a_complaint(self):
        Path(".env").write_bytes(b"ORG_NAME=\xff")
        assert complaints() == [".env: cannot be read: it is not UTF-8 text"]


class TestNamedFiles:
    def test_a_secret_may_lie_in_a_file(self, monkeypatch, tmp_path):
        (tmp_path / "token").write_text("xoxb-1\n")
        monkeypatch.setenv("SLACK_BOT_TOKEN_FILE", str(tmp_path / "token"))
        env_file("SLACK_SIGNING_SECRET_FILE=token")
        settings = Settings.load()
        assert (settings.slack_bot_token, settings.slack_signing_secret) == ("xoxb-1", "xoxb-1")

    def test_the_process_environment_wins_here_too(self, monkeypatch, tmp_path):
        (tmp_path / "token").write_text("from the file")
        env_file("SESSION_SECRET_FILE=token")
        monkeypatch.setenv("SESSION_SECRET", "from the process")
        assert Settings.load().session_secret == "from the process"

    def test_a_file_that_is_not_there_is_a_complaint(self, monkeypatch):
        monkeypatch.setenv("SESSION_SECRET_FILE", "/nowhere/secret")
        assert complaints() == ["SESSION_SECRET_FILE: /nowhere/secret cannot be read: No such file or directory"]

    def test_an_empty_file_is_a_complaint(self, monkeypatch, tmp_path):
        (tmp_path / "empty").write_text("\n")
        monkeypatch.setenv("SESSION_SECRET_FILE", "empty")
        assert complaints() == ["SESSION_SECRET_FILE: empty is empty"]

    def test_both_ways_at_once_is_a_complaint(self, monkeypatch, tmp_path):
        (tmp_path / "secret").write_text("one")
        monkeypatch.setenv("SESSION_SECRET_FILE", "secret")
        monkeypatch.setenv("SESSION_SECRET", "other")
        assert complaints() == ["SESSION_SECRET_FILE: SESSION_SECRET is given too; keep one of the two"]


class TestValues:
    @pytest.mark.parametrize(
        ("written", "kept"),
        [
            ("postgres://ann:pw@db:5432/muster", "postgresql+psycopg://ann:pw@db:5432/muster"),
            ("postgresql://db/muster", "postgresql+psycopg://db/muster"),
            ("postgresql+psycopg://db/muster", "postgresql+psycopg://db/muster"),
            ("postgresql://ann@/muster?host=/run/db", "postgresql+psycopg://ann@/muster?host=/run/db"),
            ("sqlite:////var/lib/muster/muster.db", "sqlite:////var/lib/muster/muster.db"),
        ],
    )
    def test_a_database_is_written_for_sqlalchemy(self, written, kept):
        assert Settings.load(database_url=written).database_url == kept

    def test_the_sqlite_file_is_known(self):
        assert Settings.load(database_url="sqlite:////var/lib/m.db").sqlite_path == Path("/var/lib/m.db")
        assert Settings.load(database_url="postgres://db/m").sqlite_path is None

    def test_the_spool_lies_beside_the_sqlite_file(self):
        assert Settings.load(database_url="sqlite:////var/lib/m.db").spool_dir == "/var/lib/m.spool"
        assert Settings.load(database_url="postgres://db/m").spool_dir == "spool"
        assert Settings.load(spool_dir="/spool").spool_dir == "/spool"

    @pytest.mark.parametrize(
        ("name", "short"), [("Hospital", "HOSPITAL"), ("St. Mary's General", "STMARYSG"), ("Mercy", "MERCY")]
    )
    def test_the_short_name_is_made_of_the_long_one(self, name, short):
        assert Settings.load(org_name=name).org_short == short

    def test_a_given_short_name_stays(self):
        assert Settings.load(org_name="Mercy General", org_short="MERCY").org_short == "MERCY"

    def test_addresses_lose_or_gain_their_last_slash(self):
        settings = Settings.load(public_url=OUTSIDE + "/", slack_api_url="http://127.0.0.1:9/api")
        assert settings.public_url == OUTSIDE
        assert settings.slack_api_url == "http://127.0.0.1:9/api/"

    def test_fallback_addresses_keep_their_order_and_commas(self):
        settings = Settings.load(sms_fallback_urls="json://a/{to}?x=1,2, signal://b/{to}  ntfy://c/{to}")
        assert settings.sms_fallback_urls == ("json://a/{to}?x=1,2", "signal://b/{to}", "ntfy://c/{to}")

    def test_hook_tokens_become_a_table(self):
        settings = Settings.load(hook_tokens="alertmanager:s3cret, statuspage:a:b")
        assert settings.hook_tokens == {"alertmanager": "s3cret", "statuspage": "a:b"}

    def test_a_regional_language_of_ones_own_is_taken(self):
        assert Settings.load(default_language="tl", templates_dir="ours").default_language == "tl"

    def test_no_secret_is_shown(self):
        shown = repr(Settings.load(**{**TWILIO, "public_url": OUTSIDE}, session_secret="hush", hook_tokens="a:hush"))
        assert "token'" not in shown and "hush" not in shown


class TestReady:
    def test_texts_need_an_account_and_a_sender(self):
        settings = Settings.load(**TWILIO, public_url=OUTSIDE)
        assert (settings.sms_ready, settings.voice_ready) == (True, False)

    def test_voice_alone_is_a_valid_start(self):
        voice = TWILIO | {"twilio_from": "", "twilio_voice_from": "+15550100"}
        settings = Settings.load(**voice, public_url=OUTSIDE)
        assert (settings.sms_ready, settings.voice_ready) == (False, True)

    def test_slack_alone_is_a_valid_start(self):
        assert Settings.load(slack_bot_token="xoxb-1", slack_signing_secret="s").slack_ready

    def test_socket_mode_needs_no_signing_secret(self):
        assert Settings.load(slack_bot_token="xoxb-1", slack_app_token="xapp-1").slack_ready

    def test_a_simulated_twilio_may_call_back_on_this_machine(self):
        assert Settings.load(**TWILIO, twilio_api_url="http://127.0.0.1:9").sms_ready


BAD = {
    "another database": ({"database_url": "mysql://db/m"}, "DATABASE_URL: mysql"),
    "no database at all": ({"database_url": "muster.db"}, "DATABASE_URL: give"),
    "a database port in words": ({"database_url": "postgresql://db:five/m"}, "DATABASE_URL: give"),
    "memory only": ({"database_url": "sqlite://"}, "DATABASE_URL: SQLite in memory"),
    "an address with no scheme": ({"public_url": "muster.example.org"}, "PUBLIC_URL: give"),
    "an address with a bad port": ({"public_url": "https://a.example:port"}, "PUBLIC_URL: give"),
    "an address with a query": ({"public_url": "https://a.example?x=1"}, "PUBLIC_URL: leave out"),
    "a host that Twilio refuses": ({"public_url": "https://a_b.example"}, "PUBLIC_URL: Twilio refuses"),
    "another scheme": ({"twilio_api_url": "ftp://a.example"}, "TWILIO_API_URL: give"),
    "Slack without /api/": ({"slack_api_url": "http://127.0.0.1:9/"}, "SLACK_API_URL: must end"),
    "a heartbeat to nowhere": ({"heartbeat_url": "ping"}, "HEARTBEAT_URL: give"),
    "a port in words": ({"port": "http"}, "PORT: give"),
    "a port too far": ({"port": "70000"}, "PORT: give"),
    "a long short name": ({"org_short": "MERCY GENERAL HOSPITAL"}, "ORG_SHORT: give at most 20"),
    "an invented zone": ({"timezone": "Mars/Olympus"}, "TIMEZONE: 'Mars/Olympus'"),
    "a folder of zones": ({"timezone": "America"}, "TIMEZONE: 'America'"),
    "a language not shipped": ({"default_language": "tlh"}, "DEFAULT_LANGUAGE: 'tlh'"),
    "a negative rate": ({"sms_per_second": "-1"}, "SMS_PER_SECOND: give 0"),
    "an endless rate": ({"calls_per_second": "inf"}, "CALLS_PER_SECOND: give 0"),
    "neither yes nor no": ({"voice_after_stop": "maybe"}, "VOICE_AFTER_STOP: give yes or no"),
    "a channel by name": ({"slack_command_channel": "#command"}, "SLACK_COMMAND_CHANNEL: give the channel's id"),
    "a user token": ({"slack_bot_token": "xoxp-1", "slack_signing_secret": "s"}, "SLACK_BOT_TOKEN: give"),
    "a bot token without a secret": ({"slack_bot_token": "xoxb-1"}, "SLACK_SIGNING_SECRET: missing"),
    "a secret without a bot token": ({"slack_signing_secret": "s"}, "SLACK_BOT_TOKEN: missing"),
    "an app token alone": ({"slack_app_token": "xapp-1"}, "SLACK_BOT_TOKEN: missing"),
    "an API key as account": (TWILIO | {"twilio_account_sid": "SK1"}, "TWILIO_ACCOUNT_SID: give"),
    "an account without a token": (TWILIO | {"twilio_auth_token": ""}, "TWILIO_AUTH_TOKEN: missing"),
    "a token without an account": (TWILIO | {"twilio_account_sid": ""}, "TWILIO_ACCOUNT_SID: missing"),
    "an account without a sender": (TWILIO | {"twilio_from": ""}, "TWILIO_FROM: no sender"),
    "a sender's name": (TWILIO | {"twilio_from": "MERCY"}, "TWILIO_FROM: give a number"),
    "a fallback without {to}": ({"sms_fallback_urls": "json://a"}, "SMS_FALLBACK_URLS: address 1"),
    "a hook token without a source": ({"hook_tokens": "a:b,s3cret"}, "HOOK_TOKENS: pair 2"),
    "a source named twice": ({"hook_tokens": "a:b,a:c"}, "HOOK_TOKENS: a source is named twice"),
}


@pytest.mark.parametrize(("given", "begins"), BAD.values(), ids=BAD.keys())
def test_it_complains_about(given, begins):
    (complaint,) = complaints(**{"public_url": OUTSIDE, **given})
    assert complaint.startswith(begins)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]", "0.0.0.0", "muster.localhost"])
def test_the_real_twilio_cannot_call_back_on_this_machine(host):
    (complaint,) = complaints(**TWILIO, public_url=f"http://{host}")
    assert complaint.startswith("PUBLIC_URL: Twilio cannot reach")


def test_it_tells_every_complaint_at_once(monkeypatch):
    env_file("PORT=http\nTIMEZONE=Mars\nSLACK_BOT_TOKEN=xoxb-1\nTWILIO_AUTH_TOKEN_FILE=/nowhere")
    monkeypatch.setenv("DATABASE_URL", "mysql://db/m")
    told = sorted(sentence.split(":")[0] for sentence in complaints())
    assert told == [
        "DATABASE_URL",
        "PORT",
        "SLACK_SIGNING_SECRET",
        "TIMEZONE",
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN_FILE",
    ]


def test_complaints_never_repeat_a_secret():
    told = complaints(
        database_url="mysql://ann:hush@db/m", slack_bot_token="hush", hook_tokens="hush", sms_fallback_urls="hush"
    )
    assert len(told) == 5 and "hush" not in "\n".join(told)


def test_settings_do_not_change_once_read():
    with pytest.raises(ValueError):
        Settings.load().port = 1
