#!/bin/sh
# Whether the server answers over TCP: an unknown user is turned away only by a server that is up.
set -eu
case $(mariadb-admin --host=127.0.0.1 --user=nobody --password=none ping 2>&1 || true) in
*"is alive"* | *"Access denied"*) exit 0 ;;
esac
exit 1
