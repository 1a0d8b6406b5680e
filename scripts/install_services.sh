#!/bin/sh
# See that Debian's Redis, PostgreSQL and nginx are here, for the tests that start their own. What is missing is
# installed where that may be done; none of the three is started as a service of the machine.
set -eu
rule=/usr/sbin/policy-rc.d

has() {
    case $1 in
    postgresql) ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null ;;
    nginx-light) command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

fail() {
    printf '%s\nAs root: apt-get install redis-server postgresql nginx-light\n' "$1" >&2
    echo "(another system: put redis-server, initdb with its neighbours, and nginx on the PATH)." >&2
    exit 1
}

missing=
for package in redis-server postgresql nginx-light; do
    has $package || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || fail "The tests of the services need what is not installed:$missing."

echo "Installing$missing for the tests of the services …"
# Debian starts a service as soon as it is installed, unless this file says no.
if [ ! -e $rule ]; then
    trap 'rm -f $rule' EXIT
    printf '#!/bin/sh\nexit 101\n' >$rule
    chmod +x $rule
fi
apt-get -qq update &&
    # shellcheck disable=SC2086  # a list of names
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends $missing >/dev/null ||
    fail "They could not be installed. Is there a network?"
