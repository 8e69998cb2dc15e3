//! Chains that rcgen makes.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CustomExtension, DistinguishedName,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyUsagePurpose, NameConstraints, SerialNumber,
};
use spyhole::model::verdict::Problem::{
    BadSignature, Expired, IssuerNotCa, MissingIntermediate, NameConstraint, NameMismatch,
    NotForServers, NotYetValid, SelfSigned, UnknownIssuer,
};

use super::make::{Ca, day, named, noon, self_signed};
use super::{Chain, compare};

#[test]
fn verdicts_on_what_rcgen_makes_agree_with_openssl() {
    compare(&chains(), "made by rcgen");
}

#[test]
fn a_chain_that_verifies_has_its_blemishes_told() {
    let expected = [
        ("good", ""),
        ("intermediate", ""),
        (
            "root sent along",
            "sends a root certificate, which clients already have: CN=root",
        ),
        ("wrong order", "sends its chain out of order"),
        (
            "unneeded certificates",
            "that this chain does not need: CN=other root",
        ),
        (
            "cross-signed, the useful one last",
            "several certificates for CN=sub",
        ),
        (
            "intermediate trusted",
            "CN=sub is trusted but not self-signed",
        ),
        ("leaf is a CA", "rustls rejects it as a server certificate"),
    ];
    let chains = chains();
    for (name, says) in expected {
        let chain = chains.iter().find(|chain| chain.name == name);
        let verdict = chain
            .unwrap_or_else(|| panic!("{name} is not tried"))
            .judged();
        let told = verdict.findings.iter().map(|one| one.says.as_str());
        let told: Vec<&str> = told.collect();
        assert!(
            verdict.findings.iter().all(|one| !one.fatal),
            "{name}: {told:?}"
        );
        if says.is_empty() {
            assert!(told.is_empty(), "{name}: {told:?}");
        } else {
            assert!(
                told.iter().any(|one| one.contains(says)),
                "{name}: {told:?}"
            );
        }
    }
    let deep = chains
        .iter()
        .find(|chain| chain.name == "ten levels")
        .unwrap();
    let path = deep.judged().path;
    assert_eq!(path.len(), 10, "{path:?}");
    assert_eq!(
        (path[0].as_str(), path[9].as_str()),
        ("CN=the server", "CN=root")
    );
}

pub(super) fn chains() -> Vec<Chain> {
    [times(), names(), issuers(), constraints(), oddities()]
        .into_iter()
        .flatten()
        .collect()
}

fn times() -> Vec<Chain> {
    let root = Ca::root("root");
    let between = |from, to| {
        root.leaf_with(&["api.example"], |params| {
            (params.not_before, params.not_after) = (day(from), day(to));
        })
    };
    let chain = |name, leaf: &[u8]| Chain::good(name, &[leaf], &[&root.der]);
    let old_root = Ca::root_with("old root", |params| params.not_after = day(-1));
    let old_sub = root.sub_with("old sub", |params| params.not_after = day(-3));
    let late = self_signed(&["api.example"], |params| params.not_after = day(-2));
    vec![
        chain("good", &root.leaf(&["api.example"])),
        chain("expired", &between(-20, -3)).refused(
            &[Expired],
            "expired 3 days ago, at 2029-12-29T00:00:00Z; local time is 2030-01-01",
        ),
        chain("future", &between(3, 20)).refused(&[NotYetValid], "in 3 days"),
        Chain {
            now: noon() - Duration::from_mins(10),
            ..chain("future by ten minutes", &between(0, 20))
        }
        .refused(&[NotYetValid], "clock skew"),
        chain("until 2050", &between(-1, 20 * 365 + 200)),
        chain(
            "until 9999",
            &root.leaf_with(&["api.example"], |params| {
                params.not_after = rcgen::date_time_ymd(9999, 12, 31);
            }),
        ),
        Chain::good(
            "expired root",
            &[&old_root.leaf(&["api.example"])],
            &[&old_root.der],
        )
        .refused(&[Expired], "old root expired 24 hours ago"),
        Chain::good(
            "expired intermediate",
            &[&old_sub.leaf(&["api.example"]), &old_sub.der],
            &[&root.der],
        )
        .refused(&[Expired], "old sub"),
        Chain::good("several at once", &[&late], &[&root.der])
            .asked("www.example")
            .refused(&[Expired, NameMismatch, SelfSigned], "2 days ago"),
    ]
}

