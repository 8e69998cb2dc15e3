"""The chains of the corpus."""
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from der import *

HOST = "good.example.test"
KEYS = {}


def key(name):
    """A key by its name: `kind/owner`."""
    if name not in KEYS:
        kind = name.split("/")[0]
        KEYS[name] = {
            "p224": lambda: ec.generate_private_key(ec.SECP224R1()),
            "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
            "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
            "k256": lambda: ec.generate_private_key(ec.SECP256K1()),
            "bp256": lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
            "ed25519": ed25519.Ed25519PrivateKey.generate,
            "ed448": ed448.Ed448PrivateKey.generate,
            "rsa1024": lambda: rsa.generate_private_key(65537, 1024),
            "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
            "rsa3072": lambda: rsa.generate_private_key(65537, 3072),
            "rsae3": lambda: rsa.generate_private_key(3, 2048),
        }[kind]()
    return KEYS[name]


POOL = {}
CASES = []


def pooled(der):
    for name, known in POOL.items():
        if known == der:
            return name
    name = f"c{len(POOL)}"
    POOL[name] = der
    return name


class Party:
    """A name with a key and the certificate that says so."""

    def __init__(self, name, key_name, der, public):
        self.name, self.key_name, self.der, self.public = name, key_name, der, public

    @property
    def key(self):
        return key(self.key_name)


def issue(by, name, key_name, extensions=None, more=(), drop=(), public=None, issuer=None,
          ids=True, **options):
    """`by` is None for a self-signed one. `more` are extensions added, `drop` ones left out."""
    own = public or spki(key(key_name))
    signer = by.key if by else key(key_name)
    chosen = dict(extensions)
    for one in drop:
        chosen.pop(one, None)
    if ids and "ski" not in chosen and "ski" not in drop:
        chosen["ski"] = ski(key_id(own))
    if ids and by and "aki" not in chosen and "aki" not in drop:
        chosen["aki"] = aki(key_id(by.public))
    listed = [one for one in chosen.values() if one] + list(more)
    der = certificate(name, issuer or (by.name if by else name), own, signer, listed, **options)
    return Party(name, key_name, der, own)


def root(name="root", key_name="p256/root", by=None, **options):
    base = {"bc": basic(), "ku": usage("keyCertSign", "cRLSign")}
    base.update(options.pop("ext", {}))
    return issue(by, cn(name) if isinstance(name, str) else name, key_name, base, **options)


def inter(by, name="inter", key_name="p256/inter", **options):
    return root(name, key_name, by=by, **options)


def leaf(by, name="leaf", key_name="p256/leaf", names=(HOST,), **options):
    base = {"bc": basic(False), "ku": usage("digitalSignature"), "eku": extended("server")}
    if names:
        base["san"] = san(*(dns(one) for one in names))
    base.update(options.pop("ext", {}))
    subject = options.pop("subject", cn(name))
    return issue(by, subject, key_name, base, **options)


def case(name, chain, roots, host=HOST):
    assert name not in [one["name"] for one in CASES], name
    CASES.append({
        "name": name, "host": host, "key": chain[0].key_name,
        "chain": [pooled(one.der) for one in chain],
        "roots": [pooled(one.der) for one in roots],
    })


R = root()
I = inter(R)
L = leaf(I)
OTHER = root("other", "p256/other")


def at_each(name, **options):
    """The same oddity in the leaf, the intermediate and the root."""
    case(f"{name}-leaf", [leaf(I, **options), I], [R])
    odd = inter(R, **options)
    case(f"{name}-intermediate", [leaf(odd), odd], [R])
    odd = root(**options)
    between = inter(odd)
    case(f"{name}-root", [leaf(between), between], [odd])


def leaf_case(name, host=HOST, **options):
    case(name, [leaf(I, **options), I], [R], host)


def inter_case(name, **options):
    odd = inter(R, **options)
    case(name, [leaf(odd), odd], [R])


def root_case(name, **options):
    odd = root(**options)
    between = inter(odd)
    case(name, [leaf(between), between], [odd])


