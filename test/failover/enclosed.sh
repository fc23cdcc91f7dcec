#!/bin/sh
# Runs main.ts with its arguments in a network, a process table and mounts of its own: addresses and ports are as in
# production, nothing outside is touched, and whatever it started ends with it, however it ends.
set -u

case " $* " in
  *" --help "* | *" -h "*) exec bun "$(dirname "$0")/main.ts" --help ;;
esac
if [ "$(id -u)" != 0 ] || [ "$(uname)" != Linux ]; then
  echo 'It makes networks of its own, for which it must be root on Linux.' >&2
  exit 1
fi

enclosed=
folder=$(mktemp -d /tmp/tollbook-failover-XXXXXX)
# Its end is the end of all its processes. It heeds no milder signal.
finish() {
  [ -z "$enclosed" ] || kill -KILL "$enclosed" 2>/dev/null
  wait
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# The first process of the table is a shell, which takes leave of processes whose parents have ended.
setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child --mount-proc \
  sh -c '"$@"; exit $?' enclosed bun "$(dirname "$0")/main.ts" --folder "$folder" "$@" &
enclosed=$!
wait "$enclosed"
exit $?
