use serde_json::json;

use super::*;
use crate::model::gap::{Reason, Refusal};
use crate::model::seen::Seen;
use crate::model::time::Timestamp;

fn document() -> Value {
    json!({
        "schema": SCHEMA,
        "version": "9.9.9",
        "taken_at": "2026-11-23T19:26:00.007Z",
        "environment": [{
            "pid": 7,
            "comm": {"base64": "Yf8=", "lossy": "a\u{fffd}"},
            "as_of": "exec",
            "started_at": "1969-12-31T23:59:59.999Z",
            "variables": null
        }, {
            "pid": 8,
            "comm": "b",
            "as_of": "exec",
            "started_at": "2026-11-23T19:26:00.007Z",
            "variables": null
        }],
        "gaps": [
            {"section": "environment", "field": "variables", "reason": "uid", "count": 1, "subjects": [7]},
            {"section": "environment", "field": "variables", "reason": "hidepid", "count": 1, "subjects": [8]}
        ]
    })
}

fn read_value(value: &Value) -> Result<Report, ReadError> {
    read(value.to_string().as_bytes())
}

#[test]
fn a_null_comes_back_with_the_reason_of_its_gap() {
    let report = read_value(&document()).unwrap();
    let reasons: Vec<Option<Reason>> = report
        .environment
        .as_ref()
        .unwrap()
        .iter()
        .map(|one| match &one.variables {
            Seen::Unseen(unseen) => Some(unseen.reason()),
            Seen::Value(_) => None,
        })
        .collect();
    assert_eq!(reasons, [Some(Reason::Uid), Some(Reason::Hidepid)]);
    assert_eq!(serde_json::to_value(&report).unwrap(), document());
}

#[test]
fn a_null_without_its_gap_is_an_error() {
    let mut document = document();
    document["gaps"] = json!([]);
    assert_eq!(
        read_value(&document),
        Err(ReadError::NullWithoutGap {
            section: "environment".to_owned(),
            field: "variables".to_owned()
        })
    );
    // Nor can a part be read by itself.
    assert!(serde_json::from_str::<Seen<u32>>("null").is_err());
    assert!(serde_json::from_str::<Seen<u32>>("7").is_ok());
}

#[test]
fn gaps_of_a_section_tell_of_each_of_its_keys() {
    let text = json!({
        "schema": SCHEMA,
        "version": "9.9.9",
        "taken_at": "2026-11-23T19:26:00.007Z",
        "socket_sources": [{
            "net_namespace": null,
            "pid": 1,
            "containers": [],
            "same_as_viewer": true,
            "sources": {"tcp": "sock_diag"}
        }],
        "gaps": [
            {"section": "sockets", "field": "net_namespace", "reason": "uid", "count": 1, "subjects": [1]}
        ]
    });
    let report = read_value(&text).unwrap();
    assert_eq!(serde_json::to_value(&report).unwrap(), text);
}

#[test]
fn the_mark_of_an_unseen_field_is_refused() {
    let mut document = document();
    document["environment"][0]["variables"] = json!({(MARK): "uid"});
    let refused = read_value(&document).unwrap_err();
    assert!(matches!(refused, ReadError::Malformed { .. }), "{refused}");
}

#[test]
fn what_is_no_document_says_so() {
    for (text, expected) in [
        ("", ReadError::NotJson { line: 1, column: 0 }),
        (
            "{\"schema\": ",
            ReadError::NotJson {
                line: 1,
                column: 11,
            },
        ),
        ("[]", ReadError::OtherSchema),
        ("{}", ReadError::OtherSchema),
        ("{\"schema\": \"spyhole/v2\"}", ReadError::OtherSchema),
        (
            "{\"a\": 1,\n \"a\": 2}",
            ReadError::DuplicateKey { line: 2, column: 8 },
        ),
    ] {
        let refused = read(text.as_bytes()).unwrap_err();
        assert_eq!(
            std::mem::discriminant(&refused),
            std::mem::discriminant(&expected),
            "{text}: {refused}"
        );
    }
    let trailing = format!("{} {{}}", document());
    let refused = read(trailing.as_bytes()).unwrap_err();
    assert!(matches!(refused, ReadError::NotJson { .. }), "{refused}");
}

