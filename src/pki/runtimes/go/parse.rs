//! What Go's x509.ParseCertificate takes and what it refuses, with its sentences
//! (crypto/x509/parser.go).

use crate::parse::x509::raw::{
    self, RawCertificate, RawExtension, RawName, RawTime, TimeForms, UTC_TIME, is_der_integer,
};

/// What the versions of Go differ in. The versions are those of the sources that were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GoRules {
    /// The second number of its version: 27 of Go 1.27.
    pub(crate) minor: u32,
    /// `GODEBUG=x509negativeserial=1`, or a version before 1.23.
    pub(crate) negative_serials: bool,
}

/// A certificate as Go sees it.
#[derive(Debug)]
pub(super) struct GoCertificate<'a> {
    pub(super) raw: RawCertificate<'a>,
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    /// `None`: there are none that count.
    pub(super) basic: Option<(bool, Option<u64>)>,
    pub(super) usage: u16,
    pub(super) usages: Option<Vec<&'a [u8]>>,
    pub(super) names: Vec<RawName<'a>>,
    pub(super) has_san: bool,
    /// The permitted and the excluded subtrees.
    pub(super) constraints: Option<[Vec<RawName<'a>>; 2]>,
    pub(super) has_unhandled: bool,
    pub(super) requires_policy: bool,
    pub(super) key_id: Option<&'a [u8]>,
    pub(super) issuer_key_id: Option<&'a [u8]>,
}

const FORMS: TimeForms = TimeForms {
    no_seconds: true,
    offset: true,
    fraction: false,
    any_day: false,
};
const EC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const RSA_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// P-224, P-256, P-384 and P-521.
const CURVES: &[&[u8]] = &[
    &[0x2b, 0x81, 4, 0, 33],
    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
    &[0x2b, 0x81, 4, 0, 34],
    &[0x2b, 0x81, 4, 0, 35],
];
const INFO_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];

/// Reads it as Go does.
///
/// # Errors
/// Go's own sentence.
pub(super) fn parse(raw: RawCertificate<'_>, rules: GoRules) -> Result<GoCertificate<'_>, String> {
    if raw.is_followed {
        return Err("x509: trailing data".to_owned());
    }
    if !raw.has_minimal_lengths {
        return Err("x509: malformed certificate".to_owned());
    }
    match raw.version {
        Some(0..=2) => {}
        Some(3..) => return Err("x509: invalid version".to_owned()),
        _ => return Err("x509: malformed version".to_owned()),
    }
    if !is_der_integer(raw.serial) {
        return Err("x509: malformed serial number".to_owned());
    }
    let is_negative = raw.serial.first().is_some_and(|first| first & 0x80 != 0);
    if is_negative && !rules.negative_serials {
        return Err("x509: negative serial number".to_owned());
    }
    let [inner, outer] = raw.algorithms;
    if inner != outer {
        return Err("x509: inner and outer signature algorithm identifiers don't match".to_owned());
    }
    name(raw.issuer)?;
    let [not_before, not_after] = [raw.not_before, raw.not_after].map(time);
    let (not_before, not_after) = (not_before?, not_after?);
    name(raw.subject)?;
    key(raw.spki)?;
    let mut found = GoCertificate {
        not_before,
        not_after,
        basic: None,
        usage: 0,
        usages: None,
        names: Vec::new(),
        has_san: false,
        constraints: None,
        has_unhandled: false,
        requires_policy: false,
        key_id: None,
        issuer_key_id: None,
        raw,
    };
    if found.raw.version == Some(2) {
        let listed = match found.raw.extensions.clone() {
            None => Vec::new(),
            Some(Ok(listed)) => listed,
            Some(Err(())) => return Err("x509: malformed extension".to_owned()),
        };
        for (at, one) in listed.iter().enumerate() {
            if one.critical.is_some_and(|byte| !matches!(byte, [0 | 0xff])) {
                return Err("x509: malformed extension critical field".to_owned());
            }
            if listed.iter().take(at).any(|other| other.id == one.id) {
                return Err(format!(
                    "x509: certificate contains duplicate extension with OID \"{}\"",
                    one.dotted()
                ));
            }
        }
        for one in &listed {
            found.extension(one, rules)?;
        }
    }
    Ok(found)
}

fn time(time: RawTime) -> Result<i64, String> {
    time.seconds(FORMS).ok_or_else(|| {
        let kind = if time.tag == UTC_TIME {
            "UTCTime"
        } else {
            "GeneralizedTime"
        };
        format!("x509: malformed {kind}")
    })
}

fn name(name: &[u8]) -> Result<(), String> {
    let attributes = raw::attributes(name).ok_or("x509: invalid RDNSequence")?;
    for (_, tag, value) in attributes {
        let why = match tag {
            0x13 if !value.iter().copied().all(is_printable) => "invalid PrintableString",
            0x0c if std::str::from_utf8(value).is_err() => "invalid UTF-8 string",
            0x1e if value.len() % 2 != 0 => "invalid BMPString",
            0x16 if !value.is_ascii() => "invalid IA5String",
            0x12 if !value.iter().all(|one| one.is_ascii_digit() || *one == b' ') => {
                "invalid NumericString"
            }
            0x0c | 0x12..=0x14 | 0x16 | 0x1e => continue,
            other => {
                return Err(format!(
                    "x509: invalid RDNSequence: invalid attribute value: unsupported string type: \
                     {other}"
                ));
            }
        };
        return Err(format!(
            "x509: invalid RDNSequence: invalid attribute value: {why}"
        ));
    }
    Ok(())
}

/// With the asterisk and the ampersand, which Go takes too.
fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?*&".contains(&byte)
}

