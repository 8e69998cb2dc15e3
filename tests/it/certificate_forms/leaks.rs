//! Private keys: nothing of one is told, be it whole or damaged.

use std::collections::BTreeSet;

use data_encoding::{BASE64, HEXLOWER, HEXUPPER};
use spyhole::api::pki::contents;

use super::keys::{KEYS, keys};
use super::{Made, faults};

#[test]
fn nothing_of_a_key_is_in_what_is_found() {
    let made = keys();
    made.sh(
        "cat *.pem >all; openssl pkcs12 -export -in p256.crt -inkey p256.pem -out all.p12 \
             -passout pass:pw",
    );
    let secrets: Vec<Vec<u8>> = KEYS
        .iter()
        .flat_map(|(name, _)| secrets(&made, name))
        .collect();
    for (form, password) in [("all", None), ("all.p12", Some("pw")), ("all.p12", None)] {
        let told = format!("{:?}", made.contents(form, password));
        assert_tells_nothing(&told, &secrets, form);
    }
}

#[test]
fn nothing_of_a_key_is_in_what_is_said_of_a_damaged_one() {
    let made = keys();
    let mut said = BTreeSet::new();
    for (name, _) in KEYS {
        let secrets = secrets(&made, name);
        made.sh(&format!(
            "openssl pkcs8 -topk8 -nocrypt -in {name}.pem -outform der -out {name}.p8
             # Not every kind has an older form.
             openssl pkey -traditional -in {name}.pem -out {name}.old 2>/dev/null ||
                 cp {name}.pem {name}.old"
        ));
        for (file, damage) in damaged(&made, name) {
            made.write("damaged", &file);
            for password in [None, Some("pw")] {
                let bytes = made.bytes("damaged");
                let Some(found) = contents(&bytes, password) else {
                    continue;
                };
                said.extend(faults(&found));
                let told = format!("{found:?}");
                assert_tells_nothing(&told, &secrets, &format!("{name}: {damage}"));
            }
        }
    }
    // Or nothing was damaged, and nothing could have been told.
    assert!(said.len() >= 4, "{said:?}");
}

#[test]
fn a_leak_would_be_seen_however_it_is_written() {
    let secret: Vec<u8> = (0_u8..32).map(|n| n.wrapping_mul(97) ^ 0x5a).collect();
    let middle = &secret[5..21];
    for leak in [
        HEXLOWER.encode(middle),
        HEXUPPER.encode(middle),
        HEXLOWER
            .encode(middle)
            .as_bytes()
            .chunks(2)
            .map(|two| String::from_utf8_lossy(two).into_owned())
            .collect::<Vec<_>>()
            .join(":"),
        format!("{middle:?}"),
        BASE64.encode(middle),
        BASE64.encode(&secret[6..22]),
        BASE64.encode(&secret[7..23]),
        middle.escape_ascii().to_string(),
    ] {
        let told = format!("a private key that is malformed: {leak} in line 7");
        assert!(leaked(&told, &secret).is_some(), "{told}");
    }
    assert_eq!(leaked("a private key that is malformed", &secret), None);
}

fn assert_tells_nothing(told: &str, secrets: &[Vec<u8>], what: &str) {
    for secret in secrets {
        if let Some(leak) = leaked(told, secret) {
            panic!("{what}: {leak:?} of a private key is in {told}");
        }
    }
}

/// So many bytes in a row are no accident.
const TELLING: usize = 6;

/// The first piece of a secret that a text shows: in hexadecimal, decimal, base64 or as it is.
fn leaked(told: &str, secret: &[u8]) -> Option<String> {
    let hexadecimal: String = told.chars().filter(|c| *c != ':').collect();
    let hexadecimal = hexadecimal.to_ascii_lowercase();
    secret.windows(TELLING).find_map(|piece| {
        let decimal = format!("{piece:?}");
        let digits = HEXLOWER.encode(piece);
        if hexadecimal.contains(&digits) {
            return Some(digits);
        }
        [
            decimal.trim_matches(['[', ']']).to_owned(),
            BASE64.encode(piece),
            piece.escape_ascii().to_string(),
        ]
        .into_iter()
        .find(|form| told.contains(form))
    })
}

