//! The sentence of each finding.

mod parts;

use std::fmt;
use std::time::Duration;

use super::ChainSource;
use super::finding::{Constraint, Evidence, KeyKind, WeakHash};
use super::terms::{clip, distance, list, moment};
use crate::model::time::Timestamp;
use parts::{rejected, sends, status_word, users};

/// Nearer than this, a clock that is wrong is as likely as a certificate that is.
const SKEW: Duration = Duration::from_hours(24);

impl fmt::Display for Evidence {
    #[expect(clippy::too_many_lines, reason = "a table: one arm for each finding")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate(ChainSource::Server) => {
                f.write_str("the server sent no certificate")
            }
            Self::NoCertificate(ChainSource::File) => {
                f.write_str("the file contains no certificate")
            }
            Self::NotX509 { title } => write!(f, "{title} is not a valid X.509 certificate"),
            Self::Expired { title, end, now } => write!(
                f,
                "{title} expired {} ago, at {}; local time is {}",
                distance(*now, end.0),
                moment(*end),
                moment(Timestamp(*now))
            ),
            Self::NotYetValid { title, begin, now } => {
                write!(
                    f,
                    "{title} is not valid until {}, in {}; local time is {}",
                    moment(*begin),
                    distance(begin.0, *now),
                    moment(Timestamp(*now))
                )?;
                match begin.0.duration_since(*now) {
                    Ok(ahead) if ahead < SKEW => f.write_str(
                        "; clock skew is likely (this clock is slow, or the issuer's is fast)",
                    ),
                    _ => Ok(()),
                }
            }
            Self::IssuerIsNoCa { title, subject } => write!(
                f,
                "{title} issued {subject} but is not a CA (basicConstraints is not CA:TRUE)"
            ),
            Self::IssuerMayNotSign { title, subject } => write!(
                f,
                "{title} issued {subject}, but its keyUsage does not allow signing certificates"
            ),
            Self::PathTooLong {
                title,
                allowed,
                below,
            } => write!(
                f,
                "{title} allows {allowed} CA certificates below it (pathLenConstraint), but there \
                 are {below}"
            ),
            Self::ExtendedKeyUsage {
                title,
                of_leaf,
                purpose,
                allowed,
            } => {
                let role = if *of_leaf {
                    "is not valid"
                } else {
                    "may not issue certificates"
                };
                let allowed = match allowed.as_slice() {
                    [] => "nothing".to_owned(),
                    usages => list(usages),
                };
                write!(
                    f,
                    "{title} {role} for {}: its extendedKeyUsage allows {allowed}, not {}",
                    users(*purpose),
                    purpose.usage()
                )
            }
            Self::KeyUsage {
                title,
                purpose,
                allowed,
            } => write!(
                f,
                "{title} is not valid for {}: its keyUsage allows only {}, not a TLS handshake; \
                 OpenSSL and Java reject this, Go and rustls ignore it",
                users(*purpose),
                list(allowed)
            ),
            Self::CriticalExtensions { title, oids } => write!(
                f,
                "{title} has a critical extension that spyhole does not support: {}",
                list(oids)
            ),
            Self::ForbiddenName {
                title,
                issuer,
                name,
                constraint,
            } => {
                write!(
                    f,
                    "{title} violates the nameConstraints of {issuer}: {name} "
                )?;
                match constraint {
                    Constraint::Excluded(base) => write!(f, "is in {base}, which it excludes"),
                    Constraint::NotPermitted(permitted) => write!(
                        f,
                        "is not in {}, the only names that it permits",
                        list(permitted)
                    ),
                }
            }
            Self::TooManyConstraints { title, issuer } => write!(
                f,
                "{title} has more names, or {issuer} more nameConstraints, than spyhole compares"
            ),
            Self::WeakKey { title, kind, bits } => match kind {
                KeyKind::Rsa if *bits < 1_024 => write!(
                    f,
                    "{title} has an RSA key of {bits} bits, which every runtime rejects"
                ),
                KeyKind::Rsa => write!(
                    f,
                    "{title} has an RSA key of {bits} bits; OpenSSL (security level 2) and rustls \
                     reject fewer than 2048, Go accepts 1024"
                ),
                KeyKind::Ec => write!(
                    f,
                    "{title} has an EC key of {bits} bits; OpenSSL (security level 2) rejects \
                     fewer than 224, Go and rustls do not support such curves"
                ),
            },
            Self::WeakSignature {
                title,
                algorithm,
                hash,
            } => {
                let why = match hash {
                    WeakHash::Md2OrMd5 => "which anyone can forge",
                    WeakHash::Sha1 => "over SHA-1, which Go, OpenSSL (since 3.0) and rustls reject",
                };
                write!(f, "{title} is signed with {algorithm}, {why}")
            }
            Self::UncheckedSignature {
                title,
                algorithm,
                why,
            } => write!(
                f,
                "the signature of {title} ({algorithm}) could not be checked: {why}"
            ),
            Self::SearchStopped { title } => write!(
                f,
                "the search for the issuer of {title} was stopped: too many candidates"
            ),
            Self::PartialChain { title } => write!(
                f,
                "{title} is trusted but not self-signed; OpenSSL accepts it as a trust anchor only \
                 with X509_V_FLAG_PARTIAL_CHAIN"
            ),
            Self::WrongSelfSignature { title } => write!(
                f,
                "{title} names itself as issuer, but its signature does not match its own key"
            ),
            Self::SelfSigned { title, trusted } => {
                write!(f, "{title} is self-signed and is not {trusted}")
            }
            Self::UntrustedRoot { title, trusted } => {
                write!(f, "the chain ends at {title}, which is not {trusted}")
            }
            Self::IssuerEncodedDifferently { title, issuer } => write!(
                f,
                "{title} was issued by {issuer}, but the certificate of that name encodes it \
                 differently; Go and rustls treat this as a different name, OpenSSL does not"
            ),
            Self::MissingIntermediate {
                title,
                issuer,
                trusted,
                source,
                url,
            } => {
                let lacks = match source {
                    ChainSource::Server => "the server does not send",
                    ChainSource::File => "the file does not contain",
                };
                write!(
                    f,
                    "{lacks} {issuer}, which issued {title}: it is not {trusted} and not in the \
                     chain; it is available at {url} (not fetched)"
                )
            }
            Self::UnknownIssuer {
                title,
                issuer,
                trusted,
                url,
            } => {
                write!(
                    f,
                    "{title} was issued by {issuer}, which is not {trusted} and not in the chain"
                )?;
                match url {
                    Some(url) => {
                        write!(f, "; its certificate is available at {url} (not fetched)")
                    }
                    None => Ok(()),
                }
            }
            Self::OtherIssuerKey {
                title,
                issuer,
                location,
            } => write!(
                f,
                "{title} was issued by a different {issuer} than the one that is {location}: the \
                 key identifiers differ; the authority was probably re-created under the same name"
            ),
            Self::WrongSignature {
                title,
                issuer,
                location,
            } => write!(
                f,
                "the signature of {title} does not match the key of {issuer}, which is {location}: \
                 the certificate was altered, or the authority was re-created under the same name"
            ),
            Self::NameNotConverted { requested } => write!(
                f,
                "cannot convert {requested} to its ASCII form; use its xn-- form"
            ),
            Self::NameInvalid { requested } => {
                write!(f, "{requested} is not a valid host name or address")
            }
            Self::NamesUnreadable { title, error } => {
                write!(f, "the names of {title} cannot be read: {error:?}")
            }
            Self::NameMismatch {
                title,
                requested,
                ascii,
                offered,
                hint,
            } => {
                write!(f, "requested {}", clip(requested))?;
                if !requested.eq_ignore_ascii_case(ascii) {
                    write!(f, " ({})", clip(ascii))?;
                }
                match offered.as_slice() {
                    [] => write!(f, ", but {title} contains no names")?,
                    names => write!(f, ", but {title} is valid for {}", list(names))?,
                }
                match hint {
                    Some(hint) => write!(f, "; {hint}"),
                    None => Ok(()),
                }
            }
            Self::StapleUnusable { title } => {
                write!(f, "the OCSP staple does not cover {title}")
            }
            Self::StapleNotSigned { title, status } => write!(
                f,
                "the OCSP staple reports {title} as {}, but is not signed by its issuer or the \
                 issuer's responder: ignored",
                status_word(*status)
            ),
            Self::Revoked {
                title,
                at,
                reason,
                is_signed,
                now,
            } => {
                write!(f, "{title} was revoked")?;
                if let Some(at) = at {
                    write!(f, " at {}, {} ago", moment(*at), distance(*now, at.0))?;
                }
                if let Some(reason) = reason {
                    write!(f, " ({reason})")?;
                }
                f.write_str(" according to the OCSP staple")?;
                if *is_signed {
                    return Ok(());
                }
                f.write_str("; the staple's signature could not be checked")
            }
            Self::StapleOutOfDate { title, due, now } => write!(
                f,
                "the OCSP staple for {title} is out of date: the next one was due at {}; local \
                 time is {}",
                moment(*due),
                moment(Timestamp(*now))
            ),
            Self::CaAsLeaf { title } => write!(
                f,
                "{title} is a CA certificate; rustls rejects it as a server certificate, OpenSSL \
                 and Go accept it"
            ),
            Self::NotReadByWebpki(error) => write!(
                f,
                "a certificate in the chain {}: rustls rejects it, other runtimes may accept it",
                match error {
                    webpki::Error::BadDerTime =>
                        "has times in a form that RFC 5280 forbids, or before 1970",
                    webpki::Error::ExtensionValueInvalid | webpki::Error::MalformedExtensions =>
                        "has an extension that is malformed",
                    webpki::Error::TrailingData(_) => "has bytes after one of its fields",
                    _ => "has a field in a form that RFC 5280 forbids",
                }
            ),
            Self::RejectedByWebpki(error) => rejected(f, error),
            Self::RootsIncluded { source, titles } => write!(
                f,
                "{} a root certificate, which clients already have: {}",
                sends(*source),
                list(titles)
            ),
            Self::UnusedCertificates { source, titles } => write!(
                f,
                "{} certificates that this chain does not need: {}",
                sends(*source),
                list(titles)
            ),
            Self::FirstLeadsNowhere { source, title } => write!(
                f,
                "{} several certificates for {title}, and the first does not lead to a trusted \
                 authority; OpenSSL tries only the first",
                sends(*source)
            ),
            Self::OutOfOrder(source) => write!(
                f,
                "{} its chain out of order: each certificate must follow the one that it issued \
                 (RFC 5246 7.4.2), and some clients require this",
                sends(*source)
            ),
        }
    }
}

#[cfg(test)]
mod tests;
