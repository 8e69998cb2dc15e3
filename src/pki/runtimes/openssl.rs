//! OpenSSL's `X509_verify_cert` (`crypto/x509/x509_vfy.c`, `v3_purp.c`, `v3_ncons.c`) with its sentences,
//! as OpenSSL itself, Python's ssl and Node.js ask it.

use super::names::{self, WildcardRules};
use super::openssl_certificate::{LeafUsage, OpensslCertificate};
use super::{RuntimeAnswer, RuntimeQuestion, clock, signature};
use crate::parse::x509::KeyAlgorithm;
use crate::parse::x509::raw::RawName;
use crate::pki::algorithms::SignatureCheck;

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
}

const DEPTH_MAX: usize = 100;
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
    let mut roots = Vec::new();
    for parsed in question.roots {
        match OpensslCertificate::of(parsed) {
            Ok(certificate) => roots.push(certificate),
            // Of a file with one that cannot be read OpenSSL takes nothing, Node the others.
            Err(_) if matches!(rules.asked_by, AskedBy::Node { .. }) => {}
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

impl OpensslRules {
    fn sentence(self, error: &str) -> String {
        match self.asked_by {
            AskedBy::Openssl => error.to_owned(),
            AskedBy::Python => {
                format!("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {error}")
            }
            AskedBy::Node { major } => {
                let hinted = [
                    NO_LOCAL_ISSUER,
                    "unable to get issuer certificate",
                    "unable to verify the first certificate",
                    "self-signed certificate",
                    "self-signed certificate in certificate chain",
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
            AskedBy::Python => "[SSL] ASN1 lib".to_owned(),
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
            && !matches!(self.rules.asked_by, AskedBy::Node { .. })
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
                let strict: Vec<&str> = one.strict_faults(at == 0, path.len());
                for fault in strict {
                    self.fail(fault);
                }
            }
            if !one.serves(self.usage, at > 0) {
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

    fn host(&mut self, leaf: &OpensslCertificate, host: &str) {
        let of_python = self.rules.asked_by == AskedBy::Python;
        if let Ok(address) = host.parse::<core::net::IpAddr>() {
            let wanted = names::octets(address);
            if !leaf
                .names
                .iter()
                .any(|(tag, bytes)| *tag == 7 && *bytes == wanted)
            {
                self.fail(if of_python {
                    format!("IP address mismatch, certificate is not valid for '{host}'.")
                } else {
                    "IP address mismatch".to_owned()
                });
            }
            return;
        }
        let rules = WildcardRules {
            is_partial: !of_python,
            underscore: false,
        };
        let dns = leaf.names.iter().filter(|(tag, _)| *tag == 2);
        let listed: Vec<String> = dns
            .map(|(_, name)| String::from_utf8_lossy(name).into_owned())
            .collect();
        let fits = |name: &String| names::host_fits(name, host, rules);
        let fitting = if listed.is_empty() {
            leaf.common_names().iter().any(fits)
        } else {
            listed.iter().any(fits)
        };
        if !fitting {
            self.fail(if of_python {
                format!("Hostname mismatch, certificate is not valid for '{host}'.")
            } else {
                "hostname mismatch".to_owned()
            });
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
                match signature(one.parsed, issuer.parsed) {
                    SignatureCheck::Right if one.algorithms_agree() => {}
                    SignatureCheck::Unknown(_) if one.algorithms_agree() => {
                        let lacking = super::lacking_signature(one.parsed, issuer.parsed);
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

    fn name_constraints(&mut self, path: &[&OpensslCertificate]) {
        for (at, below) in path.iter().enumerate() {
            // Self-issued certificates above the leaf are passed over.
            if at > 0 && below.is_self_issued {
                continue;
            }
            for issuer in path.iter().skip(at + 1) {
                let Some([permitted, excluded]) = &issuer.constraints else {
                    continue;
                };
                for name in below.constrained_names(at == 0) {
                    if let Some(error) = self.one_name(&name, permitted, excluded) {
                        self.fail(error);
                        return;
                    }
                }
            }
        }
    }

    fn one_name(
        &mut self,
        (tag, value): &(u8, Vec<u8>),
        permitted: &[RawName],
        excluded: &[RawName],
    ) -> Option<&'static str> {
        let of_kind = |trees: &[RawName<'_>]| trees.iter().any(|(other, _)| other == tag);
        if !of_kind(permitted) && !of_kind(excluded) {
            return None;
        }
        let within = |base: &[u8]| match tag {
            2 => Some(names::dns_within(value, base, false)),
            7 => Some(names::ip_within(value, base)),
            4 => Some(super::openssl_certificate::name_within(value, base)),
            _ => None,
        };
        let mut in_any = |trees: &[RawName<'_>]| {
            let own = trees.iter().filter(|(other, _)| other == tag);
            own.map(|(_, base)| within(base)).fold(false, |any, one| {
                if one.is_none() {
                    self.lacks.get_or_insert_with(|| {
                        "nameConstraints of email addresses and URIs".to_owned()
                    });
                }
                any || one.unwrap_or(false)
            })
        };
        if in_any(excluded) {
            return Some("excluded subtree violation");
        }
        let kept = !of_kind(permitted) || in_any(permitted);
        (!kept && self.lacks.is_none()).then_some("permitted subtree violation")
    }
}

/// tls.checkServerIdentity of Node.js.
fn names_of_node(leaf: &OpensslCertificate, host: &str) -> RuntimeAnswer {
    let mismatch = |why: String| {
        RuntimeAnswer::Refused(format!(
            "Hostname/IP does not match certificate's altnames: {why}"
        ))
    };
    let shown: Vec<String> = leaf
        .names
        .iter()
        .filter_map(|(tag, value)| match tag {
            2 => Some(format!("DNS:{}", String::from_utf8_lossy(value))),
            7 => Some(format!("IP Address:{}", names::address(value))),
            1 => Some(format!("email:{}", String::from_utf8_lossy(value))),
            _ => None,
        })
        .collect();
    if let Ok(address) = host.parse::<core::net::IpAddr>() {
        let wanted = names::octets(address);
        let own = leaf.names.iter().filter(|(tag, _)| *tag == 7);
        if own.clone().any(|(_, bytes)| *bytes == wanted) {
            return RuntimeAnswer::Accepted;
        }
        let list: Vec<String> = own.map(|(_, bytes)| names::address(bytes)).collect();
        let list = list.join(", ");
        return mismatch(format!("IP: {host} is not in the cert's list: {list}"));
    }
    let dns: Vec<String> = leaf
        .names
        .iter()
        .filter(|(tag, _)| *tag == 2)
        .map(|(_, name)| String::from_utf8_lossy(name).into_owned())
        .collect();
    let unfqdn = |name: &str| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let dotted = unfqdn(host);
    let fits = |pattern: &String| fits_in_node(&unfqdn(pattern), &dotted);
    if !dns.is_empty() {
        if dns.iter().any(fits) {
            return RuntimeAnswer::Accepted;
        }
        let shown = shown.join(", ");
        return mismatch(format!(
            "Host: {dotted}. is not in the cert's altnames: {shown}"
        ));
    }
    let common = leaf.common_names();
    if leaf.has_uri_or_ip() || common.is_empty() {
        return mismatch("Cert does not contain a DNS name".to_owned());
    }
    if common.iter().any(fits) {
        return RuntimeAnswer::Accepted;
    }
    mismatch(format!(
        "Host: {dotted}. is not cert's CN: {}",
        common.join(", ")
    ))
}

fn fits_in_node(pattern: &str, host: &str) -> bool {
    let (labels, wanted): (Vec<&str>, Vec<&str>) =
        (pattern.split('.').collect(), host.split('.').collect());
    let (Some((first, rest)), Some((label, below))) = (labels.split_first(), wanted.split_first())
    else {
        return false;
    };
    let plain = |byte: u8| (0x21..=0x7f).contains(&byte);
    if labels.len() != wanted.len()
        || labels.contains(&"")
        || !pattern.bytes().all(plain)
        || rest != below
    {
        return false;
    }
    let Some((before, after)) = first.split_once('*') else {
        return first == label;
    };
    if after.contains('*') || first.contains("xn--") || labels.len() <= 2 {
        return false;
    }
    label.len() >= before.len() + after.len() && label.starts_with(before) && label.ends_with(after)
}
