# What the commands below tests/ share: their words, and how a Debian package is installed. It is sourced, not run.

say() { printf '==> [%s s] %s\n' "$SECONDS" "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
die() {
  printf '%s: %s\n' "$0" "$*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Installs Debian packages, as root or through sudo, and leaves no service behind.
install_packages() {
  say "installing Debian packages: $*"
  have apt-get || die "please install these by hand, there is no apt-get here: $*"
  [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null || die "neither root nor sudo without a password; please install: $*"
  # Installing a server must not start it: policy-rc.d is how Debian is told.
  local policy=/usr/sbin/policy-rc.d made=
  if ! [ -e "$policy" ]; then
    made=1
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  local failed=
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" || failed=1
  [ -z "$made" ] || as_root rm -f "$policy"
  [ -z "$failed" ] || die "the packages could not be installed: $*"
  # Nor may it start with the machine. The services bear the names of their packages.
  local package
  for package in "$@"; do
    if [ -d /run/systemd/system ] && [[ $package == prometheus* ]]; then
      as_root systemctl disable --quiet --now "$package" || say "the service $package could not be disabled"
    fi
  done
}
