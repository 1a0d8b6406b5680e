"""Bring the tables of the database at DATABASE_URL up to date: `python -m scripts.migrate`."""

import os
import sys
from collections.abc import Mapping

from bot.store.database import StoreFault, open_database


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Return the exit code; print one line that says what was done or what to do."""
    try:
        database = open_database(environ)
        database.prepare()
    except StoreFault as fault:
        print(f"The tables were not brought up to date.\n{fault}", file=sys.stderr)
        return 1
    print(f"The tables of the database ({database.dialect}) are up to date.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
