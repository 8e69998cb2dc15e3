//! Against the runtimes themselves, as they are on this machine.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};

use super::*;
use crate::sys::file_limits;
use crate::sys::ranges::Ranges;
use crate::sys::{ProcDir, ProcessDir};
use crate::trust::detect::detect;
use crate::trust::places::plan;
use crate::trust::program::ProgramImage;

/// A running program, ended with the test.
struct Running(Child);

impl Running {
    /// Starts it and waits for its first byte, where it says something.
    fn start(program: &str, args: &[&str], speaks: bool) -> Self {
        let mut command = scratch::command(program);
        command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|why| panic!("{program}: {why}"));
        if speaks {
            let out = child.stdout.as_mut().unwrap();
            out.read_exact(&mut [0]).unwrap();
        }
        Self(child)
    }

    /// What it is taken for.
    fn detected(&self) -> Detected {
        let proc = ProcDir::open(Path::new("/proc")).unwrap();
        let pid = i32::try_from(self.0.id()).unwrap();
        let process = proc.process(pid).unwrap();
        let root = crate::sys::InRoot::of(&process).unwrap();
        let image = ProgramImage::of(&process, &maps_of(&process), None, &root);
        detect(&image, &Target::new().overrides())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn said(program: &str, args: &[&str]) -> String {
    let output = scratch::command(program)
        .args(args)
        .output()
        .unwrap_or_else(|why| panic!("{program}: {why}"));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn paths(rules: RuntimeTrustRules) -> Vec<String> {
    let detected = Detected {
        rules,
        evidence: String::new(),
    };
    plan(&detected, &Target::new().overrides())
        .places
        .into_iter()
        .map(|place| String::from_utf8(place.path.unwrap()).unwrap())
        .collect()
}

#[test]
fn openssl_names_the_same_directory() {
    // It waits for what it shall digest.
    let openssl = Running::start("openssl", &["dgst"], false);
    let told = said("openssl", &["version", "-d"]);
    // The libraries are mapped a moment after the start.
    let until = std::time::Instant::now() + Duration::from_mins(3);
    let mut seen = openssl.detected();
    while seen.evidence != "libssl.so.3 is mapped" && std::time::Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
        seen = openssl.detected();
    }
    let RuntimeTrustRules::Openssl {
        openssl: Some(directory),
    } = seen.rules
    else {
        panic!("{seen:?}")
    };
    let directory = String::from_utf8(directory).unwrap();
    assert_eq!(told, format!("OPENSSLDIR: \"{directory}\""));
}

#[test]
fn python_names_the_same_places() {
    const PYTHON: &str = "/usr/bin/python3";
    let code = "import ssl, sys; print(flush=True); sys.stdin.read()";
    let python = Running::start(PYTHON, &["-c", code], true);
    let seen = python.detected();
    let RuntimeTrustRules::Python { openssl, .. } = seen.rules else {
        panic!("{seen:?}")
    };
    let told = said(
        PYTHON,
        &[
            "-c",
            "import ssl; p = ssl.get_default_verify_paths(); \
             print(p.openssl_cafile); print(p.openssl_capath)",
        ],
    );
    let places = paths(RuntimeTrustRules::Python {
        openssl,
        certifi: None,
    });
    assert_eq!(places, told.lines().collect::<Vec<_>>());
}

/// Python loads the file of OpenSSL's default places and tells how many authorities it holds.
#[test]
fn python_counts_as_many_authorities() {
    let mut target = Target::new().with("/bundle.pem", bundle(7) + &bundle(1));
    let file = target.root.path("/bundle.pem");
    let output = scratch::command("/usr/bin/python3")
        .env("SSL_CERT_FILE", &file)
        .env("SSL_CERT_DIR", "/nonexistent")
        .arg("-c")
        .arg("import ssl; print(ssl.create_default_context().cert_store_stats()['x509_ca'])")
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    target = target
        .env("SSL_CERT_FILE=/bundle.pem")
        .env("SSL_CERT_DIR=/nonexistent");
    let store = target
        .trust(RuntimeTrustRules::Python {
            openssl: None,
            certifi: None,
        })
        .store;
    assert_eq!(total(&store).0.to_string(), told.trim());
}

/// Whether `openssl verify` believes an authority's own certificate says whether it trusts it.
#[test]
fn openssl_trusts_whom_we_say_it_trusts() {
    let root = authority("Own");
    for (hash, named, trusted) in [
        (false, "SSL_CERT_FILE=/certs/own.pem", true),
        (false, "SSL_CERT_FILE=/certs/none.pem", false),
        (false, "SSL_CERT_FILE=", false),
        (false, "SSL_CERT_DIR=/certs", false),
        (true, "SSL_CERT_DIR=/certs", true),
        (true, "SSL_CERT_DIR=/none:/certs", true),
    ] {
        let mut target = Target::new().with("/certs/own.pem", &root);
        let own = target.root.path("/certs/own.pem");
        if hash {
            let hash = said(
                "openssl",
                &["x509", "-hash", "-noout", "-in", own.to_str().unwrap()],
            );
            target = target.link(&format!("/certs/{hash}.0"), "own.pem");
        }
        let (variable, value) = named.split_once('=').unwrap();
        let outside: Vec<String> = value
            .split(':')
            .map(|path| match path {
                "" => String::new(),
                path => target.root.path(path).to_str().unwrap().to_owned(),
            })
            .collect();
        let output = scratch::command("openssl")
            .env("SSL_CERT_FILE", "/nonexistent")
            .env("SSL_CERT_DIR", "/nonexistent")
            .env(variable, outside.join(":"))
            .arg("verify")
            .arg(&own)
            .output()
            .unwrap();
        let rules = RuntimeTrustRules::Openssl {
            openssl: Some(b"/nonexistent".to_vec()),
        };
        let trust = target.env(named).trust(rules);
        let ours = trust.roots.is_some_and(|roots| !roots.is_empty());
        assert_eq!(
            (output.status.success(), ours),
            (trusted, trusted),
            "{named} {hash}"
        );
    }
}

/// runc is a Go program that says by which Go it was made.
#[test]
fn a_real_go_program_is_go_s() {
    let root = crate::sys::InRoot::at(Path::new("/")).unwrap();
    let found = ["/usr/bin/runc", "/usr/sbin/runc"]
        .into_iter()
        .find_map(|path| Some((path, Ranges::in_root(&root, path.as_bytes()).ok()?)));
    let (path, file) = found.expect("runc, which scripts/prepare installs");
    let own = Some(path.as_bytes().to_vec());
    let image = ProgramImage::new(&root, own, Vec::new(), Ok(file));
    let seen = detect(&image, &Target::new().overrides());
    let told = said(path, &["--version"]);
    let version = told
        .lines()
        .find_map(|line| line.strip_prefix("go: "))
        .unwrap();
    assert_eq!(seen.rules, RuntimeTrustRules::Go { fallback: false });
    assert_eq!(seen.evidence, format!("{path} was built by {version}"));
}

fn maps_of(process: &ProcessDir) -> Vec<u8> {
    let mut maps = Vec::new();
    let read = process.read_records(c"maps", file_limits::MAPS, &mut maps);
    read.unwrap();
    maps
}
