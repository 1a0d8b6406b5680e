#!/bin/sh
# Set up .venv from a hashed lock file: install.sh requirements.txt. Does nothing where that is done already.
set -eu
cd "$(dirname "$0")/.."
lock=$1
tools=.tools

fail() {
    printf 'The environment was not set up.\n%s\n' "$1" >&2
    exit 1
}

is_311() {
    "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null
}

find_python() {
    for name in ${PYTHON:-} python3.11 python3 python; do
        if is_311 "$name"; then
            echo "$name"
            return
        fi
    done
}

# A stamp holds the hashes of the lock it was made from. The environment for working on it serves for running it too.
wanted=$(cat requirements.txt "$lock" package-lock.json scripts/install.sh | cksum)
stamp=.venv/installed-$lock
if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

python=$(find_python)
[ -n "$python" ] || fail "Python 3.11 was not found (Rasa works with 3.11, not with a later one).
Install it (Debian 12: apt install python3.11 python3.11-venv), or name it: make run PYTHON=/path/to/python3.11"
[ "$(uname -s) $(uname -m)" = "Linux x86_64" ] ||
    echo "Note: the lock file is made for Linux on x86-64; on $(uname -s) $(uname -m) it may not install (see README)."

if ! $tools/bin/uv --version >/dev/null 2>&1; then
    echo "Installing uv, which installs the rest …"
    rm -rf $tools
    "$python" -m venv $tools || fail "Python's venv module does not work; on Debian: apt install python3.11-venv"
    PYTHONWARNINGS=ignore $tools/bin/python -m pip install -qq --retries 1 --disable-pip-version-check --require-hashes \
        --requirement requirements-uv.txt || fail "uv could not be downloaded. Is there a network? Then try again."
fi

echo "Installing the packages of $lock (2 GB; a minute or more the first time) …"
is_311 .venv/bin/python || $tools/bin/uv venv --quiet --clear --python "$python" .venv
rm -f .venv/installed-*
# Bytecode is compiled now: without it every start takes half a minute more.
$tools/bin/uv pip sync --python .venv/bin/python --require-hashes --compile-bytecode "$lock" ||
    fail "The packages could not be installed; the lines above say why. Is there a network? Then try again."
if [ "$lock" = requirements-dev.txt ]; then
    # node and npm came with the packages above. No script of a package is run.
    PATH="$PWD/.venv/bin:$PATH" .venv/bin/npm ci --ignore-scripts --no-audit --no-fund --silent ||
        fail "The tools of package-lock.json could not be installed. Is there a network? Then try again."
    cat requirements.txt requirements.txt package-lock.json scripts/install.sh | cksum >.venv/installed-requirements.txt
fi
printf '%s' "$wanted" >"$stamp"
