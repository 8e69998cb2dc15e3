//! Each runtime's habits on a root of the test's own, and against the runtimes themselves.

mod detection;
mod habits;
mod hostile;
mod reach;
mod truth;

use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DnType, IsCa, KeyPair};

use super::detect::{Detected, RuntimeTrustRules};
use super::overrides::Overrides;
use super::{Trust, TrustReach, TrustScan};
use crate::model::byte_string::ByteString;
use crate::model::gap::Gaps;
use crate::model::gap::Refusal;
use crate::model::trust_store::{PlaceState, TrustPlace, TrustStore};
use crate::parse::environ;
use crate::parse::status::Ids;
use crate::pki::AskedRuntime;
use crate::rights::file_mode::FileSubject;
use crate::rights::ptrace_access::Credentials;
use crate::sys::scratch::{self, Scratch};

const DEBIAN: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A target with nothing in its root but what a test puts there.
struct Target {
    root: Scratch,
    environ: Result<Vec<u8>, Refusal>,
    args: Vec<Vec<u8>>,
    uid: u32,
    asked: Option<AskedRuntime>,
    reach: TrustReach,
    gaps: Gaps,
}

impl Target {
    fn new() -> Self {
        Self {
            root: Scratch::new(),
            environ: Ok(Vec::new()),
            args: vec![b"/app".to_vec()],
            uid: 1000,
            asked: None,
            reach: TrustReach::Whole,
            gaps: Gaps::default(),
        }
    }

    fn with(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.root.write(path, content);
        self
    }

    fn link(self, path: &str, goal: &str) -> Self {
        self.root.link(path, goal);
        self
    }

    fn mode(self, path: &str, mode: u32) -> Self {
        self.root.mode(path, mode);
        self
    }

    fn env(mut self, variable: &str) -> Self {
        let environ = self.environ.as_mut().unwrap();
        environ.extend(variable.as_bytes());
        environ.push(0);
        self
    }

    fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.as_bytes().to_vec());
        self
    }

    fn overrides(&self) -> Overrides {
        let environ = self.environ.clone();
        let environ = environ.map(|bytes| environ::read(&bytes, false));
        Overrides::new(environ, self.args.clone(), Some(b"/".to_vec()))
    }

    fn trust(&mut self, rules: RuntimeTrustRules) -> Trust {
        let house = TrustScan {
            root: self.root.in_root(),
            reader: Ok(reader(self.uid)),
            overrides: self.overrides(),
            now: SystemTime::now(),
            asked: self.asked.clone(),
            reach: self.reach,
        };
        let detected = Detected {
            rules,
            evidence: "the test says so".to_owned(),
        };
        let trust = house.trust(&detected, &mut self.gaps.section("certificates"));
        assert_every_null_has_its_gap(&trust.store, &self.gaps);
        trust
    }
}

/// A user without any capability, as the initial user namespace sees it.
fn reader(uid: u32) -> FileSubject {
    let ids = Ids {
        real: uid,
        effective: uid,
        saved: uid,
        filesystem: uid,
    };
    let who = Credentials {
        uid: Some(ids),
        gid: Some(ids),
        groups: Some(Vec::new()),
        cap_effective: Some(0),
        uid_map: Some(b"0 0 4294967295\n".to_vec()),
        ..Credentials::default()
    };
    FileSubject::of(&who, &who).unwrap()
}

/// An authority, as PEM.
fn authority(name: &str) -> String {
    signed(name, None)
}

/// One whose time is over.
fn expired(name: &str) -> String {
    signed(name, Some(SystemTime::now() - Duration::from_hours(24)))
}

fn signed(name: &str, until: Option<SystemTime>) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    if let Some(until) = until {
        params.not_after = until.into();
    }
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().pem()
}

/// So many authorities, the first of which has expired.
fn bundle(count: usize) -> String {
    let valid = (1..count).map(|index| authority(&format!("Root {index}")));
    [expired("Root 0")].into_iter().chain(valid).collect()
}

fn place<'a>(store: &'a TrustStore, path: &str) -> &'a TrustPlace {
    let found = store.places.iter().find(|place| {
        let own = place.path.as_ref().map(ByteString::as_bytes);
        own == Some(path.as_bytes())
    });
    found.unwrap_or_else(|| panic!("no {path} in {store:#?}"))
}

/// State, use and number of a place.
fn told(store: &TrustStore, path: &str) -> (PlaceState, Option<bool>, Option<u64>) {
    let place = place(store, path);
    (
        *place.state.value().unwrap(),
        place.used.as_ref().map(|used| *used.value().unwrap()),
        place.roots.as_ref().map(|roots| *roots.value().unwrap()),
    )
}

/// The totals.
fn total(store: &TrustStore) -> (u64, u64) {
    let number = |seen: &Option<crate::model::Seen<u64>>| *seen.as_ref().unwrap().value().unwrap();
    (number(&store.roots), number(&store.expired_roots))
}

fn assert_every_null_has_its_gap(store: &TrustStore, gaps: &Gaps) {
    fn nulls(value: &serde_json::Value, path: &str, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Null => found.push(path.to_owned()),
            serde_json::Value::Array(all) => all.iter().for_each(|one| nulls(one, path, found)),
            serde_json::Value::Object(all) => all
                .iter()
                .for_each(|(key, one)| nulls(one, &format!("{path}.{key}"), found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    let value = serde_json::to_value(store).unwrap();
    nulls(&value, "trust_store", &mut found);
    let recorded: u64 = gaps.as_slice().iter().map(|gap| gap.count).sum();
    assert_eq!(recorded, found.len() as u64, "{found:?} {gaps:#?}");
    for path in found {
        let gap = gaps.as_slice().iter().find(|gap| gap.field == path);
        assert_eq!(gap.unwrap().section, "certificates", "{path}");
    }
}
