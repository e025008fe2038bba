# The whole system of .dev: the private services, and on top of them sandbox, api and worker.

APPS=(sandbox worker api)

# build PROFILE PACKAGE=BINARY...: sets BIN, the directory of the binaries.
build() {
  local profile=$1 arguments=() target
  shift
  for target; do arguments+=(-p "${target%=*}" --bin "${target#*=}"); done
  [[ $profile != release ]] || arguments+=(--release)
  attend cargo build "${arguments[@]}"
  BIN=$(cargo metadata --format-version 1 --no-deps | jq -r .target_directory)/${profile/dev/debug}
}

# Exports the addresses, private or given. A private address in the environment (somebody has read .dev/env into the
# shell) is as good as none.
export_addresses() {
  local name variable
  for name in "${SERVICES[@]}"; do
    variable=$(variable "$name")
    is_given "$name" || export "$variable=$(url "$name")"
  done
}

variable() {
  case $1 in
    postgres) echo VC_DATABASE_URL ;;
    redis) echo VC_REDIS_URL ;;
    nats) echo VC_NATS_URL ;;
  esac
}

is_given() {
  local variable
  variable=$(variable "$1")
  [[ -n ${!variable:-} ]] || return 1
  [[ ! -s $DIR/port/$1 || ${!variable} != "$(url "$1")" ]]
}

# What a process of the system is told, apart from what it is: the same list for the running one and for us.
settings() { tr '\0' '\n' <"/proc/$1/environ" | grep '^VC_' | sort || true; }

# start_app NAME: starts api, worker or sandbox; a running one is replaced when it is of an older build, or has other
# settings.
start_app() {
  local name=$1 running attempt listen=VC_${1^^}__LISTEN
  running=$(pid "$name")
  if [[ -n $running ]]; then
    export "$listen=127.0.0.1:$(cat "$DIR/port/$name")"
    if [[ "/proc/$running/exe" -ef $BIN/virtual-cards && $(settings "$running") == "$(env | grep '^VC_' | sort)" ]] &&
      await "$name" 60 answers "$name"; then
      return
    fi
    say "$name runs, but not as this build with these settings; starting it again"
    stop "$name"
  fi
  for attempt in 1 2 3; do
    claim_port "$name"
    export "$listen=127.0.0.1:$(cat "$DIR/port/$name")"
    launch "$name" "$BIN/virtual-cards" "$name"
    await "$name" 60 answers "$name" && return
    stop "$name"
    grep -qi 'address already in use' "$DIR/log/$name.log" || break
  done
  tail -n 20 "$DIR/log/$name.log" >&2
  die "$name did not get ready after $attempt attempt(s); its log: $DIR/log/$name.log"
}

answers() {
  local path=/readyz
  [[ $1 != sandbox ]] || path=/healthz
  curl -fsS -m 5 -o /dev/null "$(url "$1")$path" 2>/dev/null
}

cmd_up() {
  local name private=()
  lock up
  ensure curl jq
  ensure_rust
  for name in "${SERVICES[@]}"; do is_given "$name" || private+=("$name"); done
  ON_EXIT=stop_started
  start_services "${private[@]}"
  export_addresses
  say 'building (the first time takes several minutes)'
  build dev cli=virtual-cards
  export VC_KEYS_DIR=$STATE/keys
  "$BIN/virtual-cards" migrate
  "$BIN/virtual-cards" dev keys "$VC_KEYS_DIR"
  for name in "${APPS[@]}"; do
    claim_port "$name"
    export "VC_${name^^}__LISTEN=127.0.0.1:$(cat "$DIR/port/$name")"
  done
  VC_PROVIDERS_URL=$(url sandbox)
  export VC_PROVIDERS_URL
  for name in "${APPS[@]}"; do start_app "$name"; done
  write_env
  announce
  # From here on it is meant to stay, whatever becomes of this run.
  ON_EXIT=
  STARTED=()
}
