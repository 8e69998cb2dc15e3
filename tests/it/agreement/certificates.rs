//! Certificates of many kinds, made by openssl, read by spyhole and by `openssl x509`.

use std::fmt::Write as _;

use super::Tally;
use crate::certificate_forms::Made;
use crate::certificate_forms::x509::{differences, each};

const KEYS: [&str; 5] = [
    "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
    "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
    "-algorithm EC -pkeyopt ec_paramgen_curve:P-521",
    "-algorithm ED25519",
];
const SUBJECTS: [&str; 6] = [
    "/CN=plain",
    "/C=DE/ST=Berlin/L=Berlin/O=Example GmbH/OU=A+OU=B/CN=web.example",
    "/CN=*.example.org/emailAddress=a@example.org",
    "/O=Commas, plus+ and <angles>;/CN=x=y",
    "/CN=Zoë 日本",
    "/DC=org/DC=example/UID=u1",
];
const EXTENSIONS: [&str; 8] = [
    "",
    "-addext subjectAltName=DNS:a.example,DNS:*.b.example,IP:10.0.0.1,IP:::1",
    "-addext keyUsage=critical,digitalSignature,keyEncipherment -addext extendedKeyUsage=serverAuth",
    "-addext keyUsage=keyCertSign,cRLSign -addext extendedKeyUsage=clientAuth,1.2.3.4",
    "-addext subjectAltName=URI:spiffe://cluster/ns/a,email:a@example.org,RID:1.2.3",
    "-addext certificatePolicies=1.2.3.4 -addext subjectKeyIdentifier=hash",
    "-set_serial 0x7fffffffffffffffffffffffffffffffffffffff -days 1",
    "-set_serial 1 -days 36500",
];

#[test]
fn certificates_read_as_openssl_reads_them() {
    let mut tally = Tally::of("certificates");
    let mut script = String::from("printf '[req]\\ndistinguished_name=d\\n[d]\\n' >c.cnf\n");
    let mut count = 0;
    for key in KEYS {
        let _ = writeln!(script, "openssl genpkey {key} -out k.pem 2>/dev/null");
        for subject in SUBJECTS {
            for extensions in EXTENSIONS {
                let _ = writeln!(
                    script,
                    "openssl req -x509 -new -config c.cnf -utf8 -multivalue-rdn -key k.pem \
                     -subj '{subject}' {extensions} -outform der -out {count}.der"
                );
                count += 1;
            }
        }
    }
    let made = Made::by(&script);
    let certificates = each(&made, count);
    assert_eq!(certificates.len(), count);
    for differs in differences(&made, &certificates) {
        tally.case(differs);
    }
    tally.end();
}
