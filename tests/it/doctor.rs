//! `spyhole doctor`: what it finds in real containers, and what it does not claim.

use serde_json::Value;

use super::host::{list, spyhole};
use super::lab::{Container, Lab, Output, Setup};

/// The ids of the findings, worst first.
fn found(answer: &Output) -> Vec<String> {
    let diagnosis = answer.json();
    let findings = list(&diagnosis, "findings").iter();
    findings
        .map(|finding| finding["id"].as_str().unwrap().to_owned())
        .collect()
}

/// spyhole as the user of the container.
fn viewer(web: &Container) -> Setup {
    web.spyhole().uid(1000).caps("none")
}

fn severity(answer: &Output, severity: &str) -> usize {
    let diagnosis = answer.json();
    let findings = list(&diagnosis, "findings").iter();
    findings.filter(|one| one["severity"] == severity).count()
}

#[needs(root)]
fn a_sound_container_has_no_problem() {
    let web = Lab::webapp()
        .uid(1000)
        .caps("none")
        .args(["--listen", "0.0.0.0:8080", "--no-zombie"])
        .start();
    let answer = viewer(&web).args(["doctor", "-o", "json"]).run();
    let answer = answer.ended_with(0);
    assert_eq!(severity(&answer, "problem"), 0, "{answer}");
    assert!(!found(&answer).contains(&"SPY-PROC-001".to_owned()));
}

#[needs(root)]
fn a_sick_container_is_found_by_its_evidence() {
    let web = Lab::webapp()
        .uid(1000)
        .caps("none")
        .args(["--listen", "127.0.0.1:8080", "--no-sigterm-handler"])
        .start();
    let answer = viewer(&web).args(["doctor", "-o", "json"]).run();
    let ids = found(&answer);
    for id in ["SPY-NET-001", "SPY-PROC-001"] {
        assert!(ids.contains(&id.to_owned()), "{id}: {answer}");
    }
    let risk = viewer(&web).args(["doctor", "--fail-on", "risk"]).run();
    let text = risk.ended_with(1).stdout_text();
    assert!(text.contains("127.0.0.1:8080 of webapp"), "{text}");
    let expected = viewer(&web).args(["doctor", "--expect-port", "9999"]).run();
    let text = expected.ended_with(1).stdout_text();
    assert!(text.starts_with("PROBLEM  SPY-NET-004"), "{text}");
    assert!(text.contains("listening are 127.0.0.1:8080"), "{text}");
}

#[needs(root)]
fn what_a_stranger_does_not_see_is_not_judged() {
    let web = Lab::webapp()
        .uid(1000)
        .caps("none")
        .args(["--listen", "127.0.0.1:8080"])
        .start();
    let stranger = web.spyhole().uid(2000).caps("none");
    let answer = stranger.args(["doctor", "-o", "json"]).run();
    assert!(
        !found(&answer).contains(&"SPY-NET-001".to_owned()),
        "{answer}"
    );
    let diagnosis = answer.json();
    let unjudged = list(&diagnosis, "not_judged");
    let rule = unjudged.iter().find(|rule| rule["id"] == "SPY-NET-001");
    let rule = rule.unwrap_or_else(|| panic!("{answer}"));
    assert!(rule["reason"].is_string(), "{answer}");
    let stranger = web.spyhole().uid(2000).caps("none");
    stranger.args(["doctor", "--strict"]).run().ended_with(4);
}

#[test]
fn what_is_not_offered_is_a_usage_error() {
    for words in [
        &["doctor", "-o", "yaml"][..],
        &["doctor", "--ignore", "SPY-RES-001"],
        &["doctor", "--ignore", "SPY-XXX-001=why"],
        &["explain", "SPY-XXX-001"],
    ] {
        spyhole(words).ended_with(2);
    }
}

#[test]
fn each_rule_is_explained() {
    let all = spyhole(["explain"]).ended_with(0).stdout_text();
    assert!(all.lines().count() >= 50, "{all}");
    for line in all.lines() {
        let id = line.split(' ').next().unwrap();
        let text = spyhole(["explain", id]).ended_with(0).stdout_text();
        for heading in ["  why ", "  remedy ", "  wrong if ", "  reads "] {
            assert!(text.contains(heading), "{text}");
        }
    }
}

#[test]
fn no_secret_is_in_a_finding() {
    let secret = "hunter2-hunter2";
    let mut command = std::process::Command::new("sleep");
    command.arg("1000").env("DB_PASSWORD", secret);
    let sleep = super::support::idle::Idle::start(&mut command);
    let pid = sleep.pid().to_string();
    for format in ["json", "table"] {
        let answer = spyhole(["doctor", "--pid", &pid, "-o", format]);
        let text = answer.stdout_text();
        assert!(text.contains("DB_PASSWORD"), "{format}");
        assert!(!text.contains(secret), "{format}");
    }
    let answer: Value = spyhole(["doctor", "--pid", &pid, "-o", "json"]).json();
    assert_eq!(answer["schema"], "spyhole/doctor/v1");
}
