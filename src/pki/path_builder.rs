//! Paths from the leaf to a trusted authority, by names and signatures alone.
//!
//! The search is the program's own, as webpki's tries each certificate at each step and a hostile
//! chain can keep it busy for minutes. Each path that is found here goes to webpki alone.

use std::collections::HashMap;

use super::algorithms::{SignatureCheck, check};
use super::finding::Unchecked;
use super::member::Member;
use super::roots::{Anchor, Roots};

/// Certificates in one path, the authority not counted.
const PATH_LENGTH_MAX: usize = 16;
/// Paths that are looked at.
const PATHS_MAX: usize = 8;
/// Signatures that are checked; a chain without cross-signing needs one for each certificate.
const SIGNATURES_MAX: usize = 64;
/// Steps of the search.
const STEPS_MAX: usize = 256;

/// A path from the leaf upwards.
#[derive(Debug, Clone)]
pub(super) struct CertPath<'a> {
    /// Places in the chain, the leaf first.
    pub(super) indices: Vec<usize>,
    /// Whether the signature of each fits the key of the next, the authority after the last.
    pub(super) signatures: Vec<SignatureCheck>,
    pub(super) end: PathEnd<'a>,
}

/// Where a path ends.
#[derive(Debug, Clone)]
pub(super) enum PathEnd<'a> {
    /// At a trusted authority.
    Authority(Anchor<'a>),
    /// The leaf is itself trusted.
    Leaf,
    /// At a certificate whose issuer is nowhere; these have its name and another key.
    Nowhere(Vec<SameSubject<'a>>),
    /// Nowhere yet, and the search was given up.
    GivenUp,
}

/// One that has the name of an issuer, and a key that the signature does not fit.
#[derive(Debug, Clone, Copy)]
pub(super) enum SameSubject<'a> {
    Served(usize),
    Trusted(Anchor<'a>),
}

/// All paths within the bounds, those to an authority first. There is at least one, of the leaf
/// alone.
pub(super) fn paths<'a>(chain: &[Member<'a>], roots: &'a Roots) -> Vec<CertPath<'a>> {
    let mut search = Search {
        chain,
        roots,
        trusted: chain.iter().map(|parsed| roots.hold(parsed)).collect(),
        checked: HashMap::new(),
        steps: 0,
        found: Vec::new(),
        dead: Vec::new(),
    };
    if search.is_trusted(0) {
        return vec![CertPath {
            indices: vec![0],
            signatures: Vec::new(),
            end: PathEnd::Leaf,
        }];
    }
    search.walk(&mut vec![0], &mut Vec::new());
    let mut paths = search.found;
    // The longest tells most of what is missing.
    search
        .dead
        .sort_by_key(|path| usize::MAX - path.indices.len());
    paths.append(&mut search.dead);
    paths
}

struct Search<'l, 'a> {
    chain: &'l [Member<'a>],
    roots: &'a Roots,
    /// Which certificates of the chain are themselves trusted.
    trusted: Vec<bool>,
    /// Checked signatures, by the place of the certificate and the address of the key.
    checked: HashMap<(usize, *const u8), SignatureCheck>,
    steps: usize,
    found: Vec<CertPath<'a>>,
    dead: Vec<CertPath<'a>>,
}

impl<'a> Search<'_, 'a> {
    fn is_trusted(&self, at: usize) -> bool {
        self.trusted.get(at).copied().unwrap_or_default()
    }

    fn walk(&mut self, path: &mut Vec<usize>, signatures: &mut Vec<SignatureCheck>) {
        let chain = self.chain;
        let Some((at, head)) = path.last().and_then(|at| Some((*at, chain.get(*at)?))) else {
            return;
        };
        self.steps += 1;
        if self.steps > STEPS_MAX || path.len() > PATH_LENGTH_MAX {
            self.dead_end(path, signatures, PathEnd::GivenUp);
            return;
        }
        let mut led = false;
        let mut namesakes = Vec::new();
        let roots = self.roots;
        for anchor in roots.named(head.issuer) {
            match self.check(at, anchor.trust.subject_public_key_info.as_ref()) {
                SignatureCheck::Wrong => namesakes.push(SameSubject::Trusted(anchor)),
                signature if self.found.len() < PATHS_MAX => {
                    led = true;
                    let mut signatures = signatures.clone();
                    signatures.push(signature);
                    self.found.push(CertPath {
                        indices: path.clone(),
                        signatures,
                        end: PathEnd::Authority(anchor),
                    });
                }
                _ => return,
            }
        }
        for (next, parsed) in chain.iter().enumerate() {
            // A served authority that is itself trusted was met among the roots.
            let passed = parsed.subject != head.issuer
                || self.is_trusted(next)
                || path.iter().any(|at| {
                    chain
                        .get(*at)
                        .is_some_and(|other| other.same_holder(parsed))
                });
            if passed {
                continue;
            }
            if self.found.len() >= PATHS_MAX {
                return;
            }
            match self.check(at, parsed.spki) {
                SignatureCheck::Wrong => namesakes.push(SameSubject::Served(next)),
                signature => {
                    led = true;
                    path.push(next);
                    signatures.push(signature);
                    self.walk(path, signatures);
                    path.pop();
                    signatures.pop();
                }
            }
        }
        if !led {
            self.dead_end(path, signatures, PathEnd::Nowhere(namesakes));
        }
    }

    fn dead_end(&mut self, path: &[usize], signatures: &[SignatureCheck], end: PathEnd<'a>) {
        let room = self.dead.len() < PATHS_MAX;
        let shortest = self.dead.iter_mut().min_by_key(|path| path.indices.len());
        let path = CertPath {
            indices: path.to_vec(),
            signatures: signatures.to_vec(),
            end,
        };
        match shortest {
            Some(shortest) if !room => {
                if shortest.indices.len() < path.indices.len() {
                    *shortest = path;
                }
            }
            _ => self.dead.push(path),
        }
    }

    fn check(&mut self, at: usize, spki: &[u8]) -> SignatureCheck {
        let Some(parsed) = self.chain.get(at) else {
            return SignatureCheck::Wrong;
        };
        let key = (at, spki.as_ptr());
        if let Some(known) = self.checked.get(&key) {
            return *known;
        }
        if self.checked.len() >= SIGNATURES_MAX {
            return SignatureCheck::Unknown(Unchecked::TooManyCandidates);
        }
        let result = check(&parsed.signed, spki);
        self.checked.insert(key, result);
        result
    }
}
