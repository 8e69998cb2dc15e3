//! Chains that only the openssl command makes: keys, hashes, versions and numbers of every kind.

use std::time::SystemTime;

use spyhole::model::verdict::Problem::{
    IssuerNotCa, NameMismatch, UnknownIssuer, Unsupported, WeakKey, WeakSignature,
};

use super::make::{CA, Openssl, SERVER};
use super::{Chain, compare};

#[test]
fn verdicts_on_what_openssl_makes_agree_with_it() {
    compare(&chains(), "made by openssl");
}

pub(super) fn chains() -> Vec<Chain> {
    let openssl = Openssl::new();
    let mut chains = keys(&openssl);
    chains.extend(signatures(&openssl));
    chains.extend(versions(&openssl));
    // openssl begins them at the true time.
    for chain in &mut chains {
        chain.now = SystemTime::now();
    }
    chains
}

/// A root with a key of a kind that issues a leaf with another one.
fn pair(openssl: &Openssl, name: &'static str, root: &str, leaf: &str, more: &[&str]) -> Chain {
    openssl.key("r", root);
    openssl.key("l", leaf);
    let root = openssl.certificate("r", None, &[CA], &[]);
    let leaf = openssl.certificate("l", Some("r"), &[SERVER], more);
    Chain::good(name, &[&leaf], &[&root])
}

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
const P384: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-384";
const P521: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-521";
const P192: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-192";
const BRAINPOOL: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1";
const RSA1024: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:1024";
const RSA2048: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
const RSA4096: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:4096";
const RSA_PSS: &str = "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048";
const PSS: [&str; 4] = [
    "-sigopt",
    "rsa_padding_mode:pss",
    "-sigopt",
    "rsa_pss_saltlen:digest",
];

const LONGEST_SALT: [&str; 2] = ["-sigopt", "rsa_pss_saltlen:max"];

fn keys(openssl: &Openssl) -> Vec<Chain> {
    let pair_with = |name, root, leaf, more: &[&str]| pair(openssl, name, root, leaf, more);
    let pair = |name, root, leaf| pair_with(name, root, leaf, &[]);
    vec![
        pair("RSA 2048", RSA2048, RSA2048),
        pair("RSA 4096", RSA4096, RSA4096),
        pair("RSA 1024 leaf", RSA2048, RSA1024).refused(&[WeakKey], "RSA key of 1024 bits"),
        pair("RSA 1024 root", RSA1024, RSA2048)
            .refused(&[WeakKey], "CN=r has an RSA key of 1024 bits"),
        pair(
            "RSA 512 leaf",
            RSA2048,
            "-algorithm RSA -pkeyopt rsa_keygen_bits:512",
        )
        .refused(&[WeakKey], "every runtime rejects"),
        pair("P-256", P256, P256),
        pair("P-384", P384, P384),
        pair("P-521 leaf", P256, P521),
        pair("P-521 root", P521, P256).cannot("does not support this algorithm"),
        pair("P-192 leaf", P256, P192).refused(&[WeakKey], "EC key of 192 bits"),
        pair("brainpool root", BRAINPOOL, P256).cannot("ecdsa-with-SHA256"),
        pair("Ed25519", "-algorithm ED25519", "-algorithm ED25519"),
        pair("Ed448 leaf", P256, "-algorithm ED448"),
        pair("Ed448 root", "-algorithm ED448", P256).cannot("Ed448"),
        // What OpenSSL 3.0 takes unless told otherwise.
        pair_with("RSA-PSS key", RSA_PSS, RSA2048, &LONGEST_SALT).cannot("rsassaPss"),
    ]
}

