//! A secret of its own in each place that a container's owner names: mounts, names of processes,
//! sockets and control groups, certificates, variables.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::server::Server;
use crate::host::spyhole;
use crate::patience::eventually;

/// A token that says where it was put; in pieces, so that no scanner of sources takes it for real.
fn token(place: &str) -> String {
    format!("gh{}{place:0<8}{}", "p_", "Qmv29TbLw73RnYc54Hd06Fg")
}

const PLACES: [&str; 12] = [
    "Dir", "MntSrc", "MntPnt", "Lower", "Sock", "Abstr", "Cgroup", "CertCn", "CertSan", "CertPth",
    "VarName", "Missing",
];
/// What is no token, for places that are short, or made of names and values.
const WORDS: [&str; 4] = ["Zebra42Comm", "Zebra42Org", "Zebra42Uri", "Zebra42Src"];

fn assert_absent(text: &str, from: &str) {
    let tokens = PLACES.map(token);
    for secret in tokens.iter().map(String::as_str).chain(WORDS) {
        assert!(!text.contains(secret), "{from} shows {secret}:\n{text}");
    }
}

/// Binds the sockets, takes its name and its control group, and holds the certificate open.
const TARGET: &str = r#"
import ctypes, os, socket, sys, time
unix, abstract, group, certificate, ready = sys.argv[1:6]
sys.argv = sys.argv[:1]
path = socket.socket(socket.AF_UNIX); path.bind(unix); path.listen()
name = socket.socket(socket.AF_UNIX); name.bind("\0" + abstract); name.listen()
ctypes.CDLL(None).prctl(15, b"pw=Zebra42Comm")
if group:
    open(group + "/cgroup.procs", "w").write(str(os.getpid()))
held = open(certificate)
open(ready, "w").close()
time.sleep(1000)
"#;

struct Target {
    child: Child,
    group: Option<PathBuf>,
    _base: tempfile::TempDir,
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(group) = &self.group {
            let _ = fs::remove_dir(group);
        }
    }
}

impl Target {
    fn start() -> Self {
        let base = tempfile::tempdir().unwrap();
        let at = |name: &str| base.path().join(name);
        for place in ["Dir", "MntPnt", "Lower"] {
            fs::create_dir(at(&token(place))).unwrap();
        }
        for name in ["other", "overlay"] {
            fs::create_dir(at(name)).unwrap();
        }
        let certificate = at(&format!("{}.pem", token("CertPth")));
        write_certificate(&certificate);
        fs::write(at("target.py"), TARGET).unwrap();
        let group = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"]
            .map(|parent| Path::new(parent).join(token("Cgroup")))
            .into_iter()
            .find(|group| fs::create_dir(group).is_ok());
        let word = |path: &Path| path.display().to_string();
        let script = format!(
            "mount -t tmpfs -o size=4m https://bob:Zebra42Src@h/{source} {point} && mount -t overlay -o lowerdir={lower}:{other} over {overlay} && cd {dir} && exec python3 {program} {sock} {abstr} '{group}' {certificate} {ready}",
            source = token("MntSrc"),
            point = word(&at(&token("MntPnt"))),
            lower = word(&at(&token("Lower"))),
            other = word(&at("other")),
            overlay = word(&at("overlay")),
            dir = word(&at(&token("Dir"))),
            program = word(&at("target.py")),
            sock = word(&at(&format!("{}.sock", token("Sock")))),
            abstr = token("Abstr"),
            group = group.as_deref().map(word).unwrap_or_default(),
            certificate = word(&certificate),
            ready = word(&at("ready")),
        );
        let child = Command::new("unshare")
            .args(["-m", "sh", "-c", &script])
            .env("SSL_CERT_FILE", &certificate)
            .env(token("VarName"), "1")
            .env("MISSING_CA", at(&token("Missing")).join("ca.pem"))
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let ready = at("ready");
        eventually("the target is ready", || ready.exists());
        Self {
            child,
            group,
            _base: base,
        }
    }
}

