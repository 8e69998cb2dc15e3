#!/usr/bin/env python3
"""Makes the corpus of chains and of bundles that the runtimes are asked about.

    python3 tests/it/trust_runtimes/generate.py > tests/fixtures/trust/corpus.json

Needs `cryptography`. The keys are fresh, so the corpus is made once and kept: what a runtime said
of it stands in verdicts.json. Times leave room until 2045.
"""
import base64
import json
import sys

from cryptography.hazmat.primitives import serialization

from corpus import *

FILES = []


# --- bundles of authorities
def pem(der, label="CERTIFICATE", width=64):
    text = base64.b64encode(der).decode()
    lines = [text[at:at + width] for at in range(0, len(text), width)]
    return f"-----BEGIN {label}-----\n" + "\n".join(lines) + f"\n-----END {label}-----\n"


def bundle(name, data):
    data = data if isinstance(data, bytes) else data.encode()
    FILES.append({"name": name, "data": base64.b64encode(data).decode()})


A, B = pem(R.der), pem(OTHER.der)
third = pem(root("third", "p256/third").der)
bundle("plain", A + B)
bundle("one", A)
bundle("empty", "")
bundle("blank", "\n \n")
bundle("crlf", (A + B).replace("\n", "\r\n"))
bundle("cr", (A + B).replace("\n", "\r"))
bundle("byte-order-mark", "\ufeff" + A + B)
bundle("byte-order-mark-between", A + "\ufeff" + B)
bundle("utf-16", (A + B).encode("utf-16"))
bundle("glued", A.rstrip("\n") + B)
bundle("glued-first-of-three", A.rstrip("\n") + B + third)
bundle("no-last-newline", (A + B).rstrip("\n"))
bundle("literal-backslash-n", (A + B).replace("\n", "\\n"))
bundle("spaces-for-newlines", (A + B).replace("\n", " "))
bundle("indented", "".join("  " + line + "\n" for line in (A + B).splitlines()))
bundle("trailing-spaces", (A + B).replace("\n", "  \n"))
bundle("quoted", '"' + A.strip() + '"\n')
bundle("text-around", "# Root\nsubject=O=Corpus\n" + A + "\n=====\n" + B + "end\n")
bundle("text-with-dashes-around", "---\nroot\n---\n" + A + "----- other -----\n" + B)
bundle("x509-label", pem(R.der, "X509 CERTIFICATE") + B)
bundle("trusted-label", pem(R.der, "TRUSTED CERTIFICATE") + B)
bundle("wrong-label", pem(R.der, "CERT") + B)
bundle("lower-case-label", A.replace("CERTIFICATE", "certificate") + B)
bundle("label-with-space", A.replace("CERTIFICATE-", "CERTIFICATE -") + B)
bundle("four-dashes", A.replace("-----BEGIN", "----BEGIN") + B)
bundle("end-label-differs", A.replace("END CERTIFICATE", "END X509 CRL") + B)
bundle("truncated-last", A + B[:200])
bundle("truncated-first", A[:200] + "\n" + B)
bundle("no-end-line-first", A.split("-----END")[0] + B)
bundle("no-begin-line-first", "\n".join(A.splitlines()[1:]) + "\n" + B)
bundle("one-line", pem(R.der, width=100000) + B)
bundle("width-76", pem(R.der, width=76) + B)
bundle("width-300", pem(R.der, width=300) + B)
bundle("blank-line-inside", A.replace("\n", "\n\n", 2) + B)
bundle("headers-inside", A.replace("-----\n", "-----\nName: root\n\n", 1) + B)
bundle("bad-base64", A.replace(A.splitlines()[2], "!" * 64) + B)
bundle("no-padding", A.replace("=", "") + B)
bundle("url-safe-base64", pem(R.der).replace("+", "-").replace("/", "_") + B)
bundle("malformed-der-first", pem(seq(integer(1))) + A + B)
bundle("malformed-der-last", A + B + pem(seq(integer(1))))
bundle("trailing-byte-in-der", pem(R.der + b"\0") + B)
bundle("duplicate", A + A + B)
bundle("leaf-inside", A + pem(L.der) + B)
KEY = key("p256/root").private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()).decode()
bundle("private-key-first", KEY + A)
bundle("private-key-last", A + B + KEY)
bundle("two-keys", A + KEY + KEY)
CSR = pem(seq(seq(integer(0), cn("x"), spki(key("p256/leaf")), tlv(0xA0)),
              seq(oid(HASH["sha256"][2])), bits(sign(key("p256/leaf"), seq(), "sha256"))),
          "CERTIFICATE REQUEST")
