"""An application all of whose names are chosen by an attacker: it listens by a certificate with markup
in its subject, and its processes are named `<img src=x onerr` and by characters that reorder."""
import ctypes
import os
import socket
import ssl
import sys
import threading
import time

LIBC = ctypes.CDLL(None)


def name(text):
    LIBC.prctl(15, text.encode()[:15], 0, 0, 0)


def serve(listener):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/certs/tls.crt", "/certs/tls.key")
    while True:
        client, _ = listener.accept()
        client.settimeout(5)
        try:
            context.wrap_socket(client, server_side=True).recv(1024)
        except OSError:
            pass


name("<img src=x onerror=alert(9)>")
for text in ("\u202egnp.exe", "\n\n\x1b[31m", "a" * 15, "<script>"):
    if os.fork() == 0:
        name(text)
        time.sleep(1 << 20)
path = "/tmp/<b>\u202e" + "P" * 60
unix = socket.socket(socket.AF_UNIX)
unix.bind(path)
unix.listen()
threading.Thread(target=serve, args=(socket.create_server(("0.0.0.0", 8443)),), daemon=True).start()
kept = open("/data/" + "L" * 250, "rb")
os.chdir("/data")
print("ready", flush=True)
while kept:
    time.sleep(60)
