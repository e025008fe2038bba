# The whole system of .dev: the private services, and on top of them sandbox, worker and api.

APPS=(sandbox worker api)

# build PROFILE BINARY...: sets BIN, the directory of the binaries. Always for the whole workspace: features are chosen
# for all that is built together, so a crate alone would build its dependencies a second time.
build() {
  local arguments=(--workspace) binary
  for binary in "${@:2}"; do arguments+=(--bin "$binary"); done
  [[ $1 != release ]] || arguments+=(--release)
  attend cargo build "${arguments[@]}"
  BIN=$(cargo metadata --format-version 1 --no-deps | jq -r .target_directory)/${1/dev/debug}
}

# The variable that tells the system where SERVICE is.
variable() {
  case $1 in
    postgres) echo VC_DATABASE_URL ;;
    redis) echo VC_REDIS_URL ;;
    nats) echo VC_NATS_URL ;;
    sandbox) echo VC_PROVIDERS_URL ;;
    *) echo "VC_${1^^}__LISTEN" ;;
  esac
}

# is_given SERVICE: whether the environment names another one than ours. Ours may stand there too, when somebody has
# read .dev/env into the shell.
is_given() {
  local variable
  variable=$(variable "$1")
  [[ -n ${!variable:-} ]] || return 1
  [[ ! -s $DIR/port/$1 || ${!variable} != "$(url "$1")" ]]
}

# start_services SERVICE...: by programs of this machine; by containers where these lack and may not be installed.
start_services() {
  local name tools=() lacking=()
  for name; do
    # Names of programs, without spaces.
    # shellcheck disable=SC2207
    tools+=($(tools "$name"))
  done
  for name in "${tools[@]}"; do ! lacks "$name" || lacking+=("$name"); done
  if ((${#lacking[@]} > 0)) && ! may_install && can_compose; then
    ensure cc curl jq
    start_containers "$@"
    return
  fi
  ensure cc curl jq "${tools[@]}"
  for name; do
    start "$name"
    [[ $name != postgres ]] || create_database virtual_cards
  done
}

start_containers() {
  local name
  say "starting $* as containers, since their programs are missing and may not be installed"
  mkdir -p "$DIR/port"
  CONTAINERS=$*
  compose up --detach --wait "$@"
  for name; do compose port "$name" "$(container_port "$name")" | sed 's/.*://' >"$DIR/port/$name"; done
}

compose() {
  local project
  project=virtual-cards-$(printf %s "$DIR" | sha256sum | cut -c 1-12)
  mkdir -p "$DIR"
  touch "$DIR/compose"
  VC_COMPOSE_PASSWORD=$(secret) docker compose --file "$ROOT/compose.yaml" --project-name "$project" "$@" 9>&-
}

container_port() {
  case $1 in
    postgres) echo 5432 ;;
    redis) echo 6379 ;;
    nats) echo 4222 ;;
  esac
}

# start_app NAME: a running one is replaced when it is of another build, or has other settings.
start_app() {
  local name=$1 running attempt variable=VC_${1^^}__LISTEN
  running=$(pid "$name")
  if [[ -n $running ]]; then
    export "$variable=127.0.0.1:$(cat "$DIR/port/$name")"
    if [[ /proc/$running/exe -ef $BIN/virtual-cards && $(settings "$running") == "$(settings self)" ]]; then
      await "$name" 60 answers "$name" && return
    fi
    say "$name runs, but is not this build with these settings; starting it again"
    stop "$name"
  fi
  for attempt in 1 2 3; do
    claim_port "$name"
    export "$variable=127.0.0.1:$(cat "$DIR/port/$name")"
    launch "$name" "$BIN/virtual-cards" "$name"
    await "$name" 60 answers "$name" && return
    stop "$name"
    grep -qi 'address already in use' "$DIR/log/$name.log" || break
  done
  tail -n 20 "$DIR/log/$name.log" >&2
  die "$name did not get ready after $attempt attempt(s); its log: $DIR/log/$name.log"
}

# settings PID: what a process has been told.
settings() {
  # Of ourselves /proc knows only what we were started with.
  if [[ $1 == self ]]; then env -0; else cat "/proc/$1/environ"; fi | tr '\0' '\n' | grep '^VC_' | sort
}

answers() {
  # The line that a server prints when it listens; readiness is more, and the sandbox depends on nothing.
  grep -qs '^listening on ' "$DIR/log/$1.log" || return 1
  [[ $1 == sandbox ]] || curl -fsS -m 5 -o /dev/null "$(url "$1")/readyz" 2>/dev/null
}

cmd_up() {
  lock up
  bring_up
  # From here on it is meant to stay, whatever becomes of this run.
  ON_EXIT=
  announce
}