# --- plain
case("plain", [L, I], [R])
case("plain-without-intermediate", [leaf(R)], [R])
case("plain-two-roots", [L, I], [OTHER, R])

# --- serial numbers
at_each("serial-negative", serial=integer(-5))
at_each("serial-zero", serial=integer(0))
at_each("serial-21-bytes", serial=integer(1 << 166 | 7))
at_each("serial-40-bytes", serial=integer(1 << 318 | 7))
at_each("serial-padded", serial=tlv(2, b"\0\x01"))
at_each("serial-empty", serial=tlv(2))

# --- times
at_each("time-1950", not_before=utc("500101000000Z"))
at_each("time-generalized-before-2050", not_before=general("20200101000000Z"),
        not_after=general("20450101000000Z"))
at_each("time-generalized-offset", not_after=general("20450101000000+0100"))
at_each("time-utc-offset", not_after=utc("450101000000+0100"))
at_each("time-utc-no-seconds", not_before=utc("2001010000Z"))
at_each("time-generalized-fraction", not_after=general("20450101000000.5Z"))
at_each("time-9999", not_after=general("99991231235959Z"))
at_each("time-1900", not_before=general("19000101000000Z"))
at_each("time-expired", not_after=utc("210101000000Z"))
at_each("time-not-yet", not_before=general("20600101000000Z"), not_after=general("20700101000000Z"))
leaf_case("time-reversed", not_before=utc("300101000000Z"), not_after=utc("210101000000Z"))
leaf_case("time-february-30", not_after=utc("450230000000Z"))
leaf_case("time-local", not_after=general("20450101000000"))

# --- extensions
UNKNOWN = "1.3.6.1.4.1.55555.1"
leaf_case("ext-unknown", more=[ext(UNKNOWN, NULL)])
at_each("ext-unknown-critical", more=[ext(UNKNOWN, NULL, True)])
at_each("ext-twice", more=[ext(UNKNOWN, NULL), ext(UNKNOWN, NULL)])
inter_case("ext-basic-constraints-twice", more=[basic()])
JUNK = b"\x04\x01\x01"
for short, identifier in [("basic-constraints", "2.5.29.19"), ("key-usage", "2.5.29.15"),
                          ("subject-alt-name", "2.5.29.17"), ("ext-key-usage", "2.5.29.37"),
                          ("authority-key-id", "2.5.29.35"), ("subject-key-id", "2.5.29.14"),
                          ("name-constraints", "2.5.29.30"), ("crl-points", "2.5.29.31"),
                          ("policies", "2.5.29.32"), ("info-access", "1.3.6.1.5.5.7.1.1")]:
    slot = {"2.5.29.19": "bc", "2.5.29.15": "ku", "2.5.29.17": "san", "2.5.29.37": "eku",
            "2.5.29.35": "aki", "2.5.29.14": "ski"}.get(identifier, "odd")
    junk = NULL if identifier == "2.5.29.14" else JUNK
    if slot not in ("bc",) and short != "name-constraints":
        leaf_case(f"ext-malformed-{short}-leaf", ext={slot: ext(identifier, junk)})
    if slot not in ("san", "eku"):
        inter_case(f"ext-malformed-{short}-intermediate", ext={slot: ext(identifier, junk)})
