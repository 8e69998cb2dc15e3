//! `PostgreSQL` and a mail server as Debian ships them.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use super::pki::Pki;
use super::servers::{s_client, serve};
use super::{failure, look, says};
use crate::host::run;
use crate::lab::process::Process;
use crate::patience::eventually;

/// `PostgreSQL` does not run as root.
const NOBODY: u32 = 65534;

pub(crate) fn postgres_programs() -> Result<PathBuf, String> {
    let versions = fs::read_dir("/usr/lib/postgresql").map_err(|_| "no postgresql".to_owned())?;
    let programs = versions.map(|version| version.unwrap().path().join("bin"));
    let mut whole = programs.filter(|bin| bin.join("initdb").exists());
    whole.next().ok_or_else(|| "no initdb".to_owned())
}

/// A command as a user that is not root.
fn as_nobody(program: &Path) -> Command {
    let mut command = Command::new(program);
    if nix::unistd::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn postgres(pki: &Pki, bin: &Path, words: &[&str]) -> (Process, u16) {
    for _ in 0..5 {
        // Free a moment ago; another may be faster.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let mut command = as_nobody(&bin.join("postgres"));
        command.arg("-D").arg(pki.path("data"));
        command.args([
            "-p",
            &port.to_string(),
            "-h",
            "127.0.0.1",
            "-c",
            "unix_socket_directories=",
        ]);
        let mut process = Process::start(command.args(words), Signal::SIGQUIT);
        let stands = eventually("postgres listens or ends", || {
            let connected = TcpStream::connect(("127.0.0.1", port));
            if process.runs() {
                connected.map(|_| true)
            } else {
                Ok(false)
            }
        });
        if stands {
            return (process, port);
        }
        eprintln!("{}", process.stop());
    }
    panic!("postgres did not start");
}

#[needs(postgres)]
fn postgres_is_asked_for_tls() {
    let bin = postgres_programs().unwrap();
    let pki = Pki::new();
    let pair = pki.leaf("leaf", &["localhost"]);
    fs::set_permissions(&pair.key, fs::Permissions::from_mode(0o600)).unwrap();
    if nix::unistd::geteuid().is_root() {
        for path in [pki.house.path(), &pair.key, &pair.certificate] {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    let mut initdb = as_nobody(&bin.join("initdb"));
    initdb.args([
        "--auth",
        "trust",
        "--no-sync",
        "--locale",
        "C",
        "-U",
        "nobody",
        "-D",
    ]);
    run(initdb.arg(pki.path("data")).current_dir(pki.house.path())).ended_with(0);

    let (without, port) = postgres(&pki, &bin, &[]);
    let seen = look(&[&format!("localhost:{port}"), "--starttls", "postgres"]);
    assert!(
        says(failure(&seen, "no_starttls")).contains("ssl = off"),
        "{seen:#}"
    );
    // Asked without, it has nothing to say to a handshake.
    let seen = look(&[&format!("127.0.0.1:{port}")]);
    failure(&seen, "closed");
    drop(without);

    let certificate = format!("ssl_cert_file={}", pair.certificate.display());
    let key = format!("ssl_key_file={}", pair.key.display());
    let (_with, port) = postgres(
        &pki,
        &bin,
        &["-c", "ssl=on", "-c", &certificate, "-c", &key],
    );
    let endpoint = format!("localhost:{port}");
    let seen = look(&[&endpoint, "--starttls", "postgres"]);
    assert_eq!(seen.get("failure"), None, "{seen:#}");
    assert_eq!(seen["chain"][0]["subject"], "CN=localhost");
    let openssl = s_client(&format!("127.0.0.1:{port}"), &["-starttls", "postgres"]);
    let new = format!(
        "New, {}, Cipher is {}",
        seen["session"]["protocol"].as_str().unwrap(),
        seen["session"]["cipher_suite"].as_str().unwrap()
    );
    assert!(openssl.stdout_text().contains(&new), "{new}: {openssl}");
}

#[needs(exim)]
fn a_mail_server_is_asked_for_tls() {
    let pki = Pki::new();
    pki.leaf("leaf", &["localhost"]);
    fs::set_permissions(pki.house.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let house = pki.house.path().display();
    let config = format!(
        "primary_hostname = localhost\nspool_directory = {house}/spool\n\
         log_file_path = {house}/%slog\ntls_advertise_hosts = *\n\
         tls_certificate = {house}/leaf.pem\ntls_privatekey = {house}/leaf.key\n\
         keep_environment =\nhost_lookup =\n"
    );
    fs::write(pki.path("exim.conf"), config).unwrap();
    fs::set_permissions(pki.path("leaf.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let config = pki.path("exim.conf");
    // One for each connection, as inetd would start it.
    let server = serve(move |stream| {
        let mut command = Command::new("/usr/sbin/exim4");
        let stream = OwnedFd::from(stream);
        command.arg("-C").arg(&config).arg("-bs");
        command.stdin(Stdio::from(stream.try_clone().unwrap()));
        command.stdout(Stdio::from(stream)).stderr(Stdio::null());
        drop(command.status());
    });
    let seen = look(&[&server, "--starttls", "smtp", "--servername", "localhost"]);
    assert_eq!(seen.get("failure"), None, "{seen:#}");
    assert_eq!(seen["chain"][0]["subject"], "CN=localhost");
    let openssl = s_client(&server, &["-starttls", "smtp"]).stdout_text();
    let new = format!(
        "New, {}, Cipher is {}",
        seen["session"]["protocol"].as_str().unwrap(),
        seen["session"]["cipher_suite"].as_str().unwrap()
    );
    assert!(openssl.contains(&new), "{new}: {openssl}");
    // Asked without, it greets, and the greeting says how to ask.
    let seen = look(&[&server]);
    let failure = failure(&seen, "not_tls");
    assert!(says(failure).contains("--starttls smtp"), "{seen:#}");
}
