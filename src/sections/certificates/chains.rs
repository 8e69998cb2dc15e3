//! The chain in a file: who issued whom, by name and key identifiers. Signatures are not checked
//! here: what a file holds is told, and judged elsewhere.

use std::collections::HashMap;

use crate::model::certificate::Certificate;
use crate::parse::key_ids::{KeyIds, key_ids};

/// Numbers each certificate that belongs to a chain: 0 for the one that issued nobody, 1 for its
/// issuer, and so on. Authorities without anything below them belong to none.
pub(crate) fn place(certificates: &mut [Certificate]) {
    for (index, position) in positions(certificates).into_iter().enumerate() {
        if let Some(certificate) = certificates.get_mut(index) {
            certificate.chain_position = position;
        }
    }
}

fn positions(certificates: &[Certificate]) -> Vec<Option<u32>> {
    let mut by_subject: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, certificate) in certificates.iter().enumerate() {
        let same = by_subject.entry(&certificate.subject).or_default();
        same.push(index);
    }
    let mut ids: Vec<Option<KeyIds>> = vec![None; certificates.len()];
    let issuers: Vec<Option<usize>> = certificates
        .iter()
        .enumerate()
        .map(|(index, certificate)| {
            if certificate.self_signed {
                return None;
            }
            let named = by_subject.get(certificate.issuer.as_str())?;
            let candidates = named.iter().copied().filter(|other| *other != index);
            let mut candidates = candidates.take(SAME_NAME);
            let wanted = known_ids(&mut ids, certificates, index).authority;
            candidates.find(|candidate| {
                let own = known_ids(&mut ids, certificates, *candidate).subject;
                !matches!((&wanted, own), (Some(wanted), Some(own)) if *wanted != own)
            })
        })
        .collect();
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

fn known_ids(ids: &mut [Option<KeyIds>], certificates: &[Certificate], index: usize) -> KeyIds {
    let (Some(known), Some(certificate)) = (ids.get_mut(index), certificates.get(index)) else {
        return KeyIds::default();
    };
    known
        .get_or_insert_with(|| key_ids(&certificate.der))
        .clone()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use nix::time::{ClockId, clock_gettime};
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    use super::*;
    use crate::pki;

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

    fn issued(by: &Made, to: &Made) -> Certificate {
        let issuer = Issuer::from_params(&by.params, &by.key);
        let der = to.params.signed_by(&to.key, &issuer).unwrap();
        pki::certificate(der.der(), SystemTime::UNIX_EPOCH).unwrap()
    }

    fn own(of: &Made) -> Certificate {
        let der = of.params.self_signed(&of.key).unwrap();
        pki::certificate(der.der(), SystemTime::UNIX_EPOCH).unwrap()
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
