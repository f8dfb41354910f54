#!/usr/bin/env python3
"""A server that says whom it sees, and a client that counts what becomes of its connections."""

import json
import socket
import sys


def serve(name, port):
    """Answers each connection with the client's and our own address, as this side sees them."""
    with open("/proc/self/comm", "w", encoding="ascii") as comm:
        comm.write(name)
    listener = socket.create_server(("0.0.0.0", port), backlog=64)
    while True:
        connection, client = listener.accept()
        with connection:
            here = connection.getsockname()
            connection.sendall(f"{client[0]} {here[0]}:{here[1]}".encode())


def attempt(address, port, patience):
    """One connection: its outcome, and what the server saw."""
    try:
        with socket.create_connection((address, port), timeout=patience) as connection:
            client, backend = connection.recv(256).decode().split()
            return "connected", client, backend
    except ConnectionRefusedError:
        return "refused", None, None
    except TimeoutError:
        return "timeout", None, None
    except OSError:
        return "unreachable", None, None


def count(address, port, n_attempts, patience=2.5):
    """What expectations.json calls `observed`."""
    outcomes, clients, backends = {}, set(), set()
    for _ in range(n_attempts):
        outcome, client, backend = attempt(address, port, patience)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        if client:
            clients.add(client)
            backends.add(backend)
    return {
        "attempts": n_attempts,
        "outcomes": dict(sorted(outcomes.items())),
        "backends": sorted(backends),
        "clients": sorted(clients),
    }


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        print(json.dumps(count(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
