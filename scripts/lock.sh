#!/bin/sh
# Renew requirements.txt (running), requirements-dev.txt (working on it: the same versions and what tests need) and
# requirements-tools.txt (programs with an environment of their own).
set -eu
cd "$(dirname "$0")/.."
compile() {
    .tools/bin/uv pip compile "$@" --quiet --upgrade --generate-hashes --no-header \
        --python-version 3.11 --python-platform x86_64-unknown-linux-gnu --no-emit-index-url --no-emit-find-links
}
compile pyproject.toml --output-file requirements.txt
compile pyproject.toml --group dev --constraint requirements.txt --output-file requirements-dev.txt
compile --group pyproject.toml:tools --output-file requirements-tools.txt
