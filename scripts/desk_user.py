"""Make, change or remove an account of the front desk: `make desk-user`.

Asks for a name, a role and a password; DESK_USER, DESK_ROLE and DESK_PASSWORD in the environment answer instead.
"""

import getpass
import os
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta

from bot.store.database import StoreFault, open_database
from bot.web.desk.accounts import LEAST_PASSWORD, ROLES, AccountFault, Accounts, checked_name

REMOVE = "remove"


def main(
    environ: Mapping[str, str] = os.environ,
    ask: Callable[[str], str] = input,
    ask_secretly: Callable[[str], str] = getpass.getpass,
) -> int:
    """Return the exit code; print one line that says what was done, or what to do."""
    try:
        database = open_database(environ)
        database.prepare()
        print(changed(Accounts(database, "", timedelta()), environ, ask, ask_secretly))
    except (AccountFault, StoreFault) as fault:
        print(f"No account was changed: {fault}.", file=sys.stderr)
        return 1
    except (EOFError, KeyboardInterrupt):
        print("\nNo account was changed.", file=sys.stderr)
        return 1
    return 0


def changed(
    accounts: Accounts, environ: Mapping[str, str], ask: Callable[[str], str], ask_secretly: Callable[[str], str]
) -> str:
    """Make the change and return what was done. Raises AccountFault."""
    name = checked_name(environ.get("DESK_USER") or ask("Name: "))
    role = (environ.get("DESK_ROLE") or ask(f"Role ({', '.join(ROLES)}, or {REMOVE}): ")).strip().lower()
    if role == REMOVE:
        accounts.remove(name)
        return f"The account {name} is removed, and signed out everywhere."
    if role not in ROLES:
        raise AccountFault(f"{role!r} is no role; use {', '.join(ROLES)} or {REMOVE}")
    is_new = accounts.save(name, role, environ.get("DESK_PASSWORD") or asked_twice(ask_secretly))
    done = "made" if is_new else "changed, and signed out everywhere"
    return f"The account {name} ({role}) is {done}. Sign in at /desk."


def asked_twice(ask_secretly: Callable[[str], str]) -> str:
    """Return the password typed twice. Raises AccountFault where the two differ."""
    password = ask_secretly(f"Password ({LEAST_PASSWORD} characters or more; it is not shown): ")
    if ask_secretly("Once more: ") != password:
        raise AccountFault("the two passwords are not the same; try again")
    return password


if __name__ == "__main__":
    sys.exit(main())
