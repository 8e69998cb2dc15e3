//! One handshake on loopback: `spyhole tls` and `openssl s_client` against the same server.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, Issuer, KeyPair};

use crate::certificates::{Target, authority};
use crate::contender::{Contender, Rows};
use crate::report::{self, Against, Figure, Measure};
use crate::{Options, Outcome, Scenario, race};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "tls",
    about: "a handshake on loopback with openssl s_server, by spyhole tls and openssl s_client",
    run,
};

const FIGURES: &[Figure] = &[
    Figure {
        of: "spyhole tls",
        measure: Measure::Wall,
        against: Against::Minus("openssl s_client"),
        at_most: Some(1.0),
    },
    Figure {
        of: "spyhole tls",
        measure: Measure::Wall,
        against: Against::Times("openssl s_client"),
        at_most: None,
    },
];

/// `openssl s_server`, ended with the scenario.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(options: &Options) -> Result<Outcome, String> {
    let runs = options.rounds(50);
    report::print_machine(runs);
    let house = tempfile::tempdir().map_err(|error| error.to_string())?;
    let at = |name: &str| house.path().join(name).display().to_string();
    furnish(house.path()).map_err(|error| error.to_string())?;
    let port = free_port().map_err(|error| error.to_string())?;
    let _server = serve(port, &at("leaf.pem"), &at("leaf.key"))?;
    let target = Target::start()?;
    let (endpoint, ca) = (format!("127.0.0.1:{port}"), at("ca.pem"));
    let contenders = [
        Contender {
            name: "spyhole tls",
            command: [
                &options.spyhole,
                "tls",
                "--pid",
                &target.pid(),
                "--servername",
                "localhost",
                "--ca",
                &ca,
                &endpoint,
            ]
            .map(str::to_owned)
            .to_vec(),
            rows: Some(Rows {
                mark: "TLS",
                at_least: 1,
            }),
        },
        Contender {
            name: "openssl s_client",
            command: [
                "openssl",
                "s_client",
                "-connect",
                &endpoint,
                "-servername",
                "localhost",
                "-CAfile",
                &ca,
                "-verify_return_error",
            ]
            .map(str::to_owned)
            .to_vec(),
            rows: Some(Rows {
                mark: "TLSv1.3",
                at_least: 1,
            }),
        },
    ];
    Ok(report::print(&race::run(&contenders, runs), FIGURES))
}

fn furnish(house: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let (params, key) = (authority("Authority")?, KeyPair::generate()?);
    fs::write(house.join("ca.pem"), params.self_signed(&key)?.pem())?;
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &issuer)?;
    fs::write(house.join("leaf.pem"), leaf.pem())?;
    fs::write(house.join("leaf.key"), key.serialize_pem())?;
    Ok(())
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Starts the server and waits until it accepts.
fn serve(port: u16, certificate: &str, key: &str) -> Result<Server, String> {
    let port_text = port.to_string();
    let words = [
        "s_server",
        "-quiet",
        "-port",
        &port_text,
        "-cert",
        certificate,
        "-key",
        key,
    ];
    let server = Command::new("openssl")
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(Server)
        .map_err(|error| format!("openssl: {error}"))?;
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if began.elapsed() > Duration::from_secs(5) {
            return Err("openssl s_server does not accept".to_owned());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(server)
}
