"""Every setting of Muster, typed, in one place: the only reader of the environment.

`.env` is read by python-dotenv and the process environment wins. Any setting may be given as NAME_FILE, the path of a
file that holds the value. A start with bad settings names every one of them at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from bot.settings.complaints import BadSettings, Trouble, alone, cannot_read, together
from bot.settings.values import (
    SLACK_API,
    TWILIO_API,
    AppriseUrls,
    DatabaseUrl,
    HookTokens,
    PublicUrl,
    SlackUrl,
    TimeZone,
    WebAddress,
    WritableFolder,
    beside,
    first_letters,
    sqlite_path,
)

__all__ = ["BadSettings", "Serving", "Settings"]

Secret = Annotated[str, Field(repr=False)]


def _beside(given: dict[str, Any]) -> str:
    return beside(given["database_url"])


class Settings(BaseSettings):
    """What the operator decided. Optional text that is not set is `""`; `.env.example` explains each."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, str_strip_whitespace=True, validate_default=True)

    database_url: DatabaseUrl = Field("sqlite:///muster.db", repr=False)
    public_url: PublicUrl = "http://127.0.0.1:8000"
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    org_name: str = "Hospital"
    org_short: str = Field(default_factory=lambda given: first_letters(given["org_name"]), max_length=20)
    timezone: TimeZone = "UTC"
    default_language: str = "en"
    callback_number: str = ""
    playbooks_dir: str = ""
    templates_dir: str = ""
    rules_file: str = ""
    twilio_account_sid: str = Field("", pattern="^(AC.*)?$")
    twilio_auth_token: Secret = ""
    twilio_auth_token_old: Secret = ""
    twilio_messaging_service_sid: str = Field("", pattern="^(MG.*)?$")
    twilio_from: str = Field("", pattern=r"^(\+\d{7,15}|\d{5,6})?$")
    twilio_voice_from: str = Field("", pattern=r"^(\+\d{7,15})?$")
    twilio_api_url: WebAddress = TWILIO_API
    sms_per_second: float = Field(10, ge=0, allow_inf_nan=False)
    calls_per_second: float = Field(1, ge=0, allow_inf_nan=False)
    sms_fallback_urls: AppriseUrls = Field((), repr=False)
    voice_after_stop: bool = False
    recall_rest_hours: float = Field(10, ge=0, allow_inf_nan=False)
    recall_week_hours: float = Field(48, gt=0, allow_inf_nan=False)
    slack_bot_token: Secret = Field("", pattern="^(xoxb-.*)?$")
    slack_signing_secret: Secret = ""
    slack_signing_secret_old: Secret = ""
    slack_app_token: Secret = Field("", pattern="^(xapp-.*)?$")
    slack_api_url: SlackUrl = SLACK_API
    slack_command_channel: str = Field("", pattern="^([CG].*)?$")
    hook_tokens: HookTokens = Field({}, repr=False)
    session_secret: Secret = ""
    spool_dir: str = Field(default_factory=_beside)
    heartbeat_url: WebAddress = Field("", repr=False)

    @classmethod
    def load(cls, env_file: str | Path | None = ".env", **given: Any) -> Settings:
        """Reads the environment over `env_file`; `given` wins over both.

        Raises BadSettings with every complaint, and TypeError for a `given` name that is no setting.
        """
        if unknown := given.keys() - cls.model_fields.keys():
            raise TypeError(f"no such setting: {', '.join(sorted(unknown))}")
        try:
            return cls(_env_file=env_file, **given)
        except (OSError, UnicodeDecodeError) as error:
            raise BadSettings([f"{env_file}: {cannot_read(error)}"]) from error

    @property
    def sms_ready(self) -> bool:
        """Texts can leave: an account and a sender are known."""
        return self._twilio and bool(self.twilio_messaging_service_sid or self.twilio_from)

    @property
    def voice_ready(self) -> bool:
        """Calls can leave: an account and a number to call from are known."""
        return self._twilio and bool(self.twilio_voice_from)

    @property
    def slack_ready(self) -> bool:
        """Slack can reach us and we can reach Slack."""
        return bool(self.slack_bot_token and (self.slack_signing_secret or self.slack_app_token))

    @property
    def sqlite_path(self) -> Path | None:
        """The database file, or None on PostgreSQL."""
        return sqlite_path(self.database_url)

    @property
    def _twilio(self) -> bool:
        return bool(self.twilio_account_sid and self.twilio_auth_token)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The first that knows a setting wins."""
        return (
            init_settings,
            _NamedFiles(settings_cls, env_settings),
            env_settings,
            _NamedFiles(settings_cls, dotenv_settings),
            dotenv_settings,
        )

    @model_validator(mode="wrap")
    @classmethod
    def _complain_once(cls, raw: dict[str, Any], validate: ModelWrapValidatorHandler[Settings]) -> Settings:
        # Left to itself pydantic looks at how settings go together only once each is good by itself, and the
        # operator would meet the second half of the complaints after mending the first.
        raw = {name: value for name, value in raw.items() if str(value).strip()}
        complaints = list(together({name: str(value).strip() for name, value in raw.items()}))
        try:
            settings = validate(raw)
        except ValidationError as error:
            raise BadSettings([*alone(error), *complaints]) from None
        if complaints:
            raise BadSettings(complaints)
        return settings


class Serving(Settings):
    """The settings of a process that takes in what comes from outside: it must be able to keep that on disk."""

    spool_dir: WritableFolder = Field(default_factory=_beside)


class _NamedFiles(PydanticBaseSettingsSource):
    """Values whose place is given as NAME_FILE, so that secrets need not stand in the environment."""

    def __init__(self, settings_cls: type[BaseSettings], source: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self.variables = cast(EnvSettingsSource, source).env_vars

    def __call__(self) -> dict[str, Any]:
        """What the files hold, by setting."""
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """What the file holds, or Trouble, which becomes a complaint among the others."""
        path = self.variables.get(f"{field_name}_file")
        if not path:
            return None, field_name, False
        if self.variables.get(field_name):
            return Trouble(f"{field_name.upper()} is given too; keep one of the two"), field_name, False
        return _held(Path(path)), field_name, False


def _held(path: Path) -> str | Trouble:
    try:
        return path.read_text(encoding="utf-8").strip() or Trouble(f"{path} is empty")
    except (OSError, UnicodeDecodeError) as error:
        return Trouble(f"{path} {cannot_read(error)}")
