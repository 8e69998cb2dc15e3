#!/usr/bin/env python3
"""Makes the chains that were held back while the rules were written.

    python3 tests/it/trust_runtimes/generate_held_back.py > tests/fixtures/trust/held-back.json

They follow the descriptions of NIST PKITS (4.x below) and of x509-limbo; none of their
certificates is used. Needs `cryptography`. The keys are fresh, so they are made once and kept.
"""
from chains import *

# --- PKITS 4.1 signatures, 4.2 validity
at_leaf("pkits-4.1.1-valid")
at_sub("pkits-4.1.2-ca-signature", spoil=True)
at_leaf("pkits-4.1.3-ee-signature", spoil=True)
at_sub("pkits-4.2.1-ca-not-before", not_before=utc("470101120000Z"), not_after=utc("490101120000Z"))
at_leaf("pkits-4.2.2-ee-not-before", not_before=utc("470101120000Z"), not_after=utc("490101120000Z"))
at_leaf("pkits-4.2.3-utc-1950", not_before=utc("500101120100Z"))
at_leaf("pkits-4.2.4-generalized-not-before", not_before=general("20020101120100Z"))
at_sub("pkits-4.2.5-ca-not-after", not_after=utc("110101120000Z"))
at_leaf("pkits-4.2.7-utc-not-after-99", not_before=utc("980101120100Z"), not_after=utc("990101120100Z"))
at_leaf("pkits-4.2.8-generalized-not-after", not_after=general("20500101120100Z"))

# --- PKITS 4.3 names
case("pkits-4.3.1-chaining", [leaf(SUB, issuer=name("Subordinate")), SUB], [TOP])
swapped = seq(rdn("2.5.4.10", "Held"), rdn("2.5.4.6", "XX", 19), rdn("2.5.4.3", "Sub"))
case("pkits-4.3.2-order", [leaf(SUB, issuer=swapped), SUB], [TOP])
spaced = seq(rdn("2.5.4.6", "XX", 19), rdn("2.5.4.10", " Held  "), rdn("2.5.4.3", "Sub"))
case("pkits-4.3.3-whitespace", [leaf(SUB, issuer=spaced), SUB], [TOP])
capital = seq(rdn("2.5.4.6", "XX", 19), rdn("2.5.4.10", "HELD"), rdn("2.5.4.3", "sub"))
case("pkits-4.3.5-capitalization", [leaf(SUB, issuer=capital), SUB], [TOP])
at_sub("pkits-4.3.6-uids", unique_ids=tlv(0x82, b"\0\x55"))
printable = seq(rdn("2.5.4.6", "XX", 19), rdn("2.5.4.10", "Held", 19), rdn("2.5.4.3", "Sub", 19))
case("pkits-4.3.9-utf8-and-printable", [leaf(SUB, issuer=printable), SUB], [TOP])

# --- PKITS 4.5 self-issued, 4.6 basic constraints
fresh = Cert("Sub", SUB, key="ec/Sub fresh")
case("pkits-4.5.1-new-key", [leaf(fresh), fresh, SUB], [TOP])
at_sub("pkits-4.6.1-no-basic-constraints", exts={"bc": None})
at_sub("pkits-4.6.2-ca-false-critical", exts={"bc": basic(False)})
at_sub("pkits-4.6.3-ca-false", exts={"bc": basic(False, critical=False)})
at_sub("pkits-4.6.4-not-critical", exts={"bc": basic(critical=False)})


def lengths(title, *limits, below=None):
    by, path = TOP, []
    for depth, limit in enumerate(limits):
        by = Cert(f"Depth {depth}", by, exts={"bc": basic(length=limit)})
        path.insert(0, by)
    end = Cert("Depth end", by) if below == "ca" else leaf(by)
    if below == "ca-leaf":
        end = Cert("end", by, exts={"ku": usage("digitalSignature", "keyCertSign"),
                                    "eku": extended("server"), "san": san(dns(HOST))})
    if below == "ca":
        path.insert(0, end)
        end = leaf(end)
    case(title, [end, *path], [TOP])


lengths("pkits-4.6.5-length-0-and-ca", 0, below="ca")
lengths("pkits-4.6.7-length-0", 0)
lengths("pkits-4.6.8-ca-as-end", 0, below="ca-leaf")
lengths("pkits-4.6.9-six-zero-zero", 6, 0, 0)
lengths("pkits-4.6.13-six-four-one", 6, 4, 1)
lengths("pkits-4.6.11-six-one-one-and-ca", 6, 1, 1, below="ca")
zero = Cert("Zero", TOP, exts={"bc": basic(length=0)})
again = Cert("Zero", zero, key="ec/Zero again")
case("pkits-4.6.15-self-issued-below-0", [leaf(again), again, zero], [TOP])
deeper = Cert("Deeper", again)
case("pkits-4.6.16-below-self-issued", [leaf(deeper), deeper, again, zero], [TOP])

