//! OpenSSL's `X509_verify_cert` (`crypto/x509/x509_vfy.c`, `v3_purp.c`, `v3_ncons.c`) with its sentences,
//! as OpenSSL itself, Python's ssl and Node.js ask it.

mod certificate;
mod dotnet;
mod names;
mod strict;

use super::{RuntimeAnswer, RuntimeQuestion, Unreadable, clock, lacking_signature, signature};
use crate::parse::x509::{KeyAlgorithm, ParsedCertificate};
use crate::pki::algorithms::SignatureCheck;
use certificate::{LeafUsage, OpensslCertificate};
use names::names_of_node;

/// How OpenSSL is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpensslRules {
    /// The security level.
    pub(crate) level: u8,
    /// `X509_V_FLAG_X509_STRICT` and `X509_V_FLAG_PARTIAL_CHAIN`, as Python 3.13 sets them.
    pub(crate) is_strict: bool,
    pub(crate) asked_by: AskedBy,
}

/// Who asks: the form of the sentence, and the comparison of names, depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskedBy {
    Openssl,
    Python,
    Node { major: u32 },
    Dotnet,
}

const DEPTH_MAX: usize = 100;
const LENGTH_MISMATCH: &str = "cert length mismatch";
const NO_LOCAL_ISSUER: &str = "unable to get local issuer certificate";

/// The verdict of OpenSSL.
pub(super) fn ask(question: &RuntimeQuestion, rules: OpensslRules) -> RuntimeAnswer {
    let mut chain = Vec::new();
    for parsed in question.chain {
        match OpensslCertificate::of(parsed) {
            Ok(certificate) => chain.push(certificate),
            Err(why) => return RuntimeAnswer::Refused(rules.parse_sentence(why)),
        }
    }
    match question.unreadable {
        Some(Unreadable::Indefinite) => {
            return RuntimeAnswer::Lacks(
                "certificates with the indefinite lengths of BER".to_owned(),
            );
        }
        Some(Unreadable::TooShort) => {
            return RuntimeAnswer::Refused(rules.parse_sentence("too long"));
        }
        Some(Unreadable::Inside) => {
            return RuntimeAnswer::Refused(rules.parse_sentence("wrong tag"));
        }
        None => {}
    }
    let mut roots = Vec::new();
    for parsed in question.roots {
        match OpensslCertificate::of(parsed) {
            Ok(certificate) => roots.push(certificate),
            // Of a file with one that cannot be read OpenSSL takes nothing, Node the others.
            Err(_) if matches!(rules.asked_by, AskedBy::Node { .. } | AskedBy::Dotnet) => {}
            Err(why) => return RuntimeAnswer::Refused(rules.parse_sentence(why)),
        }
    }
    let Some(leaf) = chain.first() else {
        return RuntimeAnswer::Refused("no peer certificate available".to_owned());
    };
    let mut verifier = Verifier {
        chain: &chain,
        roots: &roots,
        now: clock::seconds(question.now),
        usage: LeafUsage::of(question.purpose),
        rules,
        errors: Vec::new(),
        lacks: None,
    };
    verifier.verify(leaf, question.server_name);
    let (errors, lacks) = (verifier.errors, verifier.lacks);
    if rules.asked_by == AskedBy::Dotnet {
        return match lacks {
            Some(rule) if errors.is_empty() => RuntimeAnswer::Lacks(rule),
            _ => dotnet::answer(leaf, &errors, question.server_name),
        };
    }
    let error = match rules.asked_by {
        // Its callback passes over each error and keeps the last one.
        AskedBy::Node { .. } => errors.last().or(errors.first()),
        _ => errors.first(),
    };
    match (error, lacks) {
        (Some(error), _) => RuntimeAnswer::Refused(rules.sentence(error)),
        (None, Some(rule)) => RuntimeAnswer::Lacks(rule),
        (None, None) => match (rules.asked_by, question.server_name) {
            (AskedBy::Node { .. }, Some(host)) => names_of_node(leaf, host),
            _ => RuntimeAnswer::Accepted,
        },
    }
}

/// Whether it takes a certificate out of a bundle.
///
/// # Errors
/// Its own reason.
pub(super) fn takes(certificate: &ParsedCertificate) -> Result<(), &'static str> {
    OpensslCertificate::of(certificate).map(|_| ())
}