bundle("request-first", CSR + A)
crl_body = seq(integer(1), seq(oid(HASH["sha256"][2])), R.name, utc("240101000000Z"), utc("440101000000Z"))
CRL = pem(seq(crl_body, seq(oid(HASH["sha256"][2])), bits(sign(key("p256/root"), crl_body, "sha256"))), "X509 CRL")
bundle("crl-first", CRL + A)
bundle("crl-only", CRL)
bundle("der", R.der)
bundle("der-twice", R.der + OTHER.der)
PKCS7 = seq(oid("1.2.840.113549.1.7.2"), tlv(0xA0, seq(
    integer(1), tlv(0x31), seq(oid("1.2.840.113549.1.7.1")), tlv(0xA0, R.der, OTHER.der), tlv(0x31))))
bundle("pkcs7-pem", pem(PKCS7, "PKCS7"))
bundle("pkcs7-as-certificate", pem(PKCS7))
bundle("pkcs7-der", PKCS7)
bundle("html", "<!DOCTYPE html><html><body>404</body></html>")
for name, options in [
    ("serial-negative", {"serial": integer(-5)}), ("serial-zero", {"serial": integer(0)}),
    ("serial-padded", {"serial": tlv(2, b"\0\1")}), ("serial-empty", {"serial": tlv(2)}),
    ("serial-40-bytes", {"serial": integer(1 << 318 | 7)}),
    ("time-1950", {"not_before": utc("500101000000Z")}),
    ("time-generalized-offset", {"not_after": general("20450101000000+0100")}),
    ("time-utc-no-seconds", {"not_before": utc("2001010000Z")}),
    ("time-fraction", {"not_after": general("20450101000000.5Z")}),
    ("time-expired", {"not_after": utc("210101000000Z")}),
    ("unknown-critical", {"more": [ext(UNKNOWN, NULL, True)]}),
    ("extension-twice", {"more": [ext(UNKNOWN, NULL), ext(UNKNOWN, NULL)]}),
    ("malformed-basic-constraints", {"ext": {"bc": ext("2.5.29.19", JUNK)}}),
    ("malformed-key-usage", {"ext": {"ku": ext("2.5.29.15", JUNK)}}),
    ("malformed-name-constraints", {"ext": {"nc": ext("2.5.29.30", JUNK)}}),
    ("malformed-authority-key-id", {"ext": {"aki": ext("2.5.29.35", JUNK)}}),
    ("unique-ids", {"unique_ids": tlv(0x81, b"\0\1")}),
    ("version-1", dict(version=0, **bare)),
    ("version-1-with-extensions", {"version": 0}),
    ("version-4", {"version": 3}),
    ("key-bp256", {"key_name": "bp256/x"}), ("key-k256", {"key_name": "k256/x"}),
    ("key-p224", {"key_name": "p224/x"}), ("key-ed448", {"key_name": "ed448/x"}),
    ("key-rsa1024", {"key_name": "rsa1024/x"}),
    ("no-ca", {"ext": {"bc": basic(False)}}),
    ("signature-wrong", {"spoil": True}),
    ("signature-algorithms-differ", {"outer": seq(oid(HASH["sha512"][2]))}),
    ("printable-with-at", {"name": seq(rdn("2.5.4.3", "root@x", 19))}),
    ("teletex", {"name": cn("root", 20)}),
]:
    bundle(f"odd-{name}", pem(root(**options).der) + B)

json.dump({
    "keys": {name: base64.b64encode(one.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption())).decode()
        for name, one in KEYS.items() if name in {case["key"] for case in CASES}},
    "certificates": {name: base64.b64encode(der).decode() for name, der in POOL.items()},
    "chains": CASES,
    "bundles": FILES,
}, sys.stdout, indent=0)
print()
print(len(CASES), "chains,", len(FILES), "bundles", file=sys.stderr)
