#!/bin/sh
# Renew requirements.txt (running) and requirements-dev.txt (working on it: the same versions and the tools).
set -eu
cd "$(dirname "$0")/.."
compile() {
    .tools/bin/uv pip compile pyproject.toml "$@" --quiet --upgrade --generate-hashes --no-header \
        --python-version 3.11 --python-platform x86_64-unknown-linux-gnu --no-emit-index-url --no-emit-find-links
}
compile --output-file requirements.txt
compile --group dev --constraint requirements.txt --output-file requirements-dev.txt