root_case("ext-malformed-name-constraints-root", ext={"nc": ext("2.5.29.30", JUNK)})
root_case("ext-malformed-basic-constraints-root", ext={"bc": ext("2.5.29.19", JUNK)})
leaf_case("ext-critical-false-written", more=[ext(UNKNOWN, NULL, raw_critical=boolean(False))])
leaf_case("ext-critical-is-one", more=[ext(UNKNOWN, NULL, raw_critical=tlv(1, b"\1"))])
leaf_case("ext-empty-list", raw_extensions=tlv(0xA3, seq()))
leaf_case("ext-san-empty", ext={"san": san()})
leaf_case("ext-eku-empty", ext={"eku": extended()})
leaf_case("ext-san-critical", ext={"san": san(dns(HOST), critical=True)})
inter_case("ext-basic-constraints-not-critical", ext={"bc": basic(critical=False)})
inter_case("ext-subject-key-id-critical", ext={"ski": ext("2.5.29.14", octets(key_id(spki(key("p256/inter")))), True)})
POLICY = seq(seq(oid("1.3.6.1.4.1.55555.2")))
leaf_case("ext-policies-critical", more=[ext("2.5.29.32", POLICY, True)])
leaf_case("ext-policies-twice-inside", more=[ext("2.5.29.32", seq(seq(oid("1.2.3.4")), seq(oid("1.2.3.4"))))])
inter_case("ext-policy-constraints-critical", more=[ext("2.5.29.36", seq(tlv(0x80, b"\0")), True)])
inter_case("ext-inhibit-any-policy-critical", more=[ext("2.5.29.54", integer(0), True)])
POINTS = seq(seq(tlv(0xA0, tlv(0xA0, uri("http://crl.example.test/a.crl")))))
leaf_case("ext-crl-points-critical", more=[ext("2.5.29.31", POINTS, True)])
leaf_case("ext-info-access-critical", more=[ext("1.3.6.1.5.5.7.1.1", seq(seq(
    oid("1.3.6.1.5.5.7.48.1"), uri("http://ocsp.example.test"))), True)])
leaf_case("ext-must-staple", more=[ext("1.3.6.1.5.5.7.1.24", seq(integer(5)))])
leaf_case("ext-netscape-type", more=[ext("2.16.840.1.113730.1.1", bits(b"\x40", 6))])
leaf_case("ext-netscape-type-client", more=[ext("2.16.840.1.113730.1.1", bits(b"\x80", 7))])
leaf_case("ext-ct-poison", more=[ext("1.3.6.1.4.1.11129.2.4.3", NULL, True)])

# --- names
leaf_case("name-common-name-only", names=(), subject=cn(HOST))
leaf_case("name-common-name-other-san", names=("other.example.test",), subject=cn(HOST))
leaf_case("name-wildcard", names=("*.example.test",))
leaf_case("name-wildcard-two-labels", names=("*.example.test",), host="a.good.example.test")
leaf_case("name-wildcard-bare-domain", names=("*.example.test",), host="example.test")
leaf_case("name-wildcard-partial", names=("g*.example.test",))
leaf_case("name-wildcard-middle", names=("good.*.test",))
leaf_case("name-wildcard-twice", names=("*.*.test",))
leaf_case("name-wildcard-alone", names=("*",), host="localhost")
leaf_case("name-wildcard-top-level", names=("*.test",), host="example.test")
leaf_case("name-ip-as-dns", names=("127.0.0.1",), host="127.0.0.1")
leaf_case("name-ip", ext={"san": san(ip(127, 0, 0, 1))}, host="127.0.0.1")
leaf_case("name-ip-other", ext={"san": san(ip(127, 0, 0, 2))}, host="127.0.0.1")
leaf_case("name-ip-common-name", names=(), subject=cn("127.0.0.1"), host="127.0.0.1")
leaf_case("name-ip-16-bytes-mapped", ext={"san": san(ip(*[0] * 10, 255, 255, 127, 0, 0, 1))}, host="127.0.0.1")
leaf_case("name-ip-5-bytes", ext={"san": san(ip(127, 0, 0, 1, 0), dns(HOST))})
leaf_case("name-ipv6", ext={"san": san(ip(*[0] * 15, 1))}, host="::1")
leaf_case("name-idn", names=("xn--bcher-kva.example.test",), host="xn--bcher-kva.example.test")
leaf_case("name-idn-wildcard", names=("*.example.test",), host="xn--bcher-kva.example.test")
leaf_case("name-utf8", names=("bücher.example.test", HOST))
leaf_case("name-latin1", names=("bücher.example.test".encode("latin-1"), HOST))
leaf_case("name-trailing-dot", names=(HOST + ".",))
leaf_case("name-leading-dot", names=(".example.test",))
leaf_case("name-underscore", names=("a_b.example.test",), host="a_b.example.test")
leaf_case("name-underscore-wildcard", names=("*.example.test",), host="a_b.example.test")
leaf_case("name-upper-case", names=(HOST.upper(),))
leaf_case("name-other", names=("other.example.test",))
leaf_case("name-none", names=(), subject=cn(None))
leaf_case("name-empty-subject", subject=cn(None), ext={"san": san(dns(HOST), critical=True)})
leaf_case("name-empty-subject-san-not-critical", subject=cn(None))
leaf_case("name-email-san-and-common-name", ext={"san": san(email("a@example.test"))}, subject=cn(HOST))
leaf_case("name-space", names=("good example.test", HOST))
leaf_case("name-empty-dns", names=("", HOST))
leaf_case("name-nul", names=(HOST + "\0.evil.test",))
leaf_case("name-malformed-uri", ext={"san": san(dns(HOST), uri("http://[bad"))})
leaf_case("name-malformed-email", ext={"san": san(dns(HOST), email("not an address"))})
leaf_case("name-long", names=("a" * 64 + ".example.test", HOST))
leaf_case("name-t61", subject=cn("leaf", 20))
leaf_case("name-printable-with-at", subject=cn("leaf@x", 19))
leaf_case("name-bmp", subject=cn("leaf".encode("utf-16-be"), 30))
leaf_case("name-country-long", subject=seq(rdn("2.5.4.6", "Germany", 19)))

