#!/bin/bash
# Prepare the data folder on the first start, then become the server.
set -Eeuo pipefail

fail() {
	printf 'Error: %s\n' "$1" >&2
	exit 1
}

# Take a variable from itself or from the file that NAME_FILE names (a secret), never from both.
take() {
	local name=$1 file=$1_FILE default=${2-}
	if [ -n "${!name-}" ] && [ -n "${!file-}" ]; then
		fail "both $name and $file are set; only one may be"
	fi
	local value=${!name-$default}
	if [ -n "${!file-}" ]; then
		value=$(< "${!file}")
	fi
	export "$name=$value"
	unset "$file"
}

read_settings() {
	take POSTGRES_PASSWORD
	take POSTGRES_USER postgres
	take POSTGRES_DB "$POSTGRES_USER"
	take POSTGRES_INITDB_ARGS
	: "${POSTGRES_HOST_AUTH_METHOD:=}"
}

check_password() {
	if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
		fail "the database is not initialized and no superuser password is given.
       Set POSTGRES_PASSWORD to one, for example: docker run -e POSTGRES_PASSWORD=secret ...
       POSTGRES_HOST_AUTH_METHOD=trust lets everyone in without a password instead."
	fi
	if [ "$POSTGRES_HOST_AUTH_METHOD" = trust ]; then
		printf 'Warning: POSTGRES_HOST_AUTH_METHOD is trust: whoever reaches the port is the superuser.\n' >&2
	fi
}

make_folders() {
	mkdir -p "$PGDATA"
	chmod 700 "$PGDATA" || true
	mkdir -p /var/run/postgresql
	chmod 3777 /var/run/postgresql || true
	if [ -n "${POSTGRES_INITDB_WALDIR-}" ]; then
		mkdir -p "$POSTGRES_INITDB_WALDIR"
		chmod 700 "$POSTGRES_INITDB_WALDIR"
	fi
	if [ "$(id -u)" = 0 ]; then
		find "$PGDATA" /var/run/postgresql ${POSTGRES_INITDB_WALDIR:+"$POSTGRES_INITDB_WALDIR"} \
			! -user postgres -exec chown postgres '{}' +
	fi
}

make_cluster() {
	# The arguments come as one string with shell quoting, as in the official image.
	local -a arguments
	eval "arguments=($POSTGRES_INITDB_ARGS)"
	if [ -n "${POSTGRES_INITDB_WALDIR-}" ]; then
		arguments+=(--waldir "$POSTGRES_INITDB_WALDIR")
	fi
	initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") "${arguments[@]}"
	local method=${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption)}
	printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"
}

run_sql() {
	PGHOST='' PGHOSTADDR='' psql -v ON_ERROR_STOP=1 --no-password --no-psqlrc \
		--username "$POSTGRES_USER" --dbname "${database:-$POSTGRES_DB}" "$@"
}

make_database() {
	local database=postgres
	if [ -z "$(run_sql --tuples-only --set name="$POSTGRES_DB" \
		<<< "SELECT 1 FROM pg_database WHERE datname = :'name'")" ]; then
		run_sql --set name="$POSTGRES_DB" <<< 'CREATE DATABASE :"name"'
	fi
}

run_first_time_files() {
	local file
	for file; do
		printf '%s: running %s\n' "$0" "$file"
		case $file in
		*.sh)
			if [ -x "$file" ]; then "$file"; else . "$file"; fi
			;;
		*.sql) run_sql < "$file" ;;
		*.sql.gz) gunzip --stdout "$file" | run_sql ;;
		*.sql.xz) xz --decompress --stdout "$file" | run_sql ;;
		*.sql.zst) zstd --decompress --stdout "$file" | run_sql ;;
		*) printf '%s: ignoring %s\n' "$0" "$file" ;;
		esac
	done
}

# The server that serves the first files listens on its socket alone: nobody meets a half-made database.
initialize() {
	check_password
	make_cluster
	local options
	options=$(printf '%q ' "${@:2}" -c listen_addresses='' -p "${PGPORT:-5432}")
	PGUSER="$POSTGRES_USER" pg_ctl -D "$PGDATA" -o "$options" -w start
	make_database
	PGPASSWORD="$POSTGRES_PASSWORD" run_first_time_files /docker-entrypoint-initdb.d/*
	PGUSER="$POSTGRES_USER" pg_ctl -D "$PGDATA" -m fast -w stop
	printf '\nThe database is initialized; the server starts.\n\n'
}

asks_only() {
	local word
	for word; do
		case $word in
		-\? | --help | --describe-config | -V | --version) return 0 ;;
		esac
	done
	return 1
}

main() {
	if [ "${1:0:1}" = - ]; then
		set -- postgres "$@"
	fi
	if [ "$1" = postgres ] && ! asks_only "$@"; then
		make_folders
		if [ "$(id -u)" = 0 ]; then
			exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
		fi
		read_settings
		if [ ! -s "$PGDATA/PG_VERSION" ]; then
			shopt -s nullglob
			initialize "$@"
		else
			printf '\nThe data folder holds a database already: it is used as it is.\n\n'
		fi
	fi
	exec "$@"
}

main "$@"
