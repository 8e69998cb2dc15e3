//! Files that are damaged or made to harm: each is read to its end, soon, in bounds.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use spyhole::api::pki::{Contents, contents};

use super::{Made, faults};

/// What reading one file may take of the processor without optimisation.
const SECOND: Duration = Duration::from_secs(1);
/// The same where a password is tried: scrypt is slow without optimisation.
const PASSWORD: Duration = Duration::from_secs(10);

/// Reads it, and fails where that takes too long or brings too much.
fn survived(bytes: &[u8], password: Option<&str>, limit: Duration) -> Option<Contents> {
    // Of this thread: what else runs on the machine does not count.
    let clock = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let start = clock();
    let found = contents(bytes, password);
    let took = clock().saturating_sub(start);
    assert!(took < limit, "{took:?} for {} bytes", bytes.len());
    if let Some(found) = &found {
        let told = format!("{found:?}").len();
        assert!(
            told < 40 * bytes.len() + 100_000,
            "{told} of {}",
            bytes.len()
        );
        assert!(found.faults.len() <= 101);
    }
    found
}

fn every_form() -> Made {
    Made::by(
        "printf '[req]\\ndistinguished_name=d\\n[d]\\n' >c.cnf
         openssl req -x509 -config c.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
           -keyout key.pem -out crt.pem -subj '/CN=a+OU=b/O=c' -days 10 \
           -addext subjectAltName=DNS:a,IP:1.2.3.4,URI:x:y -addext keyUsage=digitalSignature \
           -addext extendedKeyUsage=serverAuth,1.2.3.4 2>/dev/null
         openssl x509 -in crt.pem -outform der -out crt.der
         openssl crl2pkcs7 -nocrl -certfile crt.pem -outform der -out bag.p7
         openssl pkey -in key.pem -outform der -out key.der
         openssl pkcs8 -topk8 -in key.pem -passout pass:pw -iter 1 -outform der -out locked.der
         openssl pkcs12 -export -iter 1 -in crt.pem -inkey key.pem -passout pass:pw -out s.p12
         openssl pkcs12 -export -legacy -nomaciter -noiter -in crt.pem -inkey key.pem \
           -passout pass:pw -out old.p12
         openssl pkcs12 -export -certpbe NONE -keypbe NONE -nomac -in crt.pem -inkey key.pem \
           -passout pass: -out open.p12
         keytool -importcert -noprompt -alias a -file crt.pem -storetype JKS -keystore s.jks \
           -storepass changeit 2>/dev/null
         cat crt.pem key.pem >both.pem",
    )
}

#[test]
fn files_of_every_form_may_be_damaged_at_every_byte() {
    let made = every_form();
    for name in [
        "crt.der",
        "bag.p7",
        "key.der",
        "locked.der",
        "s.p12",
        "old.p12",
        "open.p12",
        "s.jks",
        "both.pem",
    ] {
        let sample = made.bytes(name);
        let whole = survived(&sample, Some("pw"), PASSWORD).unwrap();
        assert!(whole.faults.is_empty(), "{name}: {:?}", faults(&whole));
        for end in 0..sample.len() {
            let cut = survived(&sample[..end], Some("pw"), PASSWORD);
            if let Some(cut) = cut.filter(|_| end > 0) {
                let has_lost = cut.certificates.len() < whole.certificates.len()
                    || cut.private_keys.len() < whole.private_keys.len();
                // The key behind the certificate has gone unseen with its BEGIN line.
                let told = !cut.faults.is_empty() || cut.needs_password || name == "both.pem";
                assert!(!has_lost || told, "{name} cut at {end}");
            }
        }
        let mut bytes = sample.clone();
        for at in 0..bytes.len() {
            let was = bytes[at];
            for now in [was ^ 0xff, was ^ 1, was ^ 0x20, 0, 0x80, 0x84, 0xff] {
                bytes[at] = now;
                survived(&bytes, Some("pw"), PASSWORD);
            }
            bytes[at] = was;
        }
    }
}

#[test]
fn a_password_that_takes_for_ever_is_not_tried() {
    let made = every_form();
    // The rounds stand in these files as 2048, or as N of scrypt as 16384.
    made.sh(
        "openssl pkcs12 -export -in crt.pem -inkey key.pem -passout pass:pw -out s.p12
             openssl pkcs12 -export -legacy -in crt.pem -inkey key.pem -passout pass:pw -out o.p12
             openssl pkcs12 -export -nomac -certpbe AES-256-CBC -in crt.pem -inkey key.pem \
               -passout pass:pw -out n.p12
             openssl pkcs8 -topk8 -in key.pem -passout pass:pw -outform der -out k.der
             openssl pkcs8 -topk8 -scrypt -in key.pem -passout pass:pw -outform der -out y.der",
    );
    let many: [&[u8]; 4] = [
        &[0x7f, 0xff, 0xff, 0xff],
        &[0x00, 0xff, 0xff, 0xff, 0xff],
        &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x00, 0x80, 0x00, 0x00],
    ];
    for (name, rounds) in [
        ("s.p12", [8, 0]),
        ("o.p12", [8, 0]),
        ("n.p12", [8, 0]),
        ("k.der", [8, 0]),
        ("y.der", [0x40, 0]),
    ] {
        let bytes = made.bytes(name);
        let whole = survived(&bytes, Some("pw"), PASSWORD).unwrap();
        assert!(whole.faults.is_empty(), "{name}: {:?}", faults(&whole));
        for many in many {
            let bomb = with_number(&bytes, &rounds, many);
            assert_ne!(bomb, bytes);
            let found = survived(&bomb, Some("pw"), PASSWORD).unwrap();
            assert!(!found.faults.is_empty(), "{name}");
            assert!(!found.needs_password && !found.password_failed, "{name}");
        }
    }
}

