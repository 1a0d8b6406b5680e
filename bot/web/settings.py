"""The settings of the front server that come from the environment, checked at start. A clinic's own are in clinic.yml.

An empty variable counts as not set. docs/front-server.md explains each to whoever runs the bot.
"""

import ipaddress
import re
from collections.abc import Mapping

from limits import RateLimitItem, parse_many
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bot.clinic import DEVELOPMENT, PRODUCTION, SettingsFault

SHORTEST_TOKEN = 20  # characters: too many to try out


class FrontSettings(BaseModel):
    """What each process of the front server is told. The alias is the variable's name."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    environment: str = Field(DEVELOPMENT, alias="CLINIC_ENV")
    # A person writes or taps a few times a minute; 30 leaves room for one who taps through the menu.
    conversation_rates: tuple[RateLimitItem, ...] = Field(tuple(parse_many("30/minute")), alias="RATE_CONVERSATION")
    # Everybody in a hospital or behind a telephone company can share one address: 20 people at 6 turns a minute.
    address_rates: tuple[RateLimitItem, ...] = Field(tuple(parse_many("120/minute")), alias="RATE_ADDRESS")
    # Whoever asks from the machine itself runs it: only a chat that runs away is stopped.
    loopback_rates: tuple[RateLimitItem, ...] = Field(tuple(parse_many("600/minute")), alias="RATE_LOOPBACK")
    # All that is no turn: lists of answers, forgetting, the probe that goes the whole way.
    other_rates: tuple[RateLimitItem, ...] = Field(tuple(parse_many("240/minute")), alias="RATE_OTHER")
    # Whose X-Forwarded-For is believed: nobody's, unless it is named.
    trusted_proxies: tuple[str, ...] = Field((), alias="TRUSTED_PROXIES")
    redis_url: str = Field("", alias="REDIS_URL")
    # Where a front server that is alone keeps who is in danger, for itself when it starts anew: a file in memory.
    latches_file: str = Field("", alias="LATCHES_FILE")
    metrics_token: str = Field("", alias="METRICS_TOKEN")

    @property
    def is_production(self) -> bool:
        """Whether visitors use it: behind TLS, with real numbers."""
        return self.environment == PRODUCTION

    @field_validator("conversation_rates", "address_rates", "other_rates", "loopback_rates", mode="before")
    @classmethod
    def _are_rates(cls, value):
        try:
            rates = tuple(parse_many(value))
        except ValueError:
            rates = ()
        if not rates or any(rate.amount < 1 for rate in rates):
            raise ValueError(f"{value!r} is no rate; write such as 30/minute, or 5/second; 200/hour")
        return rates

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _are_addresses(cls, value):
        addresses = tuple(part.strip() for part in value.split(",") if part.strip())
        for address in addresses:
            if not _is_address(address):
                raise ValueError(
                    f"{address!r} is no address; write those of your proxies, such as 10.0.0.7 or 10.0.0.0/24"
                )
        return addresses

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value):
        if value and not re.match(r"^rediss?://[^\s/]", value):
            raise ValueError("is no address of Redis; write such as redis://127.0.0.1:6379/0")
        return value

    @field_validator("metrics_token")
    @classmethod
    def _is_long_enough(cls, value):
        if value and (len(value) < SHORTEST_TOKEN or not value.isascii() or not value.isprintable() or " " in value):
            raise ValueError(
                f"must be {SHORTEST_TOKEN} or more letters and digits, such as `openssl rand -hex 32` gives"
            )
        return value


def load_settings(environ: Mapping[str, str]) -> FrontSettings:
    """Return the settings. Raises SettingsFault, a line for each variable that cannot be used."""
    names = [str(field.alias) for field in FrontSettings.model_fields.values()]
    try:
        return FrontSettings.model_validate({name: environ[name] for name in names if environ.get(name)})
    except ValidationError as error:
        told = (f"{fault['loc'][0]} {fault['msg'].removeprefix('Value error, ')}" for fault in error.errors())
        raise SettingsFault("\n".join(told)) from None


def _is_address(text: str) -> bool:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return False
    return network.prefixlen > 0  # all of the internet is no proxy
