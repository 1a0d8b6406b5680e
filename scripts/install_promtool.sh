#!/bin/sh
# Put Prometheus' own checker of rules into .tools/promtool, out of Debian's package; nothing of it is installed or run.
set -eu
cd "$(dirname "$0")/.."
[ -x .tools/promtool ] && exit 0
if command -v promtool >/dev/null; then
    mkdir -p .tools && ln -sf "$(command -v promtool)" .tools/promtool
    exit 0
fi
told="The alerts are checked with promtool, which is not here. Install Debian's package prometheus, or put promtool on the PATH."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
    echo "$told" >&2
    exit 1
}
echo "Fetching promtool, which checks the alerts …"
(cd "$folder" && { apt-get -qq download prometheus || { apt-get -qq update && apt-get -qq download prometheus; }; }) >/dev/null 2>&1 &&
    dpkg-deb --extract "$folder"/prometheus_*.deb "$folder/package" || {
    printf 'It could not be fetched. Is there a network?\n%s\n' "$told" >&2
    exit 1
}
mkdir -p .tools && mv "$folder/package/usr/bin/promtool" .tools/promtool
