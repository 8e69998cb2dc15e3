"""The application that the page shows in its tests and pictures: a small shop. It listens with TLS,
by a certificate that has since been replaced on disk; has workers, a zombie, secrets in its
environment, a queue of clients that it does not accept, and many open files.

app.py FILES [ROLE]: opens FILES files; ROLE is the name that a worker has."""
import ctypes
import math
import os
import signal
import socket
import ssl
import sys
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)


def name(text):
    LIBC.prctl(15, text.encode(), 0, 0, 0)


def hold(count):
    return [open("/dev/null", "rb") for _ in range(count)]


def work(role, share):
    """Uses so much of a processor, in waves."""
    name(role)
    busy = float(os.environ.get("BUSY", "0"))
    held = [bytearray(b"1" * (1 << 20)) for _ in range(4 + len(role) % 5)]
    while held:
        wave = math.sin(time.monotonic() / (6 + len(role) % 7))
        if busy and role == "thumbnails":
            wanted = int(45 + 30 * wave)
            held = held[:wanted] + [bytearray(b"1" * (1 << 20)) for _ in range(wanted - len(held))]
        end = time.monotonic() + share * (busy or 0.2) * (1.1 + wave) / 10
        while time.monotonic() < end:
            pass
        time.sleep(0.1)


def fork(role, share):
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, __file__, "4", role, str(share), *sys.argv[4:]])


def serve_tls(listener):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/certs/tls.crt", "/certs/tls.key")

    def answer(client):
        try:
            with context.wrap_socket(client, server_side=True) as peer:
                peer.recv(1024)
        except OSError:
            pass

    def accept():
        while True:
            client, _ = listener.accept()
            client.settimeout(5)
            threading.Thread(target=answer, args=(client,), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()


def main():
    name("shop")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    tls = socket.create_server(("0.0.0.0", 8443))
    serve_tls(tls)
    metrics = socket.create_server(("127.0.0.1", 9090), backlog=4)
    web = socket.create_server(("0.0.0.0", 8080))
    clients = []
    for _ in range(5):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", 9090))
        clients.append(client)
    for index in range(6):
        client = socket.create_connection(("127.0.0.1", 8080))
        accepted, _ = web.accept()
        accepted.sendall(b"x" * 700 * (index + 1))
        clients += [client, accepted]
    for role, share in (("checkout", 0.2), ("catalogue", 0.12), ("mailer", 0.02), ("thumbnails", 0.3)):
        fork(role, share)
    for _ in range(int(os.environ.get("WORKERS", "6"))):
        fork("worker", 0.005)
    if os.fork() == 0:
        os._exit(0)
    held = hold(int(sys.argv[1]))
    print("ready", flush=True)
    while True:
        time.sleep(60)
        if not held or not metrics:
            return


if len(sys.argv) > 2:
    kept = hold(int(sys.argv[1]))
    work(sys.argv[2], float(sys.argv[3]))
else:
    main()
