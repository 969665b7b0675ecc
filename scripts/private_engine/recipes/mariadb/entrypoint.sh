#!/bin/bash
# Make the database on the first start, then become the server. Only what the tests need of the official image is here.
set -Eeuo pipefail

DATA=/var/lib/mysql

quoted() {
	local text=${1//\\/\\\\}
	printf "'%s'" "${text//\'/\'\'}"
}

# The statements that the server runs before it listens.
first_statements() {
	if [ -n "${MARIADB_DATABASE-}" ]; then
		echo "CREATE DATABASE IF NOT EXISTS \`${MARIADB_DATABASE}\`;"
	fi
	if [ -n "${MARIADB_USER-}" ]; then
		echo "CREATE USER IF NOT EXISTS $(quoted "$MARIADB_USER")@'%' IDENTIFIED BY $(quoted "$MARIADB_PASSWORD");"
		echo "GRANT ALL ON \`${MARIADB_DATABASE:-%}\`.* TO $(quoted "$MARIADB_USER")@'%';"
	fi
}

if [ "${1-}" = mariadbd ]; then
	if [ "$(id -u)" = 0 ]; then
		find "$DATA" /run/mysqld ! -user mysql -exec chown mysql '{}' +
		exec setpriv --reuid=mysql --regid=mysql --init-groups "$0" "$@"
	fi
	set -- "$@" --bind-address=0.0.0.0
	if [ ! -d "$DATA/mysql" ]; then
		mariadb-install-db --datadir="$DATA" --skip-test-db --auth-root-authentication-method=socket > /dev/null
		first_statements > /tmp/first.sql
		set -- "$@" --init-file=/tmp/first.sql
	fi
fi
exec "$@"
