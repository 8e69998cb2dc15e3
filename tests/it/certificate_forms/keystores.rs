//! Keystores of the kinds that are met, as `generate_keystores.py` made them: each is called what
//! it is, and opens with its password.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use spyhole::api::pki::{FileForm, contents};

use super::{faults, subjects};

/// What a keystore is to those who have its password.
enum Opens {
    /// With the password that the script gave it; without one it says that it needs one.
    With(&'static str),
    /// Without a password.
    Unlocked(FileForm),
    /// The certificate is in clear, and the key is not.
    Half,
    /// Never, for this reason.
    Not(&'static str),
}

use Opens::{Half, Not, Unlocked, With};

const OURS: Opens = With("changeit");

#[rustfmt::skip]
const KEYSTORES: &[(&str, Opens)] = &[
    ("2des-and-rc2-128", OURS),
    ("3des", OURS),
    ("aes-128-cbc", OURS),
    ("aes-192-cbc", OURS),
    ("aes-256-cbc", OURS),
    ("aes-256-gcm", Not("AES-256-GCM and PBKDF2")),
    ("aria-128-cbc", Not("ARIA-128-CBC and PBKDF2")),
    ("aria-192-cbc", Not("ARIA-192-CBC and PBKDF2")),
    ("aria-256-cbc", Not("ARIA-256-CBC and PBKDF2")),
    ("camellia-128-cbc", Not("Camellia-128-CBC and PBKDF2")),
    ("camellia-192-cbc", Not("Camellia-192-CBC and PBKDF2")),
    ("camellia-256-cbc", Not("Camellia-256-CBC and PBKDF2")),
    ("cipher-without-name", Not("1.3.6.1.4.1.55555.7 and PBKDF2")),
    ("clear", Unlocked(FileForm::Pkcs12)),
    ("clear-certificate", Half),
    ("des-ede3-cbc", OURS),
    ("empty-password", Unlocked(FileForm::Pkcs12)),
    ("java-jceks", Unlocked(FileForm::Jks)),
    ("java-jks", Unlocked(FileForm::Jks)),
    ("java-pkcs12", OURS),
    ("java-pkcs12-legacy", OURS),
    ("java-pkcs12-without-password", Unlocked(FileForm::Pkcs12)),
    ("key-length", OURS),
    ("mac-sha1", OURS),
    ("mac-sha3-256", OURS),
    ("mac-sha384", OURS),
    ("mac-sha512", OURS),
    ("no-mac", Half),
    ("one-round", OURS),
    ("openssl-1.1", OURS),
    ("openssl-3", OURS),
    ("other-password", With("pässword")),
    ("pbe-md5-des", Not("PBES1 (MD5, DES)")),
    ("pbe-md5-rc2-64", Not("PBES1 (MD5, RC2)")),
    ("pbe-sha1-des", Not("PBES1 (SHA-1, DES)")),
    ("pbe-sha1-rc2-64", Not("PBES1 (SHA-1, RC2)")),
    ("pbe-sha1-rc4-128", Not("RC4-128 (PKCS#12)")),
    ("pbe-sha1-rc4-40", Not("RC4-40 (PKCS#12)")),
    ("pbmac1", OURS),
    ("prf-sha1", OURS),
    ("prf-sha224", OURS),
    ("prf-sha256", OURS),
    ("prf-sha384", OURS),
    ("prf-sha512", OURS),
    ("rc2-cbc", Not("RC2-CBC and PBKDF2")),
    ("salt-0", OURS),
    ("salt-1", OURS),
    ("salt-300", Not("AES-256-CBC and PBKDF2 with a salt of 300 bytes")),
    ("salt-32", OURS),
    ("salt-33", Not("AES-256-CBC and PBKDF2 with a salt of 33 bytes")),
    ("salt-64", Not("AES-256-CBC and PBKDF2 with a salt of 64 bytes")),
    ("salt-8", OURS),
    ("salt-of-other-source", Not("AES-256-CBC and PBKDF2")),
    ("scrypt", OURS),
    ("seed-cbc", Not("SEED-CBC and PBKDF2")),
    ("sm4-cbc", Not("SM4-CBC and PBKDF2")),
];

/// Those that are told in words of their own.
const OTHERS: &[(&str, Option<&str>)] = &[
    ("bcfks", None),
    ("java-jceks-key", Some("")),
    (
        "java-jceks-secret",
        Some("a secret key in the keystore: entries after it are not read"),
    ),
    ("java-jks-key", Some("")),
    ("java-pkcs12-key", Some("")),
    (
        "for-a-key",
        Some("PKCS#12 that is encrypted for a key (1.2.840.113549.1.7.3)"),
    ),
    (
        "rounds-beyond-all",
        Some(
            "PKCS#12 whose password check needs 2000000000 rounds, more than the limit for one \
             file",
        ),
    ),
    (
        "scrypt-of-much-memory",
        Some(
            "PKCS#12 whose password check needs 67108864 rounds, more than the limit for one file",
        ),
    ),
];

fn stores() -> BTreeMap<String, Vec<u8>> {
    let text = include_str!("../../fixtures/keystores.json");
    let stores: BTreeMap<String, String> = serde_json::from_str(text).unwrap();
    let decoded = |(name, text): (String, String)| (name, BASE64.decode(text.as_bytes()).unwrap());
    stores.into_iter().map(decoded).collect()
}

#[test]
fn a_keystore_is_called_what_it_is_and_opens_with_its_password() {
    let stores = stores();
    assert_eq!(stores.len(), KEYSTORES.len() + OTHERS.len());
    let mut wrong = Vec::new();
    for (name, opens) in KEYSTORES {
        let read = |password| contents(&stores[*name], password).unwrap();
        let shown = |password| {
            let found = read(password);
            (subjects(&found).len(), faults(&found), found.needs_password)
        };
        let (form, password, closed) = match opens {
            With(password) => (FileForm::Pkcs12, Some(*password), (0, Vec::new(), true)),
            Unlocked(form) => (*form, None, (1, Vec::new(), false)),
            Half => (FileForm::Pkcs12, None, (1, Vec::new(), false)),
            Not(scheme) => {
                let says =
                    format!("PKCS#12 encrypted with {scheme}, which spyhole does not decrypt");
                let mut told = faults(&read(Some("changeit")));
                told.retain(|fault| !fault.starts_with("a private key encrypted with"));
                if told != [says] || read(None).form != FileForm::Pkcs12 {
                    wrong.push(format!("{name}: {told:?}"));
                }
                continue;
            }
        };
        if (shown(None), read(None).form) != (closed.clone(), form) {
            wrong.push(format!("{name} without password: {:?}", shown(None)));
        }
        if shown(password) != (1, Vec::new(), false) {
            wrong.push(format!("{name} with {password:?}: {:?}", shown(password)));
        }
        if closed.2 && shown(Some("wrong")) != closed {
            wrong.push(format!(
                "{name}, wrong password: {:?}",
                shown(Some("wrong"))
            ));
        }
    }
    for (name, says) in OTHERS {
        let found = contents(&stores[*name], Some("changeit"));
        let told = found.map(|found| faults(&found).join("; "));
        if told.as_deref() != *says {
            wrong.push(format!("{name}: {told:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_key_of_java_belongs_to_its_certificate() {
    let stores = stores();
    for name in ["java-pkcs12-key", "java-jks-key", "java-jceks-key"] {
        let keys = contents(&stores[name], Some("changeit")).unwrap();
        assert_eq!(subjects(&keys), ["CN=own"], "{name}");
        assert!(keys.private_keys[0].encrypted, "{name}");
        let own = keys.certificates[0].public_key.as_ref();
        // Only that of PKCS#12 is opened.
        let own = own.filter(|_| keys.form == FileForm::Pkcs12);
        assert_eq!(keys.private_keys[0].public_key.as_ref(), own, "{name}");
    }
}
