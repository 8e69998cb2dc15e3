#!/usr/bin/env python3
"""Makes the chains that differ where x509-limbo and the rules did, in other names and numbers.

    python3 tests/it/trust_runtimes/generate_further.py > tests/fixtures/trust/further.json

Needs `cryptography`. The keys are fresh, so they are made once and kept.
"""
from chains import *

NET = [192, 0, 2, 0, 255, 255, 255, 0]
NET6 = [0x20, 1, 0x0d, 0xb8] + [0] * 12 + [255] * 4 + [0] * 12


def addressed(*names):
    return {"exts": {"san": san(*names)}}


# --- the work that name constraints make
MANY = [dns(f"n{number}.held.test") for number in range(600)]
LESS = [dns(f"n{number}.held.test") for number in range(300)]
for title, names, trees in [
    ("many-by-many", [dns(HOST), *MANY], {"permitted": [dns("held.test"), *MANY], "excluded": [dns(f"x{number}.else.test") for number in range(1300)]}),
    ("some-by-some", [dns(HOST), *LESS], {"permitted": [dns("held.test"), *LESS], "excluded": [dns(f"x{number}.else.test") for number in range(700)]}),
    ("one-by-many", [dns(HOST)], {"permitted": [dns("held.test"), *MANY]}),
]:
    at_sub(f"work-{title}", addressed(*names), exts={"nc": constraints(**trees)})

# --- names of those that constrain
def named(title, top_names, trees, leaf_names=None):
    top = Cert("Top", exts={"nc": constraints(**trees), "san": san(*top_names)})
    case(title, [leaf(top, exts={"san": san(*(leaf_names or [dns(HOST)]))})], [top])


named("own-name-not-permitted", [dns("else.test")], {"permitted": [dns("held.test")]})
named("own-name-excluded", [dns("else.test")], {"excluded": [dns("else.test")]})
named("own-name-permitted", [dns("ca.held.test")], {"permitted": [dns("held.test")]})
named("own-address-not-permitted", [ip(10, 0, 0, 1)], {"permitted": [ip(*NET)]})
upper = Cert("Upper", TOP, exts={"nc": constraints(permitted=[dns("held.test")])})
odd = Cert("Odd", upper, exts={"san": san(dns("else.test"))})
case("name-of-intermediate-not-permitted", [leaf(odd), odd, upper], [TOP])

# --- addresses and networks
at_sub("network-as-name-permitted", addressed(ip(*NET), ip(192, 0, 2, 7)), "192.0.2.7",
       exts={"nc": constraints(permitted=[ip(*NET)])})
at_sub("network-as-name-wider", addressed(ip(192, 0, 0, 0, 255, 255, 0, 0), ip(192, 0, 2, 7)), "192.0.2.7",
       exts={"nc": constraints(permitted=[ip(*NET)])})
at_sub("network-as-name-excluded", addressed(ip(*NET), dns(HOST)),
       exts={"nc": constraints(excluded=[ip(*NET)])})
at_leaf("network-as-name", exts={"san": san(ip(*NET), dns(HOST))})
at_leaf("network-6-as-name", exts={"san": san(ip(*NET6), dns(HOST))})
at_sub("address-6-and-network-4", addressed(ip(192, 0, 2, *[0] * 13), dns(HOST)),
       exts={"nc": constraints(permitted=[ip(*NET)])})
at_sub("address-6-and-other-network-4", addressed(ip(0x20, 1, *[0] * 14), dns(HOST)),
       exts={"nc": constraints(permitted=[ip(*NET)])})
at_sub("address-4-and-network-6", addressed(ip(192, 0, 2, 1), dns(HOST)),
       exts={"nc": constraints(permitted=[ip(*NET6)])})
at_sub("network-with-host-bits", addressed(ip(192, 0, 2, 1)), "192.0.2.1",
       exts={"nc": constraints(permitted=[ip(192, 0, 2, 1, 255, 255, 255, 0)])})
at_sub("network-6-excluded", addressed(ip(*NET6[:15], 1), dns(HOST)), exts={"nc": constraints(excluded=[ip(*NET6)])})

# --- other kinds of names
OTHER_NAME = tlv(0xA0, oid("1.3.6.1.4.1.55555.9"), tlv(0xA0, tlv(12, b"x")))
REGISTERED, ELSEWHERE = tlv(0x88, b"\x2a\x03\x04"), tlv(0x88, b"\x2a\x03\x05")
for kind, own, tree in [("other", OTHER_NAME, OTHER_NAME), ("registered", REGISTERED, REGISTERED),
                        ("registered-else", ELSEWHERE, REGISTERED)]:
    at_sub(f"{kind}-name-excluded", addressed(dns(HOST), own), exts={"nc": constraints(excluded=[tree])})
    at_sub(f"{kind}-name-permitted", addressed(dns(HOST), own), exts={"nc": constraints(permitted=[tree])})
at_sub("other-name-excluded-and-absent", exts={"nc": constraints(excluded=[OTHER_NAME])})

# --- DNS names and mail in constraints
at_sub("constraint-in-capitals", exts={"nc": constraints(permitted=[dns("HELD.test")])})
at_sub("constraint-excluded-in-capitals", exts={"nc": constraints(excluded=[dns("WWW.held.test")])})
at_sub("constraint-empty-excluded", exts={"nc": constraints(excluded=[dns("")])})
at_sub("constraint-empty-and-other-permitted", exts={"nc": constraints(permitted=[dns(""), dns("else.test")])})
at_sub("constraint-leading-dot-of-name-itself", exts={"nc": constraints(permitted=[dns("." + HOST)])})
mail = {"exts": {"san": san(dns(HOST), email("me@held.test"))}}
at_sub("mail-empty-excluded", mail, exts={"nc": constraints(excluded=[email("")])})
at_sub("mail-box-permitted", mail, exts={"nc": constraints(permitted=[email("me@held.test")])})
at_sub("mail-other-box-permitted", mail, exts={"nc": constraints(permitted=[email("you@held.test")])})
at_sub("mail-domain-of-host-itself", mail, exts={"nc": constraints(permitted=[email(".held.test")])})
at_sub("mail-host-in-capitals", mail, exts={"nc": constraints(permitted=[email("HELD.test")])})

# --- letters beyond ASCII
for title, name, host in [
    ("wildcard-before", "xn--*-kva.held.test", "xn--bcher-kva.held.test"),
    ("wildcard-alone", "*.held.test", "xn--bcher-kva.held.test"),
    ("hyphen-at-end", "xn--bcher--kva.held.test", "xn--bcher--kva.held.test"),
    ("no-punycode", "xn--zz99zz99.held.test", "xn--zz99zz99.held.test"),
    ("plain-wildcard-of-punycode", "xn--b*-kva.held.test", "xn--bcher-kva.held.test"),
    ("symbol", "xn--n3h.held.test", "xn--n3h.held.test"),
    ("capitals", "XN--BCHER-KVA.held.test", "xn--bcher-kva.held.test"),
]:
    at_leaf(f"letters-{title}", host, exts={"san": san(dns(name))})

dump()