fn signatures(openssl: &Openssl) -> Vec<Chain> {
    let rsa = |name, more: &[&str]| pair(openssl, name, RSA2048, RSA2048, more);
    let elliptic = |name, root, more: &[&str]| pair(openssl, name, root, P256, more);
    let weak_root = {
        openssl.key("r", RSA2048);
        openssl.key("l", P256);
        let root = openssl.certificate("r", None, &[CA], &["-sha1"]);
        let leaf = openssl.certificate("l", Some("r"), &[SERVER], &[]);
        Chain::good("SHA-1 on a trusted root", &[&leaf], &[&root])
    };
    let pss_key = {
        openssl.key("r", RSA_PSS);
        openssl.key("l", P256);
        let root = openssl.certificate("r", None, &[CA], &PSS[2..]);
        let leaf = openssl.certificate("l", Some("r"), &[SERVER], &PSS[2..]);
        Chain::good("RSA-PSS key, usual salt", &[&leaf], &[&root])
    };
    vec![
        rsa("SHA-1", &["-sha1"]).refused(&[WeakSignature], "over SHA-1"),
        rsa("SHA-384", &["-sha384"]),
        rsa("SHA-512", &["-sha512"]),
        rsa("SHA-224", &["-sha224"]).cannot("sha224WithRSAEncryption"),
        rsa("MD5", &["-md5"]).refused(&[WeakSignature, Unsupported], "anyone can forge"),
        rsa("PSS", &PSS),
        elliptic("ECDSA with SHA-1", P256, &["-sha1"])
            .refused(&[WeakSignature, Unsupported], "over SHA-1"),
        elliptic("P-256 with SHA-384", P256, &["-sha384"]),
        elliptic("P-256 with SHA-512", P256, &["-sha512"]).cannot("ecdsa-with-SHA512"),
        elliptic("P-384 with SHA-256", P384, &["-sha256"]),
        weak_root,
        pss_key,
    ]
}

fn versions(openssl: &Openssl) -> Vec<Chain> {
    for name in ["r", "i", "l"] {
        openssl.key(name, P256);
    }
    let leaf = |issuer, extensions: &[&str], more: &[&str]| {
        openssl.certificate("l", Some(issuer), extensions, more)
    };
    let old_root = openssl.version_1("r", None);
    let under_old_root = leaf("r", &[SERVER], &[]);

    let root = openssl.certificate("r", None, &[CA], &[]);
    let negative = leaf("r", &[SERVER], &["-set_serial", "-5"]);
    let policies = leaf("r", &[SERVER, "certificatePolicies=critical,1.2.3"], &[]);
    let old_leaf = openssl.version_1("l", Some("r"));
    let old_sub = openssl.version_1("i", Some("r"));
    let under_old_sub = leaf("i", &[SERVER], &[]);
    let unlabelled = openssl.certificate("i", Some("r"), &["keyUsage=keyCertSign"], &[]);
    let under_unlabelled = leaf("i", &[SERVER], &[]);

    openssl.write(
        "limit.cnf",
        "[req]\ndistinguished_name=dn\nx509_extensions=ext\n[dn]\n[limit]\nO=Example\n\
         [ext]\nbasicConstraints=critical,CA:TRUE\n\
         nameConstraints=critical,permitted;dirName:limit\n",
    );
    let limited = openssl.certificate("i", Some("r"), &[], &["-config", "limit.cnf"]);
    let under_limited = leaf("i", &[SERVER], &["-subj", "/O=Example/CN=api"]);

    openssl.write(
        "printable.cnf",
        "[req]\ndistinguished_name=dn\nstring_mask=nombstr\n[dn]\n",
    );
    openssl.certificate("r", None, &[CA], &["-config", "printable.cnf"]);
    let spelled = leaf("r", &[SERVER], &[]);
    vec![
        Chain::good("root of version 1", &[&under_old_root], &[&old_root]),
        Chain::good("negative serial", &[&negative], &[&root]),
        Chain::good("critical policies", &[&policies], &[&root]).cannot("2.5.29.32"),
        Chain::good("leaf of version 1", &[&old_leaf], &[&root])
            .refused(&[NameMismatch, Unsupported], "contains no names"),
        Chain::good(
            "intermediate of version 1",
            &[&under_old_sub, &old_sub],
            &[&root],
        )
        .refused(&[IssuerNotCa], "is not a CA"),
        Chain::good(
            "intermediate without basicConstraints",
            &[&under_unlabelled, &unlabelled],
            &[&root],
        )
        .refused(&[IssuerNotCa], "is not a CA"),
        Chain::good(
            "directory names limited",
            &[&under_limited, &limited],
            &[&root],
        )
        .cannot("of a type that spyhole does not support"),
        Chain::good("name in another encoding", &[&spelled], &[&root])
            .refused(&[UnknownIssuer], "encodes it differently"),
    ]
}
