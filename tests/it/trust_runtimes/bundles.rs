//! How many authorities each runtime takes of a bundle, beside what the runtimes themselves say.

use std::collections::{BTreeMap, HashSet};
use std::process::{Command, Stdio};

use data_encoding::BASE64;
use serde::Deserialize;
use spyhole::api::pki::{AskedRuntime, StorePlace};

use super::agreement::documented;

#[derive(Deserialize)]
struct Corpus {
    bundles: Vec<Bundle>,
}

#[derive(Deserialize)]
struct Bundle {
    name: String,
    data: String,
}

/// The bundles of one runtime by name: a number, and where it is none the reason.
#[derive(Deserialize)]
struct Recorded {
    bundles: BTreeMap<String, String>,
}

/// A runtime, where it looks for a bundle, and whether it counts one that is there twice once.
struct Reader {
    runtime: AskedRuntime,
    place: StorePlace,
    is_a_set: bool,
}

fn readers() -> [(&'static str, Reader); 7] {
    let reader = |runtime, place, is_a_set| Reader {
        runtime,
        place,
        is_a_set,
    };
    let file = StorePlace::File;
    [
        ("go", reader(AskedRuntime::go(27, false), file, true)),
        ("go-old", reader(AskedRuntime::go(19, false), file, true)),
        ("python-old", reader(AskedRuntime::python(11), file, true)),
        ("python", reader(AskedRuntime::python(13), file, true)),
        (
            "node-new",
            reader(AskedRuntime::node(24), StorePlace::Extra, false),
        ),
        ("gnutls", reader(AskedRuntime::gnutls(), file, false)),
        ("java", reader(AskedRuntime::java(17).unwrap(), file, true)),
    ]
}

impl Reader {
    /// How many it takes; Java, which reads no PEM, none.
    fn count(&self, bytes: &[u8]) -> usize {
        let Some(bundle) = self.runtime.bundle(bytes, self.place) else {
            return 0;
        };
        let all = bundle.certificates.iter().map(|one| one.der());
        if self.is_a_set {
            all.collect::<HashSet<_>>().len()
        } else {
            all.count()
        }
    }

    /// What differs from what the runtime said.
    fn differing(&self, recorded: &Recorded) -> Vec<String> {
        let corpus: Corpus =
            serde_json::from_str(include_str!("../../fixtures/trust/corpus.json")).unwrap();
        assert_eq!(corpus.bundles.len(), recorded.bundles.len());
        let compare = |bundle: &Bundle| {
            let data = BASE64.decode(bundle.data.as_bytes()).unwrap();
            let said = &recorded.bundles[&bundle.name];
            let digits = said.split(':').next().unwrap();
            let ours = self.count(&data);
            (digits != ours.to_string()).then(|| format!("{}: {ours}, really {said}", bundle.name))
        };
        corpus.bundles.iter().filter_map(compare).collect()
    }
}

#[test]
fn a_runtime_takes_as_many_authorities_of_a_bundle_as_it_says_itself() {
    let recorded = include_str!("../../fixtures/trust/verdicts.json");
    let recorded: BTreeMap<String, Recorded> = serde_json::from_str(recorded).unwrap();
    let documented = documented();
    let mut wrong = Vec::new();
    for (name, reader) in readers() {
        let differing = reader.differing(&recorded[name]);
        let all = recorded[name].bundles.len();
        let row = format!("| {} |", reader.runtime.name);
        let cell = format!("| {} of {all} |", all - differing.len());
        let mut lines = documented.lines();
        let is_there = lines.any(|line| line.starts_with(&row) && line.ends_with(&cell));
        if !is_there || differing.len() * 50 > all {
            wrong.push(format!("{row} {cell} {differing:#?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "below 98 % or not in docs/trust-stores.md:\n{}",
        wrong.join("\n")
    );
}

/// Those that are installed for these tests. Another version may differ in a bundle.
#[needs(gnutls_cli)]
fn the_recorded_numbers_are_those_of_the_runtimes() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/trust-verdicts");
    let asked = Command::new(script)
        .args(["--bundles", "gnutls", "python-system"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let why = String::from_utf8_lossy(&asked.stderr);
    assert!(asked.status.success(), "{why}");
    let now: BTreeMap<String, Recorded> = serde_json::from_slice(&asked.stdout).unwrap();
    let readers: BTreeMap<&str, Reader> = readers().into_iter().collect();
    for (name, reader) in [("gnutls", "gnutls"), ("python-system", "python-old")] {
        let differing = readers[reader].differing(&now[name]);
        assert!(differing.len() <= 2, "{name}: {differing:#?}");
    }
}
