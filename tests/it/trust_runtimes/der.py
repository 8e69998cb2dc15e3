"""DER and X.509 by hand: what a library refuses to write is what a trust store has to meet."""
import hashlib
import math

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, utils


def tlv(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + body


def seq(*parts):
    return tlv(0x30, *parts)


def oid(dotted):
    first, second, *rest = map(int, dotted.split("."))
    out = b""
    for number in [first * 40 + second, *rest]:
        groups = [number & 127]
        while number := number >> 7:
            groups.append(128 | number & 127)
        out += bytes(reversed(groups))
    return tlv(6, out)


def integer(number):
    return tlv(2, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def boolean(value):
    return tlv(1, b"\xff" if value else b"\0")


def bits(data, unused=0):
    return tlv(3, bytes([unused]) + data)


def octets(data):
    return tlv(4, data)


def utc(text):
    return tlv(0x17, text.encode())


def general(text):
    return tlv(0x18, text.encode())


def rdn(kind, value, tag=12):
    value = value if isinstance(value, bytes) else value.encode()
    return tlv(0x31, seq(oid(kind), tlv(tag, value)))


def cn(value, tag=12):
    """A name with an organization and a common name; None is the empty name."""
    return seq() if value is None else seq(rdn("2.5.4.10", "Corpus", tag), rdn("2.5.4.3", value, tag))


NULL = tlv(5)
HASH = {
    "md5": ("1.2.840.113549.2.5", "1.2.840.113549.1.1.4", None),
    "sha1": ("1.3.14.3.2.26", "1.2.840.113549.1.1.5", "1.2.840.10045.4.1"),
    "sha224": ("2.16.840.1.101.3.4.2.4", "1.2.840.113549.1.1.14", "1.2.840.10045.4.3.1"),
    "sha256": ("2.16.840.1.101.3.4.2.1", "1.2.840.113549.1.1.11", "1.2.840.10045.4.3.2"),
    "sha384": ("2.16.840.1.101.3.4.2.2", "1.2.840.113549.1.1.12", "1.2.840.10045.4.3.3"),
    "sha512": ("2.16.840.1.101.3.4.2.3", "1.2.840.113549.1.1.13", "1.2.840.10045.4.3.4"),
}
PSS = "1.2.840.113549.1.1.10"


def spki(key):
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def pss_spki(key):
    """An RSA key that is for RSA-PSS alone."""
    numbers = key.public_key().public_numbers()
    return seq(seq(oid(PSS)), bits(seq(integer(numbers.n), integer(numbers.e))))


def key_id(public):
    return hashlib.sha1(public).digest()


def algorithm(key, digest, pss=False, no_null=False):
    if isinstance(key, rsa.RSAPrivateKey):
        if pss:
            alg = seq(oid(HASH[digest][0]), NULL)
            size = hashlib.new(digest).digest_size
            return seq(oid(PSS), seq(
                tlv(0xA0, alg),
                tlv(0xA1, seq(oid("1.2.840.113549.1.1.8"), alg)),
                tlv(0xA2, integer(size))))
        return seq(oid(HASH[digest][1]), b"" if no_null else NULL)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return seq(oid(HASH[digest][2]))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return seq(oid("1.3.101.112"))
    if isinstance(key, ed448.Ed448PrivateKey):
        return seq(oid("1.3.101.113"))
    raise ValueError(key)


def sign(key, data, digest, pss=False):
    if isinstance(key, rsa.RSAPrivateKey):
        if pss:
            name = getattr(hashes, digest.upper())()
            return key.sign(data, padding.PSS(padding.MGF1(name), name.digest_size), name)
        # By hand: a library that signs with MD5 is hard to find.
        numbers = key.private_numbers()
        n = numbers.public_numbers.n
        size = math.ceil(n.bit_length() / 8)
        info = seq(seq(oid(HASH[digest][0]), NULL), octets(hashlib.new(digest, data).digest()))
        padded = b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info
        return pow(int.from_bytes(padded, "big"), numbers.d, n).to_bytes(size, "big")
    if isinstance(key, ec.EllipticCurvePrivateKey):
        name = getattr(hashes, digest.upper())()
        return key.sign(hashlib.new(digest, data).digest(), ec.ECDSA(utils.Prehashed(name)))
    return key.sign(data)


# Extensions: (identifier, critical, value).
def ext(identifier, value, critical=False, raw_critical=None):
    mark = raw_critical if raw_critical is not None else (boolean(True) if critical else b"")
    return seq(oid(identifier), mark, octets(value))


def basic(ca=True, length=None, critical=True):
    parts = ([boolean(True)] if ca else []) + ([integer(length)] if length is not None else [])
    return ext("2.5.29.19", seq(*parts), critical)


USAGE = ["digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment",
         "keyAgreement", "keyCertSign", "cRLSign"]


def usage(*names, critical=True):
    value = sum(128 >> USAGE.index(name) for name in names)
    unused = (value & -value).bit_length() - 1 if value else 0
    return ext("2.5.29.15", bits(bytes([value]) if value else b"", unused), critical)


EKU = {"server": "1.3.6.1.5.5.7.3.1", "client": "1.3.6.1.5.5.7.3.2",
       "code": "1.3.6.1.5.5.7.3.3", "email": "1.3.6.1.5.5.7.3.4",
       "any": "2.5.29.37.0", "msgc": "1.3.6.1.4.1.311.10.3.3", "nsgc": "2.16.840.1.113730.4.1"}


def extended(*names, critical=False):
    return ext("2.5.29.37", seq(*(oid(EKU[name]) for name in names)), critical)


def dns(name):
    return tlv(0x82, name if isinstance(name, bytes) else name.encode())


def ip(*octets_):
    return tlv(0x87, bytes(octets_))


def email(name):
    return tlv(0x81, name.encode())


def uri(name):
    return tlv(0x86, name.encode())


def directory(name):
    return tlv(0xA4, name)


def san(*names, critical=False):
    return ext("2.5.29.17", seq(*names), critical)


def constraints(permitted=(), excluded=(), critical=True):
    trees = lambda tag, names: tlv(tag, *(seq(name) for name in names)) if names else b""
    return ext("2.5.29.30", seq(trees(0xA0, permitted), trees(0xA1, excluded)), critical)


def ski(identifier):
    return ext("2.5.29.14", octets(identifier))


def aki(identifier=None, issuer=None, serial=None):
    parts = []
    if identifier is not None:
        parts.append(tlv(0x80, identifier))
    if issuer is not None:
        parts.append(tlv(0xA1, directory(issuer)))
        parts.append(tlv(0x82, serial))
    return ext("2.5.29.35", seq(*parts))


def certificate(subject, issuer, public, signer, extensions, serial=None, not_before=None,
                not_after=None, version=2, digest="sha256", pss=False, no_null=False,
                outer=None, spoil=False, unique_ids=b"", raw_extensions=None, tail=b""):
    inner = algorithm(signer, digest, pss, no_null)
    body = seq(
        tlv(0xA0, integer(version)) if version else b"",
        serial if serial is not None else integer(int.from_bytes(hashlib.sha256(
            subject + public + b"".join(extensions)).digest()[:15], "big") | 1 << 118),
        inner, issuer,
        seq(not_before or utc("200101000000Z"), not_after or utc("450101000000Z")),
        subject, public, unique_ids,
        raw_extensions if raw_extensions is not None
        else tlv(0xA3, seq(*extensions)) if extensions else b"")
    signature = bytearray(sign(signer, body, digest, pss))
    if spoil:
        signature[-1] ^= 1
    return seq(body, outer or inner, bits(bytes(signature))) + tail