# --- PKITS 4.7 key usage
at_sub("pkits-4.7.1-no-cert-sign-critical", exts={"ku": usage("digitalSignature", "cRLSign")})
at_sub("pkits-4.7.2-no-cert-sign", exts={"ku": usage("digitalSignature", critical=False)})
at_sub("pkits-4.7.3-not-critical", exts={"ku": usage("keyCertSign", critical=False)})

# --- PKITS 4.8 to 4.12 policies
def policies(*ids, critical=False):
    return ext("2.5.29.32", seq(*(seq(oid(one)) for one in ids)), critical)


def requires(skip):
    return ext("2.5.29.36", seq(tlv(0x80, bytes([skip]))), True)


P1, P2 = "2.16.840.1.101.3.2.1.48.1", "2.16.840.1.101.3.2.1.48.2"
sub = Cert("Sub", TOP, more=[policies(P1), requires(0)])
case("pkits-4.9.1-explicit-kept", [leaf(sub, more=[policies(P1)]), sub], [TOP])
case("pkits-4.9.3-explicit-missing", [leaf(sub), sub], [TOP])
case("pkits-4.8.2-policies-differ", [leaf(sub, more=[policies(P2)]), sub], [TOP])
sub = Cert("Sub", TOP, more=[policies(P1), requires(5)])
case("pkits-4.9.2-explicit-later", [leaf(sub), sub], [TOP])
sub = Cert("Sub", TOP, more=[policies("2.5.29.32.0"), requires(0)])
case("pkits-4.8.11-any-policy", [leaf(sub, more=[policies(P1)]), sub], [TOP])

# --- PKITS 4.13 name constraints
DN = seq(rdn("2.5.4.6", "XX", 19), rdn("2.5.4.10", "Held"))
at_sub("pkits-4.13.1-dn-permitted", exts={"nc": constraints(permitted=[directory(DN)])})
ELSE = seq(rdn("2.5.4.6", "YY", 19))
at_sub("pkits-4.13.2-dn-not-permitted", exts={"nc": constraints(permitted=[directory(ELSE)])})
at_sub("pkits-4.13.7-dn-excluded", exts={"nc": constraints(excluded=[directory(DN)])})
mailed = {"exts": {"san": san(dns(HOST), email("me@mail.held.test"))}}
at_sub("pkits-4.13.21-mail-permitted", mailed, exts={"nc": constraints(permitted=[email(".held.test")])})
at_sub("pkits-4.13.22-mail-host-only", mailed, exts={"nc": constraints(permitted=[email("held.test")])})
at_sub("pkits-4.13.25-mail-excluded", mailed, exts={"nc": constraints(excluded=[email("mail.held.test")])})
at_sub("pkits-4.13.30-dns-permitted", exts={"nc": constraints(permitted=[dns("held.test")])})
at_sub("pkits-4.13.31-dns-not-permitted", exts={"nc": constraints(permitted=[dns("heldx.test")])})
at_sub("pkits-4.13.33-dns-excluded", exts={"nc": constraints(excluded=[dns("www.held.test")])})
linked = {"exts": {"san": san(dns(HOST), uri("http://a.held.test/x"))}}
at_sub("pkits-4.13.34-uri-permitted", linked, exts={"nc": constraints(permitted=[uri(".held.test")])})
at_sub("pkits-4.13.35-uri-not-permitted", linked, exts={"nc": constraints(permitted=[uri("held.test")])})
at_sub("pkits-4.13.37-uri-excluded", linked, exts={"nc": constraints(excluded=[uri("a.held.test")])})
upper = Cert("Upper", TOP, exts={"nc": constraints(permitted=[dns("held.test")])})
lower = Cert("Lower", upper, exts={"nc": constraints(permitted=[dns("mail.held.test")])})
case("pkits-4.13-two-of-them", [leaf(lower), lower, upper], [TOP])

# --- PKITS 4.16 extensions
PRIVATE = "2.16.840.1.101.2.1.12.2"
at_leaf("pkits-4.16.1-unknown", more=[ext(PRIVATE, NULL)])
at_leaf("pkits-4.16.2-unknown-critical", more=[ext(PRIVATE, NULL, True)])

