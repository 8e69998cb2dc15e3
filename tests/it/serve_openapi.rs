//! `/openapi.json` tells the truth: what is answered is what it says.

use std::process::Command;

use jsonschema::Validator;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::host::run;
use super::serve_metrics::server::{Server, TOKEN};
use super::support::needs::prepared;

struct Api {
    server: Server,
    document: Value,
    _notes: TempDir,
}

impl Api {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(global: &[&str]) -> Self {
        let notes = TempDir::new().unwrap();
        let server = Server::start(global, &[], &notes.path().join("token"));
        let answer = server.get("/openapi.json", &[]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        Self {
            document: serde_json::from_str(&answer.text()).unwrap(),
            server,
            _notes: notes,
        }
    }

    fn operation(&self, path: &str) -> &Value {
        &self.document["paths"][path]["get"]
    }

    /// The validator for what a path answers with a status, as a media type.
    fn validator(&self, path: &str, status: &str, kind: &str) -> Validator {
        let answer = &self.operation(path)["responses"][status];
        let schema = answer["content"][kind]["schema"].clone();
        assert!(schema.is_object(), "{path}: no {kind} for {status}");
        let mut schema = schema;
        schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        schema["components"] = self.document["components"].clone();
        jsonschema::validator_for(&schema).unwrap()
    }

    fn paths(&self) -> Vec<String> {
        let paths = self.document["paths"].as_object().unwrap();
        paths.keys().cloned().collect()
    }
}

#[track_caller]
fn fits(validator: &Validator, body: &str, what: &str) {
    let body: Value = serde_json::from_str(body).unwrap_or_else(|why| panic!("{what}: {why}"));
    let faults: Vec<String> = validator
        .iter_errors(&body)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{what}\n{}", faults.join("\n"));
}

#[test]
fn every_document_is_as_it_is_described() {
    let api = Api::start();
    let mut validated = 0;
    for path in api.paths().iter().filter(|path| path.starts_with("/v1/")) {
        let parameters = api.operation(path)["parameters"].as_array().unwrap();
        if parameters.iter().any(|one| one["required"] == true) {
            continue;
        }
        let answer = api.server.get(path, &[("Accept", "application/json")]);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        fits(
            &api.validator(path, "200", "application/json"),
            &answer.text(),
            path,
        );
        validated += 1;
    }
    assert!(validated >= 8, "{validated}");
}

#[test]
fn every_problem_is_as_it_is_described() {
    let api = Api::start();
    let no_token = api.server.get_bare("/v1/processes", &[]);
    let cases = [
        ("/v1/processes", "401", no_token),
        (
            "/v1/processes",
            "400",
            api.server.get("/v1/processes?nonsense=1", &[]),
        ),
        (
            "/v1/processes",
            "404",
            api.server.get("/v1/processes?pid=2147483647", &[]),
        ),
        (
            "/v1/environment",
            "403",
            api.server.get("/v1/environment?reveal_all", &[]),
        ),
        ("/metrics", "default", api.server.get("/metrics?x=1", &[])),
    ];
    for (path, status, answer) in cases {
        let what = format!("{path} {status} {}", answer.text());
        assert!(
            status == "default" || answer.status.to_string() == status,
            "{what}"
        );
        let kind = "application/problem+json";
        assert_eq!(answer.header("content-type"), Some(kind), "{what}");
        fits(&api.validator(path, status, kind), &answer.text(), &what);
    }
}

#[test]
fn every_path_without_a_token_is_what_its_security_says() {
    let api = Api::start();
    for path in api.paths() {
        let open = api.operation(&path)["security"] == json!([]);
        let real = path.replace("{name}", "undeclared");
        let answer = api.server.get_bare(&real, &[]);
        assert_eq!(answer.status != 401, open, "{path}: {}", answer.status);
    }
}

#[test]
fn what_does_not_change_is_not_sent_twice() {
    let api = Api::start();
    for path in ["/openapi.json", "/schema.json"] {
        let first = api.server.get(path, &[]);
        let etag = first.header("etag").unwrap();
        let again = api.server.get(path, &[("If-None-Match", etag)]);
        assert_eq!((again.status, again.text().as_str()), (304, ""), "{path}");
        assert_eq!(again.header("etag"), Some(etag));
        let other = api.server.get(path, &[("If-None-Match", "\"other\"")]);
        assert_eq!((other.status, other.text()), (200, first.text()), "{path}");
    }
}

#[needs(schemathesis)]
fn schemathesis_finds_nothing_that_is_answered_otherwise() {
    // It makes up the servers that `/v1/tls` shall ask.
    let api = Api::start_with(&["--no-connect"]);
    let notes = TempDir::new().unwrap();
    let mut command = Command::new(prepared("bin/schemathesis"));
    command
        .current_dir(notes.path())
        .arg("run")
        .arg(format!("http://{}/openapi.json", api.server.address))
        .args(["--header", &format!("Authorization: Bearer {TOKEN}")])
        // A name of a state or of a host has a form that no schema tells: 400 is right there.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .args(["--checks", "all", "--max-examples", "10", "--seed", "7"])
        .args(["--phases", "examples,coverage,fuzzing", "--no-color"]);
    let said = run(&mut command).ended_with(0).stdout_text();
    let count = |word: &str| -> usize {
        let words: Vec<&str> = said.split_whitespace().collect();
        let at = words
            .iter()
            .rposition(|found| found.trim_end_matches(',') == word);
        words[at.unwrap() - 1].parse().unwrap()
    };
    assert!(count("generated") > 500, "{said}");
    assert_eq!(count("generated"), count("passed"), "{said}");
    let tested = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("Tested: "));
    let tested: usize = tested.unwrap().parse().unwrap();
    // All but the document that it reads itself.
    assert_eq!(tested, api.paths().len() - 1, "{said}");
}
