"""Format, lint and types in one run: `python -m scripts.check_code`. `make format` mends what can be mended."""

import subprocess
import sys

from bot.paths import ROOT

CHECKS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy", "--no-error-summary"),
)


def main() -> int:
    """Run every check, also after one has failed; return the exit code."""
    codes = [subprocess.run([sys.executable, "-m", *check], cwd=ROOT).returncode for check in CHECKS]
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
