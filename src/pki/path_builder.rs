//! Ways from the leaf to a trusted authority, by names and signatures alone.
//!
//! The search is the program's own, as webpki's tries each certificate at each step and a hostile
//! chain can keep it busy for minutes. Each way that is found here goes to webpki alone.

use std::collections::HashMap;

use super::algorithms::{Check, check};
use super::parsed::Link;
use super::roots::{Anchor, Roots};

/// Certificates in one way, the authority not counted.
const LENGTH: usize = 16;
/// Ways that are looked at.
const WAYS: usize = 8;
/// Signatures that are checked; a chain without cross-signing needs one for each certificate.
const CHECKS: usize = 64;
/// Steps of the search.
const STEPS: usize = 256;

/// A way from the leaf upwards.
#[derive(Debug, Clone)]
pub(super) struct Way<'a> {
    /// Places in the list of links, the leaf first.
    pub(super) links: Vec<usize>,
    /// Whether the signature of each fits the key of the next, the authority after the last.
    pub(super) joints: Vec<Check>,
    pub(super) end: End<'a>,
}

/// Where a way ends.
#[derive(Debug, Clone)]
pub(super) enum End<'a> {
    /// At a trusted authority.
    Authority(Anchor<'a>),
    /// The leaf is itself trusted.
    Leaf,
    /// At a certificate whose issuer is nowhere; these have its name and another key.
    Nowhere(Vec<Namesake<'a>>),
    /// Nowhere yet, and the search was given up.
    GivenUp,
}

/// One that has the name of an issuer, and a key that the signature does not fit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Namesake<'a> {
    Served(usize),
    Trusted(Anchor<'a>),
}

/// All ways within the bounds, those to an authority first. There is at least one, of the leaf
/// alone.
pub(super) fn ways<'a>(links: &[Link<'a>], roots: &'a Roots) -> Vec<Way<'a>> {
    let mut search = Search {
        links,
        roots,
        trusted: links.iter().map(|link| roots.hold(link)).collect(),
        checked: HashMap::new(),
        steps: 0,
        found: Vec::new(),
        dead: Vec::new(),
    };
    if search.is_trusted(0) {
        return vec![Way {
            links: vec![0],
            joints: Vec::new(),
            end: End::Leaf,
        }];
    }
    search.walk(&mut vec![0], &mut Vec::new());
    let mut ways = search.found;
    // The longest tells most of what is missing.
    search.dead.sort_by_key(|way| usize::MAX - way.links.len());
    ways.append(&mut search.dead);
    ways
}

struct Search<'l, 'a> {
    links: &'l [Link<'a>],
    roots: &'a Roots,
    /// Which of the links are themselves trusted.
    trusted: Vec<bool>,
    /// Checked signatures, by the place of the certificate and the address of the key.
    checked: HashMap<(usize, *const u8), Check>,
    steps: usize,
    found: Vec<Way<'a>>,
    dead: Vec<Way<'a>>,
}

impl<'a> Search<'_, 'a> {
    fn is_trusted(&self, at: usize) -> bool {
        self.trusted.get(at).copied().unwrap_or_default()
    }

    fn walk(&mut self, path: &mut Vec<usize>, joints: &mut Vec<Check>) {
        let links = self.links;
        let Some((at, head)) = path.last().and_then(|at| Some((*at, links.get(*at)?))) else {
            return;
        };
        self.steps += 1;
        if self.steps > STEPS || path.len() > LENGTH {
            self.dead_end(path, joints, End::GivenUp);
            return;
        }
        let mut led = false;
        let mut namesakes = Vec::new();
        let roots = self.roots;
        for anchor in roots.named(head.issuer) {
            match self.check(at, anchor.trust.subject_public_key_info.as_ref()) {
                Check::Wrong => namesakes.push(Namesake::Trusted(anchor)),
                joint if self.found.len() < WAYS => {
                    led = true;
                    let mut joints = joints.clone();
                    joints.push(joint);
                    self.found.push(Way {
                        links: path.clone(),
                        joints,
                        end: End::Authority(anchor),
                    });
                }
                _ => return,
            }
        }
        for (next, link) in links.iter().enumerate() {
            // A served authority that is itself trusted was met among the roots.
            let passed = link.subject != head.issuer
                || self.is_trusted(next)
                || path
                    .iter()
                    .any(|at| links.get(*at).is_some_and(|other| other.same_holder(link)));
            if passed {
                continue;
            }
            if self.found.len() >= WAYS {
                return;
            }
            match self.check(at, link.spki) {
                Check::Wrong => namesakes.push(Namesake::Served(next)),
                joint => {
                    led = true;
                    path.push(next);
                    joints.push(joint);
                    self.walk(path, joints);
                    path.pop();
                    joints.pop();
                }
            }
        }
        if !led {
            self.dead_end(path, joints, End::Nowhere(namesakes));
        }
    }

    fn dead_end(&mut self, path: &[usize], joints: &[Check], end: End<'a>) {
        let room = self.dead.len() < WAYS;
        let shortest = self.dead.iter_mut().min_by_key(|way| way.links.len());
        let way = Way {
            links: path.to_vec(),
            joints: joints.to_vec(),
            end,
        };
        match shortest {
            Some(shortest) if !room => {
                if shortest.links.len() < way.links.len() {
                    *shortest = way;
                }
            }
            _ => self.dead.push(way),
        }
    }

    fn check(&mut self, at: usize, spki: &[u8]) -> Check {
        let Some(link) = self.links.get(at) else {
            return Check::Wrong;
        };
        let key = (at, spki.as_ptr());
        if let Some(known) = self.checked.get(&key) {
            return *known;
        }
        if self.checked.len() >= CHECKS {
            return Check::Unknown("there are too many candidates for its issuer");
        }
        let result = check(&link.signed, spki);
        self.checked.insert(key, result);
        result
    }
}
