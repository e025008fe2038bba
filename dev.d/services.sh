# The private services of one set. DIR holds, for each of them: its data and working directory (DIR/postgres, DIR/nats,
# DIR/redis), DIR/port/NAME, DIR/log/NAME.log; and DIR/secret, the password of PostgreSQL and Redis. All of them listen
# on 127.0.0.1 alone. NATS has no password: its Rust client would not read one from the address.

SERVICES=(postgres redis nats)

secret() {
  [[ -s $DIR/secret ]] || (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$DIR/secret")
  cat "$DIR/secret"
}

# url SERVICE [DATABASE]
url() {
  local port
  port=$(cat "$DIR/port/$1")
  case $1 in
    postgres) echo "postgres://virtual_cards:$(secret)@127.0.0.1:$port/${2:-virtual_cards}" ;;
    redis) echo "redis://default:$(secret)@127.0.0.1:$port/0" ;;
    nats) echo "nats://127.0.0.1:$port" ;;
    *) echo "http://127.0.0.1:$port" ;;
  esac
}

# Ports are below the range from which the kernel serves outgoing connections, so that none of these takes one away.
is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# claim_port NAME: keeps the port of the last run, if it is still free; else the usual one (in .dev only), else any.
claim_port() {
  local file=$DIR/port/$1 usual='' port
  mkdir -p "$DIR/port"
  if [[ -s $file ]] && is_free "$(cat "$file")"; then return; fi
  if [[ $DIR == "$STATE" ]]; then
    case $1 in
      api) usual=8080 ;;
      worker) usual=8081 ;;
      sandbox) usual=8090 ;;
      postgres) usual=15432 ;;
      redis) usual=16379 ;;
      nats) usual=14222 ;;
    esac
  fi
  for port in $usual $(shuf -i 20000-31999 -n 50); do
    is_free "$port" || continue
    grep -qxF "$port" "$DIR"/port/* 2>/dev/null && continue
    [[ ! -s $file ]] || say "port $(cat "$file") of $1 has been taken by another program; $1 moves to $port" >&2
    echo "$port" >"$file"
    return
  done
  die "no free port for $1"
}

# ready SERVICE: whether it runs in this set and answers.
ready() {
  local port line
  [[ -n $(pid "$1") ]] || return 1
  port=$(cat "$DIR/port/$1")
  case $1 in
    postgres) sql postgres -c 'SELECT 1' >/dev/null 2>&1 ;;
    redis) [[ $(REDISCLI_AUTH=$(secret) redis-cli -h 127.0.0.1 -p "$port" ping 2>/dev/null) == PONG ]] ;;
    nats)
      # The server's first line says what it can do; it accepts clients only after JetStream has recovered.
      { exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || return 1
      read -r -t 2 line <&3 || line=''
      exec 3>&-
      [[ $line == INFO*'"jetstream":true'* ]]
      ;;
  esac
}

# sql DATABASE PSQL-ARGS...: the password stays out of the process list.
sql() {
  PGPASSWORD=$(secret) PGCONNECT_TIMEOUT=5 psql -X -q -At -v ON_ERROR_STOP=1 -h 127.0.0.1 \
    -p "$(cat "$DIR/port/postgres")" -U virtual_cards -d "$@"
}

# tools SERVICE: the programs that it takes.
tools() {
  case $1 in
    postgres) echo postgres psql ;;
    redis) echo redis-server redis-cli ;;
    nats) echo nats-server ;;
  esac
}

# start SERVICE: returns when it is ready. Finding it running is success. One at a time in a set: two that start the
# same service would take each other's beginnings for remains.
start() {
  mkdir -p "$DIR"
  exec 8>>"$DIR/services.lock"
  take 8 300 || die "another ./dev has been starting services in $DIR for five minutes"
  start_locked "$1"
  exec 8>&-
}

start_locked() {
  local name=$1 attempt
  if [[ -n $(pid "$name") ]]; then
    # It may still be recovering from a crash.
    await "$name" 60 ready "$name" && return
    say "$name runs but does not answer; starting it again" >&2
  fi
  stop "$name"
  for attempt in 1 2 3; do
    claim_port "$name"
    "start_$name" "$(cat "$DIR/port/$name")"
    await "$name" 60 ready "$name" && return
    stop "$name"
    # Between our look at the port and the service's own bind another program may have been faster.
    grep -qi 'address already in use' "$DIR/log/$name.log" || break
  done
  tail -n 20 "$DIR/log/$name.log" >&2
  die "$name did not start after $attempt attempt(s); its log: $DIR/log/$name.log"
}

start_redis() {
  (umask 077 && mkdir -p "$DIR/redis" && printf 'requirepass %s\n' "$(secret)" >"$DIR/redis/redis.conf")
  # Read models can be rebuilt, so nothing is written to disk; and they are no cache, so nothing may be evicted.
  launch redis redis-server redis.conf --bind 127.0.0.1 --port "$1" --daemonize no --save '' --appendonly no \
    --maxmemory-policy noeviction
}

start_nats() {
  # One processor is enough for it, and scheduling between several costs it a third of its time (nats/server.conf).
  launch nats env GOMAXPROCS=1 "${VC_NATS_SERVER:-nats-server}" -c "$ROOT/nats/server.conf" -a 127.0.0.1 -p "$1" -js \
    -sd "$(readlink -m -- "$DIR/nats")"
}

start_postgres() {
  local data
  [[ -s $DIR/postgres/PG_VERSION ]] || create_cluster
  data=$(readlink -m -- "$DIR/postgres")
  # After SIGKILL or a power cut a pid stands here that PostgreSQL would believe, should another of its servers have it
  # by now. We have just seen that no process works in this directory.
  rm -f "$data/postmaster.pid"
  launch postgres "${AS_POSTGRES[@]}" "$(postgres_bin postgres)" -D "$data" -c port="$1" \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 -c shared_buffers=256MB \
    -c fsync=on -c full_page_writes=on -c synchronous_commit=on
}

# PostgreSQL refuses to run as root, so root lends it to an unprivileged user. Sets AS_POSTGRES.
unprivileged() {
  local user=nobody
  AS_POSTGRES=()
  ((EUID == 0)) || return 0
  ! id -u postgres >/dev/null 2>&1 || user=postgres
  AS_POSTGRES=(setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups --)
}
unprivileged

# The data directory appears complete or not at all: an interrupted initdb is thrown away.
create_cluster() {
  local parent=$DIR password
  mkdir -p "$DIR"
  if ((${#AS_POSTGRES[@]} > 0)) && ! "${AS_POSTGRES[@]}" test -x "$DIR"; then
    parent=/var/tmp/virtual-cards-$(printf %s "$DIR" | sha256sum | cut -c 1-12)
    say "PostgreSQL's user cannot reach $DIR; its data goes to $parent" >&2
    [[ -d $parent ]] || mkdir -m 711 "$parent"
    # Anyone may create a directory there, even this one.
    [[ -O $parent && ! -L $parent ]] || die "$parent is not ours"
  fi
  rm -rf "$DIR/postgres" "$parent/postgres" "$parent/postgres.new"
  mkdir -m 700 "$parent/postgres.new"
  password=$(mktemp)
  secret >"$password"
  if ((${#AS_POSTGRES[@]} > 0)); then
    chown "${AS_POSTGRES[1]#*=}:${AS_POSTGRES[2]#*=}" "$parent/postgres.new" "$password"
  fi
  mkdir -p "$DIR/log"
  # SCRAM makes an unoptimised client hash for 12 ms at each connection, and tests open thousands. On the loopback only
  # root could read the password in passing; what is stored of it is a SCRAM verifier all the same.
  (cd / && "${AS_POSTGRES[@]}" "$(postgres_bin initdb)" -D "$parent/postgres.new" --username=virtual_cards \
    --pwfile="$password" --auth=password --encoding=UTF8 --locale=C.UTF-8) >"$DIR/log/initdb.log" 2>&1 9>&- || {
    rm -f "$password"
    tail -n 20 "$DIR/log/initdb.log" >&2
    die "PostgreSQL's data directory could not be created"
  }
  rm -f "$password"
  mv "$parent/postgres.new" "$parent/postgres"
  [[ $parent == "$DIR" ]] || ln -s "$parent/postgres" "$DIR/postgres"
}

# create_database NAME, unless it exists.
create_database() {
  [[ -n $(sql postgres -c "SELECT 1 FROM pg_database WHERE datname = '$1'") ]] ||
    sql postgres -c "CREATE DATABASE $1"
}

# wipe SERVICE: as if it had never stored anything. Its port stays.
wipe() {
  local data
  stop "$1" hastily
  data=$(readlink -m -- "$DIR/$1")
  rm -rf "$data" "${DIR:?}/$1"
  case $data in /var/tmp/virtual-cards-*) rmdir --ignore-fail-on-non-empty "${data%/*}" ;; esac
}

# cmd_services DIR ACTION [SERVICE...]: all three services, if none is named.
cmd_services() {
  local action=${2:-} name
  [[ $# -ge 2 ]] || die 'usage: ./dev services DIR start|stop|kill|wipe|status|env [postgres|nats|redis ...]'
  DIR=$(cd "$CALLER" && readlink -m -- "$1")
  shift 2
  (($# > 0)) || set -- "${SERVICES[@]}"
  for name; do
    [[ " ${SERVICES[*]} " == *" $name "* ]] || die "there is no service '$name'"
  done
  [[ $action != start ]] || ON_EXIT=stop_started
  for name; do
    case $action in
      start) start "$name" ;;
      stop) stop "$name" ;;
      kill) murder "$name" ;;
      wipe) wipe "$name" ;;
      status) describe "$name" ;;
      env) url "$name" postgres ;;
      *) die "there is no action '$action' on services" ;;
    esac
  done
  ON_EXIT=
}