# --- x509-limbo: rfc5280
at_leaf("limbo-aki-critical", exts={"aki": ext("2.5.29.35", seq(tlv(0x80, key_id(SUB.public)[:12])), True)})
at_leaf("limbo-leaf-ski-critical", exts={"ski": ext("2.5.29.14", octets(b"x" * 12), True)})
at_leaf("limbo-leaf-without-aki", exts={"aki": None})
at_sub("limbo-intermediate-without-aki", exts={"aki": None})
at_sub("limbo-intermediate-without-ski", exts={"ski": None})
at_top("limbo-root-without-ski", exts={"ski": None})
at_top("limbo-root-not-critical-basic-constraints", exts={"bc": basic(critical=False)})
at_top("limbo-root-without-key-usage", exts={"ku": None})
at_top("limbo-root-aki-of-itself", exts={"aki": aki(b"z" * 12)})
at_top("limbo-root-with-eku", exts={"eku": extended("server")})
at_sub("limbo-ca-empty-subject", subject=seq())
at_leaf("limbo-malformed-alternative-name", exts={"san": ext("2.5.29.17", seq(tlv(0x82, b"*?.held.test"), dns(HOST)))})
at_leaf("limbo-serial-too-long", serial=integer(1 << 168))
at_leaf("limbo-serial-zero", serial=integer(0))
at_leaf("limbo-constraints-in-leaf", exts={"nc": constraints(permitted=[dns("held.test")])})
at_sub("limbo-constraints-ip-and-dns", exts={"nc": constraints(permitted=[ip(10, 0, 0, 0, 255, 0, 0, 0)], excluded=[dns("other.test")])})
at_sub("limbo-constraints-permitted-self", exts={"nc": constraints(permitted=[dns(HOST)])})
at_sub("limbo-constraints-invalid-dns", exts={"nc": constraints(permitted=[dns("*.held.test")])})
at_sub("limbo-constraints-ipv6", {"exts": {"san": san(ip(*[0] * 15, 1))}}, "::1",
       exts={"nc": constraints(permitted=[ip(*[0] * 16, *[255] * 15, 0)])})

# --- x509-limbo: webpki
at_leaf("limbo-wildcard-and-exact", exts={"san": san(dns("*.held.test"))})
at_leaf("limbo-wildcard-embedded", exts={"san": san(dns("ba*.held.test"))}, host="bar.held.test")
at_leaf("limbo-wildcard-not-leftmost", exts={"san": san(dns("foo.*.test"))}, host="foo.held.test")
at_leaf("limbo-wildcard-deep", exts={"san": san(dns("*.held.test"))}, host="a.b.held.test")
at_leaf("limbo-exact-punycode", exts={"san": san(dns("xn--bcher-kva.held.test"))}, host="xn--bcher-kva.held.test")
at_leaf("limbo-common-name-case", exts={"san": san(dns("WWW.Held.Test"))})
at_leaf("limbo-address-in-common-name", exts={"san": None}, common="10.0.0.1", host="10.0.0.1")
at_leaf("limbo-address-as-name", exts={"san": san(dns("10.0.0.1"))}, host="10.0.0.1")
at_leaf("limbo-eku-any", exts={"eku": extended("any")})
at_leaf("limbo-eku-client", exts={"eku": extended("client")})
at_leaf("limbo-eku-absent", exts={"eku": None})
at_sub("limbo-intermediate-eku-client", exts={"eku": extended("client")})
at_sub("limbo-intermediate-eku-both", exts={"eku": extended("client", "server")})
at_leaf("limbo-sha1", digest="sha1")
at_leaf("limbo-rsa-1536", kind="rsa1536")
at_sub("limbo-p521-intermediate", kind="p521")
at_sub("limbo-p384-with-sha512", kind="p384", leaf_options={"digest": "sha512"})
at_sub("limbo-brainpool-384", kind="bp384", leaf_options={"digest": "sha384"})
at_sub("limbo-ed25519", kind="ed")
at_leaf("limbo-version-1", version=0, exts={one: None for one in ("ku", "eku", "san", "ski", "aki")}, common=HOST)
at_leaf("limbo-version-1-with-extensions", version=0)
at_leaf("limbo-algorithms-differ", outer=seq(oid(HASH["sha384"][2])))
at_leaf("limbo-duplicate-extensions", more=[ski(b"again")])

# --- x509-limbo: pathological, and the paths of bettertls
loose = [Cert("Top", key=f"ec/Top {number}") for number in range(6)]
case("limbo-many-same-names", [leaf(SUB), SUB, *loose], [TOP])
case("limbo-many-same-roots", [leaf(SUB), SUB], [*loose, TOP])
expired = Cert("Sub", TOP, not_after=utc("200101000000Z"))
case("bettertls-expired-branch", [leaf(SUB), expired, SUB], [TOP])
wrong = Cert("Sub", TOP, exts={"nc": constraints(permitted=[dns("else.test")])}, key="ec/Sub")
case("bettertls-constrained-branch", [leaf(SUB), wrong, SUB], [TOP])
no_ca = Cert("Sub", TOP, exts={"bc": basic(False)}, key="ec/Sub")
case("bettertls-no-ca-branch", [leaf(SUB), no_ca, SUB], [TOP])
for_mail = Cert("Sub", TOP, exts={"eku": extended("email")}, key="ec/Sub")
case("bettertls-other-usage-branch", [leaf(SUB), for_mail, SUB], [TOP])
OTHER = Cert("Other top")
bridge = Cert("Top", OTHER, key="ec/Top")
case("bettertls-bridge", [leaf(SUB), SUB, bridge], [OTHER])
case("bettertls-bridge-and-both", [leaf(SUB), SUB, bridge], [TOP, OTHER])

dump()
