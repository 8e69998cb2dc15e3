//! What sun.security.x509.X509CertImpl takes and what it refuses. A malformed extension that is
//! not critical counts as absent.

use crate::parse::x509::ParsedCertificate;
use crate::parse::x509::raw::{self, RawCertificate, RawExtension, RawName, TimeForms};
use crate::pki::runtimes::distinguished::{CanonicalName, canonical};
use crate::pki::runtimes::names;

const FORMS: TimeForms = TimeForms {
    no_seconds: true,
    offset: true,
    fraction: true,
    any_day: true,
};
const NETSCAPE_TYPE: &[u8] = &[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 1, 1];
pub(super) const SERVER_GATED: &[&[u8]] = &[
    &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 10, 3, 3],
    &[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 4, 1],
];
/// An address of mail that is none.
const EMPTY_MAIL: RawName = (1, &[]);
/// Critical extensions that a path is checked for.
const RESOLVED: &[u8] = &[15, 17, 19, 30, 32, 33, 36, 37, 54];

/// A certificate as Java sees it.
#[derive(Debug)]
pub(super) struct JavaCertificate<'a> {
    pub(super) parsed: &'a ParsedCertificate,
    pub(super) raw: RawCertificate<'a>,
    pub(super) subject: CanonicalName,
    pub(super) issuer: CanonicalName,
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    /// As `getBasicConstraints`: `None` is -1, which is no CA.
    pub(super) basic: Option<u64>,
    pub(super) usage: Option<u16>,
    pub(super) usages: Option<Vec<&'a [u8]>>,
    pub(super) netscape: Option<u8>,
    pub(super) names: Option<Vec<RawName<'a>>>,
    pub(super) constraints: Option<[Vec<RawName<'a>>; 2]>,
    pub(super) key_id: Option<&'a [u8]>,
    pub(super) issuer_key_id: Option<&'a [u8]>,
    pub(super) has_unresolved: bool,
}

impl<'a> JavaCertificate<'a> {
    /// Reads one.
    ///
    /// # Errors
    /// Java's reason.
    pub(super) fn of(parsed: &'a ParsedCertificate) -> Result<Self, String> {
        let unread = || "java.io.IOException: Too short".to_owned();
        let raw = RawCertificate::of(parsed).ok_or_else(unread)?;
        if raw.serial.is_empty() {
            return Err("java.io.IOException: Invalid encoding: zero length Int value".to_owned());
        }
        let has_extensions = raw.extensions.is_some();
        match raw.version {
            Some(0) if has_extensions => {
                return Err("no more data allowed for version 1 certificate".to_owned());
            }
            Some(0 | 2) => {}
            Some(1) if !has_extensions => {}
            Some(_) => return Err("Extensions not allowed in v2 certificate".to_owned()),
            None => return Err(unread()),
        }
        let [inner, outer] = raw.algorithms;
        if inner != outer {
            return Err("Signature algorithm mismatch".to_owned());
        }
        let invalid_time =
            || "java.io.IOException: Parse Generalized time, invalid format".to_owned();
        let time = |time: raw::RawTime| time.seconds(FORMS).ok_or_else(invalid_time);
        let (not_before, not_after) = (time(raw.not_before)?, time(raw.not_after)?);
        let (subject, issuer) = (canonical(raw.subject), canonical(raw.issuer));
        if issuer.is_empty() {
            return Err("Empty issuer DN not allowed in X509Certificates".to_owned());
        }
        if raw.extensions.as_ref().is_some_and(Result::is_err) {
            return Err(unread());
        }
        let mut found = Self {
            parsed,
            subject,
            issuer,
            not_before,
            not_after,
            basic: None,
            usage: None,
            usages: None,
            netscape: None,
            names: None,
            constraints: None,
            key_id: None,
            issuer_key_id: None,
            has_unresolved: false,
            raw,
        };
        let mut san_is_critical = false;
        for (at, one) in found.raw.listed().to_vec().iter().enumerate() {
            let mut before = found.raw.listed().iter().take(at);
            if before.any(|other| other.id == one.id) {
                return Err("java.io.IOException: Duplicate extensions not allowed".to_owned());
            }
            if found.extension(one).is_none() && one.is_critical() {
                return Err(format!("java.io.IOException: extension {}", one.dotted()));
            }
            san_is_critical |= one.id == [0x55, 0x1d, 17] && one.is_critical();
        }
        if found.subject.is_empty() && (found.names.is_none() || !san_is_critical) {
            return Err("X.509 Certificate is incomplete: subject field is empty".to_owned());
        }
        Ok(found)
    }

    /// Reads one that counts; `None` where it is malformed.
    fn extension(&mut self, one: &RawExtension<'a>) -> Option<()> {
        let value = one.value;
        match one.id {
            [0x55, 0x1d, 14] => self.key_id = Some(raw::octet_string(value)?),
            [0x55, 0x1d, 15] => self.usage = Some(raw::key_usage(value)?),
            [0x55, 0x1d, 17] => {
                let names = raw::general_names(value)?;
                if !names.iter().all(is_read) {
                    return None;
                }
                self.names = Some(names);
            }
            [0x55, 0x1d, 19] => {
                let basic = raw::basic_constraints(value)?;
                let length =
                    basic
                        .length
                        .map(raw::small_number)
                        .map_or(Some(Some(u64::MAX)), |length| {
                            // A negative one is -1, which is no CA.
                            length.map(|length| u64::try_from(length).ok())
                        })?;
                self.basic = length.filter(|_| basic.is_ca);
            }
            [0x55, 0x1d, 30] => {
                let trees = raw::subtrees(value)?;
                if trees.iter().flatten().any(|name| *name == EMPTY_MAIL) {
                    return None;
                }
                self.constraints = Some(trees);
            }
            [0x55, 0x1d, 35] => [self.issuer_key_id, _, _] = raw::authority_key_id(value)?,
            [0x55, 0x1d, 37] => self.usages = Some(raw::identifiers(value)?),
            NETSCAPE_TYPE => {
                let [bits, _] = raw::key_usage(value)?.to_be_bytes();
                self.netscape = Some(bits);
            }
            _ => {}
        }
        let is_resolved = matches!(one.id, [0x55, 0x1d, last] if RESOLVED.contains(last));
        self.has_unresolved |= one.is_critical() && !is_resolved;
        Some(())
    }

    /// The same certificate, or one of the same name and key.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.parsed.der() == other.parsed.der()
            || (self.subject == other.subject && self.raw.spki == other.raw.spki)
    }

    pub(super) fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// As `X500Principal.toString` writes it.
    pub(super) fn title(&self) -> String {
        self.parsed.subject.replace(',', ", ")
    }
}

/// Whether `GeneralName` takes it.
fn is_read(name: &RawName) -> bool {
    let (tag, value) = name;
    match tag {
        _ if *name == EMPTY_MAIL => false,
        6 => names::is_uri(value),
        // Of a network too, whose mask follows.
        7 => matches!(value.len(), 4 | 8 | 16 | 32),
        1 | 2 => value.is_ascii() || std::str::from_utf8(value).is_ok() || *tag == 2,
        _ => true,
    }
}
