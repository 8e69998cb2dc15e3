//! Certificate revocation lists as openssl writes them.

use std::time::Duration;

use spyhole::api::pki::FileForm;

use super::{Made, faults, subjects};

#[test]
fn a_revocation_list_is_read_as_openssl_reads_it() {
    let made = Made::by(
        "printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\ndefault_md=sha256\\ncrlnumber=number\\n\
[req]\\ndistinguished_name=e\\n[e]\\n' >c.cnf
         printf 'R\\t300101000000Z\\t240101000000Z\\t0%d\\tunknown\\t/CN=gone\\n' 1 2 3 >index
         echo 01 >number
         openssl req -x509 -config c.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
           -keyout ca.key -out ca.pem -subj /O=Example/CN=ca -days 90 2>/dev/null
         openssl ca -config c.cnf -gencrl -keyfile ca.key -cert ca.pem -crldays 20 -out list.pem \
           2>/dev/null
         openssl crl -in list.pem -outform der -out list.der
         cat ca.pem list.pem >both.pem",
    );
    for (name, form) in [("list.pem", FileForm::Pem), ("list.der", FileForm::Der)] {
        let found = made.contents(name, None);
        assert_eq!(found.form, form);
        assert!(found.certificates.is_empty(), "{found:?}");
        assert!(found.faults.is_empty(), "{:?}", faults(&found));
        let [list] = found.revocation_lists.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!((list.issuer.as_str(), list.entries), ("CN=ca,O=Example", 3));
        let (begin, end) = (list.this_update.unwrap(), list.next_update.unwrap());
        let days = Duration::from_hours(20 * 24);
        assert_eq!(end.duration_since(begin).unwrap(), days);
    }
    let both = made.contents("both.pem", None);
    assert_eq!(subjects(&both), ["CN=ca,O=Example"]);
    assert_eq!(both.revocation_lists.len(), 1);
}
