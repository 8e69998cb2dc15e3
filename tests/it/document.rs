//! The contract of the document: its schema, its gaps, its shape, as JSON and as YAML.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

use serde_json::Value;

use super::fake::FakeProc;
use super::host::{list, spyhole};
use super::lab::Lab;

/// The subcommands that there are, as the help lists them.
pub(crate) fn subcommands() -> Vec<String> {
    let help = spyhole(["help", "commands"]).ended_with(0).stdout_text();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    listed
        // Further lines of a long description are indented by more.
        .filter_map(|line| {
            line.strip_prefix("  ")?
                .split_once(' ')
                .map(|(name, _)| name)
        })
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Those among them that print a document.
pub(crate) fn sections() -> Vec<String> {
    // A server has to be named to `tls`, a file or port to `fuser`; `check` and what brings spyhole to a container have no
    // document of their own.
    let others = [
        "check",
        "schema",
        "completions",
        "man",
        "help",
        "serve",
        "doctor",
        "explain",
        "overview",
        "why",
        "diff",
        "audit",
        "spec",
        "ls",
        "cat",
        "stat",
        "find",
        "du",
        "head",
        "tail",
        "grep",
        "sha256sum",
        "tar",
        "cp",
        "connect",
        "dns",
        "fetch",
        "tls",
        "fuser",
        "pgrep",
        "install",
        "image",
        "run",
        "kubectl",
        "docker",
        "podman",
        "shell",
        "top",
    ];
    subcommands()
        .into_iter()
        .filter(|name| !others.contains(&name.as_str()))
        .collect()
}

/// Checks what holds for every document.
pub(crate) fn assert_keeps_the_contract(document: &Value, what: &str) {
    let schema = spyhole(["schema"]).document();
    let validator = jsonschema::validator_for(&schema).unwrap();
    // Only where it fails: what stands there is nobody's business in a log.
    let place = |error: jsonschema::ValidationError<'_>| {
        format!("{} against {}", error.instance_path(), error.schema_path())
    };
    let errors: Vec<String> = validator.iter_errors(document).map(place).collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}");
    assert_eq!(document["schema"], "spyhole/v1", "{what}");
    assert_eq!(document["version"], env!("CARGO_PKG_VERSION"), "{what}");
    let taken_at = document["taken_at"].as_str().unwrap();
    humantime::parse_rfc3339(taken_at).unwrap_or_else(|why| panic!("{taken_at}: {why}"));

    let read = spyhole::model::read::read(document.to_string().as_bytes());
    let read = read.unwrap_or_else(|why| panic!("{what}: {why}"));
    // Not by assert_eq, for the same reason.
    let again = serde_json::to_value(&read).unwrap();
    assert!(again == *document, "{what}: read, it is another document");

    assert_gaps_fit(document, what);
}

/// Sections that are one with their fields: a gap of theirs is a `null` and nothing else.
const EXACT: [&str; 7] = [
    "access",
    "capabilities",
    "containers",
    "environment",
    "processes",
    "resources",
    "target",
];

/// Each `null` has a gap with its path, each gap its `null`, and each names what it counts.
pub(crate) fn assert_gaps_fit(document: &Value, what: &str) {
    let mut nulls = BTreeMap::new();
    for (section, content) in document.as_object().unwrap() {
        count_nulls(section, "", content, &mut nulls);
    }
    for gap in list(document, "gaps") {
        let [section, field, reason] = ["section", "field", "reason"].map(|key| {
            let word = gap[key].as_str();
            word.unwrap_or_default().to_owned()
        });
        // Of a list or a text that was read in part, the rest is missing, and nothing is `null`.
        let in_part = ["limit", "overwritten", "malformed", "timeout", "remote_fs"];
        if EXACT.contains(&section.as_str()) && !in_part.contains(&reason.as_str()) {
            let whole = (section.clone(), section.clone());
            let is_null = nulls.contains_key(&whole) || nulls.contains_key(&(section, field));
            assert!(is_null, "{what}: a gap without its null: {gap:#}");
        }
    }
    for ((section, path), count) in nulls {
        let of_section = |gap: &&Value| gap["section"] == section.as_str();
        let gaps: Vec<&Value> = list(document, "gaps").iter().filter(of_section).collect();
        let exact = gaps.iter().filter(|gap| gap["field"] == path.as_str());
        let exact: u64 = exact.map(|gap| gap["count"].as_u64().unwrap()).sum();
        let one_each = ["processes", "environment"].contains(&section.as_str());
        if !path.contains('.') && !one_each {
            // Of sockets and mounts a gap names what was refused, not each of them.
            assert!(
                exact > 0,
                "{what}: {section} {path} is null and no gap tells it"
            );
        } else if path.contains('.') {
            assert!(
                exact > 0,
                "{what}: {section} {path} is null and no gap has it as its field"
            );
        } else {
            assert_eq!(
                exact, count,
                "{what}: gaps of {section} {path} for its nulls"
            );
        }
    }
    for gap in list(document, "gaps") {
        let subjects = list(gap, "subjects").len() as u64;
        assert_eq!(
            subjects,
            gap["count"].as_u64().unwrap().min(64),
            "{what}: {gap:#}"
        );
    }
}

