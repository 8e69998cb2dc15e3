//! `connect`, `dns` and `fetch` with `--output json`.

use std::io::{Read, Write};

use serde_json::{Value, json};

use crate::host::{CLOSED_PORT, spyhole};
use crate::support::http;
use crate::support::idle::Idle;

/// The document, for a target of which everything is readable.
#[track_caller]
fn ask(words: &[&str], code: i32) -> Value {
    let target = Idle::sleep();
    let pid = target.id().to_string();
    let seen = spyhole([&["--pid", &pid, "--output", "json"], words].concat()).ended_with(code);
    assert!(seen.stderr.is_empty(), "{seen}");
    serde_json::from_slice(&seen.stdout).unwrap_or_else(|why| panic!("{why}: {seen}"))
}

#[test]
fn attempts_have_their_times_and_failures() {
    let address = http::listen(drop);
    let seen = ask(&["connect", &address.to_string()], 0);
    assert_eq!(seen["schema"], "spyhole/connect/v1");
    assert_eq!(
        (&seen["answer"], &seen["notes"]),
        (&json!("yes"), &json!([]))
    );
    let attempt = &seen["attempts"][0];
    assert_eq!(attempt["address"], address.to_string());
    assert_eq!(attempt["connected"], true);
    assert!(attempt["took_seconds"].as_f64().unwrap() < 60.0);
    assert!(attempt.get("failure").is_none(), "{seen}");
    let closed = ask(&["connect", &format!("127.0.0.1:{CLOSED_PORT}")], 1);
    assert_eq!(closed["answer"], "no");
    let why = closed["attempts"][0]["failure"].as_str().unwrap();
    assert!(why.contains("refused"), "{closed}");
}

#[test]
fn a_name_has_its_records_and_the_rules_it_was_resolved_by() {
    let seen = ask(&["dns", "localhost", "--as", "go"], 0);
    assert_eq!(seen["schema"], "spyhole/dns/v1");
    // By the hosts file of this machine, where it has it.
    let by = seen["by"].as_str().unwrap();
    assert!(matches!(by, "localhost" | "hosts"), "{seen}");
    assert_eq!(seen["queries"], json!([]));
    let is_v4 = |record: &Value| record["type"] == "A" && record["data"] == "127.0.0.1";
    assert!(
        seen["records"].as_array().unwrap().iter().any(is_v4),
        "{seen}"
    );
    let resolution = &seen["resolution"];
    assert_eq!(resolution["resolver"], "go");
    assert_eq!(resolution["is_resolver_of_target"], false);
    assert_eq!(
        (&resolution["files_of"], &resolution["name"]),
        (&json!("target"), &json!("localhost"))
    );
    let failed = ask(
        &[
            "dns",
            "nothing.invalid.",
            "--server",
            "127.0.0.1:9",
            "--timeout",
            "1s",
        ],
        1,
    );
    assert_eq!(failed["answer"], "no");
    assert_eq!(failed["queries"][0]["transport"], "udp");
    assert_eq!(failed["queries"][0]["server"], "127.0.0.1:9");
    assert!(failed["failure"].is_string(), "{failed}");
    spyhole(["--self", "dns", "localhost", "-o", "yaml"]).ended_with(2);
}

#[test]
fn a_response_has_its_headers_times_and_body() {
    let address = http::listen(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let head =
            "HTTP/1.1 200 OK\r\nSet-Cookie: sid=top-secret\r\nX-A: b: c\r\nConnection: close";
        let _ = stream.write_all(format!("{head}\r\n\r\n").as_bytes());
        let _ = stream.write_all(b"a\xffb");
    });
    let url = format!("http://{address}/x?token=abc");
    let seen = ask(&["fetch", "--noproxy", "*", &url], 0);
    assert_eq!(
        (&seen["schema"], &seen["answer"]),
        (&json!("spyhole/fetch/v1"), &json!("yes"))
    );
    let response = &seen["responses"][0];
    assert_eq!(
        (&response["status"], &response["version"]),
        (&json!(200), &json!("HTTP/1.1"))
    );
    assert_eq!(response["address"], address.to_string());
    assert!(response["response_seconds"].as_f64().is_some(), "{seen}");
    let headers = response["headers"].as_array().unwrap();
    assert!(
        headers.contains(&json!({"name": "x-a", "value": "b: c"})),
        "{seen}"
    );
    assert_eq!(
        seen["body"],
        json!({"base64": "Yf9i", "lossy": "a\u{fffd}b"})
    );
    let text = seen.to_string();
    assert!(
        !text.contains("top-secret") && !text.contains("abc"),
        "{text}"
    );
    let none = ask(
        &[
            "fetch",
            "--noproxy",
            "*",
            &format!("http://127.0.0.1:{CLOSED_PORT}/"),
        ],
        1,
    );
    assert_eq!(
        (&none["answer"], &none["responses"]),
        (&json!("no"), &json!([]))
    );
}