# --- name constraints
def constrained(name, at_root=False, leaf_options=None, host=HOST, **trees):
    if at_root:
        top = root(ext={"nc": constraints(**trees)})
        odd = inter(top)
    else:
        top, odd = R, inter(R, ext={"nc": constraints(**trees)})
    case(name, [leaf(odd, **(leaf_options or {})), odd], [top], host)

constrained("constraints-permitted", permitted=[dns("example.test")])
constrained("constraints-not-permitted", permitted=[dns("other.test")])
constrained("constraints-excluded", excluded=[dns("example.test")])
constrained("constraints-not-excluded", excluded=[dns("other.test")])
constrained("constraints-leading-dot", permitted=[dns(".example.test")])
constrained("constraints-not-critical", permitted=[dns("other.test")], critical=False)
constrained("constraints-of-root", at_root=True, permitted=[dns("other.test")])
constrained("constraints-of-root-kept", at_root=True, permitted=[dns("example.test")])
constrained("constraints-permit-nothing-but-ip", permitted=[ip(10, 0, 0, 0, 255, 0, 0, 0)])
constrained("constraints-ip", permitted=[ip(127, 0, 0, 0, 255, 0, 0, 0)],
            leaf_options={"ext": {"san": san(ip(127, 0, 0, 1))}}, host="127.0.0.1")
constrained("constraints-ip-not-permitted", permitted=[ip(10, 0, 0, 0, 255, 0, 0, 0)],
            leaf_options={"ext": {"san": san(ip(127, 0, 0, 1))}}, host="127.0.0.1")
constrained("constraints-ip-odd-mask", permitted=[ip(127, 0, 0, 0, 255, 0, 255, 0)],
            leaf_options={"ext": {"san": san(ip(127, 0, 0, 1))}}, host="127.0.0.1")
constrained("constraints-directory", permitted=[directory(seq(rdn("2.5.4.10", "Corpus")))])
constrained("constraints-directory-not-permitted", permitted=[directory(seq(rdn("2.5.4.10", "Else")))])
constrained("constraints-directory-excluded", excluded=[directory(seq(rdn("2.5.4.10", "Corpus")))])
constrained("constraints-email", permitted=[email("example.test")])
constrained("constraints-uri", permitted=[uri("example.test")])
constrained("constraints-registered-id", permitted=[tlv(0x88, b"\x2a\x03\x04")])
constrained("constraints-empty-permitted", permitted=[dns("")])
constrained("constraints-empty", permitted=[])
constrained("constraints-excluded-wildcard", excluded=[dns("bad.example.test")],
            leaf_options={"names": ("*.example.test",)})
constrained("constraints-common-name-only", permitted=[dns("other.test")],
            leaf_options={"names": (), "subject": cn(HOST)})
leaf_case("constraints-in-leaf", ext={"nc": constraints(permitted=[dns("example.test")])})

