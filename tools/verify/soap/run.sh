#!/usr/bin/env bash
# tools/verify/soap/run.sh [client …]: do other people's SOAP clients work with our service, unchanged?
# Installs the clients (Debian 12 packages, zeep from PyPI), then runs them. See README.md beside this.
set -u -o pipefail
cd "$(dirname "$0")/../../.." || exit 1

ZEEP=4.3.1
wanted=("$@")
wants() { ((${#wanted[@]} == 0)) || [[ " ${wanted[*]} " == *" $1 "* ]]; }
fail() {
  echo "✗ $*" >&2
  exit 1
}

# One client at a time, and politely: Mono and Java are large.
install() {
  local client=$1 missing=() root=()
  shift
  wants "$client" || return 0
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  printf '%-6s' "$client"
  if ((${#missing[@]} == 0)); then
    echo "$* … there"
    return 0
  fi
  echo "installing ${missing[*]} …"
  ((EUID == 0)) || root=(sudo)
  if [[ ! -e .local/verify/soap/apt-updated ]]; then
    "${root[@]}" apt-get update -qq || fail 'apt-get update failed'
    touch .local/verify/soap/apt-updated
  fi
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive nice apt-get install -qq -y --no-install-recommends "${missing[@]}" \
    > .local/verify/soap/apt.log 2>&1 || fail "apt-get could not install ${missing[*]}: see .local/verify/soap/apt.log"
}

mkdir -p .local/verify/soap
command -v apt-get > /dev/null || fail 'this installs Debian packages and finds no apt-get'

echo '=== clients'
venv=.local/verify/soap-venv
if wants zeep; then
  install zeep python3-venv
  if ! "$venv/bin/python" -c "import zeep; assert zeep.__version__ == '$ZEEP'" 2> /dev/null; then
    echo "zeep  installing zeep $ZEEP into $venv …"
    python3 -m venv "$venv" && nice "$venv/bin/pip" install --quiet "zeep==$ZEEP" || fail 'pip could not install zeep'
  fi
fi
install php php-cli php-soap
install perl libsoap-lite-perl
install mono mono-mcs mono-devel
jdk=()
command -v javac > /dev/null || jdk=(openjdk-17-jdk-headless)
install java libjaxws-java "${jdk[@]}"

# The Node that runs the system, where npm has brought it.
node=$(ls node_modules/node-linux-*/bin/node 2> /dev/null | head -n 1)
exec "${node:-node}" tools/verify/soap/verify.mjs "$@"
