"""Asks Python's ssl about the corpus."""
import base64
import json
import os
import platform
import socket
import ssl
import sys
import tempfile

corpus = json.load(open(sys.argv[1]))
ports = json.load(open(sys.argv[2]))


def said(error):
    text = error.strerror or str(error) if isinstance(error, ssl.SSLError) else str(error)
    # Where in its sources is of no use.
    return text.split(" (_ssl.c:")[0]


def pem(names):
    return "".join(ssl.DER_cert_to_PEM_cert(base64.b64decode(corpus["certificates"][one])) for one in names)


chains, bundles = {}, {}
with tempfile.TemporaryDirectory() as directory:
    path = os.path.join(directory, "ca.pem")
    for one in corpus["chains"]:
        with open(path, "w") as out:
            out.write(pem(one["roots"]))
        try:
            context = ssl.create_default_context(cafile=path) if one["roots"] else ssl.create_default_context()
            with socket.create_connection(("127.0.0.1", ports[one["name"]]), 10) as plain:
                with context.wrap_socket(plain, server_hostname=one["host"]):
                    chains[one["name"]] = "accepted"
        except (OSError, ValueError) as error:
            chains[one["name"]] = "refused: " + said(error)
    for one in corpus["bundles"]:
        with open(path, "wb") as out:
            out.write(base64.b64decode(one["data"]))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        why = ""
        try:
            context.load_verify_locations(cafile=path)
        except (OSError, ValueError) as error:
            why = ": " + said(error)
        bundles[one["name"]] = str(context.cert_store_stats()["x509"]) + why
version = platform.python_version() + ", " + ssl.OPENSSL_VERSION.split(" ")[0] + " " + ssl.OPENSSL_VERSION.split(" ")[1]
json.dump({"version": version, "chains": chains, "bundles": bundles}, sys.stdout)