fn write_certificate(path: &Path) {
    let mut params =
        rcgen::CertificateParams::new(vec![format!("{}.example.com", token("CertSan"))]).unwrap();
    let uri = "https://bob:Zebra42Uri@h/".try_into().unwrap();
    params.subject_alt_names.push(rcgen::SanType::URI(uri));
    let mut name = rcgen::DistinguishedName::new();
    name.push(rcgen::DnType::CommonName, token("CertCn"));
    name.push(rcgen::DnType::OrganizationName, "password=Zebra42Org");
    params.distinguished_name = name;
    let key = rcgen::KeyPair::generate().unwrap();
    fs::write(path, params.self_signed(&key).unwrap().pem()).unwrap();
}

#[needs(root)]
fn no_name_of_a_place_shows_the_secret_in_it() {
    let target = Target::start();
    let pid = target.child.id().to_string();
    for command in [
        &["ps", "--all"][..],
        &["ps", "-f", "--tree"],
        &["ps", "--all", "--columns", "pid,exe,command,comm"],
        &["ps", "--details"],
        &["lsof"],
        &["fds"],
        &["network"],
        &["program"],
        &["ss", "-a"],
        &["ss", "-xa"],
        &["findmnt"],
        &["findmnt", "--tree"],
        &["df"],
        &["resources"],
        &["caps"],
        &["containers"],
        &["access"],
        &["env"],
        &["env", "--all", "--all-vars"],
        &["certs"],
        &["certs", "--verify"],
        &["dump"],
    ] {
        for format in ["table", "wide", "json", "yaml"] {
            let words = [&["--pid", pid.as_str()][..], command, &["-o", format]].concat();
            let seen = spyhole(&words);
            let text = seen.stdout_text() + &seen.stderr_text();
            assert_absent(&text, &words.join(" "));
            // The place is shown, its secret is not.
            assert!(
                format != "json" || command != ["dump"] || text.matches("redacted").count() >= 10,
                "{text}"
            );
        }
    }
    let seen = spyhole(["--pid", pid.as_str(), "certs", "-o", "pem"]);
    assert_absent(&(seen.stdout_text() + &seen.stderr_text()), "-o pem");

    let server = Server::start(&["--pid", &pid]);
    for (path, _) in spyhole::api::routes() {
        for output in ["", "?output=table", "?output=wide", "?output=yaml"] {
            let reply = server.get(&format!("{path}{output}"));
            assert_absent(&(reply.head.clone() + &reply.text()), &path);
        }
    }
    server.ends_well();
}

/// Words of the command line that come back in errors, notes and answers.
#[test]
fn no_typed_name_comes_back_with_the_secret_in_it() {
    let secret = token("Dir");
    let path = format!("/nonexistent/{secret}/x");
    let named = format!("{secret}.example.com");
    for words in [
        &["--proc", path.as_str(), "ps"][..],
        &["--fingerprint-key-file", path.as_str(), "ps"],
        &["-c", secret.as_str(), "ps"],
        &["ps", "--columns", secret.as_str()],
        &["ps", secret.as_str()],
        &["env", secret.as_str()],
        &["findmnt", path.as_str()],
        &["df", path.as_str()],
        &["certs", "--file", path.as_str()],
        &["certs", "--dir", path.as_str()],
        &["certs", "--password-file", path.as_str()],
        &["check", "file:/nonexistent", secret.as_str()],
        &["check", named.as_str()],
        &["tls", "127.0.0.1:1", "--servername", named.as_str()],
        &["tls", named.as_str()],
        &["tls", "127.0.0.1:1", "--client-certificate", path.as_str()],
        &["serve", "--token-file", path.as_str()],
        &["serve", "--listen", named.as_str()],
        &["run", "--", path.as_str()],
        &["run", "--report", path.as_str(), "--", "true"],
        &["install", path.as_str()],
        &["completions", secret.as_str()],
        &["man", secret.as_str()],
        &["schema", secret.as_str()],
        &["docker", secret.as_str(), "--dry-run"],
        &["podman", secret.as_str(), "--dry-run"],
        &["kubectl", secret.as_str(), "--dry-run"],
    ] {
        let seen = spyhole(words);
        assert_absent(
            &(seen.stdout_text() + &seen.stderr_text()),
            &words.join(" "),
        );
    }
}