# bring_up: everything, in the order of dependence. A run that fails on the way stops what it has started itself; one
# that dies by SIGKILL cannot, but the next `up` goes on from there, and `down` finds all of it.
bring_up() {
  local name private=()
  ensure_rust
  ON_EXIT=stop_started
  for name in "${SERVICES[@]}"; do is_given "$name" || private+=("$name"); done
  # Where the system listens is this script's to say.
  unset VC_API__LISTEN VC_WORKER__LISTEN VC_SANDBOX__LISTEN
  start_services "${private[@]}"
  for name in "${private[@]}"; do export "$(variable "$name")=$(url "$name")"; done
  say 'building (the first time takes several minutes)'
  build dev virtual-cards
  export VC_KEYS_DIR=$STATE/keys
  # This script tells a process by its working directory and settings, which the guard hides from all but root.
  export VC_MEMORY_GUARD=false
  attend "$BIN/virtual-cards" dev keys "$VC_KEYS_DIR"
  attend env VC_LOG="${VC_LOG:-warn}" "$BIN/virtual-cards" migrate
  for name in "${APPS[@]}"; do
    if [[ $name == sandbox ]] && is_given sandbox; then continue; fi
    [[ $name != sandbox ]] || unset VC_PROVIDERS_URL
    start_app "$name"
    [[ $name != sandbox ]] || export VC_PROVIDERS_URL=$(url sandbox)
  done
  write_env
}

write_env() {
  (
    umask 077
    {
      echo '# Written by ./dev: where this system is. To use it by hand: set -a; . .dev/env; set +a'
      env -0 | grep -z '^VC_' | sort -z | while IFS='=' read -r -d '' key value; do
        printf '%s=%q\n' "$key" "$value"
      done
    } >"$STATE/env"
  )
}

# An address as it may be printed: without the password.
address() {
  local variable
  variable=$(variable "$1")
  sed -E 's,//[^@/]*@,//,' <<<"${!variable}"
}

announce() {
  local api worker
  api=$(url api) worker=$(url worker)
  cat <<ADDRESSES

${BOLD}Virtual Cards is up.${PLAIN}
  API v1        $api/api/v1/docs
  API v2        $api/api/v2/docs
  health        $api/readyz  $worker/readyz
  metrics       $api/metrics  $worker/metrics
  third parties $(address sandbox)  (the sandbox)
  PostgreSQL    $(address postgres)
  Redis         $(address redis)
  NATS          $(address nats)
  passwords     .dev/env: set -a; . .dev/env; set +a; psql "\$VC_DATABASE_URL"

Try:
  curl -s $api/api/v1/auth/register -H 'content-type: application/json' \\
    -d '{"email":"ada@example.com","password":"a-Long-enough-passphrase-1","first_name":"Ada","last_name":"Lovelace"}'
  curl -s '$(address sandbox)/mail/v1/messages?to=ada@example.com'   # the code for /auth/verify-email

./dev demo walks a person through; ./dev logs api -f follows; ./dev down stops.
ADDRESSES
}

cmd_down() {
  local name
  lock up
  # The servers first, so that they can finish what they are at.
  for name in api worker sandbox "${SERVICES[@]}"; do
    [[ -n $(pids "$name") ]] || continue
    stop "$name"
    say "stopped $name"
  done
  [[ ! -e $DIR/compose ]] || compose stop
}

cmd_reset() {
  local name
  for name in test bench faults; do
    [[ ! -e $STATE/$name.lock ]] || flock -n "$STATE/$name.lock" true || die "./dev $name is running; let it end first"
  done
  cmd_down
  [[ ! -e $DIR/compose ]] || compose down --volumes
  for name in "${SERVICES[@]}"; do wipe "$name"; done
  # A lock file must stay where it is: whoever waits for it waits for this very file.
  find "$STATE" -mindepth 1 -maxdepth 1 ! -name '*.lock' -exec rm -rf {} +
  say "wiped $STATE"
}

# describe NAME: one line.
describe() {
  local pid
  pid=$(pid "$1")
  if [[ -z $pid ]]; then
    printf '%-9s stopped\n' "$1"
  elif [[ " ${SERVICES[*]} " == *" $1 "* ]]; then
    printf '%-9s %-8s pid %-7s 127.0.0.1:%s\n' "$1" "$(ready "$1" && echo ready || echo 'no answer')" "$pid" \
      "$(cat "$DIR/port/$1")"
  else
    printf '%-9s %-8s pid %-7s %s\n' "$1" "$(answers "$1" && echo ready || echo 'no answer')" "$pid" "$(url "$1")"
  fi
}

cmd_status() {
  local name
  for name in "${SERVICES[@]}" "${APPS[@]}"; do describe "$name"; done
  [[ ! -e $DIR/compose ]] || compose ps
}

cmd_logs() {
  local log=$DIR/log/${1:-}.log
  [[ -n ${1:-} ]] || die 'usage: ./dev logs api|worker|sandbox|postgres|redis|nats [-f]'
  [[ -f $log ]] || die "there is no log of '$1'"
  tail -n 200 "${@:2}" "$log"
}
