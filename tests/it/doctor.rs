//! `spyhole doctor`: what it finds in real containers, and what it does not claim.

use std::ffi::OsStr;

use serde_json::Value;

use super::host::{list, spyhole};
use super::lab::process::run;
use super::lab::{self, Container, Lab, Output, Setup};

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

#[needs(root)]
fn a_saved_document_is_judged_as_the_live_one() {
    let web = Lab::webapp()
        .uid(1000)
        .caps("none")
        .args(["--listen", "127.0.0.1:8080", "--no-sigterm-handler"])
        .start();
    let live = viewer(&web).args(["doctor", "-o", "json"]).run();
    let dump = viewer(&web).args(["dump", "-o", "json"]).run();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dump.json");
    std::fs::write(&file, &dump.stdout).unwrap();
    let file = file.to_str().unwrap();
    let saved = spyhole(["doctor", "--from", file, "-o", "json"]);
    assert_eq!(found(&saved), found(&live));
    spyhole(["doctor", "--from", file, "--connect"]).ended_with(2);
}

#[test]
fn what_is_no_document_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hostile.json");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for text in [
        "",
        "{}",
        "[1]",
        "{\"schema\":\"spyhole/v1\"}",
        &deep,
        "\u{1b}[31m",
    ] {
        std::fs::write(&file, text).unwrap();
        let refused = spyhole(["doctor", "--from", file.to_str().unwrap()]).ended_with(2);
        let said = refused.stderr_text();
        assert!(said.starts_with("spyhole: --from "), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(refused.stdout.is_empty());
    }
    spyhole(["doctor", "--from", "/nonexistent"]).ended_with(2);
}

#[test]
fn what_is_not_offered_is_a_usage_error() {
    for words in [
        &["doctor", "-o", "yaml"][..],
        &["ps", "-o", "sarif"],
        &["dump", "-o", "junit"],
        &["doctor", "--policy", "privileged"],
        &["doctor", "--config", "/nonexistent"],
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

#[test]
fn a_file_of_the_caller_says_what_is_expected() {
    let sleep = super::support::idle::Idle::start(std::process::Command::new("sleep").arg("1000"));
    let pid = sleep.pid().to_string();
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("doctor.conf");
    let path = path.to_str().unwrap();
    std::fs::write(
        path,
        "fail-on never\nexpect-port 9999\nignore SPY-SEC-003=a test\n",
    )
    .unwrap();
    let doctor = ["doctor", "--pid", &pid, "-o", "json"];
    let by_flag = spyhole([&doctor[..], &["--config", path]].concat()).ended_with(0);
    let by_variable = run(lab::spyhole().as_os_str(), |command| {
        command.args(doctor).env("SPYHOLE_CONFIG", path);
    });
    for answer in [by_flag, by_variable.ended_with(0)] {
        assert!(
            found(&answer).contains(&"SPY-NET-004".to_owned()),
            "{answer}"
        );
        assert!(
            !found(&answer).contains(&"SPY-SEC-003".to_owned()),
            "{answer}"
        );
    }
    let strict = spyhole([&doctor[..], &["--config", path, "--fail-on", "problem"]].concat());
    strict.ended_with(1);
    std::fs::write(path, "\nfail_on risk\n").unwrap();
    let refused = spyhole([&doctor[..], &["--config", path]].concat()).ended_with(2);
    let why = refused.stderr_text();
    assert!(why.contains("line 2: unknown setting fail_on"), "{why}");
}

#[test]
fn findings_are_written_for_other_tools() {
    let sleep = super::support::idle::Idle::start(std::process::Command::new("sleep").arg("1000"));
    let pid = sleep.pid().to_string();
    let doctor = ["doctor", "--pid", &pid, "--expect-port", "9999", "-o"];
    let sarif = spyhole([&doctor[..], &["sarif"]].concat()).ended_with(1);
    assert_eq!(
        sarif.json()["runs"][0]["results"][0]["ruleId"],
        "SPY-NET-004"
    );
    let junit = spyhole([&doctor[..], &["junit"]].concat()).ended_with(1);
    // Read by the parser of another language.
    let script = "import sys, xml.etree.ElementTree as t; \
        print([one.get('name') for one in t.parse(sys.argv[1]).iter('testcase') if one.find('failure') is not None])";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), junit.stdout_text()).unwrap();
    let read = run(OsStr::new("/usr/bin/python3"), |command| {
        command.args(["-c", script]).arg(file.path());
    });
    let failures = read.ended_with(0).stdout_text();
    assert!(
        failures.contains("SPY-NET-004 Nothing listens"),
        "{failures}"
    );
}