/// The numbers of a key that are nobody else's, as openssl names them.
fn secrets(made: &Made, name: &str) -> Vec<Vec<u8>> {
    let text = made.sh(&format!("openssl pkey -in {name}.pem -noout -text"));
    let mut secrets = Vec::new();
    let mut secret: Option<String> = None;
    for line in text.lines() {
        if let Some(digits) = line.strip_prefix("    ") {
            if let Some(secret) = &mut secret {
                secret.push_str(&digits.replace(':', ""));
            }
            continue;
        }
        secrets.extend(secret.take());
        let title = line.split(':').next().unwrap_or_default();
        secret = [
            "priv",
            "privateExponent",
            "prime1",
            "prime2",
            "exponent1",
            "exponent2",
            "coefficient",
        ]
        .contains(&title)
        .then(String::new);
    }
    secrets.extend(secret);
    assert!(!secrets.is_empty(), "{name}: {text}");
    let bytes = |digits: String| HEXLOWER.decode(digits.as_bytes()).unwrap();
    let secrets: Vec<_> = secrets.into_iter().map(bytes).collect();
    assert!(
        secrets.iter().all(|secret| secret.len() >= 32),
        "{secrets:?}"
    );
    secrets
}

/// A key with one thing wrong each, and what that is.
fn damaged(made: &Made, name: &str) -> Vec<(Vec<u8>, String)> {
    let der = made.bytes(&format!("{name}.p8"));
    let mut files = Vec::new();
    for part in [1, 2, 3] {
        let at = der.len() * part / 4;
        files.push((der[..at].to_vec(), format!("DER up to {at}")));
        files.push((
            pem("PRIVATE KEY", &der[..at]),
            format!("PEM of DER up to {at}"),
        ));
    }
    for at in 0..der.len().min(40) {
        let mut changed = der.clone();
        changed[at] ^= 0x15;
        files.push((
            pem("PRIVATE KEY", &changed),
            format!("PEM, byte {at} another"),
        ));
        files.push((changed, format!("DER, byte {at} another")));
    }
    for label in [
        "EC PRIVATE KEY",
        "RSA PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "CERTIFICATE",
        "PUBLIC KEY",
        "PKCS7",
    ] {
        files.push((pem(label, &der), format!("as {label}")));
    }
    for file in ["pem", "old"] {
        let text = String::from_utf8(made.bytes(&format!("{name}.{file}"))).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let middle = lines.len() / 2;
        let joined = |lines: &[&str]| lines.join("\n").into_bytes();
        let with = |line: &str| {
            let mut changed = lines.clone();
            changed[middle] = line;
            joined(&changed)
        };
        let own = lines[middle];
        let what = |damage: &str| format!("{file}: {damage}");
        files.push((joined(&lines[..lines.len() - 1]), what("no end")));
        files.push((joined(&lines[..middle]), what("torn")));
        files.push((
            joined(&[&lines[..middle], &lines[middle + 1..]].concat()),
            what("a line lost"),
        ));
        for (line, damage) in [
            (format!("{own}*"), "no base64 at the end of a line"),
            (format!("*{own}"), "no base64 at the start of a line"),
            (own[..own.len() - 1].to_owned(), "a character lost"),
            (format!("{own}="), "padding inside"),
            (format!("Proc-Type: 4,ENCRYPTED\n{own}"), "a header inside"),
            (
                format!("{own}\n-----BEGIN CERTIFICATE-----"),
                "another beginning inside",
            ),
            (format!("{own}\n-----END CERTIFICATE-----"), "another end"),
            (format!("{own} \u{fc}"), "no ASCII"),
        ] {
            files.push((with(&line), what(damage)));
        }
    }
    files
}

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    let base64 = BASE64.encode(der);
    let lines: Vec<_> = base64
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    let body = lines.join("\n");
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n").into_bytes()
}