/// DER with a number replaced wherever it stands, also in what octet strings wrap.
fn with_number(der: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    rewritten(der, from, to).unwrap()
}

/// `None`, where it is no DER.
fn rewritten(mut rest: &[u8], from: &[u8], to: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    while !rest.is_empty() {
        let (tag, first) = (*rest.first()?, *rest.get(1)?);
        let digits = if first < 0x80 {
            0
        } else {
            usize::from(first & 0x7f)
        };
        if digits > 3 || first == 0x80 {
            return None;
        }
        let length = match digits {
            0 => usize::from(first),
            _ => rest
                .get(2..2 + digits)?
                .iter()
                .fold(0, |sum, byte| (sum << 8) | usize::from(*byte)),
        };
        let content = rest.get(2 + digits..2 + digits + length)?;
        rest = &rest[2 + digits + length..];
        let content = match tag {
            0x02 if content == from => to.to_vec(),
            0x04 => rewritten(content, from, to).unwrap_or_else(|| content.to_vec()),
            _ if tag & 0x20 != 0 => rewritten(content, from, to)?,
            _ => content.to_vec(),
        };
        out.push(tag);
        if content.len() < 0x80 {
            out.push(u8::try_from(content.len()).unwrap());
        } else {
            out.push(0x82);
            out.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        }
        out.extend(content);
    }
    Some(out)
}

#[test]
fn a_megabyte_of_anything_takes_no_second() {
    let made = every_form();
    let der = made.bytes("crt.der");
    let store = made.bytes("s.jks");
    let pieces: [&[u8]; 24] = [
        b"-----BEGIN CERTIFICATE-----\n",
        b"-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN X PRIVATE KEY-----\nMA==\n-----END X PRIVATE KEY-----\n",
        b"-----BEGIN CERTIFICATE-----",
        b"-----BEGIN ",
        b"-----",
        b"a: b\n",
        b"\n",
        b"\r",
        b" ",
        b"A",
        b"\0",
        &[0x30, 0x80],
        &[0x24, 0x80],
        &[0x30, 0x83, 0x0f, 0xff, 0xff],
        &[0x02, 0x01, 0x01],
        &[0x30, 0x00],
        &[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 1],
        &[0, 0, 0, 2, 0, 0],
        &[0xff],
        &der,
    ];
    for piece in pieces {
        let heads: [&[u8]; 6] = [
            b"",
            b"-----BEGIN CERTIFICATE-----\n",
            b"-----BEGIN PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n",
            &[0x30, 0x80, 0x02, 1, 3, 0x30, 0x80],
            &[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff],
            &store[..40],
        ];
        for head in heads {
            let mut bytes = [head, &piece.repeat((1 << 20) / piece.len())].concat();
            survived(&bytes, None, SECOND);
            bytes.extend(b"\n-----END CERTIFICATE-----\n");
            survived(&bytes, Some("pw"), SECOND);
        }
    }
}

#[test]
fn elements_in_each_other_without_end_need_no_stack() {
    let made = every_form();
    // In place of the value of each part of a certificate: as deep as its bytes allow.
    let deep = {
        let mut deep = vec![0x05, 0];
        while deep.len() < 50_000 {
            deep = tagged(0x30, &deep);
        }
        deep
    };
    let der = made.bytes("crt.der");
    let mut places = 0;
    for at in 0..der.len() {
        if let Some(bytes) = with_element(&der, at, &deep) {
            places += 1;
            survived(&bytes, None, SECOND);
        }
    }
    assert!(places > 50, "{places}");
    for tag in [0x30, 0x31, 0xa0, 0x24] {
        let mut deep = vec![0x04, 0];
        while deep.len() < 50_000 {
            deep = tagged(tag, &deep);
        }
        let id = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7];
        for kind in 1..=6 {
            let info = [&id[..], &[kind], &tagged(0xa0, &deep)].concat();
            survived(&tagged(0x30, &info), None, SECOND);
            let store = [&[2, 1, 3][..], &tagged(0x30, &info)].concat();
            survived(&tagged(0x30, &store), Some("pw"), SECOND);
        }
    }
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84][..], &length, content].concat()
}

/// The DER with the element that starts at this offset replaced; `None`, where none does.
fn with_element(der: &[u8], place: usize, by: &[u8]) -> Option<Vec<u8>> {
    fn inside(
        der: &[u8],
        start: usize,
        place: usize,
        by: &[u8],
        hit: &mut bool,
    ) -> Option<Vec<u8>> {
        let (mut out, mut at) = (Vec::new(), 0);
        while at < der.len() {
            let first = *der.get(at + 1)?;
            let digits = if first < 0x80 {
                0
            } else {
                usize::from(first & 0x7f)
            };
            let length = match digits {
                0 => usize::from(first),
                _ => der
                    .get(at + 2..at + 2 + digits)?
                    .iter()
                    .fold(0, |sum, byte| (sum << 8) | usize::from(*byte)),
            };
            let body = at + 2 + digits;
            let content = der.get(body..body + length)?;
            if start + at == place {
                *hit = true;
                out.extend_from_slice(by);
            } else {
                let wraps = der[at] & 0x20 != 0 || der[at] == 0x04;
                let new = wraps
                    .then(|| inside(content, start + body, place, by, hit))
                    .flatten();
                out.extend(tagged(der[at], new.as_deref().unwrap_or(content)));
            }
            at = body + length;
        }
        Some(out)
    }
    let mut hit = false;
    let out = inside(der, 0, place, by, &mut hit)?;
    hit.then_some(out)
}
