"""Chains with one oddity each: an authority, an intermediate, a leaf and what a case changes."""
import base64
import json
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from der import *

HOST = "www.held.test"
KEYS, POOL, CASES = {}, [], []
KINDS = {
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "bp384": lambda: ec.generate_private_key(ec.BrainpoolP384R1()),
    "ed": ed25519.Ed25519PrivateKey.generate,
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "rsa1536": lambda: rsa.generate_private_key(65537, 1536),
}


def name(common, *more):
    return seq(rdn("2.5.4.6", "XX", 19), rdn("2.5.4.10", "Held"), *more, rdn("2.5.4.3", common))


class Cert:
    """A certificate with its key; `exts` replaces or drops (None) the usual extensions."""

    def __init__(self, common, by=None, kind="ec", ca=True, key=None, exts=None, more=(),
                 subject=None, **options):
        self.subject = subject or name(common)
        self.key_name = key or f"{kind}/{common}"
        self.private = KEYS.setdefault(self.key_name, None) or KINDS[self.key_name.split("/")[0]]()
        KEYS[self.key_name] = self.private
        self.public = spki(self.private)
        usual = {"bc": basic(), "ku": usage("keyCertSign", "cRLSign")} if ca else {
            "ku": usage("digitalSignature"), "eku": extended("server"), "san": san(dns(HOST))}
        usual["ski"] = ski(key_id(self.public)[:12])
        if by:
            usual["aki"] = aki(key_id(by.public)[:12])
        usual.update(exts or {})
        listed = [one for one in usual.values() if one] + list(more)
        issuer = options.pop("issuer", by.subject if by else self.subject)
        options.setdefault("not_before", utc("190601000000Z"))
        options.setdefault("not_after", utc("440601000000Z"))
        signer = options.pop("signer", by.private if by else self.private)
        self.der = certificate(self.subject, issuer, self.public, signer, listed, **options)


def leaf(by, common="leaf", **options):
    return Cert(common, by, ca=False, **options)


def case(title, chain, roots, host=HOST):
    def place(one):
        if one.der not in POOL:
            POOL.append(one.der)
        return f"h{POOL.index(one.der)}"
    assert title not in [one["name"] for one in CASES], title
    CASES.append({"name": title, "host": host, "key": chain[0].key_name,
                  "chain": [place(one) for one in chain], "roots": [place(one) for one in roots]})


TOP = Cert("Top")
SUB = Cert("Sub", TOP)


def at_leaf(title, host=HOST, **options):
    case(title, [leaf(SUB, **options), SUB], [TOP], host)


def at_sub(title, leaf_options=None, host=HOST, **options):
    sub = Cert("Sub", TOP, **options)
    case(title, [leaf(sub, **(leaf_options or {})), sub], [TOP], host)


def at_top(title, leaf_options=None, **options):
    top = Cert("Top", **options)
    sub = Cert("Sub", top)
    case(title, [leaf(sub, **(leaf_options or {})), sub], [top])


def dump():
    """Writes the corpus; its certificates are numbered."""
    json.dump({
        "keys": {key: base64.b64encode(one.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption())).decode()
            for key, one in KEYS.items() if key in {case["key"] for case in CASES}},
        "certificates": {f"h{at}": base64.b64encode(der).decode() for at, der in enumerate(POOL)},
        "chains": CASES,
        "bundles": [],
    }, sys.stdout, indent=0)
    print()
    print(len(CASES), "chains", file=sys.stderr)