fn key(spki: &[u8]) -> Result<(), String> {
    let Some((algorithm, key)) = crate::parse::signed::key_parts(spki) else {
        return Err("x509: malformed spki".to_owned());
    };
    let mut parts = raw::elements(algorithm).into_iter();
    let id = parts.next().map(|(_, id)| id).unwrap_or_default();
    let parameters = parts.next();
    if id == RSA_KEY && parameters != Some((5, &[])) {
        return Err("x509: RSA key missing NULL parameters".to_owned());
    }
    if id == RSA_KEY {
        match raw::elements(key).first() {
            Some((0x30, numbers)) => match raw::elements(numbers).as_slice() {
                [(2, _), (2, _), ..] => {}
                [(2, _), ..] => return Err("x509: invalid RSA public exponent".to_owned()),
                _ => return Err("x509: invalid RSA modulus".to_owned()),
            },
            _ => return Err("x509: invalid RSA public key".to_owned()),
        }
    }
    if id == EC_KEY {
        match parameters {
            Some((6, curve)) if CURVES.contains(&curve) => {}
            Some((6, _)) => return Err("x509: unsupported elliptic curve".to_owned()),
            _ => return Err("x509: invalid ECDSA parameters".to_owned()),
        }
        if key.first() != Some(&4) {
            return Err("x509: failed to unmarshal elliptic curve point".to_owned());
        }
    }
    Ok(())
}

impl<'a> GoCertificate<'a> {
    fn extension(&mut self, one: &RawExtension<'a>, rules: GoRules) -> Result<(), String> {
        let value = one.value;
        let invalid = |what: &str| format!("x509: invalid {what}");
        let mut unhandled = false;
        match one.id {
            [0x55, 0x1d, 15] => {
                self.usage = raw::key_usage(value).ok_or_else(|| invalid("key usage"))?;
            }
            [0x55, 0x1d, 19] => {
                let basic = raw::basic_constraints(value);
                let basic = basic.ok_or_else(|| invalid("basic constraints"))?;
                let length = match basic.length {
                    None => None,
                    Some(bytes) => length(bytes, rules)?,
                };
                self.basic = Some((basic.is_ca, length));
            }
            [0x55, 0x1d, 17] => {
                self.has_san = true;
                let names = raw::general_names(value);
                self.names = names.ok_or_else(|| invalid("subject alternative names"))?;
                for name in &self.names {
                    alternative_name(*name, rules)?;
                }
                let counts = |(tag, _): &RawName| matches!(tag, 1 | 2 | 6 | 7);
                unhandled = !self.names.iter().any(counts);
            }
            [0x55, 0x1d, 30] => unhandled = self.name_constraints(value)?,
            [0x55, 0x1d, 31] => {
                raw::sequences(value).ok_or_else(|| invalid("CRL distribution points"))?;
            }
            [0x55, 0x1d, 35] => {
                if one.is_critical() && rules.minor >= 23 {
                    return Err(
                        "x509: authority key identifier incorrectly marked critical".to_owned()
                    );
                }
                let ids = raw::authority_key_id(value);
                [self.issuer_key_id, _, _] =
                    ids.ok_or_else(|| invalid("authority key identifier"))?;
            }
            // Go before 1.24 has no policies to speak of.
            [0x55, 0x1d, 36 | 54] => {
                unhandled = rules.minor < 24;
                self.requires_policy |= one.id.last() == Some(&36) && !unhandled;
            }
            [0x55, 0x1d, 37] => {
                let usages = raw::identifiers(value);
                self.usages = Some(usages.ok_or_else(|| invalid("extended key usages"))?);
            }
            [0x55, 0x1d, 14] => {
                if one.is_critical() && rules.minor >= 23 {
                    return Err(
                        "x509: subject key identifier incorrectly marked critical".to_owned()
                    );
                }
                let id = raw::octet_string(value);
                self.key_id = Some(id.ok_or_else(|| invalid("subject key identifier"))?);
            }
            [0x55, 0x1d, 32] => {
                let policies =
                    raw::sequences(value).ok_or_else(|| invalid("certificate policies"))?;
                for (at, policy) in policies.iter().enumerate() {
                    let id = raw::first_identifier(policy);
                    let twice = policies
                        .iter()
                        .take(at)
                        .any(|other| raw::first_identifier(other) == id);
                    if id.is_none() || (twice && rules.minor >= 24) {
                        return Err(invalid("certificate policies"));
                    }
                }
            }
            INFO_ACCESS => {
                if one.is_critical() && rules.minor >= 23 {
                    return Err(
                        "x509: authority info access incorrectly marked critical".to_owned()
                    );
                }
                let list = raw::sequences(value).ok_or_else(|| invalid("authority info access"))?;
                if list.iter().any(|one| raw::first_identifier(one).is_none()) {
                    return Err(invalid("authority info access"));
                }
            }
            _ => unhandled = true,
        }
        self.has_unhandled |= unhandled && one.is_critical();
        Ok(())
    }

