#!/bin/sh
# Set up .tools/apart, the environment of the programs that cannot live beside Rasa: requirements-tools.txt says which.
set -eu
cd "$(dirname "$0")/.."
place=.tools/apart
wanted=$(cksum <requirements-tools.txt)
[ "$(cat $place/installed 2>/dev/null)" = "$wanted" ] && exit 0
[ -x .tools/bin/uv ] || sh scripts/install.sh requirements.txt
echo "Installing the tools for descriptions, fuzzing and audits …"
.tools/bin/uv venv --quiet --clear --python .venv/bin/python $place
.tools/bin/uv pip sync --quiet --python $place/bin/python --require-hashes requirements-tools.txt || {
    echo "The tools could not be installed; the lines above say why. Is there a network? Then try again." >&2
    exit 1
}
printf '%s' "$wanted" >$place/installed
