//! Private keys: the public half is that of the certificate, whatever the form.

use super::{Made, faults};

/// What makes a key, and whether it is known of its kind that its half comes out.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
    ("pss", "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048"),
    ("p256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
    ("p384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
    ("p521", "-algorithm EC -pkeyopt ec_paramgen_curve:P-521"),
    ("k1", "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1"),
    ("ed", "-algorithm ED25519"),
];

/// Makes each key with a certificate of it.
pub(super) fn keys() -> Made {
    let made = Made::by("true");
    for (name, words) in KEYS {
        made.sh(&format!(
            "openssl genpkey {words} -out {name}.pem 2>/dev/null
             openssl req -x509 -new -key {name}.pem -subj /CN={name} -out {name}.crt"
        ));
    }
    made
}

#[test]
fn the_public_half_is_that_of_the_certificate() {
    let made = keys();
    for (name, _) in KEYS {
        made.sh(&format!(
            "openssl pkcs8 -topk8 -nocrypt -in {name}.pem -outform der -out {name}.p8
             cat {name}.crt {name}.pem >both.pem"
        ));
        let mut forms = vec![format!("{name}.pem"), format!("{name}.p8")];
        if !matches!(*name, "pss" | "ed") {
            made.sh(&format!(
                "openssl pkey -traditional -in {name}.pem -out {name}.old
                 openssl pkey -traditional -in {name}.pem -outform der -out {name}.der"
            ));
            forms.extend([format!("{name}.old"), format!("{name}.der")]);
        }
        let both = made.contents("both.pem", None);
        let public_key = both.certificates[0].public_key.as_ref().unwrap();
        let pin = &public_key.spki_pin_sha256;
        for form in forms {
            let found = made.contents(&form, None);
            assert!(found.faults.is_empty(), "{form}: {:?}", faults(&found));
            assert_eq!(found.private_keys.len(), 1, "{form}");
            let key = &found.private_keys[0];
            assert!(!key.encrypted, "{form}");
            let half = key.public_key.as_ref();
            let half = half.unwrap_or_else(|| panic!("{form}: no public half"));
            assert_eq!(&half.spki_pin_sha256, pin, "{form}");
            assert_eq!(half, public_key, "{form}");
        }
        assert_eq!(both.private_keys[0].public_key.as_ref(), Some(public_key));
    }
}

#[test]
fn an_elliptic_key_without_its_public_half_is_tried_on_the_certificates_beside_it() {
    let made = keys();
    for name in ["p256", "p384"] {
        made.sh(&format!(
            "openssl ec -in {name}.pem -no_public -out lone.pem 2>/dev/null
             cat ed.crt p256.crt p384.crt lone.pem >among.pem; cat ed.crt lone.pem >foreign.pem
             openssl pkcs8 -topk8 -nocrypt -in lone.pem -out wrapped.pem
             cat {name}.crt wrapped.pem >wrapped-beside.pem"
        ));
        let among = made.contents("among.pem", None);
        let own = among
            .certificates
            .iter()
            .find(|found| found.subject == format!("CN={name}"));
        let half = among.private_keys[0].public_key.as_ref();
        assert_eq!(half, own.and_then(|own| own.public_key.as_ref()));
        let foreign = made.contents("foreign.pem", None);
        assert_eq!(foreign.private_keys[0].public_key, None);
        let wrapped = made.contents("wrapped-beside.pem", None);
        assert!(wrapped.private_keys[0].public_key.is_some());
    }
}

#[test]
fn an_encrypted_key_opens_with_its_password_alone() {
    let made = keys();
    let schemes = [
        "-v2 aes-256-cbc",
        "-v2 aes-128-cbc -v2prf hmacWithSHA1",
        "-v2 aes-192-cbc -v2prf hmacWithSHA512",
        "-v2 des3",
        "-v1 PBE-SHA1-3DES",
        "-v1 PBE-SHA1-2DES",
        "-scrypt",
    ];
    for scheme in schemes {
        made.sh(&format!(
            "openssl pkcs8 -topk8 {scheme} -in p256.pem -passout pass:pw -out locked.pem
             openssl pkcs8 -topk8 {scheme} -in p256.pem -passout pass:pw -outform der -out locked.der
             cat p256.crt locked.pem >both.pem"
        ));
        for form in ["both.pem", "locked.der"] {
            let told = format!("{form} {scheme}");
            let closed = made.contents(form, None);
            assert!(closed.private_keys[0].encrypted, "{told}");
            assert_eq!(closed.private_keys[0].public_key, None, "{told}");
            assert!(!closed.password_failed && !closed.needs_password, "{told}");
            let wrong = made.contents(form, Some("wrong"));
            assert!(wrong.password_failed, "{told}");
            assert_eq!(wrong.private_keys, closed.private_keys, "{told}");
            assert_eq!(wrong.certificates.len(), closed.certificates.len());
            let open = made.contents(form, Some("pw"));
            assert!(open.faults.is_empty(), "{told}: {:?}", faults(&open));
            assert!(
                open.private_keys[0].encrypted && !open.password_failed,
                "{told}"
            );
            assert!(open.private_keys[0].public_key.is_some(), "{told}");
        }
    }
    made.sh(
        "openssl rsa -aes256 -passout pass:pw -in rsa.pem -traditional -out old.pem 2>/dev/null
             ssh-keygen -q -t ed25519 -N '' -f open; ssh-keygen -q -t ed25519 -N pw1234 -f shut",
    );
    for (form, encrypted) in [("old.pem", true), ("open", false), ("shut", true)] {
        let found = made.contents(form, None);
        assert_eq!(found.private_keys[0].encrypted, encrypted, "{form}");
        assert_eq!(found.private_keys[0].public_key, None, "{form}");
        assert!(found.faults.is_empty(), "{form}: {:?}", faults(&found));
    }
}