fn names() -> Vec<Chain> {
    let root = Ca::root("root");
    let chain = |name, names: &[&str]| Chain::good(name, &[&root.leaf(names)], &[&root.der]);
    let many: Vec<String> = (0..100).map(|at| format!("n{at}.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let common_name = root.leaf_with(&[], |params| {
        params.distinguished_name = named("api.example");
    });
    vec![
        chain("wrong name", &["api.example"])
            .asked("www.example")
            .refused(
                &[NameMismatch],
                "requested www.example, but CN=the server is valid for DNS:api.example",
            ),
        chain("one of many names", &many).asked("n77.example"),
        chain("none of many names", &many)
            .asked("api.example")
            .refused(&[NameMismatch], "DNS:n7.example and 92 more"),
        chain("name in capitals", &["API.Example"]).asked("api.eXAMPLE"),
        chain("wildcard", &["*.api.example"]).asked("www.api.example"),
        chain("wildcard across a dot", &["*.api.example"])
            .asked("a.b.api.example")
            .refused(&[NameMismatch], "matches exactly one label"),
        chain("wildcard for nothing", &["*.api.example"])
            .asked("api.example")
            .refused(&[NameMismatch], ""),
        chain("partial wildcard", &["w*.api.example"])
            .asked("www.api.example")
            .refused(&[NameMismatch], "only part of a label"),
        chain("address", &["10.1.2.3"]).asked("10.1.2.3"),
        chain("address of version 6", &["fd00::1"]).asked("fd00:0:0::1"),
        chain("wrong address", &["10.1.2.3"])
            .asked("10.1.2.4")
            .refused(&[NameMismatch], "IP:10.1.2.3"),
        chain("address, names only", &["api.example"])
            .asked("10.1.2.3")
            .refused(&[NameMismatch], ""),
        chain("IDN as A-label", &["xn--bcher-kva.example"]).asked("xn--bcher-kva.example"),
        chain("IDN as U-label", &["xn--bcher-kva.example"]).asked("bücher.example"),
        Chain::good("name in the subject alone", &[&common_name], &[&root.der])
            .refused(&[NameMismatch], "only in the subject's CN"),
        Chain {
            asked: None,
            ..chain("no name asked for", &["api.example"])
        },
        chain("dot at the end", &["api.example"]).asked("api.example."),
    ]
}

