//! PEM and DER as they are found: what openssl reads is read, what it does not is a fault.

use data_encoding::BASE64;
use spyhole::api::pki::FileForm;

use super::{Made, faults, subjects};

/// A certificate in PEM and its key.
fn made() -> Made {
    Made::by(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem \
           -out crt.pem -subj /CN=one -days 10 2>/dev/null
         openssl x509 -in crt.pem -outform der -out crt.der
         openssl x509 -in crt.pem -trustout -addtrust serverAuth -out trusted.pem
         openssl req -new -key key.pem -subj /CN=r -out csr.pem
         openssl ecparam -name prime256v1 -out parameters.pem
         openssl pkey -in key.pem -pubout -out public.pem",
    )
}

fn block(label: &str, der: &[u8], width: usize) -> String {
    let text = BASE64.encode(der).into_bytes();
    let lines = text.chunks(width).map(|line| String::from_utf8_lossy(line));
    let lines: Vec<_> = lines.collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

#[test]
fn one_certificate_in_every_guise_is_read_as_openssl_reads_it() {
    let made = made();
    let der = made.bytes("crt.der");
    let pem = String::from_utf8(made.bytes("crt.pem")).unwrap();
    let (begin, rest) = pem.split_once('\n').unwrap();
    let guises = [
        ("plain", pem.clone()),
        ("crlf", pem.replace('\n', "\r\n")),
        ("returns", pem.replace('\n', "\r")),
        ("text around", format!("Subject: x\n\n{pem}\nand more\n")),
        ("no newline at the end", pem.trim_end().to_owned()),
        ("blanks at line ends", pem.replace('\n', " \t\n")),
        (
            "blanks before each line",
            format!("  {}", pem.replace('\n', "\n  ")),
        ),
        ("a tab before BEGIN", format!("\t{pem}")),
        ("byte order mark", format!("\u{feff}{pem}")),
        ("byte order mark on line 2", format!("x\n\u{feff}{pem}")),
        ("lines of 76", block("CERTIFICATE", &der, 76)),
        ("an empty line within", pem.replacen("\nMI", "\n\nMI", 1)),
        (
            "X509 CERTIFICATE",
            pem.replace("CERTIFICATE", "X509 CERTIFICATE"),
        ),
        ("a header", format!("{begin}\nComment: a\n\n{rest}")),
        (
            "trusted",
            String::from_utf8(made.bytes("trusted.pem")).unwrap(),
        ),
        (
            "another END",
            pem.replace("END CERTIFICATE", "END X509 CRL"),
        ),
        ("no END", pem.split("-----END").next().unwrap().to_owned()),
        (
            "no dashes behind BEGIN",
            pem.replacen("CERTIFICATE-----", "CERTIFICATE", 1),
        ),
        ("all in one line", pem.replace('\n', "")),
        ("not base64", pem.replacen("MI", "M*", 1)),
        ("a character short", pem.replacen("MI", "M", 1)),
        ("empty", format!("{begin}\n-----END CERTIFICATE-----\n")),
        (
            "a key in it",
            block("CERTIFICATE", &made.bytes("crt.der")[4..], 64),
        ),
        (
            "cut within",
            block("CERTIFICATE", &der[..der.len() - 9], 64),
        ),
        (
            "bytes behind it",
            block("CERTIFICATE", &[&der[..], b"extra"].concat(), 64),
        ),
    ];
    let mut differs = Vec::new();
    for (name, text) in guises {
        made.write("guise.pem", &text);
        let answer = made.sh("openssl x509 -in guise.pem -noout -subject 2>&1 || true");
        let theirs = answer.starts_with("subject=");
        let found = made.contents("guise.pem", None);
        let ours = subjects(&found) == ["CN=one"] && found.faults.is_empty();
        if found.certificates.is_empty() {
            assert_eq!(found.faults.len(), 1, "{name}: {:?}", faults(&found));
        }
        if ours != theirs {
            differs.push(name);
        }
        if name == "bytes behind it" {
            assert_eq!(found.certificates[0].fault_words(), ["5 trailing bytes"]);
            assert_eq!(found.certificates[0].der(), der);
        } else {
            assert!(
                found
                    .certificates
                    .iter()
                    .all(|found| found.fault_words().is_empty()),
                "{name}"
            );
        }
    }
    // Go does not look past a byte order mark.
    assert_eq!(differs, ["byte order mark"]);
}

#[test]
fn a_block_that_is_malformed_hides_no_other() {
    let made = made();
    let read = |name: &str| String::from_utf8(made.bytes(name)).unwrap();
    let pem = read("crt.pem");
    let cut = pem.split("-----END").next().unwrap();
    let bad = [
        cut.to_owned(),
        pem.replacen("MI", "M*", 1),
        block("CERTIFICATE", b"no certificate", 64),
        pem.replacen("CERTIFICATE-----", "CERTIFICATE", 1),
        "-----END CERTIFICATE-----\n".to_owned(),
        block("PRIVATE KEY", b"no key", 64),
        block("PKCS7", b"no bag", 64),
        block("X509 CRL", b"no list", 64),
    ];
    let mut file = String::new();
    let mut lines = Vec::new();
    for bad in &bad {
        file.push_str(&pem);
        file.push_str("some text: with a colon\n");
        lines.push(Some(file.lines().count() as u64 + 1));
        file.push_str(bad);
    }
    for passed_over in ["csr.pem", "parameters.pem", "public.pem"] {
        file.push_str(&read(passed_over));
    }
    file.push_str(&pem);
    file.push_str(&read("key.pem"));
    made.write("file", &file);
    let found = made.contents("file", None);
    assert_eq!(found.form, FileForm::Pem);
    assert_eq!(found.certificates.len(), bad.len() + 1);
    assert_eq!(found.private_keys.len(), 1);
    let told: Vec<_> = found.faults.iter().map(|fault| fault.line).collect();
    assert_eq!(told, lines, "{:?}", faults(&found));
}

#[test]
fn der_of_certificates_is_read_one_after_the_other() {
    let made = made();
    let der = made.bytes("crt.der");
    made.write("two.der", [&der[..], &der].concat());
    made.write("tail.der", [&der[..], b"tail"].concat());
    made.write("cut.der", &der[..100]);
    assert_eq!(made.contents("crt.der", None).form, FileForm::Der);
    assert_eq!(made.contents("two.der", None).certificates.len(), 2);
    let tail = made.contents("tail.der", None);
    assert_eq!(subjects(&tail), ["CN=one"]);
    assert_eq!(
        faults(&tail),
        ["4 trailing bytes that are not a certificate"]
    );
    let cut = made.contents("cut.der", None);
    assert_eq!(
        faults(&cut),
        [format!("it is truncated: 100 of {} bytes", der.len())]
    );
}

#[test]
fn what_was_encoded_once_too_often_is_told() {
    let made = made();
    let pem = made.bytes("crt.pem");
    made.write("twice", BASE64.encode(&pem));
    let wide: Vec<u8> = pem.iter().flat_map(|byte| [*byte, 0]).collect();
    made.write("wide", [&[0xff, 0xfe][..], &wide].concat());
    assert_eq!(
        faults(&made.contents("twice", None)),
        ["it is base64-encoded PEM, encoded once too often"]
    );
    assert_eq!(
        faults(&made.contents("wide", None)),
        ["it is encoded in UTF-16, which is not valid PEM"]
    );
}

#[test]
fn a_file_of_something_else_is_none() {
    let made = made();
    made.sh("openssl req -in csr.pem -outform der -out csr.der
             openssl pkey -in key.pem -pubout -outform der -out public.der
             openssl ecparam -in parameters.pem -outform der -out parameters.der");
    for name in [
        "csr.pem",
        "csr.der",
        "public.pem",
        "public.der",
        "parameters.der",
    ] {
        let found = spyhole::api::pki::contents(&made.bytes(name), None);
        assert_eq!(found, None, "{name}");
    }
}
