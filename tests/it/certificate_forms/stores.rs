//! PKCS#7, PKCS#12 and Java's keystores as openssl and keytool write them.

use spyhole::api::pki::FileForm;

use super::{Made, faults, subjects};

/// A leaf with its key, and the authority that issued it.
fn chain() -> Made {
    Made::by(
        "printf '[req]\\ndistinguished_name=d\\n[d]\\n' >c.cnf
         openssl req -x509 -config c.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
           -keyout ca.key -out ca.pem -subj /CN=ca -days 10 2>/dev/null
         openssl req -new -config c.cnf -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr \
           -subj /CN=leaf 2>/dev/null
         openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 5 \
           -out leaf.pem 2>/dev/null
         cat leaf.pem ca.pem >chain.pem",
    )
}

#[test]
fn pkcs7_shows_the_certificates_that_openssl_put_in() {
    let made = chain();
    made.sh("openssl crl2pkcs7 -nocrl -certfile chain.pem -out c.p7b
             openssl crl2pkcs7 -nocrl -certfile chain.pem -outform der -out c.p7
             sed s/PKCS7/CMS/ c.p7b >cms.pem
             openssl cms -sign -signer leaf.pem -inkey leaf.key -certfile ca.pem -in c.cnf \
               -stream -outform der -out ber.p7
             openssl cms -encrypt -in c.cnf -outform der -out closed.p7 leaf.pem
             cat c.p7b ca.pem >mixed.pem");
    for (name, form) in [
        ("c.p7b", FileForm::Pem),
        ("c.p7", FileForm::Pkcs7),
        ("cms.pem", FileForm::Pem),
        // Written as a stream: lengths are told at the end.
        ("ber.p7", FileForm::Pkcs7),
    ] {
        let found = made.contents(name, None);
        assert_eq!(found.form, form, "{name}");
        let mut names = subjects(&found);
        names.sort_unstable();
        assert_eq!(names, ["CN=ca", "CN=leaf"], "{name}");
        assert!(found.faults.is_empty(), "{name}: {:?}", faults(&found));
    }
    assert_eq!(made.contents("mixed.pem", None).certificates.len(), 3);
    let closed = made.contents("closed.p7", None);
    assert_eq!(
        faults(&closed),
        ["PKCS#7 without certificates in clear (1.2.840.113549.1.7.3)"]
    );
}

#[test]
fn pkcs12_of_every_scheme_opens_with_its_password() {
    let made = chain();
    for scheme in [
        "",
        "-legacy",
        "-legacy -descert",
        "-legacy -keypbe PBE-SHA1-RC2-128 -certpbe PBE-SHA1-2DES",
        "-keypbe AES-128-CBC -certpbe AES-192-CBC -macalg sha1",
        "-macalg sha384 -iter 1",
        "-macalg sha512 -maciter -iter 10000",
        "-nomac -certpbe AES-256-CBC",
    ] {
        made.sh(&format!(
            "openssl pkcs12 -export {scheme} -in chain.pem -inkey leaf.key -name 'Zoë' \
             -passout pass:pässword -out s.p12"
        ));
        let open = made.contents("s.p12", Some("pässword"));
        assert_eq!(open.form, FileForm::Pkcs12);
        assert_eq!(subjects(&open), ["CN=leaf", "CN=ca"], "{scheme}");
        assert!(open.faults.is_empty(), "{scheme}: {:?}", faults(&open));
        assert!(!open.needs_password && !open.password_failed, "{scheme}");
        let key = open.private_keys[0].public_key.as_ref();
        assert_eq!(key, open.certificates[0].public_key.as_ref(), "{scheme}");
        for password in [None, Some("wrong"), Some("")] {
            let closed = made.contents("s.p12", password);
            assert!(closed.needs_password, "{scheme}");
            assert_eq!(closed.password_failed, password.is_some(), "{scheme}");
            assert!(closed.certificates.is_empty(), "{scheme}");
            assert!(closed.faults.is_empty(), "{scheme}: {:?}", faults(&closed));
        }
    }
}

#[test]
fn what_pkcs12_holds_in_clear_is_shown_without_the_password() {
    let made = chain();
    made.sh(
        "openssl pkcs12 -export -certpbe NONE -in chain.pem -inkey leaf.key \
               -passout pass:pw -out half.p12
             openssl pkcs12 -export -certpbe NONE -keypbe NONE -in chain.pem -inkey leaf.key \
               -passout pass:pw -out clear.p12
             openssl pkcs12 -export -in chain.pem -inkey leaf.key -passout pass: -out empty.p12",
    );
    let half = made.contents("half.p12", None);
    assert_eq!(subjects(&half), ["CN=leaf", "CN=ca"]);
    assert!(half.private_keys[0].encrypted && half.private_keys[0].public_key.is_none());
    assert!(!half.needs_password);
    for name in ["clear.p12", "empty.p12"] {
        let found = made.contents(name, None);
        assert_eq!(subjects(&found), ["CN=leaf", "CN=ca"], "{name}");
        let key = found.private_keys[0].public_key.as_ref();
        assert_eq!(key, found.certificates[0].public_key.as_ref(), "{name}");
        assert_eq!(found.private_keys[0].encrypted, name == "empty.p12");
    }
}

#[test]
fn a_cipher_that_is_not_decrypted_is_named() {
    let made = chain();
    for (cipher, name) in [
        ("CAMELLIA-256-CBC", "Camellia-256-CBC"),
        ("CAMELLIA-128-CBC", "Camellia-128-CBC"),
        ("ARIA-256-CBC", "ARIA-256-CBC"),
        ("SEED-CBC -provider legacy -provider default", "SEED-CBC"),
    ] {
        let scheme = cipher.split(' ').next().unwrap();
        let provider = cipher.strip_prefix(scheme).unwrap();
        made.sh(&format!(
            "openssl pkcs12 -export -keypbe {scheme} -certpbe {scheme} {provider} -in chain.pem \
               -inkey leaf.key -passout pass:pw -out s.p12
             openssl pkcs8 -topk8 -v2 {scheme} {provider} -in leaf.key -passout pass:pw -out s.key"
        ));
        for file in ["s.p12", "s.key"] {
            let closed = made.contents(file, Some("pw"));
            let wanted =
                format!("encrypted with {name} and PBKDF2, which spyhole does not decrypt");
            let told = faults(&closed);
            assert!(
                told.iter().any(|fault| fault.ends_with(&wanted)),
                "{file}: {told:?}"
            );
        }
    }
}