impl OpensslRules {
    fn sentence(self, error: &str) -> String {
        match self.asked_by {
            AskedBy::Openssl | AskedBy::Dotnet => error.to_owned(),
            AskedBy::Python => {
                format!("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {error}")
            }
            AskedBy::Node { major } => {
                let hinted = [
                    "unable to get issuer certificate",
                    "unable to verify the first certificate",
                    "self-signed certificate",
                ];
                if major >= 24 && hinted.contains(&error) {
                    format!(
                        "{error}; if the root CA is installed locally, try running Node.js with \
                         --use-system-ca"
                    )
                } else {
                    error.to_owned()
                }
            }
        }
    }

    fn parse_sentence(self, why: &str) -> String {
        match self.asked_by {
            AskedBy::Python if why == LENGTH_MISMATCH => {
                format!("[SSL: CERT_LENGTH_MISMATCH] {why}")
            }
            AskedBy::Python => "[SSL] ASN1 lib".to_owned(),
            AskedBy::Node { .. } => {
                let place = match why {
                    "wrong tag" => "068000A8:asn1 encoding routines:asn1_check_tlen",
                    "too long" => "0680009B:asn1 encoding routines:ASN1_get_object",
                    "illegal padding" => "068000DD:asn1 encoding routines:c2i_ibuf",
                    "illegal zero content" => "068000DE:asn1 encoding routines:c2i_ibuf",
                    LENGTH_MISMATCH => "0A000087:SSL routines:tls_process_server_certificate",
                    _ => return why.to_owned(),
                };
                format!("error:{place}:{why}")
            }
            _ => why.to_owned(),
        }
    }
}

struct Verifier<'v, 'a> {
    chain: &'v [OpensslCertificate<'a>],
    roots: &'v [OpensslCertificate<'a>],
    now: i64,
    usage: LeafUsage,
    rules: OpensslRules,
    errors: Vec<String>,
    lacks: Option<String>,
}

/// The chain that was built.
struct Built<'v, 'a> {
    path: Vec<&'v OpensslCertificate<'a>>,
    is_trusted: bool,
}

impl<'v, 'a> Verifier<'v, 'a> {
    fn fail(&mut self, error: impl Into<String>) {
        self.errors.push(error.into());
    }

    fn verify(&mut self, leaf: &'v OpensslCertificate<'a>, host: Option<&str>) {
        let built = self.build(leaf);
        let path = built.path;
        if !built.is_trusted {
            let last_is_own = path.last().is_some_and(|last| last.is_self_signed);
            let from_store = path.iter().any(|one| self.is_root(one));
            self.fail(match (last_is_own, path.len()) {
                (true, 1) => "self-signed certificate",
                (true, _) => "self-signed certificate in certificate chain",
                (false, _) if from_store => "unable to get issuer certificate",
                (false, _) => NO_LOCAL_ISSUER,
            });
        }
        self.extensions(&path);
        self.levels(&path);
        if let Some(host) = host
            && !matches!(self.rules.asked_by, AskedBy::Node { .. } | AskedBy::Dotnet)
        {
            self.host(leaf, host);
        }
        self.signatures_and_times(&path, built.is_trusted);
        self.name_constraints(&path);
    }

    fn is_root(&self, one: &OpensslCertificate) -> bool {
        let mut roots = self.roots.iter();
        roots.any(|root| root.parsed.der() == one.parsed.der())
    }

    fn build(&self, leaf: &'v OpensslCertificate<'a>) -> Built<'v, 'a> {
        let mut path = vec![leaf];
        if self.is_root(leaf) && (leaf.is_self_signed || self.rules.is_strict) {
            return Built {
                path,
                is_trusted: true,
            };
        }
        while let Some(head) = path.last().copied() {
            if path.len() > DEPTH_MAX {
                break;
            }
            if self.is_root(head) && (head.is_self_signed || self.rules.is_strict) {
                return Built {
                    path,
                    is_trusted: true,
                };
            }
            if head.is_self_signed && path.len() > 1 {
                // The same name and key may be trusted in another certificate.
                if let Some(trusted) = self.issuer(self.roots, head, &[]) {
                    path.pop();
                    path.push(trusted);
                    return Built {
                        path,
                        is_trusted: true,
                    };
                }
                break;
            }
            if let Some(trusted) = self.issuer(self.roots, head, &path) {
                path.push(trusted);
                if trusted.is_self_signed || self.rules.is_strict {
                    return Built {
                        path,
                        is_trusted: true,
                    };
                }
                continue;
            }
            if head.is_self_signed {
                break;
            }
            match self.issuer(self.chain, head, &path) {
                Some(next) => path.push(next),
                None => break,
            }
        }
        Built {
            path,
            is_trusted: false,
        }
    }