fn issuers() -> Vec<Chain> {
    let root = Ca::root("root");
    let other = Ca::root("other root");
    let sub = root.sub("sub");
    let leaf = sub.leaf(&["api.example"]);
    let told = sub.leaf_with(&["api.example"], |params| {
        params
            .custom_extensions
            .push(ca_issuers("http://ca.example/sub.der"));
    });
    let below = sub.sub("below");
    let low_leaf = below.leaf(&["api.example"]);
    let cross = other.cross_sign(&sub);
    let again = Ca::root("root");
    let alone = self_signed(&["api.example"], |_| {});
    let mut deep = vec![root.sub("level 1")];
    for level in 2..=8 {
        let next = deep.last().unwrap().sub(&format!("level {level}"));
        deep.push(next);
    }
    let deep_leaf = deep.last().unwrap().leaf(&["api.example"]);
    let mut deep_chain: Vec<&[u8]> = vec![&deep_leaf];
    deep_chain.extend(deep.iter().rev().map(|ca| ca.der.as_slice()));
    let mut crowd: Vec<Vec<u8>> = (0..999)
        .map(|at| Ca::root(&format!("root {at}")).der)
        .collect();
    crowd.insert(500, root.der.clone());
    let crowd: Vec<&[u8]> = crowd.iter().map(Vec::as_slice).collect();
    let mut broken = leaf.clone();
    *broken.last_mut().unwrap() ^= 1;
    let good = Chain::good;
    vec![
        good("intermediate", &[&leaf, &sub.der], &[&root.der]),
        good(
            "root sent along",
            &[&leaf, &sub.der, &root.der],
            &[&root.der],
        ),
        good(
            "wrong order",
            &[&low_leaf, &sub.der, &below.der],
            &[&root.der],
        ),
        good("missing intermediate", &[&told], &[&root.der]).refused(
            &[MissingIntermediate],
            "the server does not send CN=sub, which issued CN=the server: it is not the only authority \
             of --ca and not in the chain; it is available at http://ca.example/sub.der",
        ),
        good("issuer nowhere", &[&leaf], &[&root.der])
            .refused(&[UnknownIssuer], "was issued by CN=sub, which is not"),
        good("unknown root", &[&leaf, &sub.der], &[&other.der])
            .refused(&[UnknownIssuer], "CN=sub was issued by CN=root"),
        good(
            "unknown root sent along",
            &[&leaf, &sub.der, &root.der],
            &[&other.der],
        )
        .refused(&[UnknownIssuer], "the chain ends at CN=root"),
        good("nobody is trusted", &[&leaf, &sub.der], &[])
            .refused(&[UnknownIssuer], "(--ca contains no authority)"),
        good(
            "cross-signed, the useful one first",
            &[&leaf, &cross, &sub.der],
            &[&other.der],
        ),
        good(
            "cross-signed, the useful one last",
            &[&leaf, &sub.der, &cross],
            &[&other.der],
        ),
        good(
            "cross-signed, both of use",
            &[&leaf, &sub.der, &cross],
            &[&root.der, &other.der],
        ),
        good(
            "root made anew",
            &[&root.leaf(&["api.example"])],
            &[&again.der],
        )
        .refused(&[BadSignature], "re-created under the same name"),
        good("changed on the way", &[&broken, &sub.der], &[&root.der])
            .refused(&[BadSignature], "does not match the key of CN=sub"),
        good("self-signed", &[&alone], &[&root.der]).refused(&[SelfSigned], "is self-signed"),
        good("self-signed and trusted", &[&alone], &[&alone]),
        good("trusted leaf of another", &[&leaf], &[&leaf]),
        good("intermediate trusted", &[&leaf, &sub.der], &[&sub.der]),
        good("ten levels", &deep_chain, &[&root.der]),
        good("a thousand roots", &[&leaf, &sub.der], &crowd),
        good(
            "unneeded certificates",
            &[&leaf, &sub.der, &other.der],
            &[&root.der],
        ),
    ]
}

