//! Each field of a certificate against what openssl prints of it.

use std::borrow::Borrow;
use std::fmt::Write;
use std::time::SystemTime;

use data_encoding::{BASE64, BASE64_MIME, HEXLOWER};
use sha2::{Digest, Sha256};
use spyhole::api::pki::{KeyAlgorithm, ParsedCertificate, contents};
use spyhole::model::time::Timestamp;

use super::{Made, faults};

/// Where Debian's `ca-certificates` puts the roots of Mozilla.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

#[test]
fn the_roots_of_the_system_read_as_openssl_reads_them() {
    let bundle = std::fs::read(BUNDLE).unwrap();
    let found = contents(&bundle, None).unwrap();
    assert!(found.faults.is_empty(), "{:?}", faults(&found));
    assert!(found.certificates.len() > 100);
    let made = Made::by("true");
    for (at, root) in found.certificates.iter().enumerate() {
        assert!(
            root.fault_words().is_empty(),
            "{}: {:?}",
            root.subject,
            root.fault_words()
        );
        assert!(root.self_signed, "{}", root.subject);
        made.write(&format!("{at}.der"), root.der());
    }
    agrees(&made, &found.certificates);
}

#[test]
fn names_of_every_kind_read_as_openssl_reads_them() {
    let names = [
        "/CN=plain/O=Example/C=DE",
        "/O=Commas, plus+ and \\\"quotes\\\"/CN=a;b<c>d\\\\\\\\e",
        "/CN= leading and trailing ",
        "/CN=#hash",
        "/CN= ",
        "/CN=Zoë Ünïcödé 日本/O=Ω",
        "/CN=a+OU=b+O=c/C=DE",
        "/DC=org/DC=example/UID=u1/emailAddress=a@example.org/CN=x=y",
        "/serialNumber=12/street=S/title=T/GN=G/SN=S/initials=I/postalCode=1/businessCategory=b",
        "/1.2.3.4.5=unknown kind/CN=x",
        "/CN=tab\\tand\\nline",
        "/",
    ];
    let mut script = String::from("openssl ecparam -name prime256v1 -genkey -noout -out k.pem\n");
    let mut count = 0;
    for masks in ["utf8only", "nombstr", "default", "MASK:0x4", "MASK:0x800"] {
        for name in names {
            let _ = writeln!(
                script,
                "printf '[req]\\ndistinguished_name=d\\nstring_mask={masks}\\n[d]\\n' >c.cnf
                openssl req -x509 -new -config c.cnf -utf8 -multivalue-rdn -key k.pem \
                -subj $'{name}' -days 10 -outform der -out {count}.der 2>e || rm -f {count}.der"
            );
            let _ = writeln!(script, "test -e {count}.der || grep -q 'string' e");
            count += 1;
        }
    }
    let made = Made::by(&script);
    let certificates = each(&made, count);
    assert!(certificates.len() > 40, "{}", certificates.len());
    let tags: String = certificates
        .iter()
        .map(|found| HEXLOWER.encode(found.der()))
        .collect();
    // T61String, BMPString and UTF8String values of a common name.
    for tag in ["0355040314", "035504031e", "035504030c"] {
        assert!(tags.contains(tag), "{tag}");
    }
    agrees(&made, &certificates);
}

#[test]
fn keys_of_every_kind_read_as_openssl_reads_them() {
    let keys = [
        "-algorithm RSA -pkeyopt rsa_keygen_bits:1024",
        "-algorithm RSA -pkeyopt rsa_keygen_bits:2047",
        "-algorithm RSA -pkeyopt rsa_keygen_bits:3072",
        "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-192",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-224",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-521",
        "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
        "-algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1",
        "-algorithm EC -pkeyopt ec_paramgen_curve:sect283r1",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit",
        "-algorithm ED25519",
        "-algorithm ED448",
        "-paramfile dsa.pem",
    ];
    let mut script = String::from(
        "openssl genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:1024 -out dsa.pem\n",
    );
    for (at, key) in keys.iter().enumerate() {
        let _ = writeln!(
            script,
            "openssl genpkey {key} -out k.pem 2>/dev/null
             openssl req -x509 -new -key k.pem -subj /CN=k -outform der -out {at}.der"
        );
    }
    let made = Made::by(&script);
    let certificates = each(&made, keys.len());
    assert_eq!(certificates.len(), keys.len());
    agrees(&made, &certificates);
}