# --- path length and basicConstraints
inter_case("path-length-0-kept", ext={"bc": basic(length=0)})
root_case("path-length-of-root-0", ext={"bc": basic(length=0)})
top = inter(R, "upper", "p256/upper", ext={"bc": basic(length=0)})
low = inter(top)
case("path-length-0-exceeded", [leaf(low), low, top], [R])
new = inter(top, "upper", "p256/upper2", ext={"bc": basic(length=0)})
case("path-length-0-self-issued", [leaf(new), new, top], [R])
old_root = root("roll", "p256/roll-old", ext={"bc": basic(length=0)})
new_by_old = root("roll", "p256/roll-new", by=old_root)
below = inter(new_by_old)
case("roll-over-path-length-exceeded", [leaf(below), below, new_by_old], [old_root])
case("roll-over-self-issued", [leaf(new_by_old), new_by_old], [old_root])
new_self = root("roll", "p256/roll-new")
case("roll-over-new-root", [leaf(below), below, new_by_old], [new_self])
inter_case("path-length-negative", ext={"bc": ext("2.5.29.19", seq(boolean(True), integer(-1)), True)})
inter_case("path-length-large", ext={"bc": ext("2.5.29.19", seq(boolean(True), integer(1 << 70)), True)})
inter_case("path-length-without-sign", ext={"bc": basic(length=0)}, drop=["ku"])
inter_case("path-length-without-ca", ext={"bc": basic(False, 0)})
at_each("basic-constraints-none", drop=["bc"])
inter_case("basic-constraints-no-ca", ext={"bc": basic(False)})
root_case("basic-constraints-no-ca-root", ext={"bc": basic(False)})
leaf_case("basic-constraints-ca-leaf", ext={"bc": basic()})
leaf_case("basic-constraints-ca-leaf-signing", ext={"bc": basic(), "ku": usage("digitalSignature", "keyCertSign")})
inter_case("basic-constraints-false-written", ext={"bc": ext("2.5.29.19", seq(boolean(False)), True)})

# --- keyUsage
inter_case("usage-intermediate-cannot-sign", ext={"ku": usage("cRLSign")})
root_case("usage-root-cannot-sign", ext={"ku": usage("cRLSign")})
at_each("usage-none", drop=["ku"])
leaf_case("usage-key-agreement", ext={"ku": usage("keyAgreement")})
leaf_case("usage-key-encipherment", ext={"ku": usage("keyEncipherment")})
leaf_case("usage-sign-only", ext={"ku": usage("keyCertSign")})
leaf_case("usage-crl-sign", ext={"ku": usage("cRLSign")})
leaf_case("usage-empty", ext={"ku": usage()})
leaf_case("usage-not-critical", ext={"ku": usage("digitalSignature", critical=False)})

# --- extendedKeyUsage
leaf_case("eku-client", ext={"eku": extended("client")})
leaf_case("eku-any", ext={"eku": extended("any")})
leaf_case("eku-none", drop=["eku"])
leaf_case("eku-critical", ext={"eku": extended("server", critical=True)})
leaf_case("eku-any-and-server", ext={"eku": extended("any", "server")})
inter_case("eku-intermediate-email", ext={"eku": extended("email")})
inter_case("eku-intermediate-any", ext={"eku": extended("any")})
inter_case("eku-intermediate-server", ext={"eku": extended("server")})
inter_case("eku-intermediate-msgc", ext={"eku": extended("msgc")})
inter_case("eku-intermediate-nsgc", ext={"eku": extended("nsgc")})
root_case("eku-root-client", ext={"eku": extended("client")})
root_case("eku-root-any", ext={"eku": extended("any")})

# --- versions
bare = {"ids": False, "drop": ["bc", "ku", "eku", "san"]}
leaf_case("version-1-leaf", version=0, subject=cn(HOST), **bare)
inter_case("version-1-intermediate", version=0, **bare)
root_case("version-1-root", version=0, **bare)
at_each("version-1-with-extensions", version=0)
at_each("version-2", version=1)
leaf_case("version-4", version=3)
leaf_case("unique-ids-leaf", unique_ids=tlv(0x81, b"\0\1") + tlv(0x82, b"\0\2"))
root_case("unique-ids-root", unique_ids=tlv(0x81, b"\0\1") + tlv(0x82, b"\0\2"))

