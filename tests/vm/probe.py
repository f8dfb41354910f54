"""Servers that say whom they see, and clients that count what becomes of their connections."""

import errno
import json
import socket
import struct
import threading
import time

# A lost SYN is sent again after 1 s and 3 s.
HANDSHAKE, EXCHANGE, DATAGRAM = 3.6, 2.6, 1.6
# A handshake that took longer lost its first SYN.
RETRANSMITTED = 0.9
HEADER = struct.Struct("!I")
SMALL = 16


def plain(address):
    return address.removeprefix("::ffff:")


def pair(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def receive(connection, n_bytes):
    data = b""
    while len(data) < n_bytes:
        part = connection.recv(min(65536, n_bytes - len(data)))
        if not part:
            raise ConnectionError("ended early")
        data += part
    return data


class Servers:
    """Listeners in several namespaces: a socket stays in the namespace that it was made in."""

    def __init__(self):
        self.sockets = []

    def add(self, port):
        for family in (socket.AF_INET, socket.AF_INET6):
            listener = socket.socket(family, socket.SOCK_STREAM)
            datagrams = socket.socket(family, socket.SOCK_DGRAM)
            for sock in (listener, datagrams):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))
            listener.listen(64)
            if family == socket.AF_INET:
                datagrams.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
            else:
                datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            self.sockets += [listener, datagrams]
            threading.Thread(target=self.accept, args=(listener,), daemon=True).start()
            threading.Thread(target=self.datagrams, args=(datagrams, port), daemon=True).start()

    def close(self):
        for sock in self.sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def accept(self, listener):
        while True:
            try:
                connection, client = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection, client), daemon=True).start()

    @staticmethod
    def answer(connection, client):
        """As many bytes as came, after a line that says who spoke with whom."""
        try:
            with connection:
                connection.settimeout(20)
                here = connection.getsockname()
                (n_bytes,) = HEADER.unpack(receive(connection, HEADER.size))
                receive(connection, n_bytes)
                line = json.dumps([plain(client[0]), pair(plain(here[0]), here[1])]).encode() + b"\n"
                connection.sendall(line + b"x" * max(0, n_bytes - len(line)))
        except OSError:
            pass

    @staticmethod
    def datagrams(sock, port):
        while True:
            try:
                data, ancillary, _, client = sock.recvmsg(65536, 256)
                if not data:
                    return
                # The answer leaves from the address that was asked.
                info = ancillary[0][2]
                if sock.family == socket.AF_INET:
                    here = socket.inet_ntop(socket.AF_INET, info[8:12])
                    info = struct.pack("=I", 0) + info[8:12] + bytes(4)
                    level, kind = socket.IPPROTO_IP, 8
                else:
                    here = socket.inet_ntop(socket.AF_INET6, info[:16])
                    info = info[:16] + bytes(4)
                    level, kind = socket.IPPROTO_IPV6, socket.IPV6_PKTINFO
                line = json.dumps([client[0], pair(here, port)]).encode()
                sock.sendmsg([line.ljust(len(data))], [(level, kind, info)], 0, client)
            except OSError:
                if sock.fileno() == -1:
                    return


def outcome_of(error):
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, TimeoutError):
        return "timeout"
    return "unreachable"


def tcp(sock, address, port, size):
    """Outcome, client, backend, and how long the handshake took."""
    sock.settimeout(HANDSHAKE)
    start = time.monotonic()
    try:
        sock.connect((address, port))
    except OSError as error:
        return outcome_of(error), None, None, 0
    took = time.monotonic() - start
    sock.settimeout(EXCHANGE)
    try:
        sock.sendall(HEADER.pack(size) + b"x" * size)
        data = b""
        while b"\n" not in data:
            data += receive(sock, 1)
        receive(sock, max(0, size - len(data)))
        client, backend = json.loads(data)
    except (OSError, ValueError):
        return "timeout", None, None, took
    return "connected", client, backend, took


def udp(sock, address, port, size):
    """Two datagrams: the first may be lost to an MTU that is learned by it (and with IPv6 the socket hears of that)."""
    sock.settimeout(DATAGRAM)
    try:
        sock.connect((address, port))
    except OSError as error:
        return outcome_of(error), None, None, 0
    outcome = "timeout"
    for _ in range(2):
        try:
            sock.send(b"x" * size)
            client, backend = json.loads(sock.recv(65536))
            return "connected", client, backend, 0
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                continue
            outcome = outcome_of(error)
            # An error about the first datagram may hit the second's send.
            if outcome != "timeout":
                break
    return outcome, None, None, 0


def attempt(flow):
    family = socket.AF_INET6 if ":" in flow["to"] else socket.AF_INET
    kind = socket.SOCK_STREAM if flow["protocol"] == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as sock:
        way = tcp if kind == socket.SOCK_STREAM else udp
        return way(sock, flow["to"], flow["port"], flow["bytes"] or (SMALL if kind == socket.SOCK_STREAM else 100))


def several(flow, count, seen):
    for _ in range(count):
        seen.append(attempt(flow))


def measure(asked, within):
    """Tries each flow as often as it says: one attempt of each first, the others together after that."""
    results = [[] for _ in asked]
    threads = []

    def start(name, flow, count, seen):
        thread = threading.Thread(target=within, args=(name, several, flow, count, seen))
        thread.start()
        threads.append(thread)

    for (name, flow), seen in zip(asked, results):
        start(name, flow, 1, seen)
    time.sleep(0.8)
    for (name, flow), seen in zip(asked, results):
        if flow["sequential"]:
            start(name, flow, flow["attempts"] - 1, seen)
        else:
            for _ in range(flow["attempts"] - 1):
                start(name, flow, 1, seen)
    for thread in threads:
        thread.join()
    return [observed(seen) for seen in results]


def observed(attempts):
    """What expectations.json calls `observed`."""
    outcomes, clients, backends, retransmitted = {}, set(), set(), 0
    for outcome, client, backend, took in attempts:
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        if outcome == "connected":
            clients.add(client)
            backends.add(backend)
            retransmitted += took > RETRANSMITTED
    result = {"attempts": len(attempts), "outcomes": dict(sorted(outcomes.items())),
              "backends": sorted(backends), "clients": sorted(clients)}
    if retransmitted:
        result["retransmitted"] = retransmitted
    return result
