#!/usr/bin/env python3
"""Greet each: tells every client the endpoint that it called from, and keeps it connected until it leaves."""
import os
import signal
import socket
import socketserver
import sys
import threading


class Greeting(socketserver.BaseRequestHandler):
    def handle(self):
        address, port = self.client_address
        try:
            self.request.sendall(f"you are {address}:{port}\n".encode())
            while self.request.recv(4096):
                pass
        except ConnectionError:
            pass  # a client that breaks off does not stop the server


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = socket.SOMAXCONN


def stop(*_):
    os._exit(0)


text = os.environ.get("PORT", "0")
if not (text.isascii() and text.isdigit() and int(text) <= 65535):
    print(f"greet_each: PORT={text!r} is not a port", file=sys.stderr)
    sys.exit(78)
signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
with Server(("127.0.0.1", int(text)), Greeting) as server:
    address, port = server.server_address
    print(f"listening on {address}:{port}", flush=True)
    threading.Thread(target=server.serve_forever, args=(None,), daemon=True).start()  # None: no clock
    sys.stdin.readline()
    stop()
