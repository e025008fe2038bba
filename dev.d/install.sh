# What must be on the machine, and how it gets there.

# postgres_bin PROGRAM: its path. Debian keeps the server's programs off the PATH; data made by one major version can be
# served by that version alone, so a set that has data asks for its own.
postgres_bin() {
  local version='' found
  { read -r version <"$DIR/postgres/PG_VERSION"; } 2>/dev/null || true
  if [[ -n $version ]]; then
    found=/usr/lib/postgresql/$version/bin/$1
  else
    found=$(printf '%s\n' /usr/lib/postgresql/*/bin/"$1" | sort -V | tail -n 1)
  fi
  [[ -x $found ]] || found=$(command -v "$1") || return 1
  echo "$found"
}

# lacks TOOL: whether it must be installed.
lacks() {
  case $1 in
    postgres) ! postgres_bin initdb >/dev/null ;;
    pgbench) ! postgres_bin pgbench >/dev/null ;;
    python3-venv) ! python3 -c 'import ensurepip, venv' 2>/dev/null ;;
    *) ! command -v "$1" >/dev/null ;;
  esac
}

package() {
  case $1 in
    postgres | pgbench) echo postgresql ;;
    psql) echo postgresql-client ;;
    redis-cli) echo redis-tools ;;
    cc) echo gcc libc6-dev ;;
    python3-venv) echo python3 python3-venv ;;
    node) echo nodejs ;;
    *) echo "$1" ;;
  esac
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

may_install() {
  [[ -z ${DEV_NO_INSTALL:-} ]] || return 1
  command -v apt-get >/dev/null || return 1
  ((EUID == 0)) && return
  command -v sudo >/dev/null || return 1
  # With a terminal sudo may ask for the password; without one it must do without.
  [[ -t 0 ]] || sudo -n true 2>/dev/null
}

# ensure TOOL...: installs what is missing, or says what is.
ensure() {
  local tool packages=()
  for tool; do
    # The unquoted answer is one or two package names.
    # shellcheck disable=SC2207
    ! lacks "$tool" || packages+=($(package "$tool"))
  done
  ((${#packages[@]} > 0)) || return 0
  mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
  if ! may_install; then
    die "missing, and this run may not install it: ${packages[*]}
On Debian: sudo apt-get install --no-install-recommends ${packages[*]}
(PostgreSQL 15 or newer, Redis 7 or newer, nats-server 2.9 or newer; they need not run as system services.)"
  fi
  say "installing ${packages[*]}"
  install_packages "${packages[@]}"
  for tool; do
    ! lacks "$tool" || die "$(package "$tool") is installed, and yet there is no '$tool'"
  done
}

# Debian starts a server as soon as its package is installed, unless policy-rc.d says no: ours run privately, and on a
# port of their own. An administrator's own policy-rc.d is left as it is.
install_packages() {
  local log=$STATE/install.log policy=/usr/sbin/policy-rc.d
  mkdir -p "$STATE"
  if [[ ! -e $policy ]]; then
    POLICY=$policy
    printf '#!/bin/sh\nexit 101\n' | as_root install -m 755 /dev/stdin "$policy"
  fi
  # Not by `attend`: dpkg should not be interrupted half-way, and sudo may need the terminal.
  as_root apt-get -qq update >"$log" 2>&1 9>&- ||
    say 'the package lists could not be refreshed; trying with the old ones'
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends \
    "$@" >>"$log" 2>&1 9>&- || {
    tail -n 20 "$log" >&2
    die "apt-get could not install $* (all of its words: $log)"
  }
  [[ -z $POLICY ]] || as_root rm -f "$POLICY"
  POLICY=
  [[ ! -d /run/systemd/system ]] ||
    say "the system's own units of these packages have not been started; 'systemctl disable UNIT' keeps it so at boot"
}

# What whole-system tests run in Node.js, as tests/node/package-lock.json has it; and a browser.
ensure_node() {
  local folder=$ROOT/tests/node
  ensure node npm chromium
  cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed" && return
  say 'installing the packages of tests/node'
  attend npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error
  cp "$folder/package-lock.json" "$folder/node_modules/.installed"
}

ensure_rust() {
  command -v cargo >/dev/null || die 'Rust is missing: install it as https://rustup.rs says, then run this again'
}

# With neither the servers nor the right to install them, a container engine will do.
can_compose() { command -v docker >/dev/null && docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; }
