#!/usr/bin/env bash
# Runs a command with TEST_POSTGRES_URL naming a fresh PostgreSQL on loopback, which is removed afterwards.
# Where PostgreSQL is not installed the command runs without it, and pytest counts the skips.
set -eu
initdb=$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -n 1 || true)
if [ -z "$initdb" ]; then
  echo "!! PostgreSQL is not installed; its tests are skipped. 未安装 PostgreSQL，相应测试跳过。" >&2
  exec "$@"
fi
bin=$(dirname "$initdb")
folder=$(mktemp -d)
as=()
if [ "$(id -u)" -eq 0 ]; then
  # PostgreSQL refuses to run as root.
  chown postgres "$folder"
  as=(runuser -u postgres --)
fi
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
password=$(python3 -c 'import secrets; print(secrets.token_hex(16))')
umask 077
printf '%s' "$password" >"$folder/password"
[ ${#as[@]} -eq 0 ] || chown postgres "$folder/password"
stop() {
  "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true
  rm -rf "$folder"
}
trap stop EXIT
"${as[@]}" "$initdb" -D "$folder/data" -U carbonseal --auth=scram-sha-256 --pwfile="$folder/password" -E UTF8 >/dev/null
"${as[@]}" "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" \
  -o "-h 127.0.0.1 -p $port -k '$folder'" start >/dev/null
TEST_POSTGRES_URL="postgresql+psycopg://carbonseal:$password@127.0.0.1:$port/postgres" "$@"
