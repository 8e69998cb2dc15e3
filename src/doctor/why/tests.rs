//! Answers from documents.

use serde_json::{Value, json};

use super::*;
use crate::model::read;

const SOUND: &str = include_str!("../tests/sound.json");

fn sound() -> Value {
    serde_json::from_str(SOUND).unwrap()
}

fn why(document: &Value, asked: &str) -> WhyAnswer {
    let report = read::read(document.to_string().as_bytes()).unwrap();
    let answer = explain_holders(&report, &asked.parse().unwrap(), asked);
    // Its words are made of any answer.
    assert!(!why_lines(&answer).is_empty(), "{asked}");
    answer
}

fn text(document: &Value, asked: &str) -> String {
    let report = read::read(document.to_string().as_bytes()).unwrap();
    why_lines(&explain_holders(&report, &asked.parse().unwrap(), asked)).join("\n")
}

#[test]
fn a_port_is_held_by_the_process_that_listens() {
    let document = sound();
    let answer = why(&document, ":8080");
    assert_eq!(answer.verdict, WhyVerdict::Held);
    let [holder] = &*answer.holders else {
        panic!("{answer:?}")
    };
    assert_eq!(
        (holder.pid, &*holder.holds),
        (7, &["tcp 0.0.0.0:8080 (fd 3)".to_owned()][..])
    );
    assert_eq!(holder.named_by[0].text, "--listen 0.0.0.0:8080");
    assert_eq!(why(&document, "10.1.2.3:8080").verdict, WhyVerdict::Held);
    assert_eq!(why(&document, "[::1]:8080").verdict, WhyVerdict::NotHeld);
}

#[test]
fn a_child_that_inherited_it_stands_with_its_parent() {
    let mut document = sound();
    let worker = json!({"pid": 9, "name": "worker", "fd": 3});
    document["sockets"][0]["owners"]
        .as_array_mut()
        .unwrap()
        .insert(0, worker);
    let answer = why(&document, ":8080");
    let [holder] = &*answer.holders else {
        panic!("{answer:?}")
    };
    assert_eq!((holder.pid, holder.also_held_by[0].pid), (7, 9));
    let answer = why(&document, "9");
    assert_eq!(
        answer.holders[0]
            .chain
            .iter()
            .map(|one| one.pid)
            .collect::<Vec<_>>(),
        [7, 9]
    );
}

#[test]
fn what_is_not_held_is_told_with_what_comes_near() {
    let document = sound();
    let answer = why(&document, ":9999");
    assert_eq!(answer.verdict, WhyVerdict::NotHeld);
    assert_eq!(answer.elsewhere, ["tcp 0.0.0.0:8080 webapp (7)"]);
    assert_eq!(answer.nearest[0].setting.text, "--listen 0.0.0.0:8080");
    let answer = why(&document, "nginx");
    assert_eq!(answer.verdict, WhyVerdict::NotHeld);
    assert_eq!(answer.elsewhere, ["webapp (7)", "worker (9)"]);
}

#[test]
fn what_could_not_be_seen_is_unknown() {
    let mut document = sound();
    document["sockets"][0]["owners"] = Value::Null;
    document["gaps"] = json!([
        {"section": "sockets", "field": "owners", "reason": "uid", "count": 1, "subjects": [7]},
    ]);
    let answer = why(&document, ":8080");
    assert_eq!(
        (answer.verdict, answer.not_seen.len()),
        (WhyVerdict::Unknown, 1)
    );
    // Another port is held by none, whatever the owners are.
    assert_eq!(why(&document, ":1").verdict, WhyVerdict::NotHeld);
    document["gaps"][0]["field"] = "tcp6".into();
    document["sockets"] = json!([]);
    assert_eq!(why(&document, ":8080").verdict, WhyVerdict::Unknown);
    document["gaps"][0] = json!({"section": "walk", "field": "process", "reason": "hidepid", "count": 1, "subjects": [12]});
    assert_eq!(why(&document, "12").verdict, WhyVerdict::Unknown);
    let mut outside = sound();
    outside["sockets"][0]["owners"] = json!([]);
    outside["sockets"][0]["held_elsewhere"] = true.into();
    let answer = why(&outside, ":8080");
    assert_eq!(
        (answer.verdict, answer.notes.len()),
        (WhyVerdict::Unknown, 1)
    );
}

