"""Settings: flags over environment over huitou.toml over features/defaults.toml."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as UnreadableVariableError
from pydantic_settings.sources import PydanticBaseSettingsSource

from features.errors import SettingsError

REMEDY = "See features/defaults.toml for every setting."
DEFAULTS_PATH = Path(__file__).with_name("defaults.toml")
# Variables that other tools also read, and the setting each one sets.
COMMON_VARIABLES = {
    "REDIS_URL": ("cache", "redis_url"),
    "DATABASE_URL": ("database", "url"),
    "MLFLOW_TRACKING_URI": ("mlflow", "tracking_uri"),
}


def redis_address(value: str) -> str:
    """The address unchanged, if a Redis client can read it; empty is allowed.

    Raises:
        ValueError: it is none.
    """
    if not value:
        return value
    form = "write redis://HOST:PORT/DB, rediss://HOST:PORT/DB or unix:///PATH"
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"{error}; {form}") from None
    tcp = parts.scheme in ("redis", "rediss") and parts.hostname and re.fullmatch(r"(/\d*)?", parts.path)
    if not (tcp or (parts.scheme == "unix" and parts.path.startswith("/"))):
        raise ValueError(f"not the address of a Redis: {form}")
    return value


class Section(BaseModel):
    """A section of the configuration: frozen, and a misspelt key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ShopSettings(Section):
    """The shop itself."""

    timezone: str
    currency: str
    locale: Literal["zh", "en"]

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is not an IANA time zone such as Asia/Shanghai")
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that decides local days."""
        return ZoneInfo(self.timezone)


class ProfileSettings(Section):
    """Definitions behind the profile."""

    new_within_days: int = Field(ge=1)
    lapsing_after_days: int = Field(ge=1)
    churned_after_days: int = Field(ge=1)
    lifecycle_rule: Literal["fixed_days", "own_rhythm"]
    lapsing_percentile: float = Field(gt=0, le=1)
    churned_rhythm_factor: float = Field(gt=1)
    affinity_half_life_days: float = Field(gt=0)
    due_minimum_orders: int = Field(ge=2)
    behaviour_days: int = Field(ge=1)

    @model_validator(mode="after")
    def _silence_grows(self) -> Self:
        if self.churned_after_days <= self.lapsing_after_days:
            raise ValueError("churned_after_days must lie above lapsing_after_days")
        return self


class TierSettings(Section):
    """Membership tiers by spend in a rolling window."""

    window_days: int = Field(ge=1)
    review_every_days: int = Field(ge=1)
    grace_days: int = Field(ge=0)
    silver_spend_min: float = Field(gt=0)
    gold_spend_min: float = Field(gt=0)
    platinum_spend_min: float = Field(gt=0)

    @model_validator(mode="after")
    def _lines_rise(self) -> Self:
        if not self.silver_spend_min < self.gold_spend_min < self.platinum_spend_min:
            raise ValueError("the spend minimums must rise from silver over gold to platinum")
        return self


class TrainingSettings(Section):
    """How recommenders are fitted and judged."""

    horizon_days: int = Field(ge=1)
    minimum_buyers: int = Field(ge=1)
    validation_windows: int = Field(ge=1)
    seed: int = Field(ge=0)
    bootstrap_samples: int = Field(ge=100)
    threads: int = Field(ge=1)


class ValueSettings(Section):
    """Customer value and the warning before churn."""

    model: Literal["bg_nbd", "mbg_nbd", "pareto_nbd"]
    horizon_days: int = Field(ge=1, le=3650)
    discount_yearly: float = Field(ge=0, lt=10)
    high_value_share: float = Field(gt=0, lt=1)
    churn_days: Literal[30, 60, 90]
    churn_origins: int = Field(ge=4, le=60)
    churn_minimum: int = Field(ge=10)


class ReleaseSettings(Section):
    """What a release holds."""

    row_products: int = Field(ge=1, le=255)
    keep: int = Field(ge=1)
    offers: str


class CacheSettings(Section):
    """Redis."""

    redis_url: Annotated[str, AfterValidator(redis_address)]
    timeout_ms: int = Field(ge=1)
    pool_size: int = Field(ge=1)
    breaker_failures: int = Field(ge=1)
    breaker_probe_ms: int = Field(ge=10)
    row_ttl_seconds: int = Field(ge=1)
    recent_ttl_seconds: int = Field(ge=1)


class DatabaseSettings(Section):
    """SQLite or PostgreSQL."""

    url: str
    timeout_ms: int = Field(ge=1)
    write_timeout_ms: int = Field(ge=1)


class ServingSettings(Section):
    """The API server."""

    host: str
    port: int = Field(ge=0, le=65535)
    workers: int = Field(ge=1)
    recent_events: int = Field(ge=1, le=200)
    recent_within_days: int = Field(ge=1)
    release_poll_ms: int = Field(ge=10)
    event_queue: int = Field(ge=1)
    event_timeout_ms: int = Field(ge=1)
    exposure_queue: int = Field(ge=1)
    claim_queue: int = Field(ge=1)
    max_body_bytes: int = Field(ge=1)
    body_timeout_ms: int = Field(ge=1)
    public_max_age_seconds: int = Field(ge=0)


class ExperimentSettings(Section):
    """The program holdout."""

    holdout_share: float = Field(ge=0, le=0.5)
    holdout_seed: str = Field(min_length=1)


class MlflowSettings(Section):
    """The experiment tracker."""

    tracking_uri: str
    log_reports: bool


class _Layer(PydanticBaseSettingsSource):
    """One dictionary of settings as a source."""

    def __init__(self, settings_cls: type[BaseSettings], values: dict[str, Any]) -> None:
        super().__init__(settings_cls)
        self._values = values

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        return self._values.get(field_name), field_name, True

    def __call__(self) -> dict[str, Any]:
        return self._values


class Settings(BaseSettings):
    """All settings. Build with `load_settings`.

    A workspace holds lake/ quarantine/ releases/ID/ huitou.db mlflow.db mlartifacts/ redis/.
    """

    model_config = SettingsConfigDict(
        env_prefix="HUITOU_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    workspace: Path
    shop: ShopSettings
    profiles: ProfileSettings
    tiers: TierSettings
    training: TrainingSettings
    value: ValueSettings
    release: ReleaseSettings
    cache: CacheSettings
    database: DatabaseSettings
    serving: ServingSettings
    experiments: ExperimentSettings
    mlflow: MlflowSettings

    @property
    def lake(self) -> Path:
        """Validated Parquet tables."""
        return self.workspace / "lake"

    @property
    def quarantine(self) -> Path:
        """Rejected rows with their reasons."""
        return self.workspace / "quarantine"

    @property
    def releases(self) -> Path:
        """One folder per release."""
        return self.workspace / "releases"

    @property
    def database_url(self) -> str:
        """SQLAlchemy address of the database."""
        return self.database.url or f"sqlite:///{(self.workspace / 'huitou.db').resolve()}"

    @property
    def mlflow_uri(self) -> str:
        """Tracking address of MLflow."""
        return self.mlflow.tracking_uri or f"sqlite:///{(self.workspace / 'mlflow.db').resolve()}"


def load_settings(
    config: Path | None = None, workspace: Path | None = None, overrides: dict[str, Any] | None = None
) -> Settings:
    """Read the settings.

    Args:
        config: a TOML file that must exist; None reads `huitou.toml` of the working folder if it is there.
        workspace: beats every other source; None means `workspace` of a source, else `var`.
        overrides: `{"section": {"key": value}}`, as flags give them.

    Raises:
        SettingsError: a file is missing or unreadable, a key unknown, a value of the wrong type or range.
    """
    flags: dict[str, Any] = dict(overrides or {})
    if workspace is not None:
        flags["workspace"] = workspace
    layers = [flags, _read_toml(config), {"workspace": "var", **_read_toml(DEFAULTS_PATH)}]

    class Layered(Settings):
        @classmethod
        def settings_customise_sources(  # type: ignore[override]
            cls, settings_cls: type[BaseSettings], **_: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            environment = EnvSettingsSource(settings_cls)
            common = _Layer(settings_cls, _common_variables(environment))
            first, *rest = (_Layer(settings_cls, layer) for layer in layers)
            return (first, environment, common, *rest)

    try:
        return Layered()  # type: ignore[call-arg]
    except ValidationError as error:
        raise SettingsError(_first_problem(error), REMEDY) from None
    except UnreadableVariableError as error:
        raise SettingsError(f"The environment is wrong: {error}.", REMEDY) from None


def _common_variables(environment: EnvSettingsSource) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, (section, key) in COMMON_VARIABLES.items():
        # EnvSettingsSource folds names to lower case.
        if value := environment.env_vars.get(name.lower()):
            values.setdefault(section, {})[key] = value
    return values


def _read_toml(path: Path | None) -> dict[str, Any]:
    if path is None:
        path = Path("huitou.toml")
        if not path.exists():
            return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"The configuration file {path} does not exist.", "Check --config.") from None
    except OSError as error:
        raise SettingsError(f"The configuration file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The configuration file {path} is not valid TOML: {error}.") from None
    release = values.get("release")
    if isinstance(release, dict) and isinstance(release.get("offers"), str) and release["offers"]:
        # A path in a file is meant from where the file lies, not from where the command runs.
        release["offers"] = str(path.parent / release["offers"])
    return values


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"The setting {where} is wrong: {first['msg']}."