fn count_nulls(
    section: &str,
    field: &str,
    value: &Value,
    nulls: &mut BTreeMap<(String, String), u64>,
) {
    match value {
        Value::Null => {
            // Of a section that is missing altogether the gap has its name.
            let field = if field.is_empty() { section } else { field };
            *nulls
                .entry((section.to_owned(), field.to_owned()))
                .or_default() += 1;
        }
        Value::Array(all) => all
            .iter()
            .for_each(|one| count_nulls(section, field, one, nulls)),
        Value::Object(all) => all.iter().for_each(|(key, one)| {
            let field = if field.is_empty() {
                key.clone()
            } else {
                format!("{field}.{key}")
            };
            count_nulls(section, &field, one, nulls);
        }),
        _ => {}
    }
}

#[test]
fn every_document_of_this_machine_keeps_the_contract() {
    for section in sections() {
        let seen = spyhole([&section, "-o", "json"]);
        assert_keeps_the_contract(&seen.json(), &section);
    }
    for words in [
        "ps --all --threads --pss",
        "ps --pids 1",
        "ps --state Z",
        "--self dump",
    ] {
        let words: Vec<&str> = words.split(' ').chain(["-o", "json"]).collect();
        assert_keeps_the_contract(&spyhole(&words).json(), &words.join(" "));
    }
}

#[needs(root)]
fn every_document_of_a_container_keeps_the_contract() {
    let web =
        Lab::webapp()
            .uid(1000)
            .args(["--hostile-name", "--non-utf8", "--api-key=k-9d41f7aa0c6e"]);
    let web = web.env("DB_PASSWORD", "correct horse").start();
    // The same user sees all; a stranger is refused most; alone there is nobody.
    let viewers = || {
        [
            web.spyhole().uid(1000),
            web.spyhole().uid(65532).caps("none"),
            Lab::bare(),
        ]
    };
    for section in sections() {
        for (index, viewer) in viewers().into_iter().enumerate() {
            let seen = viewer.args([&section, "-o", "json"]).run();
            assert_keeps_the_contract(&seen.json(), &format!("{section} by viewer {index}"));
        }
    }
}

#[needs(root)]
fn a_stranger_sees_nulls_and_each_is_told() {
    let web = Lab::webapp().uid(1000).start();
    let seen = web
        .spyhole()
        .uid(65532)
        .caps("none")
        .args(["ps", "-o", "json"])
        .run();
    let document = seen.document();
    let gap = |field: &str| {
        list(&document, "gaps")
            .iter()
            .find(|gap| gap["field"] == field && gap["section"] == "processes")
    };
    for field in ["exe", "cwd", "fd_count"] {
        let gap = gap(field).unwrap_or_else(|| panic!("{field}: {document:#}"));
        assert_eq!(
            (&gap["reason"], &gap["errno"]),
            (&"uid".into(), &"EACCES".into()),
            "{gap:#}"
        );
        // The application and its two workers; the zombie has none of these.
        assert_eq!(gap["count"], 3, "{gap:#}");
        assert!(
            gap["needs"].as_str().unwrap().contains("uid 1000"),
            "{gap:#}"
        );
    }
}

#[test]
fn only_the_section_that_was_asked_for_is_there() {
    let keys = |words: &[&str]| -> Vec<String> {
        let seen = spyhole(words.iter().chain(&["-o", "json"]));
        let document = seen.json();
        let keys = document.as_object().unwrap().keys();
        // There where a process of this machine has a secret among its arguments.
        let keys = keys.filter(|key| *key != "fingerprint_key_id");
        keys.cloned().collect()
    };
    assert_eq!(
        keys(&["ps"]),
        [
            "gaps",
            "processes",
            "schema",
            "taken_at",
            "target",
            "version"
        ]
    );
    assert!(!keys(&["ps", "--all"]).contains(&"containers".to_owned()));
    let dump = keys(&["dump"]);
    // A view shows the document of a section.
    let others = [
        "dump", "df", "fds", "id", "mount", "printenv", "getpcaps", "uptime",
    ];
    for section in sections()
        .iter()
        .filter(|name| !others.contains(&name.as_str()))
    {
        assert!(dump.contains(section), "{section} is not in dump: {dump:?}");
    }
}

