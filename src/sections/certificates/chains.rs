//! The chain in a file: issuers and subjects, by name and key identifiers. Signatures are not checked
//! here: the file is described, and judged elsewhere.

use std::collections::HashMap;

use std::sync::Arc;

use crate::model::certificate::Certificate;
use crate::pki::ParsedCertificate;

/// Numbers each certificate that belongs to a chain: 0 for the one that issued no other, 1 for its
/// issuer, and so on. Authorities without anything below them belong to none.
pub(crate) fn place(certificates: &mut [Certificate], parsed: &[Arc<ParsedCertificate>]) {
    for (certificate, position) in certificates.iter_mut().zip(positions(parsed)) {
        certificate.chain_position = position;
    }
}

/// Numbers the chain from the leaf, which comes first.
pub(crate) fn place_from_leaf(certificates: &mut [Certificate], parsed: &[Arc<ParsedCertificate>]) {
    let issuers = issuers(parsed);
    let mut next = (!parsed.is_empty()).then_some(0);
    let mut position = 0;
    while let Some(index) = next
        && let Some(certificate) = certificates.get_mut(index)
        && certificate.chain_position.is_none()
    {
        certificate.chain_position = Some(position);
        position += 1;
        next = issuers.get(index).copied().flatten();
    }
}

/// The place of the issuer of each, where it is there.
fn issuers(certificates: &[Arc<ParsedCertificate>]) -> Vec<Option<usize>> {
    let mut by_subject: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, certificate) in certificates.iter().enumerate() {
        let same = by_subject.entry(&certificate.subject).or_default();
        same.push(index);
    }
    let issuer = |(index, certificate): (usize, &Arc<ParsedCertificate>)| {
        if certificate.self_signed {
            return None;
        }
        let named = by_subject.get(certificate.issuer.as_str())?;
        let candidates = named.iter().copied().filter(|other| *other != index);
        let mut candidates = candidates.take(SAME_NAME);
        candidates.find(|candidate| {
            let own = certificates.get(*candidate);
            let own = own.and_then(|candidate| candidate.key_id.as_ref());
            !matches!((&certificate.issuer_key_id, own), (Some(wanted), Some(own)) if wanted != own)
        })
    };
    certificates.iter().enumerate().map(issuer).collect()
}

/// The place of each in its chain.
pub(crate) fn positions(certificates: &[Arc<ParsedCertificate>]) -> Vec<Option<u32>> {
    let issuers = issuers(certificates);
    let mut is_issuer = vec![false; certificates.len()];
    for issuer in issuers.iter().flatten() {
        if let Some(mark) = is_issuer.get_mut(*issuer) {
            *mark = true;
        }
    }
    let mut positions = vec![None; certificates.len()];
    for (index, certificate) in certificates.iter().enumerate() {
        let has_issuer = matches!(issuers.get(index), Some(Some(_)));
        let above = is_issuer.get(index) == Some(&true);
        if above || (certificate.is_ca && !has_issuer) {
            continue;
        }
        let mut next = Some(index);
        let mut position = 0;
        // Who has a place already, in this chain or in another one, ends it.
        while let Some(index) = next
            && let Some(place) = positions.get_mut(index)
            && place.is_none()
        {
            *place = Some(position);
            position += 1;
            next = issuers.get(index).copied().flatten();
        }
    }
    positions
}

/// Of more authorities with one name only these are compared.
const SAME_NAME: usize = 16;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::time::{ClockId, clock_gettime};
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    use super::*;

    /// A name with a key, and whether it may issue.
    struct Made {
        params: CertificateParams,
        key: KeyPair,
    }

    fn made(name: &str, authority: bool) -> Made {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        if authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        Made { params, key }
    }

    fn issued(by: &Made, to: &Made) -> Arc<ParsedCertificate> {
        let issuer = Issuer::from_params(&by.params, &by.key);
        let der = to.params.signed_by(&to.key, &issuer).unwrap();
        Arc::new(ParsedCertificate::read(der.der()).unwrap())
    }

    fn own(of: &Made) -> Arc<ParsedCertificate> {
        let der = of.params.self_signed(&of.key).unwrap();
        Arc::new(ParsedCertificate::read(der.der()).unwrap())
    }

    #[test]
    fn a_chain_is_numbered_from_the_leaf_in_whichever_order() {
        let (root, between, leaf) = (
            made("root", true),
            made("between", true),
            made("leaf", false),
        );
        let chain = [own(&root), issued(&between, &leaf), issued(&root, &between)];
        assert_eq!(positions(&chain), [Some(2), Some(0), Some(1)]);
        assert_eq!(positions(chain.get(..1).unwrap()), [None]);
        assert_eq!(positions(chain.get(1..2).unwrap()), [Some(0)]);
    }

    #[test]
    fn of_two_authorities_with_one_name_the_key_tells() {
        let (old, new, leaf) = (made("root", true), made("root", true), made("leaf", false));
        let chain = [issued(&new, &leaf), own(&old), own(&new)];
        assert_eq!(positions(&chain), [Some(0), None, Some(1)]);
    }

    #[test]
    fn certificates_that_issued_each_other_end() {
        let (a, b, leaf) = (made("a", true), made("b", true), made("leaf", false));
        let chain = [issued(&a, &leaf), issued(&b, &a), issued(&a, &b)];
        assert_eq!(positions(&chain), [Some(0), Some(1), Some(2)]);
    }

    #[test]
    fn a_thousand_take_no_quadratic_time() {
        let leaf = made("leaf", false);
        let root = made("root", true);
        let mut bundle = vec![own(&root); 1000];
        bundle.push(issued(&root, &leaf));
        // Of this thread: what else runs on the machine does not count.
        let clock = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
        let begun = clock();
        assert_eq!(positions(&bundle).last(), Some(&Some(0)));
        let took = clock().saturating_sub(begun);
        assert!(took.as_secs() < 5, "{took:?}");
    }
}
