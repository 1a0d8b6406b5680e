"""The clinic's settings: clinic.yml and a few environment variables, checked at start.

No telephone number, link or name of a clinic stands anywhere else. A setting that is missing or malformed stops the
start with a message that names it.
"""

import os
import re
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from opening_hours import OpeningHours, validate
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bot.answers import nearest
from bot.yaml_files import YamlFault, read_yaml

PRODUCTION, DEVELOPMENT = "production", "development"
WARN_AFTER_DAYS, REFUSE_AFTER_DAYS = 90, 180  # age of verified_on; safety.md, section 4
_PHONE = re.compile(r"^\+?\(?\d[\d ().-]{1,20}$")
# As a browser sends it: small letters, no path, no slash at the end. http is for trying it on one's own machine only.
_ORIGIN = re.compile(r"^(https://[a-z0-9][a-z0-9.-]*|http://(localhost|127\.0\.0\.1|\[::1\]))(:\d{1,5})?$")
_EXAMPLE_ORIGIN = "https://www.clinic.example"
_OPTIONAL_PHONES = ("urgent_phone", "after_hours_line", "emergency_text_number", "crisis_text", "maternal_crisis_line",
                    "dv_text", "assault_line", "poison_line", "child_line")  # fmt: skip
PHONES = ("phone", "emergency_number", "crisis_line", "dv_line", *_OPTIONAL_PHONES)
_OPENING_HOURS = ("urgent_hours", "crisis_hours")
_LINKS = ("booking_url", "exit_url", "rosh_url", "encyclopedia_url", "crisis_chat_url", "dv_chat_url")


class SettingsFault(ValueError):
    """Settings the bot must not start with; the message names each field, its fault and the remedy."""


class Clinic(BaseModel):
    """One clinic's settings. Telephone numbers are kept as written; `tel` makes a link of one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    demo: bool = False
    # the clinic
    name: str
    phone: str
    hours: str
    booking_url: str
    urgent_phone: str | None = None
    urgent_hours: str | None = None
    after_hours_line: str | None = None
    exit_url: str
    widget_origins: tuple[str, ...] = ()
    # how long what is kept is kept
    counts_kept_months: int = Field(default=13, ge=1, le=13)  # docs/privacy.md says why
    questions_kept_days: int = Field(default=90, ge=1, le=365)
    # where the answers come from
    rosh_url: str | None = None
    encyclopedia_url: str | None = None
    # the country and its lines
    country: str
    region: str
    time_zone: str
    languages: tuple[str, ...] = Field(min_length=1)
    emergency_number: str
    emergency_dept: str
    emergency_text_number: str | None = None
    emergency_dept_address: str | None = None
    crisis_line: str
    crisis_text: str | None = None
    crisis_chat_url: str | None = None
    crisis_hours: str | None = None
    crisis_free: bool = False
    maternal_crisis_line: str | None = None
    dv_line: str
    dv_text: str | None = None
    dv_chat_url: str | None = None
    assault_line: str | None = None
    poison_line: str | None = None
    child_line: str | None = None
    # who checked the numbers, and when
    verified_on: date
    verified_by: str

    @field_validator("*", mode="before")
    @classmethod
    def _not_blank(cls, value):
        if isinstance(value, str) and not value.strip():
            raise ValueError("is empty; fill it in, or take the line out if it is optional")
        return value

    @field_validator(*PHONES, mode="before")
    @classmethod
    def _is_a_number(cls, value):
        if value is not None and not _PHONE.match(str(value)):
            raise ValueError(f"{value!r} is no telephone number; use digits, spaces and + ( ) - only, in quotes")
        return value if value is None else str(value)

    @field_validator(*_LINKS)
    @classmethod
    def _is_a_link(cls, value):
        if value is not None and not re.match(r"^https?://[^\s/]+", value):
            raise ValueError(f"{value!r} is no link; begin it with https://")
        return value

    @field_validator("widget_origins")
    @classmethod
    def _are_origins(cls, values):
        for value in values:
            if not _ORIGIN.match(value):
                raise ValueError(
                    f"{value!r} is no site's origin; write https:// and the name, such as {_EXAMPLE_ORIGIN}"
                )
        return values

    @field_validator("time_zone")
    @classmethod
    def _is_a_time_zone(cls, value):
        try:
            return str(ZoneInfo(value))
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value!r} is no time zone; use a name such as America/New_York") from None

    @field_validator(*_OPENING_HOURS)
    @classmethod
    def _are_opening_hours(cls, value):
        if value is not None and not validate(value):
            raise ValueError(f"{value!r} are no opening hours; write 24/7, or such as Mo-Fr 09:00-17:00")
        return value

    @property
    def urgent_line(self) -> str:
        """The number for 'be seen today': the urgent line while it is open, else the after-hours line, else the
        emergency number. An urgent line without hours counts as open."""
        return self.urgent_line_at(datetime.now(ZoneInfo(self.time_zone)))

    def urgent_line_at(self, moment: datetime) -> str:
        """Return the number for 'be seen today' at a moment of the clinic's own time."""
        is_open = self.urgent_hours is None or OpeningHours(self.urgent_hours).is_open(moment.replace(tzinfo=None))
        return (self.urgent_phone if is_open else None) or self.after_hours_line or self.emergency_number

    @property
    def words(self) -> Mapping[str, str]:
        """What stands in for the {names in braces} of the answers; an optional setting that is not set is left out."""
        always = {
            "clinic_name": self.name,
            "clinic_phone": self.phone,
            "clinic_hours": self.hours,
            "clinic_urgent_phone": self.urgent_line,
            "booking_url": self.booking_url,
            "emergency_number": self.emergency_number,
            "emergency_dept": self.emergency_dept,
            "crisis_line": self.crisis_line,
            "dv_line": self.dv_line,
            "questions_kept_days": str(self.questions_kept_days),
        }
        optional = {name: value for name in OPTIONAL_PLACEHOLDERS if (value := getattr(self, name))}
        return MappingProxyType(always | optional)

    def holds(self, condition: str) -> bool:
        """Whether a paragraph's `when` holds: a name of CONDITIONS, or 'not' and one."""
        name = condition.removeprefix("not ")
        is_set = self.crisis_hours == ALWAYS_OPEN if name == CRISIS_ALWAYS_OPEN else bool(getattr(self, name))
        return is_set != condition.startswith("not ")

    @property
    def document_urls(self) -> Mapping[str, str | None]:
        """The link of each document, by its key in facts.yml, where the clinic has one."""
        return MappingProxyType({"rosh": self.rosh_url, "encyclopedia": self.encyclopedia_url})