#[test]
fn yaml_is_the_same_document() {
    let fake = FakeProc::new();
    let words = b"yes\0no\0null\0~\x001e3\x000x10\0: #\0- a\0'\"\0\n\0 x \0k\xc3\xa4se\0caf\xe9\0\xe2\x80\xae\0";
    fake.process(1)
        .file("cmdline", words)
        .comm(b"true")
        .without("limits");
    let json = fake.spyhole(["ps", "-o", "json"]).document();
    let yaml = fake
        .spyhole(["ps", "-o", "yaml"])
        .ended_with(0)
        .stdout_text();
    let mut parsed: Value =
        serde_saphyr::from_str(&yaml).unwrap_or_else(|why| panic!("{why}\n{yaml}"));
    parsed["taken_at"] = json["taken_at"].clone();
    // Times are measured anew in each run.
    let volatile = ["started_at", "cpu_percent"];
    for key in volatile {
        parsed["processes"][0][key] = json["processes"][0][key].clone();
    }
    assert_eq!(parsed, json, "{yaml}");
    assert_eq!(list(&json["processes"][0], "args").len(), 14);
}

#[test]
fn the_shape_of_dump_is_stable() {
    let fake = FakeProc::new();
    fake.process(1).comm(b"pause");
    let app = fake.process(7).child_of(0).cgroup(&format!("/docker/{:064x}", 7)).file(
        "environ",
        b"A=1\0A=2\0WORD\0X\xff=\xff\0DB_PASSWORD=correct horse\0DB_SERVICE_HOST=h\0DB_SERVICE_PORT=1\0",
    );
    fs::create_dir(fake.path().join("7/root/etc")).unwrap();
    for (file, line) in [("passwd", "root:x:0:0::/:\n"), ("group", "wheel:x:0:\n")] {
        fs::write(fake.path().join("7/root/etc").join(file), line).unwrap();
    }
    fake.process(8)
        .child_of(7)
        .in_the_container_of(&app)
        .zombie();
    fake.process(9)
        .child_of(7)
        .in_the_container_of(&app)
        .file("cmdline", b"app\0--api-key=k-9d41f7aa0c6e\0caf\xe9\0")
        .without("limits");
    let seen = fake
        .spyhole(["-c", "pid-7", "dump", "-o", "json"])
        .ended_with(0);
    let mut shape = BTreeMap::new();
    shape_of("$", &seen.json(), &mut shape);
    let mut text = String::new();
    for (path, kinds) in shape {
        writeln!(text, "{path}  {}", kinds.join(" ")).unwrap();
    }
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/dump-shape.txt");
    if std::env::var_os("BLESS").is_some() {
        fs::write(golden, &text).unwrap();
    }
    let expected = fs::read_to_string(golden).unwrap_or_default();
    let lines = |text: &str| -> BTreeSet<String> { text.lines().map(str::to_owned).collect() };
    let (now, golden) = (lines(&text), lines(&expected));
    let (more, less) = (&now - &golden, &golden - &now);
    assert!(
        now == golden,
        "others build on this form; if it is meant to change: BLESS=1 cargo test\n\
         new: {more:#?}\nmissing: {less:#?}"
    );
}

/// Each path of keys with the types that its values have.
fn shape_of(path: &str, value: &Value, shape: &mut BTreeMap<String, Vec<&'static str>>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(all) => {
            for one in all {
                shape_of(&format!("{path}[]"), one, shape);
            }
            "list"
        }
        Value::Object(all) => {
            all.iter()
                .for_each(|(key, one)| shape_of(&format!("{path}.{key}"), one, shape));
            "object"
        }
    };
    let kinds = shape.entry(path.to_owned()).or_default();
    if !kinds.contains(&kind) {
        kinds.push(kind);
        kinds.sort_unstable();
    }
}

#[test]
fn keys_come_in_the_same_order_each_time() {
    let fake = FakeProc::new();
    fake.process(1);
    let text = fake
        .spyhole(["dump", "-o", "json"])
        .ended_with(0)
        .stdout_text();
    let top: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("  \"")?.split('"').next())
        .collect();
    assert_eq!(
        top[..4],
        ["schema", "version", "taken_at", "target"],
        "{text}"
    );
    assert_eq!(top.last(), Some(&"gaps"), "{text}");
}