#[test]
fn no_number_stands_for_what_was_not_seen() {
    let holder = |document: &Value| {
        let answer = serde_json::to_value(why(document, ":8080")).unwrap();
        answer["holders"][0].clone()
    };
    let mut document = sound();
    document["sockets"][0]["owners"] = json!([{"pid": 4242, "name": "gone", "fd": 3}]);
    let gone = holder(&document);
    assert_eq!((&gone["pid"], &gone["uid"]), (&json!(4242), &Value::Null));
    assert_eq!(gone["listens_on"], json!(["tcp 0.0.0.0:8080"]));
    assert!(text(&document, ":8080").contains("uid ?"));
    // Asked for by its id, where its descriptors and so its sockets were not read.
    let mut document = sound();
    document["processes"][0]["fd_count"] = Value::Null;
    document["sockets"] = json!([]);
    document["gaps"] = json!([
        {"section": "processes", "field": "fd_count", "reason": "uid", "count": 1, "subjects": [7]},
    ]);
    let answer = serde_json::to_value(why(&document, "7")).unwrap();
    let holder = &answer["holders"][0];
    assert_eq!(
        (&holder["listens_on"], &holder["connections"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(holder["not_seen"][0]["field"], "processes.fd_count");
}

#[test]
fn a_gap_is_named_once_however_many_sockets_it_hides() {
    let mut document = sound();
    let mut socket = document["sockets"][0].clone();
    socket["owners"] = Value::Null;
    document["sockets"] = vec![socket; 20].into();
    document["gaps"] = json!([
        {"section": "sockets", "field": "owners", "reason": "uid", "count": 10, "subjects": [7]},
        {"section": "sockets", "field": "owners", "reason": "gid", "count": 10, "subjects": [8]},
    ]);
    assert_eq!(why(&document, ":8080").not_seen.len(), 2);
}

#[test]
fn doubts_are_said() {
    let mut document = sound();
    document["sockets"][0]["local_address"] = "127.0.0.1".into();
    document["sockets"][0]["loopback_only"] = true.into();
    document["sockets"][0]["owners"][0]["pid"] = 9.into();
    document["processes"][1]["uid"] = 0.into();
    document["processes"][1]["exe_deleted"] = true.into();
    document["processes"][1]["state"] = "stopped".into();
    let text = text(&document, ":8080");
    for doubt in [
        "loopback only",
        "deleted or replaced",
        "as uid 0, its parent webapp (7)",
        "state T",
    ] {
        assert!(text.contains(doubt), "{doubt}: {text}");
    }
}

#[test]
fn no_document_makes_it_run_for_ever_or_at_length() {
    let mut document = sound();
    let process = document["processes"][0].clone();
    let all = (1..3_000).map(|pid| {
        let mut one = process.clone();
        // Each is the child of the next, the last of the first.
        (one["pid"], one["ppid"]) = (pid.into(), (pid % 2_999 + 1).into());
        one
    });
    document["processes"] = all.collect();
    let owners: Vec<Value> = (1..3_000)
        .map(|pid| json!({"pid": pid * 7, "name": "x", "fd": pid}))
        .collect();
    document["sockets"][0]["owners"] = owners.into();
    let answer = why(&document, ":8080");
    assert!(answer.holders.len() <= 16 && answer.left_out > 0);
    assert!(answer.holders.iter().all(|one| one.chain.len() <= 65));
    assert!(text(&document, "webapp").lines().count() < 400);
}
