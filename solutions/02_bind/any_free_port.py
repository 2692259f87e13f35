#!/usr/bin/env python3
"""Any free port: binds a port of loopback that the kernel chooses, and says which."""
import signal
import socket
import sys


def stop(*_):
    sys.exit(0)


signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    address, port = listener.getsockname()
    print(f"listening on {address}:{port}", flush=True)
    sys.stdin.readline()
