#!/usr/bin/env python3
"""Makes keystores of the kinds that are met, with one certificate each.

    python3 tests/it/certificate_forms/generate_keystores.py > tests/fixtures/keystores.json

By `openssl` 3 with its legacy provider, by `keytool`, and by hand what neither writes (needs
`cryptography`). The password is `changeit` where the name does not say another one.
"""
import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import tempfile

from cryptography.hazmat.primitives import padding as blocks
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../trust_runtimes"))
from der import *

PASSWORD = "changeit"
STORES = {}


def sh(*words):
    ran = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if ran.returncode != 0:
        sys.exit(f"{' '.join(words)}: {ran.stdout}{ran.stderr}")


def kept(name, path="s"):
    with open(path, "rb") as made:
        STORES[name] = made.read()
    os.remove(path)


# --- openssl
def exported(name, *words, password=PASSWORD):
    sh("openssl", "pkcs12", "-export", "-in", "crt.pem", "-inkey", "key.pem", "-name", "own",
       "-passout", f"pass:{password}", "-out", "s", *words)
    kept(name)


def by_openssl():
    exported("openssl-3")
    exported("openssl-1.1", "-legacy")
    exported("empty-password", password="")
    exported("other-password", password="pässword")
    exported("3des", "-legacy", "-descert")
    exported("2des-and-rc2-128", "-legacy", "-keypbe", "PBE-SHA1-2DES", "-certpbe", "PBE-SHA1-RC2-128")
    for scheme in ["PBE-SHA1-RC4-128", "PBE-SHA1-RC4-40", "PBE-MD5-DES", "PBE-SHA1-DES",
                   "PBE-MD5-RC2-64", "PBE-SHA1-RC2-64"]:
        exported(scheme.lower(), "-legacy", "-keypbe", scheme, "-certpbe", scheme)
    for cipher in ["AES-128-CBC", "AES-192-CBC", "AES-256-CBC", "DES-EDE3-CBC", "CAMELLIA-128-CBC",
                   "CAMELLIA-192-CBC", "CAMELLIA-256-CBC", "ARIA-128-CBC", "ARIA-192-CBC",
                   "ARIA-256-CBC"]:
        exported(cipher.lower(), "-keypbe", cipher, "-certpbe", cipher)
    for cipher in ["SEED-CBC", "RC2-CBC"]:
        exported(cipher.lower(), "-legacy", "-keypbe", cipher, "-certpbe", cipher)
    for digest in ["sha1", "sha384", "sha512", "sha3-256"]:
        exported(f"mac-{digest}", "-macalg", digest)
    exported("one-round", "-iter", "1", "-nomaciter")
    exported("no-mac", "-nomac")
    exported("clear-certificate", "-certpbe", "NONE")
    exported("clear", "-certpbe", "NONE", "-keypbe", "NONE", "-nomac")


# --- keytool
def imported(name, kind, *words):
    sh("keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", "crt.pem", "-storetype", kind,
       "-keystore", "s", "-storepass", PASSWORD, *words)
    kept(name)


def by_keytool():
    imported("java-pkcs12", "PKCS12")
    imported("java-pkcs12-legacy", "PKCS12", "-J-Dkeystore.pkcs12.legacy")
    imported("java-pkcs12-without-password", "PKCS12",
             "-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE", "-J-Dkeystore.pkcs12.macAlgorithm=NONE")
    imported("java-jks", "JKS")
    imported("java-jceks", "JCEKS")
    for kind in ["PKCS12", "JKS", "JCEKS"]:
        sh("keytool", "-genkeypair", "-alias", "own", "-keyalg", "EC", "-groupname", "secp256r1",
           "-dname", "CN=own", "-storetype", kind, "-keystore", "s", "-storepass", PASSWORD,
           "-keypass", PASSWORD)
        kept(f"java-{kind.lower()}-key")
    sh("keytool", "-genseckey", "-alias", "secret", "-keyalg", "AES", "-keysize", "128",
       "-storetype", "JCEKS", "-keystore", "s", "-storepass", PASSWORD)
    kept("java-jceks-secret")


# --- by hand
DATA, ENCRYPTED = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.6"
PBES2, PBKDF2, SCRYPT = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12", "1.3.6.1.4.1.11591.4.11"
PRFS = {"sha1": 7, "sha224": 8, "sha256": 9, "sha384": 10, "sha512": 11}


def safe(certificate):
    bag = seq(oid("1.2.840.113549.1.9.22.1"), tlv(0xA0, octets(certificate)))
    return seq(seq(oid("1.2.840.113549.1.12.10.1.3"), tlv(0xA0, bag)))


def pfx(part, mac=None):
    auth = seq(part)
    return seq(integer(3), seq(oid(DATA), tlv(0xA0, octets(auth))), mac(auth) if mac else b"")


