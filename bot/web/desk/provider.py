"""The clinic's own sign-in service (OpenID Connect) as the desk uses it: its settings, and who it says somebody is.

The library Authlib talks to it: discovery, PKCE, state, nonce and the signature of what comes back are its work.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.requests import Request
from starlette.responses import Response

from bot.clinic import PRODUCTION, SettingsFault
from bot.web.desk.accounts import EDITOR, READER, Person

ISSUER, LOCAL = "DESK_OIDC_ISSUER", "DESK_LOCAL_SIGN_IN"
WITHIN_S = 5.0  # for each question to the provider
LONGEST_SUBJECT = 255  # characters, as OpenID Connect has it
# Never "none", and none that uses the client's secret as its key.
SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
# What comes of asking: no answer, an answer that is none, or one of another shape than OpenID Connect has.
FAULTS = (httpx2.HTTPError, RuntimeError, ValueError, TypeError, LookupError, AttributeError)
PROMPTS = {"login": {"prompt": "login"}, "select_account": {"prompt": "select_account"}, "off": {}}


class ProviderAway(RuntimeError):
    """The provider can't be asked, or what it answers is no OpenID Connect. The message holds nothing of a person."""


class NotVouchedFor(RuntimeError):
    """The provider did not say who somebody is, or said it to another page than ours."""


class ProviderSettings(BaseModel):
    """What the environment says of the provider. The alias is the variable's name."""

    model_config = ConfigDict(frozen=True)

    issuer: str = Field(alias="DESK_OIDC_ISSUER")
    client_id: str = Field(alias="DESK_OIDC_CLIENT_ID")
    client_secret: str = Field(alias="DESK_OIDC_CLIENT_SECRET", repr=False)
    # As browsers reach this server. Never taken from a request, whose Host header anybody can make up.
    own_url: str = Field(alias="DESK_URL")
    name: str = Field("the clinic's account", alias="DESK_OIDC_NAME")
    scopes: str = Field("openid profile email", alias="DESK_OIDC_SCOPES")
    role_claim: str = Field("roles", alias="DESK_OIDC_ROLE_CLAIM")
    editors: tuple[str, ...] = Field(("desk-editor",), alias="DESK_OIDC_EDITORS")
    readers: tuple[str, ...] = Field(("desk-reader",), alias="DESK_OIDC_READERS")
    # Several people share the computer at a reception: who signs in types a password, whoever was there before.
    prompt: str = Field("login", alias="DESK_OIDC_PROMPT")

    @field_validator("issuer", "own_url")
    @classmethod
    def _is_address(cls, value):
        parts = urlsplit(value)
        is_here = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if not parts.hostname or parts.query or (parts.scheme != "https" and not (is_here and parts.scheme == "http")):
            raise ValueError(f"{value!r} is no address that can be trusted; write such as https://login.clinic.example")
        return value

    @field_validator("own_url")
    @classmethod
    def _has_no_path(cls, value):
        if urlsplit(value).path.strip("/"):
            raise ValueError(
                f"{value!r} has a path; write the address of the server alone: https://chat.clinic.example"
            )
        return value.rstrip("/")

    @field_validator("scopes")
    @classmethod
    def _asks_who(cls, value):
        if "openid" not in value.split():
            raise ValueError("must have openid among its words, such as: openid profile email")
        return value

    @field_validator("editors", "readers", mode="before")
    @classmethod
    def _are_names(cls, value):
        names = tuple(name.strip() for name in value.split(",") if name.strip())
        if not names:
            raise ValueError("names nobody; write the values of the claim that give this role, with commas between")
        return names

    @field_validator("prompt")
    @classmethod
    def _is_prompt(cls, value):
        if value not in PROMPTS:
            raise ValueError(f"is {value!r}; use {', '.join(PROMPTS)}")
        return value

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach this server over TLS."""
        return self.own_url.startswith("https:")


def load_provider(environ: Mapping[str, str]) -> ProviderSettings | None:
    """Return the settings of the provider, None where none is named. Raises SettingsFault, a line for each fault."""
    names = [str(field.alias) for field in ProviderSettings.model_fields.values()]
    given = {name: environ[name] for name in names if environ.get(name)}
    if not any(name.startswith("DESK_OIDC_") for name in given):
        return None
    try:
        settings = ProviderSettings.model_validate(given)
    except ValidationError as error:
        raise SettingsFault("\n".join(_told(fault) for fault in error.errors())) from None
    if environ.get("CLINIC_ENV") == PRODUCTION and not settings.is_secure:
        raise SettingsFault(f"DESK_URL is {settings.own_url!r}; in production it begins with https://")
    return settings


def has_local_sign_in(environ: Mapping[str, str], provider: ProviderSettings | None) -> bool:
    """Return whether name and password let in. Raises SettingsFault where nothing would."""
    value = environ.get(LOCAL) or "on"
    if value not in ("on", "off"):
        raise SettingsFault(f"{LOCAL} is {value!r}; use on or off")
    if value == "off" and provider is None:
        raise SettingsFault(f"{LOCAL} is off, and {ISSUER} names no provider: nobody could sign in; set one of them")
    return value == "on"


class Provider:
    """The provider. It is first asked when somebody signs in: while it is away everything else works."""

    def __init__(self, settings: ProviderSettings, back: str) -> None:
        """`back` is the path of ours to which the provider sends people back."""
        self.settings = settings
        self._back = settings.own_url + back
        self._client = OAuth().register(
            "desk",
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            server_metadata_url=f"{settings.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={"scope": settings.scopes, "code_challenge_method": "S256", "timeout": WITHIN_S},
        )

    async def way_there(self, request: Request) -> Response:
        """Return the redirection to the provider; what is needed afterwards is put into the request's session.

        Raises ProviderAway.
        """
        try:
            await self._discover()
            return await self._client.authorize_redirect(request, self._back, **PROMPTS[self.settings.prompt])
        except FAULTS as error:
            raise ProviderAway(type(error).__name__) from None

    async def person(self, request: Request) -> Person:
        """Return who came back. Raises NotVouchedFor, ProviderAway."""
        try:
            await self._discover()
            token = await self._client.authorize_access_token(request, claims_options=self._wanted_claims())
            claims = token.get("userinfo") or {}
            if claims and claim(claims, self.settings.role_claim) is None:
                claims = await self._asked_again(claims, token)
        except (AuthlibBaseError, JoseError) as error:
            raise NotVouchedFor(type(error).__name__) from None
        except FAULTS as error:
            raise ProviderAway(type(error).__name__) from None
        return person_of(claims, self.settings)

    async def _discover(self) -> None:
        """Ask what the provider can do, once, and refuse one that calls itself otherwise than our settings."""
        found = await self._client.load_server_metadata()
        if found.get("issuer") != self.settings.issuer:
            found.clear()  # it is asked again next time
            raise ValueError("another issuer")
        offered = found.get("id_token_signing_alg_values_supported") or SIGNATURES[:1]
        found["id_token_signing_alg_values_supported"] = [each for each in offered if each in SIGNATURES]

    def _wanted_claims(self) -> dict[str, Any]:
        return {"iss": {"values": [self.settings.issuer]}, "aud": {"values": [self.settings.client_id]}}

    async def _asked_again(self, claims: Mapping[str, Any], token: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the claims with what the provider's own page of the person says: many give roles there alone."""
        if "userinfo_endpoint" not in self._client.server_metadata:
            return claims
        more = await self._client.userinfo(token=token)
        return {**more, **claims} if more.get("sub") == claims.get("sub") else claims