# --- key identifiers
leaf_case("key-id-differs", ext={"aki": aki(b"\1" * 20)})
leaf_case("key-id-serial-differs", ext={"aki": aki(None, cn("root"), b"\x55")})
leaf_case("key-id-issuer-and-serial-wrong", ext={"aki": aki(key_id(I.public), cn("nobody"), b"\x55")})
at_each("key-id-none", ids=False)
inter_case("key-id-intermediate-without", drop=["ski"])
root_case("key-id-root-aki-differs", ext={"aki": aki(b"\2" * 20)})
leaf_case("key-id-aki-critical", ext={"aki": ext("2.5.29.35", seq(tlv(0x80, key_id(I.public))), True)})
inter_case("key-id-empty", ext={"ski": ski(b"")})

# --- keys and signatures
at_each("key-rsa2048", key_name="rsa2048/x")
at_each("key-rsa1024", key_name="rsa1024/x")
inter_case("key-rsa3072-intermediate", key_name="rsa3072/x")
inter_case("key-rsa-exponent-3", key_name="rsae3/x")
at_each("key-p384", key_name="p384/x", )
inter_case("key-p521-intermediate", key_name="p521/x")
root_case("key-p521-root", key_name="p521/x")
leaf_case("key-p521-leaf", key_name="p521/x")
leaf_case("key-ed25519-leaf", key_name="ed25519/x")
for kind in ("ed25519", "ed448", "p224", "k256", "bp256"):
    inter_case(f"key-{kind}-intermediate", key_name=f"{kind}/x")
    root_case(f"key-{kind}-root", key_name=f"{kind}/x")
RSA = root("rsa root", "rsa2048/root")


def signed_case(name, where="leaf", **options):
    if where == "leaf":
        mid = inter(RSA, "rsa inter", "rsa2048/inter")
        case(name, [leaf(mid, **options), mid], [RSA])
    elif where == "intermediate":
        mid = inter(RSA, "rsa inter", "rsa2048/inter", **options)
        case(name, [leaf(mid), mid], [RSA])
    else:
        top = root("rsa root", "rsa2048/root", **options)
        mid = inter(top, "rsa inter", "rsa2048/inter")
        case(name, [leaf(mid), mid], [top])


for digest in ("md5", "sha1"):
    for where in ("leaf", "intermediate", "root"):
        signed_case(f"signature-{digest}-{where}", where, digest=digest)
for digest in ("sha224", "sha384", "sha512"):
    signed_case(f"signature-rsa-{digest}", digest=digest)
    leaf_case(f"signature-ecdsa-{digest}", digest=digest)
leaf_case("signature-ecdsa-sha1", digest="sha1")
root_case("signature-ecdsa-sha1-root", digest="sha1")
for where in ("leaf", "intermediate", "root"):
    signed_case(f"signature-pss-{where}", where, pss=True)
signed_case("signature-pss-sha512", digest="sha512", pss=True)
signed_case("signature-pss-sha1", digest="sha1", pss=True)
mid = inter(RSA, "pss inter", "rsa2048/pss", public=pss_spki(key("rsa2048/pss")))
case("key-pss-only-intermediate", [leaf(mid, pss=True), mid], [RSA])
signed_case("signature-without-null", no_null=True)
leaf_case("signature-algorithms-differ", outer=seq(oid(HASH["sha512"][2])))
at_each("signature-wrong", spoil=True)
leaf_case("signature-algorithm-unknown", outer=seq(oid("1.2.3.4")))