def encrypted(algorithm, data):
    return seq(oid(ENCRYPTED), tlv(0xA0, seq(integer(0), seq(oid(DATA), algorithm, tlv(0x80, data)))))


def cipher_text(key, vector, plain):
    padder = blocks.PKCS7(128).padder()
    padded = padder.update(plain) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    return encryptor.update(padded) + encryptor.finalize()


def pbes2(name, certificate, derivation, key, cipher="2.16.840.1.101.3.4.1.42", mac=None):
    vector = bytes(range(16))
    algorithm = seq(oid(PBES2), seq(derivation, seq(oid(cipher), octets(vector))))
    data = cipher_text(key, vector, safe(certificate))
    STORES[name] = pfx(encrypted(algorithm, data), mac)


def pbkdf2(salt, rounds=1000, prf="sha256", length=None, choice=None):
    digest = seq(oid(f"1.2.840.113549.2.{PRFS[prf]}"), NULL)
    return seq(oid(PBKDF2), seq(choice or octets(salt), integer(rounds),
                                integer(length) if length else b"", digest))


def by_hand(certificate):
    def of(salt, prf="sha256"):
        return hashlib.pbkdf2_hmac(prf, PASSWORD.encode(), salt, 1000, 32)
    for size in [0, 1, 8, 32, 33, 64, 300]:
        salt = bytes(at % 251 for at in range(size))
        pbes2(f"salt-{size}", certificate, pbkdf2(salt), of(salt))
    salt = b"saltsalt"
    for prf in PRFS:
        pbes2(f"prf-{prf}", certificate, pbkdf2(salt, prf=prf), of(salt, prf))
    pbes2("key-length", certificate, pbkdf2(salt, length=32), of(salt))
    pbes2("salt-of-other-source", certificate, pbkdf2(salt, choice=seq(oid("1.2.3.4"))), of(salt))
    pbes2("rounds-beyond-all", certificate, pbkdf2(salt, rounds=2_000_000_000), of(salt))
    pbes2("aes-256-gcm", certificate, pbkdf2(salt), of(salt), cipher="2.16.840.1.101.3.4.1.46")
    pbes2("sm4-cbc", certificate, pbkdf2(salt), of(salt), cipher="1.2.156.10197.1.104.2")
    pbes2("cipher-without-name", certificate, pbkdf2(salt), of(salt), cipher="1.3.6.1.4.1.55555.7")
    for name, cost, kept_cost in [("scrypt", 1024, 1024), ("scrypt-of-much-memory", 1024, 1 << 26)]:
        key = hashlib.scrypt(PASSWORD.encode(), salt=salt, n=cost, r=8, p=1, dklen=32, maxmem=1 << 26)
        parameters = seq(octets(salt), integer(kept_cost), integer(8), integer(1), integer(32))
        pbes2(name, certificate, seq(oid(SCRYPT), parameters), key)

    def pbmac1(auth):
        key = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, 1000, 32)
        code = hmac.new(key, auth, "sha256").digest()
        scheme = seq(oid("1.2.840.113549.1.5.14"), seq(
            pbkdf2(salt, length=32), seq(oid("1.2.840.113549.2.9"), NULL)))
        return seq(seq(scheme, octets(code)), octets(salt), integer(1000))
    pbes2("pbmac1", certificate, pbkdf2(salt), of(salt), mac=pbmac1)
    # ObjectStore of BCFKS: what is encrypted, and the check of its integrity.
    store = seq(oid(PBES2), seq(pbkdf2(salt), seq(oid("2.16.840.1.101.3.4.1.42"), octets(bytes(16)))))
    check = seq(seq(oid("1.2.840.113549.2.11"), NULL), pbkdf2(salt), octets(bytes(64)))
    STORES["bcfks"] = seq(seq(store, octets(cipher_text(of(salt), bytes(16), b"entries"))), check)
    # Encrypted for the holder of a key, and not by a password.
    STORES["for-a-key"] = pfx(seq(oid("1.2.840.113549.1.7.3"), tlv(0xA0, seq(integer(0)))))


def main():
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        sh("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
           "-keyout", "key.pem", "-out", "crt.pem", "-subj", "/CN=kept", "-days", "9000")
        sh("openssl", "x509", "-in", "crt.pem", "-outform", "der", "-out", "crt.der")
        with open("crt.der", "rb") as made:
            certificate = made.read()
        by_openssl()
        by_keytool()
        by_hand(certificate)
        os.chdir("/")
    stores = {name: base64.b64encode(data).decode() for name, data in STORES.items()}
    json.dump(stores, sys.stdout, indent=0)
    print()
    print(len(stores), "keystores", file=sys.stderr)


main()
