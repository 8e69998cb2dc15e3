//! Which certificates of a file are judged: the one rule of `--min-days`, `--verify` and
//! `check cert:`.
//!
//! A leaf is what is served, what has its private key, or what was named alone; also what is no
//! authority. The dates of an issuer count too, those of a self-signed authority do not, unless
//! it is a leaf or the user named a file in which there is nothing else.

use std::collections::HashSet;
use std::sync::Arc;

use super::chains;
use crate::model::certificate::Certificate;
use crate::pki::ParsedCertificate;

/// Why a file is judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// It was found in a directory.
    #[default]
    Found,
    /// An argument, a variable or a mount of the target names this very path.
    Configured,
    /// The user names this very path.
    Asked,
}

/// The public halves of private keys that were found.
#[derive(Debug, Default)]
pub(crate) struct KnownKeys<'a>(HashSet<&'a str>);

impl<'a> KnownKeys<'a> {
    /// By their pins.
    pub(crate) fn of(pins: impl IntoIterator<Item = &'a str>) -> Self {
        Self(pins.into_iter().collect())
    }

    fn fit(&self, certificate: &ParsedCertificate) -> bool {
        let key = certificate.public_key.as_ref();
        key.is_some_and(|key| self.0.contains(key.spki_pin_sha256.as_str()))
    }
}

/// Those of a served chain whose dates count: the leaf, which comes first, and its issuers.
pub(crate) fn dated_of_chain(chain: &[Certificate]) -> impl Iterator<Item = &Certificate> {
    let is_root = |one: &Certificate| one.self_signed && one.is_authority();
    let all = chain.iter().enumerate();
    let counted = all.filter(move |(at, one)| *at == 0 || !is_root(one));
    counted.map(|(_, one)| one)
}

/// The certificates of one file, and what makes leaves of them.
#[derive(Clone, Copy)]
pub(crate) struct Judged<'a> {
    pub(crate) certificates: &'a [Arc<ParsedCertificate>],
    pub(crate) role: Role,
    pub(crate) keys: &'a KnownKeys<'a>,
    /// Whether the key that belongs to the first one was found, be it unreadable.
    pub(crate) has_key_beside: bool,
}

impl<'a> Judged<'a> {
    /// The places of those whose dates count.
    pub(crate) fn dated(self) -> impl Iterator<Item = &'a ParsedCertificate> {
        let only_roots = self.certificates.iter().all(|one| self.is_root(one));
        let counts_roots = only_roots && self.role == Role::Asked;
        let all = self.certificates.iter().enumerate();
        let counted = all.filter(move |(at, one)| {
            counts_roots
                || !self.is_root(one)
                || self.has_its_key(*at, one)
                || self.is_named_alone()
        });
        counted.map(|(_, one)| &**one)
    }

    /// The places of the leaves that are verified. An authority is one only where it names hosts:
    /// otherwise no client takes it for a server.
    pub(crate) fn leaves(self) -> Vec<usize> {
        let positions = chains::positions(self.certificates);
        let is_leaf = |(at, certificate): &(usize, &Arc<ParsedCertificate>)| {
            let old_root = certificate.version == 1 && certificate.self_signed;
            let is_authority = certificate.is_ca || old_root;
            let position = positions.get(*at).copied().flatten();
            let is_issuer = position.is_some_and(|place| place > 0);
            let names_hosts = !certificate.subject_alternative_names.is_empty();
            let is_used =
                self.has_its_key(*at, certificate) || (*at == 0 && self.role == Role::Asked);
            (is_used && (names_hosts || !certificate.is_ca)) || (!is_authority && !is_issuer)
        };
        let all = self.certificates.iter().enumerate();
        all.filter(is_leaf).map(|(at, _)| at).collect()
    }

    fn has_its_key(self, at: usize, certificate: &ParsedCertificate) -> bool {
        (at == 0 && self.has_key_beside) || self.keys.fit(certificate)
    }

    fn is_named_alone(self) -> bool {
        self.role > Role::Found && self.certificates.len() == 1
    }

    /// Those of version 1 do not say what they are: beside others they are taken for roots.
    fn is_root(self, certificate: &ParsedCertificate) -> bool {
        let old_root = certificate.version == 1 && self.certificates.len() > 1;
        certificate.self_signed && (certificate.is_ca || old_root)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};

    use super::*;
    use crate::model::gap::Gaps;
    use crate::pki;

    /// A self-signed certificate.
    fn own(name: &str, is_ca: bool) -> Arc<ParsedCertificate> {
        let names: Vec<String> = (!is_ca).then(|| name.to_owned()).into_iter().collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Arc::new(ParsedCertificate::read(made.der()).unwrap())
    }

    fn dated(certificates: &[Arc<ParsedCertificate>], role: Role, keys: &[&str]) -> Vec<String> {
        let judged = Judged {
            certificates,
            role,
            keys: &KnownKeys::of(keys.iter().copied()),
            has_key_beside: false,
        };
        judged.dated().map(|one| one.subject.clone()).collect()
    }

    #[test]
    fn a_root_counts_by_its_key_alone_or_with_its_kind() {
        let (leaf, root, other) = (own("leaf", false), own("root", true), own("other", true));
        let pin = root.public_key.as_ref().unwrap().spki_pin_sha256.as_str();
        let chain = [leaf, Arc::clone(&root), Arc::clone(&other)];
        let roots = [Arc::clone(&root), other];
        for role in [Role::Found, Role::Configured, Role::Asked] {
            assert_eq!(dated(&chain, role, &[]), ["CN=leaf"], "{role:?}");
            assert_eq!(dated(&chain, role, &[pin]), ["CN=leaf", "CN=root"]);
            let alone = std::slice::from_ref(&root);
            assert_eq!(
                dated(alone, role, &[]).len(),
                usize::from(role > Role::Found)
            );
            let both = 2 * usize::from(role == Role::Asked);
            assert_eq!(dated(&roots, role, &[]).len(), both);
        }
    }

    #[test]
    fn of_a_served_chain_the_leaf_counts_whatever_it_says_of_itself() {
        let mut gaps = Gaps::default();
        let mut gaps = gaps.section("tls");
        let place = pki::Place {
            field: "chain",
            subject: "x".into(),
        };
        let (leaf, root) = (own("leaf", false), own("root", true));
        let [leaf, root] =
            [leaf, root].map(|one| pki::reported(&one, SystemTime::UNIX_EPOCH, &place, &mut gaps));
        let count = |chain: &[Certificate]| dated_of_chain(chain).count();
        assert_eq!(count(&[leaf, root.clone()]), 1);
        assert_eq!(count(&[root]), 1);
    }
}