    /// The first that can have issued it and is valid now, else the one that was valid last.
    fn issuer(
        &self,
        pool: &'v [OpensslCertificate<'a>],
        child: &OpensslCertificate,
        path: &[&OpensslCertificate],
    ) -> Option<&'v OpensslCertificate<'a>> {
        let fits = |one: &&OpensslCertificate| {
            one.may_have_issued(child)
                && !path
                    .iter()
                    .any(|other| other.parsed.der() == one.parsed.der())
        };
        let mut all = pool.iter().filter(fits);
        let valid = all.clone().find(|one| one.is_valid_at(self.now));
        valid.or_else(|| {
            let first = all.next()?;
            Some(all.fold(
                first,
                |best, one| {
                    if one.end() > best.end() { one } else { best }
                },
            ))
        })
    }

    fn extensions(&mut self, path: &[&OpensslCertificate]) {
        let mut below = 0_u64;
        for (at, one) in path.iter().enumerate() {
            if one.has_unhandled {
                self.fail("unhandled critical extension");
            }
            let ca = one.check_ca();
            let is_middle = at + 1 < path.len();
            let sure = ca == 1 || (!is_middle && !self.rules.is_strict);
            let alone = path.len() == 1;
            let is_no_issuer = at > 0 && (ca == 0 || !sure);
            if is_no_issuer || (at == 0 && alone && self.rules.is_strict && ca > 1) {
                self.fail("invalid CA certificate");
            }
            if self.rules.is_strict {
                let strict: Vec<&str> = one.strict_faults(at + 1 == path.len());
                for fault in strict {
                    self.fail(fault);
                }
            }
            let serves = if self.rules.asked_by == AskedBy::Dotnet {
                one.allows_usage(self.usage)
            } else {
                one.serves(self.usage, at > 0)
            };
            if !serves {
                self.fail("unsuitable certificate purpose");
            }
            if at > 1 && one.path_length().is_some_and(|length| below > length) {
                self.fail("path length constraint exceeded");
            }
            if at > 0 && !one.is_self_issued {
                below += 1;
            }
        }
    }

    fn levels(&mut self, path: &[&OpensslCertificate]) {
        if self.rules.level == 0 {
            return;
        }
        let (rsa_bits, ec_bits) = if self.rules.level >= 2 {
            (2_048, 224)
        } else {
            (1_024, 160)
        };
        for (at, one) in path.iter().enumerate() {
            let key = one.parsed.public_key.as_ref();
            let bits = key.and_then(|key| key.bits).unwrap_or(u32::MAX);
            let is_weak = match key.map(|key| key.algorithm) {
                Some(KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss | KeyAlgorithm::Dsa) => {
                    bits < rsa_bits
                }
                Some(KeyAlgorithm::Ecdsa) => bits < ec_bits,
                _ => false,
            };
            if is_weak {
                let kind = if at == 0 { "EE" } else { "CA" };
                self.fail(format!("{kind} certificate key too weak"));
            }
        }
        let signed = path.len().saturating_sub(1);
        for one in path.iter().take(signed) {
            let algorithm = one.parsed.signature_algorithm.to_ascii_lowercase();
            if algorithm.contains("sha1") || algorithm.contains("md5") || algorithm.contains("md2")
            {
                self.fail("CA signature digest algorithm too weak");
            }
        }
    }

    fn signatures_and_times(&mut self, path: &[&OpensslCertificate], is_trusted: bool) {
        let top = path.len().saturating_sub(1);
        if let [leaf] = path
            && !is_trusted
            && !leaf.is_self_signed
        {
            self.fail("unable to verify the first certificate");
        }
        for at in (0..path.len()).rev() {
            let Some(one) = path.get(at) else { continue };
            if let Some(issuer) = path.get(at + 1)
                && at < top
            {
                if issuer.may_not_sign() {
                    self.fail("key usage does not include certificate signing");
                }
                match signature(one.parsed, issuer.parsed) {
                    SignatureCheck::Right if one.algorithms_agree() => {}
                    SignatureCheck::Unknown(_) if one.algorithms_agree() => {
                        let lacking = lacking_signature(one.parsed, issuer.parsed);
                        self.lacks.get_or_insert(lacking);
                    }
                    _ => self.fail("certificate signature failure"),
                }
            }
            let [begin, end] = one.times();
            match begin {
                None => self.fail("format error in certificate's notBefore field"),
                Some(begin) if self.now < begin => self.fail("certificate is not yet valid"),
                Some(_) => {}
            }
            match end {
                None => self.fail("format error in certificate's notAfter field"),
                Some(end) if self.now > end => self.fail("certificate has expired"),
                Some(_) => {}
            }
        }
    }
}