def person_of(claims: Mapping[str, Any], settings: ProviderSettings) -> Person:
    """Return whom the claims are about. Raises NotVouchedFor where they name nobody."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise NotVouchedFor("no subject")
    names = (claims.get(name) for name in ("preferred_username", "email", "name"))
    name = next((each for each in names if isinstance(each, str) and each.strip()), subject)
    return Person(f"{settings.issuer} {subject}", name, role_of(claims, settings))


def role_of(claims: Mapping[str, Any], settings: ProviderSettings) -> str | None:
    """Return the highest role that the claim gives, None where it gives none."""
    given = claim(claims, settings.role_claim)
    values = set(re.split(r"[\s,]+", given)) | {given} if isinstance(given, str) else _texts(given)
    if values.intersection(settings.editors):
        return EDITOR
    return READER if values.intersection(settings.readers) else None


def claim(claims: Mapping[str, Any], name: str) -> Any:
    """Return a claim by its name, or by the names on the way to it with dots between; None where there is none."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _texts(given: Any) -> set[str]:
    return {each for each in given if isinstance(each, str)} if isinstance(given, Iterable) else set()


def _told(fault: Any) -> str:
    if fault["type"] == "missing":
        return f"{fault['loc'][0]} is missing; a provider needs it beside {ISSUER} (docs/desk/README.md)"
    return f"{fault['loc'][0]} {fault['msg'].removeprefix('Value error, ')}"
