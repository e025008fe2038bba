# Tests, benchmarks and fault campaigns: each on a private set of its own, which ends with the run.

# private_set NAME [TOOL]: a fresh set of services in .dev/NAME, told by the environment to the program that uses it.
# However this run ends, they end too: by `leave`, or after a SIGKILL by the guard.
private_set() {
  local name given
  lock "$1"
  DIR=$STATE/$1
  # Names of programs, without spaces.
  # shellcheck disable=SC2046
  ensure cc jq $(for name in "${SERVICES[@]}"; do tools "$name"; done) ${2:-}
  wipe_set
  mkdir -p "$DIR"
  ON_EXIT=stop_set
  setsid "$ROOT/dev" guard "$$" "$DIR" </dev/null >/dev/null 2>&1 &
  GUARD=$!
  disown "$GUARD"
  for name in "${SERVICES[@]}"; do
    given=VC_TEST_$(variable "$name" | cut -d _ -f 2-)
    [[ $1 == test && -n ${!given:-} ]] && continue
    start "$name"
    export "$given=$(url "$name" postgres)"
  done
}

# each_set COMMAND...: with DIR as the sets that tests have made below this one, and as this one at last.
each_set() {
  local set=$DIR
  for DIR in "$set"/*/ "$set/"; do
    DIR=${DIR%/}
    [[ ! -d $DIR/port ]] || "$@"
  done
  DIR=$set
}

stop_set() { each_set stop_all; }

stop_all() {
  local name
  for name in api worker sandbox "${SERVICES[@]}"; do stop "$name" hastily; done
}

# Before a run, and after a success. After a failure the data stays for a look, until the next run.
wipe_set() { each_set wipe_all; }

wipe_all() {
  local name
  stop_all
  for name in "${SERVICES[@]}"; do wipe "$name"; done
  # Of a set below, nothing is worth keeping; of our own, the logs, the ports and the keys are.
  [[ $DIR == "$STATE"/* && ${DIR%/*} == "$STATE" ]] || rm -rf "$DIR"
}

# cmd_guard PID DIR, started by private_set and not for people: when process PID has gone, stops its set. It holds the
# lock of the set until then, so that the next run cannot meet it.
cmd_guard() {
  local child
  trap - EXIT TERM
  # A zombie has no working directory any more.
  while [[ -e /proc/$1/cwd/. ]]; do sleep 1 9>&-; done
  DIR=$2
  # The command that was attended has been told by the kernel to end; what it had started itself has not.
  { read -r child <"$DIR/child"; } 2>/dev/null && end_group "$child"
  stop_set
}

# What the shell says about another system is none of a test's business.
PLAINLY=(env -i "PATH=$PATH")

# prepare PROFILE: builds the binary and migrates the template from which every test copies its own database.
prepare() {
  build "$1" "${@:2}" virtual-cards
  export VC_BIN=$BIN/virtual-cards VC_TEST_KEYS_DIR=$DIR/keys
  attend "${PLAINLY[@]}" "$VC_BIN" dev keys "$VC_TEST_KEYS_DIR"
  template
  export VC_TEST_PG_PIDFILE=$DIR/postgres/postmaster.pid VC_TEST_NATS_PID VC_TEST_REDIS_PID
  VC_TEST_NATS_PID=$(pid nats)
  VC_TEST_REDIS_PID=$(pid redis)
  # Whoever calls this command splits it at spaces, so it must have no other ones.
  if [[ $ROOT == *[[:space:]]* ]]; then
    ALIAS=$(mktemp -d)
    ln -s "$ROOT/dev" "$ALIAS/dev"
  fi
  export VC_SERVICES="${ALIAS:-$ROOT}/dev services" VC_SERVICES_DIR=$DIR
}

template() {
  local url=${VC_TEST_DATABASE_URL%/*}/vc_template
  PGOPTIONS='-c client_min_messages=warning' psql -X -q -v ON_ERROR_STOP=1 -d "$VC_TEST_DATABASE_URL" \
    -c 'DROP DATABASE IF EXISTS vc_template' -c 'CREATE DATABASE vc_template'
  attend "${PLAINLY[@]}" VC_DATABASE_URL="$url" "$VC_BIN" migrate
}

cmd_test() {
  local scope=(--workspace) argument
  ensure_rust
  private_set test
  prepare dev
  for argument; do
    case $argument in -p | -p?* | --package | --package=* | --workspace) scope=() ;; esac
  done
  # Other crates' tests need neither Node.js nor a browser.
  [[ ${#scope[@]} -eq 0 && " $* " != *tests* ]] || ensure_node
  if command -v cargo-nextest >/dev/null; then
    attend cargo nextest run "${scope[@]}" "$@"
  else
    say 'cargo-nextest is not installed; cargo test does the same, one crate after the other'
    attend cargo test "${scope[@]}" "$@"
  fi
  wipe_set
}

cmd_bench() {
  [[ -n ${1:-} && $1 != -* ]] || die 'usage: ./dev bench NAME [--seconds N] [--json FILE] ...'
  measure release bench "$@"
}

cmd_faults() { measure dev faults "$@"; }

# measure PROFILE PROGRAM ARGS...: files in ARGS are meant from where the caller stands.
measure() {
  ensure_rust
  private_set "$2" pgbench
  prepare "$1" "$2"
  PGBENCH=$(postgres_bin pgbench)
  export PGBENCH
  cd "$CALLER"
  attend "$BIN/$2" "${@:3}"
  wipe_set
}

cmd_check() {
  ensure_rust
  ensure cc jq
  ! lacks shellcheck || ! may_install || ensure shellcheck
  step format attend cargo fmt --all --check
  if lacks shellcheck; then
    say 'scripts: not checked, since shellcheck is missing'
  else
    step scripts attend shellcheck -x dev .ci/run
  fi
  step lints attend cargo clippy --workspace --all-targets -- -D warnings
  step schemas check_schemas
  step tests cmd_test
  step contract cmd_contract
}

check_schemas() {
  build dev virtual-cards
  attend "${PLAINLY[@]}" "$BIN/virtual-cards" dev schemas --check
}

# step NAME COMMAND...: the first that fails ends the run, and `leave` names it.
step() {
  local began=$SECONDS
  STEP=$1
  say "${BOLD}== $1${PLAIN}"
  "${@:2}"
  say "${GREEN}== $1: passed${PLAIN} in $((SECONDS - began)) s"
  STEP=
}