    /// Whether it holds kinds that Go does not compare.
    fn name_constraints(&mut self, value: &'a [u8]) -> Result<bool, String> {
        let trees = raw::subtrees(value).ok_or("x509: invalid NameConstraints extension")?;
        let all = || trees.iter().flatten();
        if all().next().is_none() {
            return Err("x509: empty name constraints extension".to_owned());
        }
        for (tag, base) in all() {
            match tag {
                7 => ip_constraint(base)?,
                2 if !base.is_ascii() => {
                    return Err("x509: invalid constraint value: x509: invalid".to_owned());
                }
                _ => {}
            }
        }
        let unhandled = all().any(|(tag, _)| !matches!(tag, 1 | 2 | 6 | 7));
        self.constraints = Some(trees);
        Ok(unhandled)
    }
}

fn ip_constraint(base: &[u8]) -> Result<(), String> {
    let half = base.len() / 2;
    if !matches!(base.len(), 8 | 32) {
        return Err(format!(
            "x509: IP constraint contained value of length {}",
            base.len()
        ));
    }
    let mask = base.get(half..).unwrap_or_default();
    let ones: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
    let leading = mask.iter().take_while(|byte| **byte == 0xff).count();
    let next = mask.get(leading).map_or(0, |byte| byte.leading_ones());
    let prefix = u32::try_from(leading).unwrap_or(0) * 8 + next;
    if ones == prefix {
        return Ok(());
    }
    let mask = data_encoding::HEXLOWER.encode(mask);
    Err(format!("x509: IP constraint contained invalid mask {mask}"))
}

fn length(bytes: &[u8], rules: GoRules) -> Result<Option<u64>, String> {
    let invalid = || "x509: invalid basic constraints".to_owned();
    if !is_der_integer(bytes) || bytes.len() > 9 {
        return Err(invalid());
    }
    if bytes.first().is_some_and(|first| first & 0x80 != 0) {
        // Go before 1.25 took one below zero for none.
        return if rules.minor >= 25 {
            Err(invalid())
        } else {
            Ok(None)
        };
    }
    let number = bytes
        .iter()
        .fold(0_u128, |sum, byte| (sum << 8) | u128::from(*byte));
    match i64::try_from(number) {
        Ok(number) => Ok(u64::try_from(number).ok()),
        Err(_) => Err(invalid()),
    }
}

fn alternative_name((tag, value): RawName, rules: GoRules) -> Result<(), String> {
    match tag {
        1 if !value.is_ascii() => Err("x509: SAN rfc822Name is malformed".to_owned()),
        2 if !value.is_ascii() => Err("x509: SAN dNSName is malformed".to_owned()),
        6 => {
            let text = std::str::from_utf8(value).unwrap_or_default();
            if !value.is_ascii() {
                return Err("x509: SAN uniformResourceIdentifier is malformed".to_owned());
            }
            let host = text.split_once("://").map_or("", |(_, rest)| rest);
            let host = host.split(['/', '?', '#']).next().unwrap_or_default();
            if host.starts_with('[') && !host.contains(']') {
                return Err(format!(
                    "x509: cannot parse URI \"{text}\": parse \"{text}\": missing ']' in host"
                ));
            }
            Ok(())
        }
        7 => match value.len() {
            16 if rules.minor >= 27 && value.starts_with(&MAPPED) => {
                Err("x509: SAN iPAddress contains IPv4-mapped IPv6 address".to_owned())
            }
            4 | 16 => Ok(()),
            length => Err(format!("x509: cannot parse IP address of length {length}")),
        },
        _ => Ok(()),
    }
}

const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
