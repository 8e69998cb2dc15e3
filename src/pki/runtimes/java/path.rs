//! sun.security.provider.certpath: the checkers of a path from an anchor down to the leaf, and the
//! search for one.

use super::Stop;
use super::certificate::JavaCertificate;
use super::names;
use crate::parse::x509::KeyAlgorithm;
use crate::pki::algorithms::SignatureCheck;
use crate::pki::runtimes::policies::{PolicyState, RequiredPolicy};
use crate::pki::runtimes::{lacking_signature, signature};

/// Intermediates that the search follows (`PKIXBuilderParameters`).
const BUILT_MAX: usize = 5;
const STEPS_MAX: usize = 64;
const VALIDATOR: &str = "java.security.cert.CertPathValidatorException";

pub(super) struct Validator<'v, 'a> {
    pub(super) roots: &'v [JavaCertificate<'a>],
    /// Seconds since 1970.
    pub(super) now: i64,
}

fn refused(why: &str) -> Stop {
    Stop::Refused(format!("{VALIDATOR}: {why}"))
}

impl Validator<'_, '_> {
    /// `PKIXCertPathValidator`: tries each anchor that may have issued the last.
    pub(super) fn certify(&self, path: &[&JavaCertificate]) -> Result<(), Stop> {
        let Some(last) = path.last() else {
            return Ok(());
        };
        let mut error = refused("Path does not chain with any of the trust anchors");
        for root in self.roots.iter().filter(|root| may_have_issued(root, last)) {
            match self.below(root, path) {
                Ok(()) => return anchor(root),
                Err(stop) => error = stop,
            }
        }
        Err(error)
    }

    /// `SunCertPathBuilder`.
    pub(super) fn build<'p, 'a>(
        &self,
        path: &mut Vec<&'p JavaCertificate<'a>>,
        pool: &[&'p JavaCertificate<'a>],
        steps: &mut usize,
    ) -> Result<(), Stop> {
        *steps += 1;
        let between = path.iter().skip(1).filter(|one| !one.is_self_issued());
        if *steps > STEPS_MAX || between.count() > BUILT_MAX {
            return Err(refused(""));
        }
        let mut error = match self.certify(path) {
            Ok(()) => return Ok(()),
            Err(stop) => stop,
        };
        let Some(head) = path.last().copied() else {
            return Err(error);
        };
        for next in pool {
            let fits = may_have_issued(next, head)
                && !path.iter().any(|other| other.is_same(next))
                && self.is_valid(next);
            if !fits {
                continue;
            }
            path.push(next);
            let found = self.build(path, pool, steps);
            path.pop();
            match found {
                Ok(()) => return Ok(()),
                Err(stop @ Stop::Lacks(_)) => error = stop,
                Err(_) => {}
            }
        }
        Err(error)
    }

    fn is_valid(&self, one: &JavaCertificate) -> bool {
        (one.not_before..=one.not_after).contains(&self.now)
    }

    /// `PKIXMasterCertPathValidator`: each certificate from the anchor down, by each checker.
    fn below(&self, root: &JavaCertificate, path: &[&JavaCertificate]) -> Result<(), Stop> {
        let mut issuer = root;
        let mut allowed = u64::try_from(path.len()).unwrap_or(u64::MAX);
        let mut policies = PolicyState::default();
        let mut constraining: Vec<&JavaCertificate> = Vec::new();
        for (at, one) in path.iter().rev().enumerate() {
            let is_leaf = at + 1 == path.len();
            algorithms(one)?;
            if !is_leaf && one.usage.is_some_and(|bits| bits & 0x0400 == 0) {
                return Err(refused(
                    "CA key usage check failed: keyCertSign bit is not set",
                ));
            }
            if !is_leaf {
                basic(one, at == 0, &mut allowed)?;
            }
            if is_leaf || !one.is_self_issued() {
                for constraints in constraining
                    .iter()
                    .filter_map(|one| one.constraints.as_ref())
                {
                    names::constraints(one, constraints)?;
                }
            }
            constraining.push(one);
            let is_self_issued = one.is_self_issued();
            match policies.check(&one.raw, is_self_issued, is_leaf) {
                Ok(()) => {}
                Err(RequiredPolicy::Mapped) => {
                    return Err(Stop::Lacks("mappings of policies".to_owned()));
                }
                Err(RequiredPolicy::Missing) => {
                    return Err(refused(
                        "non-null policy tree required and policy tree is null",
                    ));
                }
            }
            if !self.is_valid(one) {
                return Err(refused("validity check failed"));
            }
            if one.issuer != issuer.subject {
                return Err(refused("subject/issuer name chaining check failed"));
            }
            match signature(one.parsed, issuer.parsed) {
                SignatureCheck::Right if curve_is_known(issuer) => {}
                SignatureCheck::Unknown(_) if curve_is_known(issuer) => {
                    return Err(Stop::Lacks(lacking_signature(one.parsed, issuer.parsed)));
                }
                _ => return Err(refused("signature check failed")),
            }
            if one.has_unresolved {
                return Err(refused("unrecognized critical extension(s)"));
            }
            issuer = one;
        }
        Ok(())
    }
}