ALWAYS_OPEN, CRISIS_ALWAYS_OPEN = "24/7", "crisis_always_open"
# A text may name these only under a `when` that says so: a clinic may have none.
OPTIONAL_PLACEHOLDERS = frozenset(
    ("emergency_text_number", "emergency_dept_address", "crisis_text", "crisis_chat_url", "maternal_crisis_line",
     "dv_text", "dv_chat_url", "assault_line", "poison_line", "child_line")
)  # fmt: skip
CONDITIONS = OPTIONAL_PLACEHOLDERS | {"crisis_free", CRISIS_ALWAYS_OPEN}
PLACEHOLDERS = OPTIONAL_PLACEHOLDERS | frozenset(
    ("clinic_name", "clinic_phone", "clinic_hours", "clinic_urgent_phone", "booking_url", "emergency_number",
     "emergency_dept", "crisis_line", "dv_line", "questions_kept_days")
)  # fmt: skip


def load_clinic(path: Path, environ: Mapping[str, str] = os.environ, today: date | None = None) -> Clinic:
    """Read and check clinic.yml.

    Raises SettingsFault, a line for each fault: a missing or malformed field; in production (`CLINIC_ENV`) also a
    demonstration's settings and numbers verified too long ago. Demonstration settings never grow old.
    """
    try:
        clinic = Clinic.model_validate(read_yaml(path, "clinic"))
    except YamlFault as fault:
        raise SettingsFault(str(fault)) from None
    except ValidationError as error:
        raise SettingsFault("\n".join(_explain(fault, path) for fault in error.errors())) from None
    environment = environ.get("CLINIC_ENV") or DEVELOPMENT
    if environment not in (DEVELOPMENT, PRODUCTION):
        raise SettingsFault(f"CLINIC_ENV is {environment!r}; use {PRODUCTION} or {DEVELOPMENT}")
    if environment == PRODUCTION:
        _refuse_unfit_for_production(clinic, path, today or date.today())
    return clinic


def age_warnings(clinic: Clinic, today: date) -> list[str]:
    """Return a warning where the numbers were last verified more than 90 days ago; a demonstration has none."""
    age = (today - clinic.verified_on).days
    if clinic.demo or age <= WARN_AFTER_DAYS:
        return []
    return [f"clinic.yml: verified_on is {age} days ago; call each number, then set the date and verified_by anew"]


def tel(number: str) -> str:
    """Return the number as a tel: link."""
    return "tel:" + re.sub(r"[^\d+]", "", number)


def _refuse_unfit_for_production(clinic: Clinic, path: Path, today: date) -> None:
    if clinic.demo:
        raise SettingsFault(
            f"{path}: demo: is true, and its numbers are examples; enter your clinic's own and set demo: false"
        )
    age = (today - clinic.verified_on).days
    if age < 0:
        raise SettingsFault(f"{path}: verified_on: lies in the future; write the day on which the numbers were called")
    if age > REFUSE_AFTER_DAYS:
        raise SettingsFault(
            f"{path}: verified_on: {age} days ago, at most {REFUSE_AFTER_DAYS}; call each number, then date it anew"
        )


def _explain(fault: Mapping, path: Path) -> str:
    if not fault["loc"]:
        return f"{path}: clinic: holds no settings; write them below it, as 'name: …'"
    field = str(fault["loc"][0])
    if fault["type"] == "missing":
        return f"{path}: {field}: is missing; add it (clinic.yml explains each field)"
    if fault["type"] == "extra_forbidden":
        return f"{path}: {field}: no such setting{nearest(field, Clinic.model_fields)}; mend the name or take it out"
    return f"{path}: {field}: {fault['msg'].removeprefix('Value error, ')}"
