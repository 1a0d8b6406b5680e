#!/bin/sh
# See that Debian's Chromium is here, for the tests in tests/browser. Where it is missing and may be installed, install it.
set -eu
command -v chromium >/dev/null && exit 0
told="The tests of the widget need Chromium, which is not installed. As root: apt-get install chromium"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    printf '%s\n(another system: put a program of that name on the PATH).\n' "$told" >&2
    exit 1
fi
echo "Installing Chromium for the tests of the widget …"
apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends chromium fonts-dejavu-core >/dev/null || {
    printf 'Chromium could not be installed. Is there a network?\n%s\n' "$told" >&2
    exit 1
}
