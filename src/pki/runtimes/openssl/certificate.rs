//! A certificate as OpenSSL caches it (`crypto/x509/v3_purp.c`).

use crate::parse::x509::ParsedCertificate;
use crate::parse::x509::raw::{self, RawCertificate, RawName, TimeForms, is_der_integer};
use crate::pki::Purpose;
use crate::pki::runtimes::distinguished::{CanonicalName, canonical};
use crate::pki::runtimes::key_kind;

/// Critical extensions that are handled (`X509_supported_extension`).
const SUPPORTED: &[&str] = &[
    "2.16.840.1.113730.1.1",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.32",
    "2.5.29.33",
    "2.5.29.36",
    "2.5.29.37",
    "2.5.29.54",
    "1.3.6.1.5.5.7.1.7",
    "1.3.6.1.5.5.7.1.8",
    "1.3.6.1.5.5.7.1.14",
];
const NETSCAPE_TYPE: &[u8] = &[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 1, 1];
const SERVER_GATED: &[&[u8]] = &[
    &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 10, 3, 3],
    &[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 4, 1],
];
const FORMS: TimeForms = TimeForms {
    no_seconds: false,
    offset: false,
    fraction: false,
    any_day: false,
};

/// What a certificate is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LeafUsage {
    purpose: Purpose,
}

impl LeafUsage {
    pub(super) fn of(purpose: Purpose) -> Self {
        Self { purpose }
    }
}