# --- shapes of chains
case("chain-root-sent", [L, I, R], [R])
case("chain-unordered", [L, R, I], [R])
case("chain-duplicates", [L, I, I, L], [R])
case("chain-duplicate-leaf", [L, L, I], [R])
case("chain-junk", [L, I, leaf(OTHER, "junk")], [R])
case("chain-junk-between", [L, OTHER, I], [R])
case("chain-junk-malformed", [L, I, Party(None, None, seq(integer(1)), None)], [R])
case("chain-missing-intermediate", [L], [R])
case("chain-unknown-root", [L, I, R], [OTHER])
case("chain-unknown-root-not-sent", [L, I], [OTHER])
case("chain-no-roots", [L, I], [])
twin = root("root", "p256/twin")
case("chain-same-name-other-key", [L, I], [twin])
case("chain-same-name-both", [L, I], [twin, R])
plain_twin = root("root", "p256/twin", ids=False)
bare_root = root(ids=False)
bare_inter = inter(bare_root, ids=False)
bare_leaf = leaf(bare_inter, ids=False)
case("chain-same-name-both-without-ids", [bare_leaf, bare_inter], [plain_twin, bare_root])
case("chain-intermediate-as-anchor", [L, I], [I])
case("chain-intermediate-as-anchor-not-sent", [L], [I])
case("chain-leaf-as-anchor", [L], [L])
own = leaf(None, "own", "p256/own")
case("chain-self-signed-trusted", [own], [own])
case("chain-self-signed-untrusted", [own], [R])
own_ca = leaf(None, "own ca", "p256/own", ext={"bc": basic(), "ku": usage("digitalSignature", "keyCertSign")})
case("chain-self-signed-ca-trusted", [own_ca], [own_ca])
own_plain = leaf(None, "own plain", "p256/own", drop=["bc", "ku", "eku"])
case("chain-self-signed-plain-trusted", [own_plain], [own_plain])
own_old = leaf(None, "own", "p256/own", not_after=utc("210101000000Z"))
case("chain-self-signed-expired-trusted", [own_old], [own_old])
old = root(not_after=utc("210101000000Z"))
case("chain-expired-root-and-new-one", [L, I], [old, R])
case("chain-expired-root-sent-new-trusted", [L, I, old], [R])
cross = root("root", "p256/root", by=OTHER)
case("chain-cross-signed", [L, I, cross], [OTHER])
case("chain-cross-signed-both", [L, I, cross], [OTHER, R])
old_other = root("other", "p256/other", not_after=utc("210101000000Z"))
case("chain-cross-signed-expired-root", [L, I, cross], [old_other, R])
old_cross = root("root", "p256/root", by=OTHER, not_after=utc("210101000000Z"))
case("chain-cross-expired", [L, I, old_cross], [OTHER, R])
old_inter = inter(R, not_after=utc("210101000000Z"))
case("chain-expired-intermediate-first", [L, old_inter, I], [R])
case("chain-expired-intermediate-second", [L, I, old_inter], [R])
a = inter(R, "a", "p256/a")
b = inter(a, "b", "p256/b")
a_by_b = inter(b, "a", "p256/a")
b_by_a = inter(a, "b", "p256/b")
case("chain-loop", [leaf(a), a_by_b, b_by_a], [R])
deep, path = R, []
for number in range(12):
    deep = inter(deep, f"deep {number}", f"p256/deep{number}")
    path.insert(0, deep)
case("chain-deep-12", [leaf(deep), *path], [R])
case("chain-deep-6", [leaf(path[6]), *path[6:]], [R])
printable = seq(rdn("2.5.4.10", "Corpus", 19), rdn("2.5.4.3", "inter", 19))
case("chain-name-encoded-otherwise", [leaf(I, issuer=printable), I], [R])
case("chain-name-case", [leaf(I, issuer=cn("INTER")), I], [R])
case("chain-trailing-bytes", [leaf(I, tail=b"\0\0"), I], [R])
case("chain-leaf-is-truncated", [Party(L.name, L.key_name, L.der[:-10], None), I], [R])
long_form = b"\x30\x83" + len(L.der[4:]).to_bytes(3, "big") + L.der[4:]
case("chain-length-not-minimal", [Party(L.name, L.key_name, long_form, None), I], [R])
case("chain-indefinite-length", [Party(L.name, L.key_name, b"\x30\x80" + L.der[4:] + b"\0\0", None), I], [R])
