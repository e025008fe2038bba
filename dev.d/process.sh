# Processes: how they are started, found again and stopped; and what this script leaves behind when it ends.
#
# There are no pid files of our own. A process belongs to a set when its working directory is the one that the set gave
# it and its program is the expected one; the kernel answers that, so a crash, a reboot or a reused pid cannot mislead.

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  BOLD=$'\e[1m' DIM=$'\e[2m' GREEN=$'\e[32m' BLUE=$'\e[34m' PLAIN=$'\e[0m'
else
  BOLD='' DIM='' GREEN='' BLUE='' PLAIN=''
fi

say() { printf '%s\n' "$*"; }
die() {
  printf '%s\n' "dev: $*" >&2
  exit 1
}

DIR=$STATE    # the set at work
LAUNCHED=     # pid of the newest background process, as long as it is not known to be ready
STARTED=()    # what this run has started in the set, oldest first
CHILD=        # the long command in the foreground: its pid, and its process group
GUARD=        # the process that outlives a SIGKILL of this one (see private_set)
ON_EXIT=      # stop_started | stop_set: what ends with this run, if it ends now
CONTAINERS=   # what this run has started as containers
ALIAS=        # a directory with another name for this script
STEP=         # the step of `check` at work
POLICY=       # the file that keeps Debian from starting what is being installed