#[test]
fn signatures_of_every_kind_read_as_openssl_reads_them() {
    let mut script = String::from("openssl genrsa -out k.pem 2048 2>/dev/null\n");
    let pss = "-sigopt rsa_padding_mode:pss";
    let signatures = ["-md5", "-sha1", "-sha224", "-sha256", "-sha384", "-sha512"];
    let all: Vec<String> = signatures
        .iter()
        .flat_map(|hash| [(*hash).to_owned(), format!("{hash} {pss}")])
        .filter(|words| !words.starts_with("-md5 "))
        .collect();
    for (at, words) in all.iter().enumerate() {
        let _ = writeln!(
            script,
            "openssl req -x509 -new -key k.pem -subj /CN=s {words} -outform der -out {at}.der"
        );
    }
    let made = Made::by(&script);
    let certificates = each(&made, all.len());
    agrees(&made, &certificates);
    for (words, found) in all.iter().zip(&certificates) {
        let hash = words.split(' ').next().unwrap().trim_start_matches('-');
        let expected = if words.contains("pss") {
            format!("rsassaPss with {hash}")
        } else {
            format!("{hash}WithRSAEncryption")
        };
        assert_eq!(found.signature_algorithm, expected);
    }
}

#[test]
fn extensions_serials_and_dates_read_as_openssl_reads_them() {
    let san = "subjectAltName=DNS:a.example,DNS:*.b.example,IP:10.0.0.1,IP:2001:db8::1,\
               email:a@example.org,URI:spiffe://x/y,RID:1.2.3.4,\
               otherName:1.3.6.1.4.1.311.20.2.3;UTF8:user@example";
    let usages = "keyUsage=critical,digitalSignature,nonRepudiation,keyEncipherment,\
                  dataEncipherment,keyAgreement,keyCertSign,cRLSign,encipherOnly,decipherOnly";
    let more = "extendedKeyUsage=serverAuth,clientAuth,codeSigning,emailProtection,timeStamping,\
                OCSPSigning,anyExtendedKeyUsage,1.2.3.4.5";
    let cases = [
        format!("-addext '{san}'"),
        format!("-addext '{usages}' -addext '{more}'"),
        "-addext basicConstraints=critical,CA:TRUE,pathlen:0".to_owned(),
        "-addext basicConstraints=CA:FALSE".to_owned(),
        "-addext basicConstraints=CA:TRUE,pathlen:300".to_owned(),
        "-set_serial -1".to_owned(),
        "-set_serial -0x80".to_owned(),
        "-set_serial -0x8000000000000001".to_owned(),
        "-set_serial 0".to_owned(),
        "-set_serial 0x80".to_owned(),
        "-set_serial 0xffffffffffffffffffffffffffffffffffffffff".to_owned(),
        "-days 1".to_owned(),
    ];
    let mut script = String::from(
        "openssl ecparam -name prime256v1 -genkey -noout -out k.pem
         printf '[req]\\ndistinguished_name=d\\n[d]\\n' >c.cnf\n",
    );
    for (at, words) in cases.iter().enumerate() {
        let _ = writeln!(
            script,
            "openssl req -x509 -new -config c.cnf -key k.pem -subj /CN=x {words} \
             -outform der -out {at}.der"
        );
    }
    // Dates: the two forms of time, their border, the last that there is, and before 1970.
    let dates = [
        ("20491231235959Z", "20500101000000Z"),
        ("20500101000000Z", "99991231235959Z"),
        ("500101000000Z", "691231235959Z"),
        ("19000101000000Z", "20200229235959Z"),
    ];
    script.push_str(
        "touch index; mkdir out
         printf '[ca]\\ndefault_ca=a\\n[a]\\ndatabase=index\\nserial=serial\\nnew_certs_dir=out\\npolicy=p\\n\
         default_md=sha256\\n[p]\\nCN=supplied\\n' >ca.cnf
         openssl req -x509 -new -config c.cnf -key k.pem -subj /CN=ca -out ca.pem
         openssl req -new -config c.cnf -key k.pem -subj /CN=dated -out dated.csr\n",
    );
    for (at, (start, end)) in dates.iter().enumerate() {
        let at = at + cases.len();
        let _ = writeln!(
            script,
            ": >index; openssl ca -config ca.cnf -batch -create_serial -cert ca.pem -keyfile k.pem \
             -in dated.csr -startdate {start} -enddate {end} -notext -out d.pem 2>e || (cat e >&2; false)
             openssl x509 -in d.pem -outform der -out {at}.der"
        );
    }
    let count = cases.len() + dates.len();
    let made = Made::by(&script);
    let certificates = each(&made, count);
    assert_eq!(certificates.len(), count);
    agrees(&made, &certificates);
    let first = &certificates[0];
    assert_eq!(
        first.subject_alternative_names,
        [
            "DNS:a.example",
            "DNS:*.b.example",
            "IP:10.0.0.1",
            "IP:2001:db8::1",
            "email:a@example.org",
            "URI:spiffe://x/y",
            "RID:1.2.3.4",
            "othername:1.3.6.1.4.1.311.20.2.3:user@example",
        ]
    );
    assert_eq!(
        text(certificates[cases.len() + 1].not_after),
        "9999-12-31T23:59:59.000Z"
    );
    assert_eq!(
        text(certificates[cases.len() + 2].not_after),
        "1969-12-31T23:59:59.000Z"
    );
    assert!(!certificates[cases.len()].self_signed);
    // A v1 certificate signed by itself.
    made.sh("if openssl req -help 2>&1 | grep -q -e -x509v1; then
           openssl req -x509 -x509v1 -new -config c.cnf -key k.pem -subj /CN=v1 \
             -outform der -out 0.der
         else
           openssl req -new -config c.cnf -key k.pem -subj /CN=v1 -out v1.csr
           openssl x509 -req -in v1.csr -signkey k.pem -outform der -out 0.der 2>/dev/null
         fi");
    let v1 = each(&made, 1);
    assert_eq!(v1[0].version, 1);
    agrees(&made, &v1);
}

/// A moment as the document writes it.
fn text(moment: Option<SystemTime>) -> String {
    Timestamp(moment.unwrap()).rfc3339()
}

/// Those of the files `0.der`, `1.der` … that are there.
pub(crate) fn each(made: &Made, count: usize) -> Vec<ParsedCertificate> {
    let mut certificates = Vec::new();
    for at in 0..count {
        let path = made.path().join(format!("{at}.der"));
        if path.exists() {
            let der = std::fs::read(&path).unwrap();
            let found = ParsedCertificate::read(&der).unwrap_or_else(|_| panic!("{at}"));
            let faults = found.fault_words();
            assert!(faults.is_empty(), "{at}: {faults:?}");
            std::fs::rename(
                path,
                made.path().join(format!("{}.der", certificates.len())),
            )
            .unwrap();
            certificates.push(found);
        }
    }
    certificates
}

/// Fails where a field is not what openssl prints of the file of that number.
fn agrees(made: &Made, certificates: &[impl Borrow<ParsedCertificate>]) {
    for (found, printed) in certificates
        .iter()
        .zip(by_openssl(made, certificates.len()))
    {
        agree(found.borrow(), &printed);
    }
}

/// For each of them what a field is instead of what openssl prints; `None` where all agree.
pub(crate) fn differences(made: &Made, certificates: &[ParsedCertificate]) -> Vec<Option<String>> {
    let printed = by_openssl(made, certificates.len());
    let pairs = certificates.iter().zip(printed);
    let differs = |(found, printed): (&ParsedCertificate, String)| {
        let compared = std::panic::catch_unwind(|| agree(found, &printed));
        compared.is_err().then_some(printed)
    };
    pairs.map(differs).collect()
}

/// What openssl prints of the files `0.der`, `1.der` ….
fn by_openssl(made: &Made, count: usize) -> Vec<String> {
    let script = format!(
        "for n in $(seq 0 {}); do
           openssl x509 -inform der -in $n.der -noout -subject -issuer -serial -dates -text \
             -dateopt iso_8601 -fingerprint -sha256 -nameopt RFC2253,-esc_msb,utf8 -pubkey
           echo =====
         done",
        count - 1
    );
    let printed = made.sh(&script);
    let mut printed: Vec<String> = printed.split("=====\n").map(str::to_owned).collect();
    assert_eq!(printed.pop().as_deref(), Some(""));
    assert_eq!(printed.len(), count);
    printed
}

fn agree(found: &ParsedCertificate, printed: &str) {
    let public_key = found.public_key.as_ref().unwrap();
    let told = |key: &str| {
        let mut lines = printed.lines().map(str::trim_start);
        let line = lines.find_map(|line| line.strip_prefix(key));
        line.unwrap_or_else(|| panic!("no {key} in {printed}"))
    };
    let maybe = |key: &str| printed.contains(key).then(|| told(key));
    assert_eq!(found.subject, told("subject="));
    assert_eq!(found.issuer, told("issuer="));
    assert_eq!(found.serial, told("serial=").to_lowercase());
    let seconds = |moment: String| moment.replace('T', " ").replace(".000Z", "Z");
    assert_eq!(seconds(text(found.not_before)), told("notBefore="));
    assert_eq!(seconds(text(found.not_after)), told("notAfter="));
    let print = told("sha256 Fingerprint=").replace(':', "").to_lowercase();
    assert_eq!(found.fingerprint_sha256, print);
    let (_, key) = printed.split_once("BEGIN PUBLIC KEY-----\n").unwrap();
    let (key, _) = key.split_once("-----END").unwrap();
    let key = BASE64_MIME
        .decode(key.replace('\n', "\r\n").as_bytes())
        .unwrap();
    let pin = BASE64.encode(&Sha256::digest(key));
    assert_eq!(public_key.spki_pin_sha256, pin);
    assert_eq!(found.version.to_string(), told("Version: ")[..1]);
    if !found.signature_algorithm.starts_with("rsassaPss") {
        assert_eq!(
            found.signature_algorithm.to_lowercase(),
            told("Signature Algorithm: ")
                .to_lowercase()
                .replace('_', "-")
        );
    }
    if !matches!(
        public_key.algorithm,
        KeyAlgorithm::Ed25519 | KeyAlgorithm::Ed448
    ) {
        let bits = maybe("Public-Key: (").map(|rest| rest.trim_end_matches(" bit)"));
        let known = public_key.bits.map(|bits| bits.to_string());
        let foreign = public_key.algorithm == KeyAlgorithm::Ecdsa && known.is_none();
        assert!(foreign || known.as_deref() == bits, "{known:?} {bits:?}");
    }
    let constraints = after(printed, "X509v3 Basic Constraints:");
    assert_eq!(
        found.is_ca,
        constraints.is_some_and(|rest| rest.starts_with("CA:TRUE"))
    );
    let length = constraints.and_then(|rest| rest.split_once("pathlen:"));
    let length = length.map(|(_, length)| length.parse().unwrap());
    assert_eq!(found.path_length, length, "{}", found.subject);
    let usages = found
        .key_usages
        .as_ref()
        .map(|usages| usages.join(", ").to_lowercase());
    assert_eq!(
        usages,
        after(printed, "X509v3 Key Usage:").map(|line| line
            .replace("Certificate Sign", "keyCertSign")
            .replace(' ', "")
            .replace(',', ", ")
            .to_lowercase())
    );
    let extended = found.extended_key_usages.as_ref().map(Vec::len);
    let line = after(printed, "X509v3 Extended Key Usage:");
    assert_eq!(extended, line.map(|line| line.split(", ").count()));
}

/// The line behind that which begins so.
fn after<'a>(printed: &'a str, title: &str) -> Option<&'a str> {
    let mut lines = printed.lines().map(str::trim);
    lines.find(|line| line.starts_with(title))?;
    lines.next()
}
