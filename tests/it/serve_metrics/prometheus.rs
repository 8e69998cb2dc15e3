//! A real Prometheus server scrapes it over TLS with a token from a file, and answers queries.

use std::fs;
use std::net::TcpStream;
use std::process::Command;

use nix::sys::signal::Signal;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;
use tempfile::TempDir;

use super::server::{Server, free_address};
use crate::lab::process::Process;
use crate::patience::eventually;
use crate::support::http::get;
use crate::support::idle::Idle;

#[needs(prometheus)]
fn a_prometheus_server_scrapes_it_and_answers() {
    let notes = TempDir::new().unwrap();
    let file = |name: &str| notes.path().join(name);
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(file("cert.pem"), cert.pem()).unwrap();
    fs::write(file("key.pem"), signing_key.serialize_pem()).unwrap();
    let hostile = "w\n\"} 1\\";
    let _child = Idle::called(notes.path(), hostile).named(hostile);
    let (cert_file, key_file) = (file("cert.pem"), file("key.pem"));
    let server = Server::start(
        &[],
        &[
            "--tls-cert",
            cert_file.to_str().unwrap(),
            "--tls-key",
            key_file.to_str().unwrap(),
            "--cache",
            "0s",
        ],
        &file("token"),
    );
    let config = format!(
        "scrape_configs:
- job_name: spyhole
  scheme: https
  scrape_interval: 2s
  scrape_timeout: 2s
  authorization: {{credentials_file: {0}/token}}
  tls_config: {{ca_file: {0}/cert.pem}}
  static_configs: [{{targets: ['{1}']}}]
",
        notes.path().display(),
        server.address
    );
    fs::write(file("prometheus.yml"), config).unwrap();
    let address = free_address();
    let mut command = Command::new("prometheus");
    command
        .arg(format!(
            "--config.file={}",
            file("prometheus.yml").display()
        ))
        .arg(format!("--storage.tsdb.path={}", file("data").display()))
        .arg(format!("--web.listen-address={address}"))
        .arg("--log.level=warn");
    let _prometheus = Process::start(&mut command, Signal::SIGKILL);
    let query = |what: &str| -> Result<Vec<(Value, f64)>, String> {
        let encoded = serde_html_form::to_string([("query", what)]).unwrap();
        let answer = get(address, &format!("/api/v1/query?{encoded}"), &[]);
        // It listens before it is ready.
        if answer.status == 503 {
            return Err(answer.text());
        }
        let answer: Value = serde_json::from_str(&answer.text()).unwrap();
        let Some(found) = answer["data"]["result"].as_array() else {
            panic!("{what}: {answer:#}");
        };
        let value = |one: &Value| one["value"][1].as_str().unwrap().parse().unwrap();
        let found = found.iter();
        Ok(found
            .map(|one| (one["metric"].clone(), value(one)))
            .collect())
    };
    let found = |what: &str| {
        eventually(what, || {
            TcpStream::connect(address).map_err(|why| why.to_string())?;
            let found = query(what)?;
            let status = || get(address, "/api/v1/targets", &[]).text();
            (!found.is_empty()).then_some(found).ok_or_else(status)
        })
    };

    let build = found("spyhole_build_info");
    assert_eq!(build[0].0["version"], env!("CARGO_PKG_VERSION"));
    found("up == 1");
    let group = "spyhole_process_group_processes{name='w\\\\n\"} 1\\\\\\\\'}";
    assert_eq!(found(group)[0].1, 1.0);
    // Two scrapes later a rate can be told.
    let rates = found("rate(spyhole_cpu_seconds_total[1m]) > 0");
    assert!(rates[0].1 < 1.0, "{rates:?}");
    let samples = found("scrape_samples_scraped > 0")[0].1;
    assert!(samples > 50.0, "{samples}");
    // The form was OpenMetrics: only that has the type.
    let known = get(address, "/api/v1/metadata?metric=spyhole_build", &[]).text();
    assert!(known.contains("\"info\""), "{known}");
}