# Any way out but SIGKILL comes by here. Every step is bounded in time, so a second Ctrl-C need not cut it short.
leave() {
  local status=$?
  trap '' INT TERM HUP
  trap - EXIT
  set +e
  [[ -z $STEP ]] || say "== $STEP: failed" >&2
  [[ -z $CHILD ]] || end_group "$CHILD"
  [[ -z $ALIAS ]] || rm -rf "$ALIAS"
  [[ -z $POLICY ]] || as_root rm -f "$POLICY"
  [[ -z $LAUNCHED ]] || kill "$LAUNCHED" 2>/dev/null
  [[ -z $ON_EXIT ]] || "$ON_EXIT"
  [[ -z $GUARD ]] || kill "$GUARD" 2>/dev/null
  exit "$status"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

stop_started() {
  local i
  ((${#STARTED[@]} == 0)) || say "stopping what this run started: ${STARTED[*]}" >&2
  for ((i = ${#STARTED[@]} - 1; i >= 0; i--)); do stop "${STARTED[i]}"; done
  # The names of services, without spaces.
  # shellcheck disable=SC2086
  [[ -z $CONTAINERS ]] || compose stop $CONTAINERS
}

# attend COMMAND...: runs a long command in the foreground. Bash handles a signal only when its foreground command has
# ended, so the command runs in the background, as a process group of its own, and we wait. If this script is killed so
# that nothing of it can run, the kernel ends the command.
attend() {
  local status=0
  set -m
  setpriv --pdeathsig TERM -- "$@" </dev/null 9>&- &
  CHILD=$!
  set +m
  [[ -z $GUARD ]] || echo "$CHILD" >"$DIR/child"
  wait "$CHILD" || status=$?
  [[ -z $GUARD ]] || rm -f "$DIR/child"
  CHILD=
  return "$status"
}

end_group() {
  local tenths
  kill -TERM -- "-$1" 2>/dev/null
  for ((tenths = 0; tenths < 150; tenths++)); do
    kill -0 -- "-$1" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL -- "-$1" 2>/dev/null
}

# lock NAME: one run at a time for each set. The descriptor (9) is closed for all that we start, so that the lock ends
# with this run; only the guard of a private set keeps it, until it has cleaned up.
lock() {
  mkdir -p "$STATE" 2>/dev/null && [[ -w $STATE ]] || die "cannot write $STATE; it belongs to $(stat -c %U "$STATE")"
  exec 9>>"$STATE/$1.lock" || die "cannot write $STATE/$1.lock; it belongs to $(stat -c %U "$STATE/$1.lock")"
  ! flock -n 9 || return 0
  say "another ./dev is at work here ($1); waiting for it" >&2
  take 9 3600 || die 'it did not end within an hour'
}

# take DESCRIPTOR SECONDS: the lock on it. By asking again and again, since bash would not hear a signal while it waits.
take() {
  local end=$((SECONDS + $2))
  while ! flock -n "$1"; do
    ((SECONDS < end)) || return 1
    sleep 0.2
  done
}

# What the kernel calls the program of NAME.
program() {
  case $1 in
    postgres) echo postgres ;;
    nats) echo nats-server ;;
    redis) echo redis-server ;;
    *) echo virtual-cards ;;
  esac
}

# pids NAME: every process of it, PostgreSQL's backends included.
pids() {
  local home program process cwd comm
  home=$(readlink -m -- "$DIR/$1")
  program=$(program "$1")
  while IFS=$'\t' read -r process cwd; do
    [[ $cwd == "$home" || $cwd == "$home (deleted)" ]] || continue
    { read -r comm <"$process/comm"; } 2>/dev/null || continue
    [[ $comm != "$program" ]] || echo "${process#/proc/}"
  done < <(find /proc/[0-9]*/cwd -maxdepth 0 -printf '%h\t%l\n' 2>/dev/null)
}

# pid NAME: the process to talk to, nothing if it does not run.
pid() {
  local all main
  mapfile -t all < <(pids "$1")
  case $1 in
    postgres)
      { read -r main <"$DIR/postgres/postmaster.pid"; } 2>/dev/null || return 0
      [[ " ${all[*]} " != *" $main "* ]] || echo "$main"
      ;;
    *) [[ ${#all[@]} -eq 0 ]] || echo "${all[0]}" ;;
  esac
}

# launch NAME COMMAND...: in the background, in a session of its own, so that neither Ctrl-C nor the end of the terminal
# reaches it. The log of the run before is kept beside.
launch() {
  local name=$1 log=$DIR/log/$1.log
  shift
  mkdir -p "$DIR/log" "$DIR/$name"
  [[ ! -s $log ]] || mv -f "$log" "$log.1"
  (cd "$DIR/$name" && exec setsid -- "$@") </dev/null >"$log" 2>&1 8>&- 9>&- &
  LAUNCHED=$!
  disown "$LAUNCHED"
  STARTED+=("$name")
}

# await NAME SECONDS READY...: until the command READY succeeds; fails at once when the process has ended.
await() {
  local name=$1 end=$((SECONDS + $2))
  shift 2
  while ((SECONDS <= end)); do
    if "$@"; then
      LAUNCHED=
      return 0
    fi
    if [[ -n $LAUNCHED ]]; then
      kill -0 "$LAUNCHED" 2>/dev/null || return 1
    else
      [[ -n $(pids "$name") ]] || return 1
    fi
    sleep 0.1
  done
  return 1
}

# stop NAME [hastily]: orderly, by SIGKILL when that takes more than 20 seconds. For data that nobody needs any more,
# "hastily" spares PostgreSQL the writing of every database's pages.
stop() {
  local main tenths signal=TERM
  # SIGTERM would let PostgreSQL wait for its clients for ever; SIGINT is its fast shutdown, SIGQUIT its immediate one.
  [[ $1 != postgres ]] || signal=${2:+QUIT}
  [[ -n $signal ]] || signal=INT
  main=$(pid "$1")
  [[ -z $main ]] || kill "-$signal" "$main" 2>/dev/null || true
  for ((tenths = 0; tenths < 200; tenths++)); do
    [[ -n $(pids "$1") ]] || return 0
    # Backends alone, without their postmaster, end by themselves only when they notice.
    [[ -n $main ]] || break
    sleep 0.1
  done
  murder "$1"
}

# murder NAME: SIGKILL for all of its processes, until none is left (one of them may have been forking).
murder() {
  local all tenths
  for ((tenths = 0; tenths < 100; tenths++)); do
    mapfile -t all < <(pids "$1")
    ((${#all[@]} > 0)) || return 0
    kill -KILL "${all[@]}" 2>/dev/null || true
    sleep 0.1
  done
  die "$1 does not end: process ${all[*]}"
}
