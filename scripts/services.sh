#!/usr/bin/env bash
# PostgreSQL, MariaDB and OpenLDAP for the tests: from the system's packages, on free ports of the
# loopback, with data and passwords of their own that go when they are stopped.
#
#   scripts/services.sh start [postgres] [mariadb] [openldap]   all three where none is named
#   scripts/services.sh status
#   scripts/services.sh stop
#
# Their addresses are written to `services/env` below the target directory, which tests find by
# SYNCLINE_TEST_SERVICES. What is missing is installed where that is possible, and named otherwise;
# with CI=true it is an error. Started services are left alone by a second start.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 077

target=${CARGO_TARGET_DIR:-$PWD/target}
place=$target/services
addresses=$place/env
all=(postgres mariadb openldap)

# Servers do not run as root; each has the user of its package, who may not get into every target
# directory, and sockets need a short path. Then the data is in the directory for temporary files.
home_of() {
  local service=$1 user=$2 home
  if [[ -f $place/$service.home ]]; then
    cat "$place/$service.home"
    return
  fi
  home=$place/$service
  mkdir -p "$home"
  chmod a+x "$target" "$place" 2>/dev/null || true
  if ((${#home} > 80)) || ! as "$user" test -x "$place"; then
    rmdir "$home"
    home=$(mktemp -d "${TMPDIR:-/tmp}/syncline-$service.XXXXXX")
  fi
  own "$user" "$home"
  echo "$home" | tee "$place/$service.home"
}

as() {
  local user=$1
  shift
  if ((EUID == 0)); then runuser -u "$user" -- "$@"; else "$@"; fi
}

own() {
  if ((EUID == 0)); then chown -R "$1" "$2"; fi
}

# A program, where the packages put it.
find_program() {
  local name=$1 path
  for path in /usr/lib/postgresql/*/bin /usr/sbin /usr/bin /usr/local/sbin /usr/local/bin; do
    if [[ -x $path/$name ]]; then
      echo "$path/$name"
      return
    fi
  done
  command -v "$name"
}

program_of() {
  case $1 in
    postgres) find_program postgres ;;
    mariadb) find_program mariadbd ;;
    openldap) find_program slapd ;;
    *)
      echo "scripts/services.sh knows ${all[*]}, and not $1" >&2
      exit 2
      ;;
  esac
}

package_of() {
  case $1 in
    postgres) echo postgresql postgresql-contrib ;;
    mariadb) echo mariadb-server ;;
    openldap) echo slapd ldap-utils ;;
  esac
}

install_missing() {
  local service packages=()
  for service in "$@"; do
    program_of "$service" >/dev/null || read -ra packages < <(echo "${packages[@]}" "$(package_of "$service")")
  done
  if ((${#packages[@]} == 0)) || ((EUID != 0)) || ! command -v apt-get >/dev/null; then
    return
  fi
  echo "installing ${packages[*]}"
  apt-get update -q >"$place/apt.log" 2>&1 &&
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
      "${packages[@]}" >>"$place/apt.log" 2>&1 || echo "could not be installed, see $place/apt.log" >&2
}

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
}

password() {
  head -c 18 /dev/urandom | base64 | tr '+/' 'ab'
}

# Whether a service runs: its process is there, and works in its own data.
is_running() {
  local pid home
  [[ -f $place/$1.pid && -f $place/$1.home ]] || return 1
  read -r pid <"$place/$1.pid"
  read -r home <"$place/$1.home"
  [[ -r /proc/$pid/cmdline ]] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$home"
}

# Runs a server in the background, apart from whoever called.
launch() {
  local service=$1 user=$2
  shift 2
  if ((EUID == 0)); then
    set -- setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups "$@"
  fi
  setsid "$@" </dev/null >"$place/$service.log" 2>&1 &
  echo $! >"$place/$service.pid"
}

# Waits until a service answers, for half a minute.
wait_for() {
  local service=$1 tries=0
  shift
  until "$@" >/dev/null 2>&1; do
    # It may not have become the server yet, so that only its process is looked for.
    if [[ ! -d /proc/$(cat "$place/$service.pid") ]] || ((++tries > 300)); then
      echo "$service did not start:" >&2
      tail -n 20 "$place/$service.log" >&2
      exit 1
    fi
    sleep 0.1
  done
}

# An authority of our own and a certificate for the loopback, so that TLS can be tried.
make_certificates() {
  [[ -f $place/ca.pem ]] && return
  command -v openssl >/dev/null || return 0
  local key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30)
  openssl req -x509 "${key[@]}" -keyout "$place/ca.key" -out "$place/ca.pem" \
    -subj "/CN=Syncline tests" -addext basicConstraints=critical,CA:TRUE 2>/dev/null
  openssl req "${key[@]}" -keyout "$place/server.key" -out "$place/server.csr" \
    -subj "/CN=localhost" 2>/dev/null
  openssl x509 -req -in "$place/server.csr" -CA "$place/ca.pem" -CAkey "$place/ca.key" \
    -CAcreateserial -days 30 -out "$place/server.pem" \
    -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") 2>/dev/null
  chmod 644 "$place/ca.pem"
}

# Gives a server its copy of the certificate.
certificate_for() {
  cp "$place/server.pem" "$place/server.key" "$place/ca.pem" "$2/"
  own "$1" "$2"
}

start_postgres() {
  local home port secret bin tls=off
  home=$(home_of postgres postgres) port=$(free_port) secret=$(password)
  bin=$(dirname "$(program_of postgres)")
  echo "$secret" >"$home/secret"
  own postgres "$home"
  as postgres "$bin/initdb" --no-sync --auth=scram-sha-256 --pwfile="$home/secret" \
    --username=syncline --encoding=UTF8 --locale=C --pgdata="$home/data" >"$place/postgres.log"
  if [[ -f $place/server.pem ]]; then
    certificate_for postgres "$home/data"
    tls=on
  fi
  cat >>"$home/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
ssl = $tls
ssl_cert_file = 'server.pem'
ssl_key_file = 'server.key'
max_connections = 200
CONF
  launch postgres postgres "$bin/postgres" -D "$home/data"
  wait_for postgres "$bin/pg_isready" --quiet --host=127.0.0.1 --port="$port"
  echo "SYNCLINE_TEST_POSTGRES=postgresql://syncline:$secret@127.0.0.1:$port/postgres" >"$place/postgres.env"
}

start_mariadb() {
  local home port secret options=()
  home=$(home_of mariadb mysql) port=$(free_port) secret=$(password)
  as mysql "$(find_program mariadb-install-db)" --no-defaults --datadir="$home/data" \
    --auth-root-authentication-method=normal --skip-test-db >"$place/mariadb.log" 2>&1
  cat >"$home/init.sql" <<SQL
ALTER USER root@localhost ACCOUNT LOCK;
CREATE DATABASE syncline CHARACTER SET utf8mb4;
CREATE USER syncline@'127.0.0.1' IDENTIFIED BY '$secret';
GRANT ALL PRIVILEGES ON *.* TO syncline@'127.0.0.1';
SQL
  if [[ -f $place/server.pem ]]; then
    certificate_for mysql "$home"
    options=(--ssl-cert="$home/server.pem" --ssl-key="$home/server.key" --ssl-ca="$home/ca.pem")
  fi
  own mysql "$home"
  launch mariadb mysql "$(program_of mariadb)" --no-defaults --datadir="$home/data" \
    --port="$port" --bind-address=127.0.0.1 --socket="$home/socket" --pid-file="$home/pid" \
    --init-file="$home/init.sql" --skip-name-resolve --skip-log-bin --max-connections=200 \
    --innodb-buffer-pool-size=64M "${options[@]}"
  # Said once the init file has been read.
  wait_for mariadb grep -q "ready for connections" "$place/mariadb.log"
  rm "$home/init.sql"
  echo "SYNCLINE_TEST_MARIADB=mysql://syncline:$secret@127.0.0.1:$port/syncline" >"$place/mariadb.env"
}

start_openldap() {
  local home port secret listen secure='' tls=''
  home=$(home_of openldap openldap) port=$(free_port) secret=$(password)
  listen="ldap://127.0.0.1:$port"
  mkdir -p "$home/data"
  if [[ -f $place/server.pem ]]; then
    certificate_for openldap "$home"
    tls="TLSCACertificateFile $home/ca.pem
TLSCertificateFile $home/server.pem
TLSCertificateKeyFile $home/server.key"
    secure="ldaps://127.0.0.1:$(free_port)"
    listen="$listen $secure"
  fi
  cat >"$home/slapd.conf" <<CONF
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload syncprov
moduleload memberof
pidfile $home/pid
argsfile $home/args
$tls
database mdb
suffix dc=example,dc=org
rootdn cn=admin,dc=example,dc=org
rootpw $secret
directory $home/data
maxsize 268435456
index objectClass,entryUUID,entryCSN eq
index uid,cn,member,memberUid eq
overlay syncprov
access to * by users read by * auth
CONF
  cat >"$home/root.ldif" <<LDIF
dn: dc=example,dc=org
objectClass: domain
dc: example

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=org
objectClass: organizationalUnit
ou: groups
LDIF
  own openldap "$home"
  as openldap "$(find_program slapadd)" -f "$home/slapd.conf" -l "$home/root.ldif" >"$place/openldap.log" 2>&1
  launch openldap openldap "$(program_of openldap)" -d 0 -f "$home/slapd.conf" -h "$listen"
  wait_for openldap bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
  cat >"$place/openldap.env" <<ENV
SYNCLINE_TEST_LDAP=ldap://127.0.0.1:$port
${secure:+SYNCLINE_TEST_LDAPS=$secure}
SYNCLINE_TEST_LDAP_BASE=dc=example,dc=org
SYNCLINE_TEST_LDAP_DN=cn=admin,dc=example,dc=org
SYNCLINE_TEST_LDAP_PASSWORD=$secret
ENV
}

start() {
  local service starting=()
  mkdir -p "$place"
  exec 9>"$place/lock"
  flock 9
  install_missing "$@"
  make_certificates
  for service in "$@"; do
    if is_running "$service"; then
      continue
    elif ! program_of "$service" >/dev/null; then
      echo "skipped: what needs $service, as it is not installed (packages: $(package_of "$service"))"
      [[ ${CI:-} != true ]] || exit 1
      continue
    fi
    remove "$service"
    # The lock is not theirs: servers outlive this script.
    "start_$service" 9>&- &
    starting+=($!)
  done
  for service in "${starting[@]}"; do
    wait "$service"
  done
  gather
}

# The addresses of all that runs, in one file.
gather() {
  {
    for service in "${all[@]}"; do
      cat "$place/$service.env" 2>/dev/null || true
    done
    if [[ -f $place/ca.pem ]]; then echo "SYNCLINE_TEST_CA=$place/ca.pem"; fi
  } >"$addresses.new"
  mv "$addresses.new" "$addresses"
}

remove() {
  if [[ -f $place/$1.home ]]; then
    rm -rf -- "$(cat "$place/$1.home")"
  fi
  rm -f "$place/$1".{home,pid,env}
}

stop() {
  local service pid tries
  [[ -d $place ]] || return 0
  for service in "${all[@]}"; do
    if is_running "$service"; then
      read -r pid <"$place/$service.pid"
      # PostgreSQL waits for its clients otherwise.
      kill -s "$([[ $service == postgres ]] && echo INT || echo TERM)" "$pid"
      for ((tries = 0; tries < 100; tries++)); do
        is_running "$service" || break
        sleep 0.1
      done
      if is_running "$service"; then kill -s KILL "$pid"; fi
    fi
    remove "$service"
  done
  rm -rf -- "$place"
}

status() {
  local service code=0
  for service in "${all[@]}"; do
    if is_running "$service"; then
      echo "$service runs, process $(cat "$place/$service.pid")"
    else
      echo "$service does not run"
      code=1
    fi
  done
  return $code
}

command=${1:-}
shift || true
case $command in
  start)
    if (($# == 0)); then set -- "${all[@]}"; fi
    for service in "$@"; do program_of "$service" >/dev/null || true; done
    start "$@"
    ;;
  stop) stop ;;
  status) status ;;
  *)
    echo "usage: scripts/services.sh start [postgres] [mariadb] [openldap] | status | stop" >&2
    exit 2
    ;;
esac
