#!/bin/sh
# Runs a command in a network of its own, in which clients get the ports FIRST to LAST and no others.
# usage: with_ports.sh FIRST LAST COMMAND [ARGUMENT ...]
[ "$(id -u)" = 0 ] || as_root=--map-root-user # only root may make a network; anybody may be root of a user namespace
exec unshare ${as_root-} --net sh -c '
    ip link set lo up
    echo "$1 $2" >/proc/sys/net/ipv4/ip_local_port_range
    shift 2
    exec "$@"' with_ports.sh "$@"
