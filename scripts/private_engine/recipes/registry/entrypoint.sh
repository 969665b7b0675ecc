#!/bin/sh
# Serve with a configuration file, or run a subcommand of the registry.
set -eu

case ${1-} in
*.yaml | *.yml) set -- registry serve "$@" ;;
serve | garbage-collect | help | -*) set -- registry "$@" ;;
esac
exec "$@"