#[test]
fn bounds_hold_before_anything_is_built() {
    let limits = Limits {
        bytes: 1_000_000,
        depth: 8,
        values: 1_000,
    };
    let many = format!("[{}1]", "1,".repeat(1_000));
    assert_eq!(
        read_within(many.as_bytes(), limits),
        Err(ReadError::TooManyValues { limit: 1_000 })
    );
    let deep = "[".repeat(100_000);
    assert_eq!(
        read_within(deep.as_bytes(), limits),
        Err(ReadError::TooDeep { limit: 8 })
    );
    assert_eq!(
        read_within(&vec![b' '; 1_000_001], limits),
        Err(ReadError::TooLarge {
            bytes: 1_000_001,
            limit: 1_000_000
        })
    );
    assert_eq!(
        read(deep.as_bytes()),
        Err(ReadError::TooDeep {
            limit: Limits::default().depth
        })
    );
}

#[test]
fn what_does_not_fit_is_named_without_its_content() {
    let secret = concat!("hunter", "2hunter2");
    let mut document = document();
    document["environment"][0]["pid"] = secret.into();
    let refused = read_value(&document).unwrap_err();
    assert_eq!(
        refused,
        ReadError::Malformed {
            section: "environment".to_owned(),
            why: "expected i32".to_owned()
        }
    );
    assert!(!refused.to_string().contains(secret));
    let mut document = super::tests::document();
    document["environment"][0]["as_of"] = secret.into();
    let said = read_value(&document).unwrap_err().to_string();
    assert!(
        said.starts_with("environment: ") && !said.contains(secret),
        "{said}"
    );
    let mut document = super::tests::document();
    document["gaps"][0]["reason"] = secret.into();
    let said = read_value(&document).unwrap_err().to_string();
    assert!(
        said.starts_with("gaps: ") && !said.contains(secret),
        "{said}"
    );
}

#[test]
fn a_key_of_a_later_version_is_passed_over() {
    let mut document = document();
    document["later"] = json!({"a": [1, 2]});
    document["environment"][0]["later"] = json!(7);
    assert_eq!(
        read_value(&document).unwrap(),
        read_value(&super::tests::document()).unwrap()
    );
}

#[test]
fn numbers_come_back_to_the_last_bit() {
    for text in [
        "0.1",
        "5e-324",
        "1.7976931348623157e308",
        "0.30000000000000004",
        "123456789.12345679",
    ] {
        let value = parse(text.as_bytes(), Limits::default()).unwrap();
        assert_eq!(value.as_f64(), Some(text.parse().unwrap()), "{text}");
    }
    let largest = parse(u64::MAX.to_string().as_bytes(), Limits::default()).unwrap();
    assert_eq!(largest, json!(u64::MAX));
}

#[test]
fn what_is_written_is_read() {
    let mut gaps = Gaps::default();
    let mut report = Report::begin(Timestamp::from_rfc3339("2026-11-23T19:26:00.007Z").unwrap());
    let refusal = Refusal::of(Reason::Gid).needing("gid 7");
    report.mounts = Some(Seen::Unseen(
        gaps.section("mounts").record("mounts", 1, &refusal),
    ));
    report.gaps = gaps.as_slice().to_vec();
    let mut text = Vec::new();
    serde_json::to_writer_pretty(&mut text, &report).unwrap();
    assert_eq!(read(&text).unwrap(), report);
}

proptest::proptest! {
    #[test]
    fn damaged_documents_are_refused_or_read(
        places in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), proptest::prelude::any::<u8>()), 1..6),
        cut in proptest::prelude::any::<proptest::sample::Index>(),
    ) {
        let mut bytes = document().to_string().into_bytes();
        for (place, byte) in places {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        let whole = read(&bytes);
        drop(read(&bytes[..cut.index(bytes.len())]));
        // What is taken is a document: it can be written and read again.
        if let Ok(report) = whole {
            let text = serde_json::to_vec(&report).unwrap();
            proptest::prop_assert_eq!(read(&text).unwrap(), report);
        }
    }

    #[test]
    fn arbitrary_bytes_are_refused(bytes: Vec<u8>) {
        proptest::prop_assert!(read(&bytes).is_err());
    }
}
