//! The image in Debian's registry, over TLS and with a login.

use std::env;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use data_encoding::BASE64;
use tempfile::TempDir;

use super::{VERSION, image};
use crate::host::run;
use crate::podman::{PodmanLab, write_program};
use crate::support::patience::eventually;

const USER: &str = "jane";
const PASSWORD: &str = "correct-horse-of-the-test";

/// A registry of the test, ended when this is dropped.
struct Registry {
    house: TempDir,
    server: Child,
    /// `localhost` and its port.
    host: String,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Registry {
    fn start() -> Self {
        let house = TempDir::new().unwrap();
        let at = |name: &str| house.path().join(name).display().to_string();
        let mut openssl = Command::new("openssl");
        openssl
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
            ])
            .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", &at("key.pem"), "-out", &at("ca.crt")]);
        run(&mut openssl).ended_with(0);
        let mut users = Command::new("htpasswd");
        // The least work that bcrypt knows.
        let users = run(users.args(["-nbB", "-C", "4", USER, PASSWORD])).ended_with(0);
        fs::write(at("users"), users.stdout_text()).unwrap();
        let config = format!(
            "version: 0.1\n\
             log: {{accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: '127.0.0.1:0', tls: {{certificate: {}, key: {}}}}}\n\
             auth: {{htpasswd: {{realm: test, path: {}}}}}\n",
            at("data"),
            at("ca.crt"),
            at("key.pem"),
            at("users")
        );
        fs::write(at("config.yml"), config).unwrap();
        let log = File::create(at("log")).unwrap();
        let server = Command::new("docker-registry")
            .args(["serve", &at("config.yml")])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut registry = Self {
            house,
            server,
            host: String::new(),
        };
        registry.host = eventually("a registry that listens", || {
            let log = fs::read_to_string(registry.at("log")).unwrap();
            let (_, after) = log.split_once("listening on 127.0.0.1:")?;
            let port = after.split(|c: char| !c.is_ascii_digit()).next()?;
            Some(format!("localhost:{port}"))
        });
        registry
    }

    fn at(&self, name: &str) -> String {
        self.house.path().join(name).display().to_string()
    }

    /// `image push` with this configuration of docker.
    fn push(&self, config: &str, words: &[&str]) -> crate::lab::Output {
        fs::write(self.at("config.json"), config).unwrap();
        let name = format!("{}/team/spyhole", self.host);
        image(&[&["push", &name], words].concat(), |command| {
            command
                .env("DOCKER_CONFIG", self.house.path())
                .env("HOME", "/nowhere")
                .env("PATH", self.path());
            for other in [
                "REGISTRY_AUTH_FILE",
                "XDG_RUNTIME_DIR",
                "XDG_CONFIG_HOME",
                "SSL_CERT_FILE",
            ] {
                command.env_remove(other);
            }
        })
    }

    /// PATH with the credential helper of the test, and a directory before it that no helper is taken
    /// from, as it is not absolute.
    fn path(&self) -> std::ffi::OsString {
        let path = env::var_os("PATH").unwrap();
        let own = [Path::new(".").to_owned(), self.house.path().to_owned()];
        env::join_paths(own.into_iter().chain(env::split_paths(&path))).unwrap()
    }
}

#[needs(podman, docker_registry)]
fn it_is_pushed_with_a_login_and_pulled_and_run_by_podman() {
    let (registry, podman) = (Registry::start(), PodmanLab::get());
    let (host, ca) = (&registry.host, registry.at("ca.crt"));
    let login = |user: &str, password: &str| {
        let auth = BASE64.encode(format!("{user}:{password}").as_bytes());
        format!(r#"{{"auths": {{"{host}": {{"auth": "{auth}"}}}}}}"#)
    };
    let wrong = login(USER, "wrong-horse-of-the-test");
    for (config, words, says) in [
        ("{}", &[][..], "is not trusted: "),
        (
            "{}",
            &["--ca", &ca],
            "requires a login: docker login localhost:",
        ),
        (&wrong, &["--ca", &ca], "refuses the login"),
    ] {
        let refused = registry.push(config, words).ended_with(3);
        let said = refused.stderr_text();
        assert!(
            said.contains(says) && !said.contains("of-the-test"),
            "{refused}"
        );
        assert_eq!(refused.stdout_text(), "");
    }

    // The helper is asked for this registry, on its stdin.
    let helper = format!(
        "#!/bin/sh\n[ \"$*\" = get ] && [ \"$(cat)\" = {host} ] || exit 1\n\
         echo '{{\"ServerURL\":\"{host}\",\"Username\":\"{USER}\",\"Secret\":\"{PASSWORD}\"}}'\n"
    );
    write_program(Path::new(&registry.at("docker-credential-test")), &helper);
    let config = format!(r#"{{"credHelpers": {{"{host}": "test"}}}}"#);
    let pushed = registry.push(&config, &["--ca", &ca]).ended_with(0);
    let said = pushed.stdout_text();
    assert!(!(pushed.stderr_text() + &said).contains(PASSWORD));
    let digest_of = |tag: &str| {
        let begin = format!("{host}/team/spyhole:{tag}@");
        let line = said.lines().find_map(|line| line.strip_prefix(&begin));
        line.unwrap_or_else(|| panic!("{tag}: {said}")).to_owned()
    };
    let digest = digest_of(VERSION);
    assert_eq!(digest, digest_of("latest"));
    assert_ne!(digest, digest_of("root"));

    // All of it is there now.
    let again = registry
        .push(&login(USER, PASSWORD), &["--ca", &ca])
        .ended_with(0);
    assert_eq!(again.stdout_text(), said);

    let certificates = TempDir::new().unwrap();
    fs::copy(&ca, certificates.path().join("ca.crt")).unwrap();
    let name = format!("{host}/team/spyhole:{VERSION}");
    let certificates = certificates.path().to_str().unwrap();
    let credentials = format!("{USER}:{PASSWORD}");
    let pull = [
        "pull",
        "--cert-dir",
        certificates,
        "--creds",
        &credentials,
        &name,
    ];
    podman.must(&pull);
    let seen = podman.must(&["image", "inspect", &name]).document();
    assert_eq!(seen[0]["Digest"], digest.as_str());
    assert_eq!(seen[0]["Config"]["User"], "65532:65532");
    let run = ["run", "--rm", "--network", "none", &name, "--version"];
    assert_eq!(
        podman.must(&run).stdout_text(),
        format!("spyhole {VERSION}\n")
    );
    podman.must(&["rmi", &name]);
}