/// Since 16 Java knows P-256, P-384 and P-521 alone.
fn curve_is_known(issuer: &JavaCertificate) -> bool {
    let key = issuer.parsed.public_key.as_ref();
    key.is_none_or(|key| {
        key.algorithm != KeyAlgorithm::Ecdsa
            || key.curve.as_deref().is_some_and(|curve| {
                matches!(
                    curve,
                    "P-256" | "P-384" | "P-521" | "prime256v1" | "secp384r1" | "secp521r1"
                )
            })
    })
}

/// By the name, and by the identifier of the key (`AdaptableX509CertSelector`).
fn may_have_issued(issuer: &JavaCertificate, child: &JavaCertificate) -> bool {
    let ids = (issuer.key_id, child.issuer_key_id);
    issuer.subject == child.issuer && !matches!(ids, (Some(own), Some(asked)) if own != asked)
}

/// `PKIXValidator.verifyTrustAnchor`.
fn anchor(root: &JavaCertificate) -> Result<(), Stop> {
    let refused = |why: &str| {
        Err(Stop::Refused(format!(
            "sun.security.validator.ValidatorException: TrustAnchor with subject \"{}\" {why}",
            root.title()
        )))
    };
    if root.raw.version.is_none_or(|version| version < 2) {
        return Ok(());
    }
    if root.basic.is_none() {
        return refused("is not a CA certificate");
    }
    if root.usage.is_some_and(|bits| bits & 0x0400 == 0) {
        return refused("does not have keyCertSign bit set in KeyUsage extension");
    }
    Ok(())
}

/// `AlgorithmChecker` with jdk.certpath.disabledAlgorithms as it is shipped.
fn algorithms(one: &JavaCertificate) -> Result<(), Stop> {
    let algorithm = one.parsed.signature_algorithm.as_str();
    if let Some(hash @ ("md2" | "md5")) = algorithm.split_once("With").map(|(hash, _)| hash) {
        return Err(refused(&format!(
            "Algorithm constraints check failed on signature algorithm: {}withRSA",
            hash.to_ascii_uppercase()
        )));
    }
    let key = one.parsed.public_key.as_ref();
    if let Some(key) = key
        && let Some(bits) = key.bits
    {
        let (shortest, name) = match key.algorithm {
            KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss => (1_024, "RSA"),
            KeyAlgorithm::Dsa => (1_024, "DSA"),
            KeyAlgorithm::Ecdsa => (224, "EC"),
            _ => (0, ""),
        };
        if bits < shortest {
            return Err(refused(&format!(
                "Algorithm constraints check failed on keysize limits: {name} {bits} bit key"
            )));
        }
    }
    // digitalSignature, nonRepudiation and what else stands for an algorithm.
    if one.usage.is_some_and(|bits| bits & 0xfe00 == 0) {
        return Err(refused("incorrect KeyUsage extension bits"));
    }
    Ok(())
}

/// `ConstraintsChecker.checkBasicConstraints`.
fn basic(one: &JavaCertificate, is_first: bool, allowed: &mut u64) -> Result<(), Stop> {
    let is_old = one.raw.version.is_some_and(|version| version < 2);
    let length = if is_old {
        (is_first && one.is_self_issued()).then_some(u64::MAX)
    } else {
        one.basic
    };
    let Some(length) = length else {
        return Err(refused(
            "basic constraints check failed: this is not a CA certificate",
        ));
    };
    if !one.is_self_issued() {
        *allowed = allowed.checked_sub(1).ok_or_else(|| {
            refused(
                "basic constraints check failed: pathLenConstraint violated - this cert must be \
                 the last cert in the certification path",
            )
        })?;
    }
    *allowed = length.min(*allowed);
    Ok(())
}