/// A certificate with the flags that OpenSSL keeps.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of OpenSSL")]
pub(super) struct OpensslCertificate<'a> {
    pub(super) parsed: &'a ParsedCertificate,
    pub(super) raw: RawCertificate<'a>,
    /// An extension that is needed and malformed.
    is_invalid: bool,
    pub(super) has_unhandled: bool,
    pub(super) is_self_issued: bool,
    pub(super) is_self_signed: bool,
    pub(super) basic: Option<(bool, Option<u64>)>,
    pub(super) usage: Option<u16>,
    usages: Option<Vec<&'a [u8]>>,
    netscape: Option<u8>,
    pub(super) names: Vec<RawName<'a>>,
    pub(super) constraints: Option<[Vec<RawName<'a>>; 2]>,
    pub(super) key_id: Option<&'a [u8]>,
    pub(super) issuer_ids: Option<[Option<&'a [u8]>; 3]>,
    pub(super) subject: CanonicalName,
    pub(super) issuer: CanonicalName,
}

impl<'a> OpensslCertificate<'a> {
    /// Reads it as `d2i_X509` does.
    ///
    /// # Errors
    /// The reason that OpenSSL prints.
    pub(super) fn of(parsed: &'a ParsedCertificate) -> Result<Self, &'static str> {
        let raw = RawCertificate::of(parsed).ok_or("wrong tag")?;
        if raw.is_followed {
            return Err("cert length mismatch");
        }
        match raw.serial {
            [] => return Err("illegal zero content"),
            serial if !is_der_integer(serial) => return Err("illegal padding"),
            _ => {}
        }
        if raw.version.is_none() || raw.extensions.as_ref().is_some_and(Result::is_err) {
            return Err("wrong tag");
        }
        let subject = canonical(raw.subject);
        let issuer = canonical(raw.issuer);
        let is_self_issued = subject == issuer;
        let mut found = Self {
            parsed,
            is_invalid: false,
            has_unhandled: false,
            is_self_issued,
            is_self_signed: false,
            basic: None,
            usage: None,
            usages: None,
            netscape: None,
            names: Vec::new(),
            constraints: None,
            key_id: None,
            issuer_ids: None,
            subject,
            issuer,
            raw,
        };
        for at in 0..found.raw.listed().len() {
            found.extension(at);
        }
        found.is_self_signed = is_self_issued && found.ids_fit(&found);
        Ok(found)
    }

    fn extension(&mut self, at: usize) {
        let listed = self.raw.listed();
        let Some(one) = listed.get(at).copied() else {
            return;
        };
        let twice = listed.iter().take(at).any(|other| other.id == one.id);
        if one.is_critical() && !SUPPORTED.contains(&one.dotted().as_str()) {
            self.has_unhandled = true;
        }
        let value = one.value;
        let read = match one.id {
            [0x55, 0x1d, 15] => {
                self.usage = raw::key_usage(value);
                self.usage.is_some_and(|usage| usage != 0)
            }
            [0x55, 0x1d, 19] => match raw::basic_constraints(value) {
                None => false,
                Some(basic) => {
                    let negative = |bytes: &[u8]| bytes.first().is_some_and(|one| one & 0x80 != 0);
                    let length = basic.length.and_then(|bytes| {
                        let short = bytes.len() <= 8;
                        let sum = |sum, byte: &u8| (sum << 8) | u64::from(*byte);
                        short.then(|| bytes.iter().fold(0_u64, sum))
                    });
                    self.basic = Some((basic.is_ca, length));
                    !basic.length.is_some_and(negative)
                }
            },
            [0x55, 0x1d, 37] => {
                self.usages = raw::identifiers(value);
                self.usages.is_some()
            }
            [0x55, 0x1d, 17] => {
                let names = raw::general_names(value);
                let read = names.is_some();
                self.names = names.unwrap_or_default();
                read
            }
            [0x55, 0x1d, 30] => {
                self.constraints = raw::subtrees(value);
                self.constraints.is_some()
            }
            [0x55, 0x1d, 14] => {
                self.key_id = raw::octet_string(value);
                self.key_id.is_some()
            }
            [0x55, 0x1d, 35] => {
                self.issuer_ids = raw::authority_key_id(value);
                self.issuer_ids.is_some()
            }
            [0x55, 0x1d, 31] => raw::sequences(value).is_some(),
            NETSCAPE_TYPE => {
                let bits = raw::key_usage(value).map(u16::to_be_bytes);
                self.netscape = bits.and_then(|bits| bits.first().copied());
                true
            }
            _ => return,
        };
        self.is_invalid |= !read || twice;
    }

    /// By the identifiers that the child gives of its issuer (`X509_check_akid`).
    fn ids_fit(&self, child: &Self) -> bool {
        let Some([id, issuer, serial]) = child.issuer_ids else {
            return true;
        };
        let key = !matches!((id, self.key_id), (Some(asked), Some(own)) if asked != own);
        key && serial.is_none_or(|serial| serial == self.raw.serial)
            && issuer.is_none_or(|issuer| canonical(issuer) == self.issuer)
    }

    pub(super) fn may_have_issued(&self, child: &Self) -> bool {
        self.subject == child.issuer
            && !self.is_invalid
            && !child.is_invalid
            && self.ids_fit(child)
            && keys_can_sign(self.parsed, child.parsed)
    }

    pub(super) fn is_valid_at(&self, now: i64) -> bool {
        let [begin, end] = self.times();
        begin.is_some_and(|begin| begin <= now) && end.is_some_and(|end| now <= end)
    }

    pub(super) fn end(&self) -> Option<i64> {
        self.times().into_iter().nth(1).flatten()
    }

    pub(super) fn times(&self) -> [Option<i64>; 2] {
        [self.raw.not_before, self.raw.not_after].map(|time| time.seconds(FORMS))
    }

    /// As `check_ca` counts: 0 is no CA, 1 says so itself, more is taken for one.
    pub(super) fn check_ca(&self) -> u8 {
        if self.usage.is_some_and(|usage| usage & 0x0400 == 0) {
            return 0;
        }
        match self.basic {
            Some((is_ca, _)) => u8::from(is_ca),
            None if self.raw.version == Some(0) && self.is_self_signed => 3,
            None if self.usage.is_some() => 4,
            None => 0,
        }
    }

    /// Its keyUsage lacks keyCertSign.
    pub(super) fn may_not_sign(&self) -> bool {
        self.usage.is_some_and(|usage| usage & 0x0400 == 0)
    }

    pub(super) fn path_length(&self) -> Option<u64> {
        self.basic.and_then(|(_, length)| length)
    }

    pub(super) fn algorithms_agree(&self) -> bool {
        let [inner, outer] = self.raw.algorithms;
        inner == outer
    }

    pub(super) fn serves(&self, usage: LeafUsage, as_ca: bool) -> bool {
        let (wanted, netscape): (&[u8], u8) = match usage.purpose {
            Purpose::Server => (&[0x2b, 6, 1, 5, 5, 7, 3, 1], 0x40),
            Purpose::Client => (&[0x2b, 6, 1, 5, 5, 7, 3, 2], 0x80),
        };
        let gated = |one: &&[u8]| usage.purpose == Purpose::Server && SERVER_GATED.contains(one);
        if let Some(usages) = &self.usages
            && !usages.iter().any(|one| *one == wanted || gated(one))
        {
            return false;
        }
        if self.is_invalid {
            return false;
        }
        if as_ca {
            return self.check_ca() != 0;
        }
        let handshake = match usage.purpose {
            Purpose::Server => 0xa800,
            Purpose::Client => 0x8800,
        };
        self.netscape.is_none_or(|bits| bits & netscape != 0)
            && self.usage.is_none_or(|bits| bits & handshake != 0)
    }

    /// Whether its extendedKeyUsage allows it, as .NET compares it: any purpose is one.
    pub(super) fn allows_usage(&self, usage: LeafUsage) -> bool {
        const ANY: &[u8] = &[0x55, 0x1d, 37, 0];
        let wanted: &[u8] = match usage.purpose {
            Purpose::Server => &[0x2b, 6, 1, 5, 5, 7, 3, 1],
            Purpose::Client => &[0x2b, 6, 1, 5, 5, 7, 3, 2],
        };
        let usages = self.usages.as_ref();
        usages.is_none_or(|usages| usages.contains(&wanted) || usages.contains(&ANY))
    }

    pub(super) fn common_names(&self) -> Vec<String> {
        let attributes = raw::attributes(self.raw.subject).unwrap_or_default();
        let common = attributes
            .into_iter()
            .filter(|(id, _, _)| *id == [0x55, 4, 3]);
        common
            .map(|(_, _, text)| String::from_utf8_lossy(text).into_owned())
            .collect()
    }

    pub(super) fn has_uri_or_ip(&self) -> bool {
        self.names.iter().any(|(tag, _)| matches!(tag, 6 | 7))
    }

    /// The names that constraints are compared with: those of `subjectAltName`, the subject, and of
    /// a leaf without DNS names the common name that looks like one.
    pub(super) fn constrained_names(&self, is_leaf: bool) -> Vec<(u8, Vec<u8>)> {
        let mut names: Vec<(u8, Vec<u8>)> = self
            .names
            .iter()
            .map(|(tag, value)| (*tag, value.to_vec()))
            .collect();
        if !self.subject.is_empty() {
            names.push((4, self.raw.subject.to_vec()));
        }
        if is_leaf && !self.names.iter().any(|(tag, _)| *tag == 2) {
            let dotted = |name: &String| name.contains('.') && !name.contains(' ');
            let common = self.common_names().into_iter().filter(dotted);
            names.extend(common.map(|name| (2, name.into_bytes())));
        }
        names
    }
}

/// Whether the kind of key goes with the kind of signature (`check_sig_alg_match`).
fn keys_can_sign(issuer: &ParsedCertificate, child: &ParsedCertificate) -> bool {
    let algorithm = child.signature_algorithm.as_str();
    match key_kind(issuer) {
        "RSA" => algorithm.contains("RSA") || algorithm.starts_with("rsassaPss"),
        "RSA-PSS" => algorithm.starts_with("rsassaPss"),
        "EC" => algorithm.starts_with("ecdsa"),
        "Ed25519" => algorithm == "Ed25519",
        "Ed448" => algorithm == "Ed448",
        _ => true,
    }
}
