#!/bin/sh
# Start the server as its own user, open to other containers unless a configuration says otherwise.
set -eu

case ${1-} in
-* | *.conf) set -- redis-server "$@" ;;
esac

if [ "${1-}" = redis-server ]; then
	if [ "$(id -u)" = 0 ]; then
		find . ! -user redis -exec chown redis '{}' +
		exec setpriv --reuid=redis --regid=redis --init-groups "$0" "$@"
	fi
	# The official image's server is built without protected mode; Debian's has to be told.
	shift
	case ${1-} in
	*.conf)
		configuration=$1
		shift
		set -- redis-server "$configuration" --protected-mode no "$@"
		;;
	*) set -- redis-server --protected-mode no "$@" ;;
	esac
fi
exec "$@"
