"""Format, lint and types in one run: `python -m scripts.check_code`. `make format` mends what can be mended."""

import subprocess
import sys
from pathlib import Path

from bot.paths import ROOT

PYTHON = (sys.executable, "-m")
NODE = (str(Path(sys.executable).with_name("node")),)  # the environment's own
CHECKS = (
    (*PYTHON, "ruff", "format", "--check", "."),
    (*PYTHON, "ruff", "check", "."),
    (*PYTHON, "mypy", "--no-error-summary"),
    (*NODE, "node_modules/typescript/bin/tsc", "--project", "bot/web/widget"),
    (*NODE, "node_modules/typescript/bin/tsc", "--project", "bot/web/desk"),
)


def main() -> int:
    """Run every check, also after one has failed; return the exit code."""
    codes = [subprocess.run(check, cwd=ROOT).returncode for check in CHECKS]
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
