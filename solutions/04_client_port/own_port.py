#!/usr/bin/env python3
# Its own port: connects to a server, and says which endpoint the kernel has given to its end of the connection.
import socket
import sys

if len(sys.argv) != 3:
    sys.exit("usage: own_port.py ADDRESS PORT")
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as client:
        print("from %s:%d" % client.getsockname())
        print("to %s:%d" % client.getpeername(), flush=True)
        sys.stdin.readline()
except (OSError, ValueError) as error:
    sys.exit(f"own_port.py: {error}")
