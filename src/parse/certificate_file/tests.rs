use data_encoding::BASE64;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Contents, FaultKind, FileForm, contents};
use crate::parse::mutate;

fn certificate() -> Vec<u8> {
    let key = rcgen::KeyPair::generate().unwrap();
    let parameters = rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap();
    parameters.self_signed(&key).unwrap().der().to_vec()
}

fn block(label: &str, der: &[u8]) -> String {
    let text = BASE64.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

fn read(bytes: impl AsRef<[u8]>) -> Option<Contents> {
    contents(bytes.as_ref(), None)
}

/// A keystore with one trusted certificate and one key, as Java lays it out.
fn keystore(version: u32, certificate: &[u8]) -> Vec<u8> {
    let text = |text: &str| {
        [
            &u16::try_from(text.len()).unwrap().to_be_bytes(),
            text.as_bytes(),
        ]
        .concat()
    };
    let sized = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let kind = if version == 2 {
        text("X.509")
    } else {
        Vec::new()
    };
    [
        &[0xfe, 0xed, 0xfe, 0xed][..],
        &version.to_be_bytes(),
        &2_u32.to_be_bytes(),
        &2_u32.to_be_bytes(),
        &text("trusted"),
        &[0; 8],
        &kind,
        &sized(certificate),
        &1_u32.to_be_bytes(),
        &text("own"),
        &[0; 8],
        &sized(b"locked"),
        &1_u32.to_be_bytes(),
        &kind,
        &sized(certificate),
        &[0; 20],
    ]
    .concat()
}

#[test]
fn both_versions_of_a_keystore_show_their_certificates() {
    let der = certificate();
    for version in [1, 2] {
        let found = read(keystore(version, &der)).unwrap();
        assert_eq!(found.form, FileForm::Jks);
        assert_eq!(found.certificates.len(), 2);
        assert!(found.private_keys[0].encrypted && !found.needs_password);
        assert!(found.faults.is_empty(), "{:?}", found.faults);
    }
    assert!(!read(keystore(3, &der)).unwrap().faults.is_empty());
}

#[test]
fn of_many_faults_the_first_hundred_are_told_and_the_others_counted() {
    let found = read("-----BEGIN CERTIFICATE-----\n".repeat(1000)).unwrap();
    assert_eq!(found.faults.len(), 101);
    assert_eq!(found.faults[99].line, Some(100));
    assert_eq!(found.faults[100].kind, FaultKind::More(900));
}

#[test]
fn a_thousand_certificates_are_all_there() {
    let pem = block("CERTIFICATE", &certificate());
    let found = read(pem.repeat(1000)).unwrap();
    assert_eq!(found.certificates.len(), 1000);
    assert!(found.faults.is_empty());
}

#[test]
fn damaged_files_end_in_faults_and_never_in_a_panic() {
    let der = certificate();
    let pem = block("CERTIFICATE", &der);
    mutate::survives(pem.as_bytes(), |bytes| drop(read(bytes)));
    mutate::survives(&der, |bytes| drop(read(bytes)));
    mutate::survives(&keystore(2, &der), |bytes| drop(read(bytes)));
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_their_end(bytes in vec(any::<u8>(), 0..2000)) {
        drop(read(&bytes));
    }

    #[test]
    fn any_bytes_in_a_block_are_read_to_their_end(
        bytes in vec(any::<u8>(), 0..500),
        label in prop::sample::select(vec![
            "CERTIFICATE", "TRUSTED CERTIFICATE", "PKCS7", "PRIVATE KEY", "RSA PRIVATE KEY",
            "EC PRIVATE KEY", "DSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY",
        ]),
    ) {
        let found = read(block(label, &bytes)).unwrap();
        let is_told = !found.faults.is_empty() || !found.private_keys.is_empty();
        prop_assert!(is_told || label == "CERTIFICATE" || label == "PKCS7");
    }

    #[test]
    fn bytes_written_over_a_certificate_are_read_to_their_end(
        at in 0_usize..300,
        bytes in vec(any::<u8>(), 1..40),
    ) {
        let mut der = certificate();
        for (old, new) in der.iter_mut().skip(at).zip(&bytes) {
            *old = *new;
        }
        drop(read(&der));
        drop(read(block("CERTIFICATE", &der)));
    }

    #[test]
    fn text_around_the_blocks_hides_none(before in "[ -,.-~\\n]{0,80}", after in "[ -,.-~\\n]{0,80}") {
        let pem = block("CERTIFICATE", &certificate());
        let found = read(format!("{before}\n{pem}{after}\n{pem}")).unwrap();
        prop_assert_eq!(found.certificates.len(), 2);
    }
}
