//! Saved documents, read back into the model: what spyhole wrote comes back to the byte, and
//! damage of any kind is an error.

use proptest::prelude::any;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use spyhole::model::Report;
use spyhole::model::read::{ReadError, read};

use super::host::spyhole;
use super::lab::Lab;

/// As `-o json` writes it.
fn written(report: &Report) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(report).unwrap();
    text.push(b'\n');
    text
}

fn comes_back(text: &[u8], what: &str) {
    let report = read(text).unwrap_or_else(|why| panic!("{what}: {why}"));
    // Not by assert_eq: a document of this machine is no reading for a log.
    assert!(
        written(&report) == text,
        "{what}: written otherwise than read"
    );
}

#[test]
fn a_dump_comes_back_to_the_byte() {
    for line in [
        "dump",
        "--self dump",
        "ps --all --threads --pss",
        "ss -A -a",
        "ss -s",
        "env -A",
        "mounts --all",
        "caps --all --threads",
        "caps --decode 00000000a80425fb",
        "containers",
        "access",
    ] {
        let words = line.split(' ').chain(["-o", "json"]);
        let seen = spyhole(words);
        comes_back(&seen.stdout, line);
    }
}

#[needs(root)]
fn dumps_with_gaps_come_back_to_the_byte() {
    let web = Lab::webapp().uid(1000).caps("none").start();
    for (uid, words) in [
        (0, &["dump", "-o", "json"][..]),
        (1000, &["dump", "-o", "json"]),
        (2000, &["dump", "-o", "json"]),
        (2000, &["access", "-o", "json"]),
    ] {
        let seen = web.spyhole().uid(uid).caps("none").args(words).run();
        let report = read(&seen.stdout).unwrap_or_else(|why| panic!("{uid}: {why}"));
        // The lab has no cgroups.
        let mut gaps = report.gaps.iter().filter(|gap| gap.section != "resources");
        assert_eq!(gaps.next().is_none(), uid == 1000, "{uid}: {seen}");
        comes_back(&seen.stdout, &format!("uid {uid}"));
    }
}

#[test]
fn a_damaged_dump_is_an_error_or_a_document() {
    let whole = spyhole(["dump", "-o", "json"]).stdout;
    let mut runner = TestRunner::new(Config {
        cases: 16,
        failure_persistence: None,
        ..Config::default()
    });
    let places = proptest::collection::vec((any::<Index>(), any::<u8>()), 1..4);
    let ended = runner.run(&(places, any::<Index>()), |(places, cut)| {
        let mut bytes = whole.clone();
        for (place, byte) in places {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(report) = read(&bytes) {
            let again = read(&written(&report));
            proptest::prop_assert!(again == Ok(report), "read, written, and read otherwise");
        }
        let cut = cut.index(whole.len() - 2);
        let refused = read(&whole[..cut]);
        proptest::prop_assert!(
            matches!(refused, Err(ReadError::NotJson { .. })),
            "cut at {}",
            cut
        );
        Ok(())
    });
    assert!(ended.is_ok(), "{}", ended.unwrap_err());
}

#[test]
fn no_null_of_a_dump_is_taken_without_its_gap() {
    let mut document = spyhole(["ps", "-o", "json"]).document();
    document["processes"][0]["exe"] = serde_json::Value::Null;
    document["gaps"] = serde_json::json!([]);
    let refused = read(document.to_string().as_bytes());
    assert!(matches!(refused, Err(ReadError::NullWithoutGap { .. })));
}
