//! Each rule by a document that is sound but for one thing, and by one where that was not seen.

use serde_json::{Value, json};

use super::{Diagnosis, Expectations, Ignored, Severity, examine, junit, sarif, words};
use crate::doctor::registry::{find_rule, rules};
use crate::model::Report;
use crate::model::read;

/// The document of a sound container: Go behind TLS, under restricted.
const SOUND: &str = include_str!("tests/sound.json");

/// One rule: what makes the sound container sick, and which field, unseen, hides it.
struct Case {
    id: &'static str,
    /// JSON pointer and value.
    sick: &'static [(&'static str, &'static str)],
    /// JSON pointer of the field that becomes `null`, and the section and field of its gap.
    blind: Blind,
}

/// The heading behind which docs/findings.md is not made of the rules.
const WARD: &str = "\n## The ward\n";

type Blind = Option<(&'static str, &'static str, &'static str)>;

const fn case(
    id: &'static str,
    sick: &'static [(&'static str, &'static str)],
    blind: Blind,
) -> Case {
    Case { id, sick, blind }
}

const OWNERS: Blind = Some(("/sockets/0/owners", "sockets", "owners"));
const NEXT_OWNERS: Blind = Some(("/sockets/1/owners", "sockets", "owners"));
const MOUNTS: Blind = Some(("/mounts", "mounts", "mounts"));
const FILES: Blind = Some(("/certificates/files", "certificates", "files"));
const COUNTERS: Blind = Some(("/network/counters", "network", "counters"));
const UIDS: Blind = Some(("/capabilities/0/uids", "capabilities", "uids"));

#[rustfmt::skip]
const CASES: &[Case] = &[
    case("SPY-NET-001", &[("/sockets/0/local_address", r#""127.0.0.1""#), ("/sockets/0/loopback_only", "true")], OWNERS),
    case("SPY-NET-002", &[("/sockets/0/accept_queue", "4097")], Some(("/sockets/0/accept_queue_limit", "sockets", "accept_queue_limit"))),
    case("SPY-NET-003", &[("/network/counters/tcp/listen_overflows", "40"), ("/network/counters/tcp/passive_opens", "900")], COUNTERS),
    case("SPY-NET-004", &[("/sockets/0/local_port", "8081")], OWNERS),
    case("SPY-NET-005", &[], NEXT_OWNERS),
    case("SPY-NET-006", &[("/sockets/1", r#"{"protocol": "tcp", "family": "inet", "state": "syn_sent", "local_address": "10.0.0.7", "local_port": 40000, "peer_address": "10.9.9.9", "peer_port": 5432, "timer": {"kind": "retransmit", "expires_in_seconds": 1.0, "retransmits": 3}, "owners": [{"pid": 7, "name": "webapp", "fd": 5}]}"#)], NEXT_OWNERS),
    case("SPY-NET-007", &[("/network/ephemeral_ports/tcp_used", "25000"), ("/network/ephemeral_ports/used_percent", "88.5")], Some(("/network/ephemeral_ports", "network", "ephemeral_ports"))),
    case("SPY-NET-008", &[("/network/dns/resolv_conf/name_servers", "[]")], Some(("/network/dns/resolv_conf", "network", "dns.resolv_conf"))),
    case("SPY-NET-009", &[("/environment/0/variables/0", r#"{"name": "API", "value": "https://api.example.com/v1"}"#), ("/network/dns/resolv_conf/ndots", "5"), ("/network/dns/resolv_conf/search", r#"["a.svc.cluster.local", "svc.cluster.local", "cluster.local"]"#)], Some(("/network/dns/resolv_conf", "network", "dns.resolv_conf"))),
    case("SPY-NET-010", &[("/network/addresses/0/address", r#""2001:db8::7""#)], Some(("/network/addresses", "network", "addresses"))),
    case("SPY-NET-011", &[("/network/counters/tcp/retransmitted_segments", "900"), ("/network/counters/tcp/sent_segments", "9000")], COUNTERS),
    case("SPY-NET-012", &[], Some(("/network/dns/resolv_conf", "network", "dns.resolv_conf"))),
    case("SPY-PROC-001", &[("/processes/0/signals/caught", "[]")], Some(("/processes/0/signals", "processes", "signals"))),
    case("SPY-PROC-002", &[], None),
    case("SPY-PROC-003", &[("/processes/1/state", r#""stopped""#)], None),
    case("SPY-PROC-004", &[("/processes/1/state", r#""disk_sleep""#)], None),
    case("SPY-PROC-005", &[("/program/on_disk", r#""replaced""#)], Some(("/program/on_disk", "program", "on_disk"))),
    case("SPY-PROC-006", &[("/processes/0/comm", r#""sh""#)], None),
    case("SPY-PROC-007", &[("/processes/1/state", r#""traced""#)], None),
    case("SPY-PROC-008", &[("/processes/0/exe", r#""/usr/bin/qemu-aarch64-static""#)], Some(("/processes/0/exe", "processes", "exe"))),
    case("SPY-RES-001", &[("/resources/memory/working_set_bytes", "260000000")], Some(("/resources/memory/working_set_bytes", "resources", "memory.working_set_bytes"))),
    case("SPY-RES-002", &[("/resources/memory/oom_kills", "2")], Some(("/resources/memory/oom_kills", "resources", "memory.oom_kills"))),
    case("SPY-RES-003", &[("/resources/cpu/throttled_periods", "1200")], Some(("/resources/cpu/throttled_periods", "resources", "cpu.throttled_periods"))),
    case("SPY-RES-004", &[("/open_files/processes/0/fd_count", "1000"), ("/open_files/processes/0/used_percent", "97.7")], Some(("/open_files/processes/0/fd_count", "open_files", "processes.fd_count"))),
    case("SPY-RES-005", &[("/resources/pids/current", "2000")], Some(("/resources/pids/limit", "resources", "pids.limit"))),
    case("SPY-RES-006", &[("/open_files/deleted/disk_bytes", "99999999"), ("/open_files/processes/0/deleted/disk_bytes", "99999999")], None),
    case("SPY-RES-007", &[("/mounts/1/space/used_percent", "97")], Some(("/mounts/1/space", "mounts", "space"))),
    case("SPY-RES-008", &[("/mounts/1/space/inodes_used_percent", "100")], Some(("/mounts/1/space", "mounts", "space"))),
    case("SPY-RES-009", &[("/resources/memory/pressure/full/avg60_percent", "31.0")], Some(("/resources/memory/pressure", "resources", "memory.pressure"))),
    case("SPY-RES-012", &[("/open_files/processes/0/fd_types/inotify", "120"), ("/open_files/inotify_instance_limit", "128")], Some(("/open_files/inotify_instance_limit", "open_files", "inotify_instance_limit"))),
    case("SPY-RES-013", &[("/mounts/1/mount_point", r#""/dev/shm""#), ("/mounts/1/space/used_percent", "90")], Some(("/mounts/1/space", "mounts", "space"))),
    case("SPY-RES-014", &[("/resources/cpu/pressure", r#"{"some": {"avg10_percent": 70.0, "avg60_percent": 71.0, "avg300_percent": 60.0, "total_seconds": 900.0}}"#)], Some(("/resources/cpu/pressure", "resources", "cpu.pressure"))),
    case("SPY-RES-010", &[("/environment/0/variables/0", r#"{"name": "GOMEMLIMIT", "value": "512MiB"}"#)], Some(("/environment/0/variables", "environment", "variables"))),
    case("SPY-RES-011", &[("/program/elf/go/version", r#""go1.22.1""#)], Some(("/resources/cpu/limit_cores", "resources", "cpu.limit_cores"))),
    case("SPY-RES-015", &[("/environment/0/variables/0", r#"{"name": "GOMAXPROCS", "value": "8"}"#)], Some(("/resources/cpu/limit_cores", "resources", "cpu.limit_cores"))),
    case("SPY-SEC-001", &[("/capabilities/0/uids/effective/id", "0")], UIDS),
    case("SPY-SEC-002", &[("/capabilities/0/against_defaults/0/added", r#"["cap_sys_admin"]"#)], None),
    case("SPY-SEC-003", &[("/mounts/0/writable", "true")], MOUNTS),
    case("SPY-SEC-004", &[("/capabilities/0/seccomp", r#""off""#)], Some(("/capabilities/0/seccomp", "capabilities", "seccomp"))),
    case("SPY-SEC-005", &[("/capabilities/0/no_new_privs", "false")], Some(("/capabilities/0/no_new_privs", "capabilities", "no_new_privs"))),
    case("SPY-SEC-006", &[("/mounts/1/mount_point", r#""/var/run/docker.sock""#)], MOUNTS),
    case("SPY-SEC-007", &[("/mounts/1/volume", r#"{"kind": "host_path", "certainty": "likely"}"#)], MOUNTS),
    case("SPY-SEC-008", &[("/mounts/1/volume", r#"{"kind": "service_account_token", "certainty": "certain"}"#)], MOUNTS),
    case("SPY-SEC-009", &[("/environment/0/variables/0", r#"{"name": "DB_PASSWORD", "redacted": {"reason": "name", "length_bytes": 7, "fingerprint": "abcd"}}"#)], Some(("/environment/0/variables", "environment", "variables"))),
    case("SPY-SEC-010", &[("/capabilities/0/pod_security/clauses/0/verdict", r#""fails""#)], None),
    case("SPY-SEC-011", &[("/processes/0/args/3", r#"{"text": "--api-key=‹redacted 9›", "redacted": [{"reason": "name", "length_bytes": 9, "fingerprint": "abcd"}]}"#)], Some(("/processes/0/args", "processes", "args"))),
    case("SPY-SEC-012", &[("/capabilities/0/pod_security/clauses/4/verdict", r#""fails""#)], None),
    case("SPY-SEC-013", &[("/capabilities/0/executable/file/mode", r#""0777""#), ("/mounts/0/writable", "true")], Some(("/capabilities/0/executable/file", "capabilities", "executable.file"))),
    case("SPY-SEC-014", &[("/capabilities/0/pod_security/clauses/13/verdict", r#""fails""#)], None),
    case("SPY-IMG-001", &[("/certificates/trust_store/roots", "0"), ("/environment/0/variables/0", r#"{"name": "API", "value": "https://api.example.test"}"#)], Some(("/certificates/trust_store/roots", "certificates", "trust_store.roots"))),
    case("SPY-IMG-002", &[("/program/elf/libraries", r#"[{"name": "libssl.so.3", "needed_by": "/app/webapp"}]"#)], Some(("/program/path", "program", "path"))),
    case("SPY-IMG-003", &[("/capabilities/0/uids/effective", r#"{"id": 65532}"#)], UIDS),
    case("SPY-IMG-004", &[("/mounts/1/usual_directories/0/writable_by_target", "false")], Some(("/mounts/1/usual_directories/0/writable_by_target", "mounts", "usual_directories.writable_by_target"))),
    case("SPY-IMG-005", &[("/program/missing_paths", r#"[{"variable": "TZ", "path": "/usr/share/zoneinfo/Europe/Berlin"}]"#)], Some(("/program/missing_paths", "program", "missing_paths"))),
    case("SPY-IMG-006", &[("/program/missing_paths", r#"[{"variable": "LD_PRELOAD", "path": "/opt/lib/lib.so"}]"#), ("/program/elf/interpreter", r#""/lib64/ld-linux-x86-64.so.2""#)], Some(("/program/missing_paths", "program", "missing_paths"))),
    case("SPY-CERT-001", &[("/certificates/files/0/certificates/0/seconds_left", "-90000")], FILES),
    case("SPY-CERT-002", &[("/certificates/files/0/certificates/0/seconds_left", "90000")], FILES),
    case("SPY-CERT-003", &[("/certificates/files/0/private_key/matches", "false")], Some(("/certificates/files/0/private_key/matches", "certificates", "files.private_key.matches"))),
    case("SPY-CERT-004", &[("/certificates/served/0/serves/leaves/0/against_files", r#""older_than_file""#)], Some(("/certificates/served/0/serves", "certificates", "served.serves"))),
    case("SPY-CERT-005", &[("/certificates/files/0/certificates/0/seconds_left", "999999999")], FILES),
    case("SPY-CERT-006", &[("/certificates/files/0/private_key/readable_by_all", "true")], FILES),
    case("SPY-CERT-007", &[("/certificates/missing", r#"[{"path": "/certs/ca.crt", "found_by": ["argument"]}]"#)], FILES),
    case("SPY-CERT-008", &[("/certificates/files/0/private_key/readable_by_target", "false")], FILES),
    case("SPY-CERT-009", &[("/certificates/files/0/verdicts", r#"[{"leaf": 0, "authorities": "mozilla", "judgement": "refused", "findings": [{"problem": "missing_intermediate", "fatal": true, "says": "CN=R3 is missing"}]}]"#)], FILES),
    case("SPY-CERT-010", &[("/certificates/files/0/verdicts", r#"[{"leaf": 0, "authorities": "target", "judgement": "refused", "findings": [{"problem": "refused_by_runtime", "fatal": true, "says": "it has no alternative name"}]}]"#)], FILES),
    case("SPY-CERT-011", &[("/environment/0/variables/0", r#"{"name": "NODE_EXTRA_CA_CERTS", "value": "/certs/ca.crt"}"#)], Some(("/environment/0/variables", "environment", "variables"))),
    case("SPY-CERT-012", &[("/certificates/trust_store/expired_roots", "144")], Some(("/certificates/trust_store/expired_roots", "certificates", "trust_store.expired_roots"))),
    case("SPY-K8S-001", &[("/mounts/1/stale", "true")], MOUNTS),
    case("SPY-K8S-002", &[("/mounts/1/volume", r#"{"kind": "termination_log", "certainty": "certain"}"#), ("/mounts/1/writable_by_target", "false")], Some(("/mounts/1/writable_by_target", "mounts", "writable_by_target"))),
    case("SPY-K8S-003", &[("/mounts/1/token_expires_at", r#""2026-11-28T20:00:00.000Z""#)], Some(("/mounts/1/token_expires_at", "mounts", "token_expires_at"))),
    case("SPY-K8S-004", &[("/mounts/1/empty", "true")], Some(("/mounts/1/empty", "mounts", "empty"))),
];

/// The sound document with other values.
fn document(edits: &[(&str, &str)]) -> Value {
    let mut document: Value = serde_json::from_str(SOUND).unwrap();
    for (pointer, text) in edits {
        set(&mut document, pointer, serde_json::from_str(text).unwrap());
    }
    document
}

/// Puts a value where a pointer leads, a new key or element too.
fn set(document: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match document
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("{pointer}"))
    {
        Value::Object(object) => {
            object.insert(key.to_owned(), value);
        }
        Value::Array(array) => {
            let at: usize = key.parse().unwrap();
            if at < array.len() {
                array[at] = value;
            } else {
                array.push(value);
            }
        }
        _ => panic!("{pointer}"),
    }
}

/// The document that makes a case sick.
fn sick(case: &Case) -> Value {
    let mut document = document(case.sick);
    match case.id {
        "SPY-NET-005" => {
            let one = json!({
                "protocol": "tcp", "family": "inet", "state": "close_wait",
                "local_address": "10.0.0.7", "local_port": 8080,
                "peer_address": "10.0.0.9", "peer_port": 50000,
                "owners": [{"pid": 7, "name": "webapp", "fd": 6}],
            });
            let sockets = document["sockets"].as_array_mut().unwrap();
            sockets.extend(std::iter::repeat_n(one, 16));
        }
        "SPY-PROC-002" => {
            let mut zombie = document["processes"][1].clone();
            zombie["zombie"] = true.into();
            zombie["state"] = "zombie".into();
            let processes = document["processes"].as_array_mut().unwrap();
            processes.extend(std::iter::repeat_n(zombie, 4));
        }
        _ => {}
    }
    document
}

fn report(document: &Value) -> Report {
    read::read(document.to_string().as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn examined(document: &Value) -> Diagnosis {
    let expected = Expectations {
        ports: vec![8080],
        ..Expectations::default()
    };
    examine(&report(document), &expected)
}

/// As it is examined where its case is about more than the document.
fn examined_as(case: &Case, document: &Value) -> Diagnosis {
    let silent = (case.id == "SPY-NET-012").then(|| "10.0.0.2: no answer in 3s".to_owned());
    let expected = Expectations {
        ports: vec![8080],
        silent_name_servers: silent.into_iter().collect(),
        ..Expectations::default()
    };
    examine(&report(document), &expected)
}

fn found(diagnosis: &Diagnosis) -> Vec<&str> {
    diagnosis
        .findings
        .iter()
        .map(|finding| finding.id)
        .collect()
}

#[test]
fn a_sound_container_has_no_finding() {
    let diagnosis = examined(&document(&[]));
    assert_eq!(found(&diagnosis), [""; 0]);
    assert_eq!(diagnosis.not_judged.len(), 0, "{:?}", diagnosis.not_judged);
    assert_eq!(diagnosis.rules_judged, rules().count());
    let lines = words::lines(&diagnosis);
    let count = rules().count();
    assert_eq!(
        lines,
        [format!("nothing found; {count} rules judged, 0 not judged")]
    );
}

#[test]
fn each_rule_finds_its_sickness_first() {
    for case in CASES {
        let diagnosis = examined_as(case, &sick(case));
        assert_eq!(found(&diagnosis).first(), Some(&case.id), "{}", case.id);
    }
}

#[test]
fn what_is_not_seen_is_not_judged() {
    for case in CASES {
        let Some((pointer, section, field)) = case.blind else {
            continue;
        };
        let mut document = sick(case);
        set(&mut document, pointer, Value::Null);
        document["gaps"] = json!([{
            "section": section, "field": field, "reason": "denied", "count": 1, "subjects": [7],
        }]);
        let diagnosis = examined(&document);
        assert!(!found(&diagnosis).contains(&case.id), "{}", case.id);
        let mut unjudged = diagnosis.not_judged.iter();
        let rule = unjudged.find(|rule| rule.id == case.id);
        let rule = rule.unwrap_or_else(|| panic!("{} is judged without {field}", case.id));
        assert!(
            find_rule(case.id).unwrap().reads.contains(&rule.field),
            "{} does not say that it reads {}",
            case.id,
            rule.field
        );
    }
}

/// The gap of a field, for the list of a document.
fn gap(section: &str, field: &str) -> Value {
    json!([{"section": section, "field": field, "reason": "denied", "count": 1, "subjects": [7]}])
}

fn is_unjudged(diagnosis: &Diagnosis, id: &str) -> bool {
    diagnosis.not_judged.iter().any(|rule| rule.id == id)
}

#[test]
fn a_list_with_a_gap_is_not_taken_for_all() {
    for (section, field, ids) in [
        (
            "walk",
            "process",
            &[
                "SPY-PROC-002",
                "SPY-PROC-003",
                "SPY-PROC-004",
                "SPY-PROC-007",
            ][..],
        ),
        (
            "mounts",
            "mounts",
            &["SPY-RES-007", "SPY-SEC-006", "SPY-K8S-001"],
        ),
        (
            "sockets",
            "tcp",
            &["SPY-NET-001", "SPY-NET-005", "SPY-NET-006"],
        ),
        ("open_files", "files", &["SPY-RES-006"]),
    ] {
        let mut document = document(&[]);
        document["gaps"] = gap(section, field);
        let diagnosis = examined(&document);
        for id in ids {
            assert!(
                is_unjudged(&diagnosis, id),
                "{id} without {section}.{field}"
            );
        }
    }
    for (pointer, section, field, id) in [
        (
            "/resources/pids/fork_failures",
            "resources",
            "pids.fork_failures",
            "SPY-RES-005",
        ),
        (
            "/certificates/served/0/serves/leaves/0/against_files",
            "certificates",
            "served.serves.leaves.against_files",
            "SPY-CERT-004",
        ),
    ] {
        let mut document = document(&[]);
        set(&mut document, pointer, Value::Null);
        document["gaps"] = gap(section, field);
        assert!(is_unjudged(&examined(&document), id), "{id}");
    }
}

#[test]
fn a_directory_that_is_named_has_to_exist() {
    for (name, value, is_found) in [
        ("TMPDIR", "/scratch", true),
        ("HOME", "/nonexistent", false),
        ("OTHER", "/scratch", false),
    ] {
        let mut document = document(&[]);
        let variable = json!({"name": name, "value": value});
        set(&mut document, "/environment/0/variables/3", variable);
        let has_it = found(&examined(&document)).contains(&"SPY-IMG-004");
        assert_eq!(has_it, is_found, "{name}={value}");
    }
    let document = document(&[("/mounts/1/usual_directories", "[]")]);
    assert_eq!(found(&examined(&document)), ["SPY-IMG-004"]);
}

#[test]
fn what_was_found_stays_found_beside_a_gap() {
    let mut document = document(&[("/certificates/files/0/certificates/0/seconds_left", "-9")]);
    let mut unreadable = document["certificates"]["files"][0].clone();
    unreadable["path"] = "/certs/other.crt".into();
    unreadable["certificates"] = Value::Null;
    let files = document["certificates"]["files"].as_array_mut().unwrap();
    files.insert(0, unreadable);
    document["gaps"] = gap("certificates", "files.certificates");
    assert_eq!(found(&examined(&document)), ["SPY-CERT-001"]);
    let mut document = self::document(&[("/processes/1/state", r#""stopped""#)]);
    document["gaps"] = gap("walk", "process");
    assert_eq!(found(&examined(&document)), ["SPY-PROC-003"]);
}

#[test]
fn a_document_without_the_section_is_not_judged() {
    for case in CASES {
        let mut document = sick(case);
        let rule = find_rule(case.id).unwrap();
        for field in rule.reads {
            let section = field.split('.').next().unwrap();
            document.as_object_mut().unwrap().remove(section);
        }
        let diagnosis = examined(&document);
        let unjudged = diagnosis.not_judged.iter().any(|rule| rule.id == case.id);
        assert!(unjudged, "{}", case.id);
    }
}

#[test]
fn every_rule_has_its_case_and_its_own_id() {
    let ids: Vec<&str> = rules().map(|rule| rule.id).collect();
    let cases: Vec<&str> = CASES.iter().map(|case| case.id).collect();
    assert_eq!(ids, cases);
    for rule in rules() {
        assert!(
            !rule.reads.is_empty() && !rule.why.is_empty(),
            "{}",
            rule.id
        );
        assert_eq!(rules().filter(|other| other.id == rule.id).count(), 1);
    }
}

#[test]
fn the_worst_is_first_and_what_is_ignored_is_listed() {
    let document = document(&[
        ("/capabilities/0/uids/effective/id", "0"),
        ("/resources/memory/oom_kills", "2"),
        ("/program/on_disk", r#""replaced""#),
    ]);
    let report = report(&document);
    let ignored = Ignored {
        id: "SPY-PROC-005",
        reason: "updated in place".to_owned(),
    };
    let expected = Expectations {
        ignore: vec![ignored],
        ..Expectations::default()
    };
    let diagnosis = examine(&report, &expected);
    assert_eq!(found(&diagnosis), ["SPY-RES-002", "SPY-SEC-001"]);
    assert_eq!(diagnosis.worst(), Some(Severity::Problem));
    let lines = words::lines(&diagnosis);
    assert!(lines.contains(&"ignored: SPY-PROC-005 (updated in place)".to_owned()));
    assert_eq!(
        lines.first().unwrap(),
        "PROBLEM  SPY-RES-002  The kernel killed processes for lack of memory"
    );
    let count = rules().count();
    let sum = format!("1 problem, 0 risks, 1 hint; {count} rules judged, 0 not judged");
    assert_eq!(lines.last(), Some(&sum));
}

#[test]
fn a_policy_makes_problems_of_what_it_forbids() {
    use crate::model::pod_security::PodSecurityLevel::{Baseline, Restricted};
    let document = document(&[
        ("/capabilities/0/uids/effective/id", "0"),
        (
            "/capabilities/0/against_defaults/0/added",
            r#"["cap_sys_admin"]"#,
        ),
        ("/mounts/0/writable", "true"),
    ]);
    let problems = |policy| {
        let expected = Expectations {
            policy,
            ..Expectations::default()
        };
        let diagnosis = examine(&report(&document), &expected);
        let findings = diagnosis.findings.into_iter();
        let problems = findings.filter(|finding| finding.severity == Severity::Problem);
        problems.map(|finding| finding.id).collect::<Vec<_>>()
    };
    assert_eq!(problems(None), [""; 0]);
    assert_eq!(problems(Some(Baseline)), ["SPY-SEC-002"]);
    assert_eq!(problems(Some(Restricted)), ["SPY-SEC-002", "SPY-SEC-001"]);
}

#[test]
fn external_names_cost_queries_and_internal_ones_do_not() {
    let resolver = [
        ("/network/dns/resolv_conf/ndots", "5"),
        (
            "/network/dns/resolv_conf/search",
            r#"["a.svc.cluster.local", "svc.cluster.local", "cluster.local"]"#,
        ),
    ];
    for (value, is_found) in [
        ("https://api.example.com/v1", true),
        ("postgres://app@db.example.com:5432/app", true),
        ("smtp.example.com:587", true),
        ("http://web.shop.svc.cluster.local", false),
        ("redis:6379", false),
        ("config.json", false),
        ("1.2.3.4", false),
        ("/usr/lib/app.example.com", false),
        ("a.b.c.d.e.example.com", false),
    ] {
        let mut document = document(&resolver);
        let variable = json!({"name": "PLACE", "value": value});
        set(&mut document, "/environment/0/variables/0", variable);
        let has_it = found(&examined(&document)).contains(&"SPY-NET-009");
        assert_eq!(has_it, is_found, "{value}");
    }
}

#[test]
fn an_authority_that_only_clients_trust_is_no_fault_of_a_certificate() {
    let finding = |problem: &str| json!({"problem": problem, "fatal": true, "says": "no"});
    let verdict = |problems: &[&str]| {
        json!([{
            "leaf": 0, "authorities": "target", "judgement": "refused",
            "findings": problems.iter().map(|one| finding(one)).collect::<Vec<_>>(),
        }])
    };
    for (problems, ids) in [
        (&["unknown_issuer", "refused_by_runtime"][..], &[][..]),
        (&["refused_by_runtime"], &["SPY-CERT-010"]),
        (
            &["unknown_issuer", "missing_intermediate"],
            &["SPY-CERT-009"],
        ),
        (&["self_signed", "refused_by_runtime"], &[]),
    ] {
        let mut document = document(&[]);
        set(
            &mut document,
            "/certificates/files/0/verdicts",
            verdict(problems),
        );
        assert_eq!(found(&examined(&document)), ids, "{problems:?}");
    }
}

#[test]
fn a_heap_has_to_leave_room() {
    for (name, value, is_found) in [
        ("JAVA_TOOL_OPTIONS", "-Xms1m -Xmx1g", true),
        ("JAVA_TOOL_OPTIONS", "-XX:MaxRAMPercentage=98.0", true),
        ("JAVA_TOOL_OPTIONS", "-XX:MaxRAMPercentage=75", false),
        ("JAVA_TOOL_OPTIONS", "-Xmx1g -Xmx128m", false),
        ("NODE_OPTIONS", "--max-old-space-size=4096", true),
        ("NODE_OPTIONS", "--max_old_space_size=128", false),
        ("GOMEMLIMIT", "1GiB", true),
        ("GOMEMLIMIT", "200MiB", false),
    ] {
        let mut document = document(&[]);
        let variable = json!({"name": name, "value": value});
        set(&mut document, "/environment/0/variables/0", variable);
        let has_it = found(&examined(&document)).contains(&"SPY-RES-010");
        assert_eq!(has_it, is_found, "{name}={value}");
    }
}

/// A finding, one that is ignored, and one that was not judged.
fn mixed() -> Diagnosis {
    let mut document = document(&[
        ("/resources/memory/oom_kills", "2"),
        ("/mounts/1/mount_point", r#""/data<&\"\u001b""#),
        ("/mounts/1/stale", "true"),
        ("/program/on_disk", r#""replaced""#),
        ("/processes/0/signals", "null"),
    ]);
    document["gaps"] = gap("processes", "signals");
    let ignored = Ignored {
        id: "SPY-PROC-005",
        reason: "updated <in place>".to_owned(),
    };
    let expected = Expectations {
        ignore: vec![ignored],
        ..Expectations::default()
    };
    examine(&report(&document), &expected)
}

/// What the schema of SARIF 2.1.0 requires, and what GitHub asks for beside it.
#[test]
fn sarif_is_what_its_schema_requires() {
    let diagnosis = mixed();
    let log = sarif(&diagnosis, report(&document(&[])).target.as_ref());
    assert_eq!(log["version"], "2.1.0");
    assert!(
        log["$schema"]
            .as_str()
            .unwrap()
            .ends_with("sarif-schema-2.1.0.json")
    );
    let runs = log["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    let driver = &runs[0]["tool"]["driver"];
    assert_eq!(driver["name"], "spyhole");
    let rules = driver["rules"].as_array().unwrap();
    let levels = ["none", "note", "warning", "error"];
    for rule in rules {
        assert!(rule["id"].is_string() && rule["shortDescription"]["text"].is_string());
        let level = rule["defaultConfiguration"]["level"].as_str().unwrap();
        assert!(levels.contains(&level));
    }
    let results = runs[0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(levels.contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert_eq!(place, "webapp");
    }
    assert_eq!(
        (&results[0]["ruleId"], &results[0]["level"]),
        (&json!("SPY-RES-002"), &json!("error"))
    );
    assert_eq!(results[2]["suppressions"][0]["kind"], "external");
    assert_eq!(
        results[2]["suppressions"][0]["justification"],
        "updated <in place>"
    );
    let invocation = &runs[0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], true);
    let notifications = invocation["toolExecutionNotifications"].as_array().unwrap();
    assert_eq!(notifications.len(), diagnosis.not_judged.len());
    assert!(
        notifications
            .iter()
            .all(|one| one["message"]["text"].is_string())
    );
}

#[test]
fn junit_counts_what_it_holds() {
    let text = junit(&mixed(), Some(Severity::Problem));
    let count = |what: &str| text.matches(what).count();
    assert_eq!(count("<testcase "), rules().count());
    assert_eq!((count("<failure "), count("<system-out>")), (1, 1));
    let skipped = count("<skipped ");
    let heading = format!(
        "tests=\"{}\" failures=\"1\" errors=\"0\" skipped=\"{skipped}\"",
        rules().count()
    );
    assert!(text.contains(&heading), "{text}");
    assert!(text.contains("ignored: updated &lt;in place&gt;"), "{text}");
    assert!(
        text.contains("/data&lt;&amp;&quot;") && !text.contains('\u{1b}'),
        "{text}"
    );
    assert_eq!(junit(&mixed(), None).matches("<failure ").count(), 0);
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the document of this repository")]
fn the_page_of_findings_is_that_of_the_rules() {
    let page = words::page();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/findings.md");
    // What follows is written by `make sick`.
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    let (mut kept, ward) = match kept.split_once(WARD) {
        Some((kept, ward)) => (kept.to_owned(), format!("{WARD}{ward}")),
        None => (kept, String::new()),
    };
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, page.clone() + &ward).unwrap();
        kept.clone_from(&page);
    }
    assert_eq!(
        kept, page,
        "BLESS=1 cargo test --lib the_page writes it anew"
    );
}