fn constraints() -> Vec<Chain> {
    let root = Ca::root("root");
    let dns = |name: &str| GeneralSubtree::DnsName(name.to_owned());
    let limited = |permitted: Vec<GeneralSubtree>, excluded: Vec<GeneralSubtree>| {
        root.sub_with("limited", |params| {
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: permitted,
                excluded_subtrees: excluded,
            });
        })
    };
    let chain = |name, sub: &Ca, names: &[&str]| {
        Chain::good(name, &[&sub.leaf(names), &sub.der], &[&root.der])
    };
    let only = limited(vec![dns("api.example")], vec![]);
    let without = limited(vec![], vec![dns("api.example")]);
    let network = GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(
        IpAddr::V4(Ipv4Addr::new(10, 1, 0, 0)),
        16,
    ));
    let within = limited(vec![network], vec![]);
    let short = root.sub_with("short", |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    });
    let below = short.sub("below");
    let no_ca = root.sub_with("no CA", |params| params.is_ca = IsCa::ExplicitNoCa);
    let no_sign = root.sub_with("no signer", |params| {
        params.key_usages = vec![KeyUsagePurpose::CrlSign];
    });
    let clients = root.sub_with("for clients", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let with = |change: fn(&mut CertificateParams)| root.leaf_with(&["api.example"], change);
    let one = |name, leaf: Vec<u8>| Chain::good(name, &[&leaf], &[&root.der]);
    vec![
        chain("permitted name", &only, &["api.example"]),
        chain("permitted parent", &only, &["www.api.example"]).asked("www.api.example"),
        chain("not a permitted name", &only, &["www.example"])
            .asked("www.example")
            .refused(&[NameConstraint], "www.example is not in api.example"),
        chain("excluded name", &without, &["api.example"]).refused(
            &[NameConstraint],
            "api.example is in api.example, which it excludes",
        ),
        chain("not an excluded name", &without, &["www.example"]).asked("www.example"),
        chain("permitted address", &within, &["10.1.2.3"]).asked("10.1.2.3"),
        chain("not a permitted address", &within, &["10.2.2.3"])
            .asked("10.2.2.3")
            .refused(&[NameConstraint], "10.2.2.3 is not in 10.1.0.0/16"),
        chain("path length kept", &short, &["api.example"]),
        Chain::good(
            "path length exceeded",
            &[&below.leaf(&["api.example"]), &below.der, &short.der],
            &[&root.der],
        )
        .refused(&[IssuerNotCa], "allows 0 CA certificates"),
        chain("issuer is not a CA", &no_ca, &["api.example"])
            .refused(&[IssuerNotCa], "is not CA:TRUE"),
        chain("issuer may not sign", &no_sign, &["api.example"])
            .refused(&[IssuerNotCa], "does not allow signing certificates"),
        chain("issuer for clients", &clients, &["api.example"])
            .refused(&[NotForServers], "clientAuth, not serverAuth"),
        one(
            "leaf for clients",
            with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
        )
        .refused(&[NotForServers], "allows clientAuth, not serverAuth"),
        one(
            "leaf for anything",
            with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]),
        )
        .refused(&[NotForServers], "anyExtendedKeyUsage"),
        one(
            "leaf for what it likes",
            with(|params| params.extended_key_usages = Vec::new()),
        ),
        one(
            "leaf that may not shake hands",
            with(|params| params.key_usages = vec![KeyUsagePurpose::KeyCertSign]),
        )
        .refused(&[NotForServers], "keyUsage allows only keyCertSign"),
    ]
}

fn oddities() -> Vec<Chain> {
    let root = Ca::root("root");
    let with = |change: fn(&mut CertificateParams)| root.leaf_with(&["api.example"], change);
    let one = |name, leaf: Vec<u8>| Chain::good(name, &[&leaf], &[&root.der]);
    let critical = |oid: &'static [u64]| {
        root.leaf_with(&["api.example"], |params| {
            let mut extension = CustomExtension::from_oid_content(oid, vec![0x30, 0]);
            extension.set_criticality(true);
            params.custom_extensions.push(extension);
        })
    };
    vec![
        one(
            "empty subject",
            with(|params| params.distinguished_name = DistinguishedName::new()),
        ),
        one(
            "serial of zero",
            with(|params| params.serial_number = Some(SerialNumber::from_slice(&[0]))),
        ),
        one("unknown critical extension", critical(&[1, 2, 3, 4])).cannot("1.2.3.4"),
        one(
            "leaf is a CA",
            with(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
        ),
    ]
}

/// The extension `authorityInfoAccess` with one place of the issuer.
fn ca_issuers(url: &str) -> CustomExtension {
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
    let wrap = |tag: u8, content: &[u8]| [&[tag, length(content)], content].concat();
    let oid = [0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2];
    let place = [&oid[..], &wrap(0x86, url.as_bytes())].concat();
    let content = wrap(0x30, &wrap(0x30, &place));
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], content)
}
