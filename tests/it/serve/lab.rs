//! Beside containers: what a neighbour of the same user can take from the server, and that the
//! server still reads what it could read before it gave its powers away.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::client::{Reply, exchange, request};
use crate::host::run;
use crate::lab::{Container, Lab, Setup, example};
use crate::patience::eventually;

const TOKEN: &str = "the-token-of-the-lab-5f3a";

/// A server in a container, and the directory through which it is reached.
pub(crate) struct Beside {
    pub(super) container: Container,
    dir: TempDir,
}

impl Beside {
    /// `setup` is spyhole as somebody somewhere; `uid` the user that it is.
    pub(crate) fn start(setup: Setup, uid: u32, words: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        chown(dir.path(), Some(uid), Some(uid)).unwrap();
        let token = dir.path().join("token");
        fs::write(&token, TOKEN).unwrap();
        chown(&token, Some(uid), Some(uid)).unwrap();
        fs::set_permissions(&token, fs::Permissions::from_mode(0o400)).unwrap();
        let container = setup
            .bind(dir.path(), "/run")
            .args(words)
            .args([
                "serve",
                "--listen",
                "unix:/run/s",
                "--token-file",
                "/run/token",
            ])
            .start();
        let mut server = Self { container, dir };
        eventually("the server listens", || {
            let runs = server.container.runs();
            let connected = UnixStream::connect(server.socket());
            assert!(runs || connected.is_ok(), "the server has ended");
            connected
        });
        server
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    /// The body of what it answers, which must be 200.
    pub(crate) fn text(&self, path: &str) -> String {
        let reply = self.get(path);
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.text()
    }

    pub(super) fn get(&self, path: &str) -> Reply {
        let bearer = format!("Bearer {TOKEN}");
        let ask = request(path, "localhost", &[("Authorization", &bearer)]);
        exchange(UnixStream::connect(self.socket()).unwrap(), ask.as_bytes())
    }

    /// The number of its process in the namespace of the containers.
    fn inner_pid(&self) -> String {
        let status = String::from_utf8(self.container.host_proc("status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("NSpid:"));
        line.unwrap().split_whitespace().last().unwrap().to_owned()
    }
}

#[needs(root)]
fn a_neighbour_of_the_same_user_reads_nothing_of_the_server() {
    let web = Lab::webapp().uid(1000).caps("none").start();
    let as_user = |setup: Setup| setup.uid(1000).caps("none");
    let server = Beside::start(as_user(web.spyhole()), 1000, &[]);
    let pid = server.inner_pid();
    let peek = |pid: &str, names: &[&str]| {
        let paths = names.iter().map(|name| format!("/proc/{pid}/{name}"));
        let lab = as_user(web.beside(&example("lab"))).arg("peek").args(paths);
        lab.run().ended_with(0).stdout_text()
    };
    let secret = [
        "environ",
        "mem",
        "maps",
        "smaps",
        "auxv",
        "pagemap",
        "syscall",
        "io",
        "root/run/token",
        "cwd/run/token",
        "fd/0",
        "map_files",
        "task/self/environ",
    ];
    let seen = peek(&pid, &secret);
    assert_eq!(seen.lines().count(), secret.len(), "{seen}");
    for line in seen.lines() {
        assert!(
            !line.contains("=ok") || line.contains("open=ok read=E"),
            "{line}"
        );
    }
    // The same neighbour reads all of that of the application, which is dumpable.
    let of_web = peek("1", &["environ", "maps", "mem", "root"]);
    assert_eq!(of_web.matches("open=ok").count(), 4, "{of_web}");
    // And the server still reads its target.
    let environment = server.get("/v1/environment");
    assert_eq!(environment.status, 200);
    assert_eq!(
        environment.json()["gaps"],
        serde_json::json!([]),
        "{}",
        environment.text()
    );

    // Attaching to it, from the machine, as that user.
    let host_pid = server.container.host_pid.to_string();
    let attach = |pid: &str| {
        let mut words = Command::new("setpriv");
        words.args(["--reuid=1000", "--regid=1000", "--clear-groups"]);
        words.args(["--inh-caps=-all", "--bounding-set=-all"]);
        run(words.args(["timeout", "60", "strace", "-p", pid]))
    };
    let refused = attach(&host_pid);
    assert!(
        refused.stderr_text().contains("Operation not permitted"),
        "{refused}"
    );
    assert!(
        refused.code != Some(0) && refused.code != Some(124),
        "{refused}"
    );
}

#[needs(root)]
fn it_gives_away_what_reading_does_not_take() {
    let web = Lab::webapp().uid(1000).caps("none").start();
    // Who it is, what it may hold afterwards, and whether it reads the environment of uid 1000.
    let reading = 1 << 19 | 1 << 2 | 1 << 1;
    for (uid, caps, held, reads) in [
        (
            0,
            "=sys_ptrace,dac_override,dac_read_search,chown,kill",
            reading,
            true,
        ),
        (
            0,
            "=sys_ptrace,dac_override,net_bind_service",
            1 << 19 | 1 << 1,
            true,
        ),
        // Without SYS_PTRACE what it holds decides whom it may read: nothing is given away.
        (0, "=chown,dac_override,kill", 1 | 1 << 1 | 1 << 5, false),
        (0, "none", 0, false),
        (1000, "none", 0, true),
        (1001, "none", 0, false),
    ] {
        let server = Beside::start(web.spyhole().uid(uid).caps(caps), uid, &[]);
        let status = String::from_utf8(server.container.host_proc("status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().to_owned()
        };
        let mask = |name: &str| u64::from_str_radix(&field(name), 16).unwrap();
        let who = format!("uid {uid} caps {caps}");
        assert_eq!(field("NoNewPrivs:"), "1", "{who}");
        assert_eq!(mask("CapEff:"), held, "{who}: {}", field("CapEff:"));
        assert_eq!(mask("CapPrm:"), held, "{who}");
        assert_eq!(mask("CapAmb:"), 0, "{who}");
        let owner = fs::metadata(server.container.host_proc_path("environ")).unwrap();
        assert_eq!(
            std::os::unix::fs::MetadataExt::uid(&owner),
            0,
            "{who}: it is dumpable"
        );

        // As the command line sees it, which has kept all that it had.
        let shown = web.spyhole().uid(uid).caps(caps);
        let shown = shown.args(["environment", "-o", "json"]).run();
        assert_eq!(shown.code == Some(0), reads, "{who}: {shown}");
        let answer = server.get("/v1/environment").json();
        assert_eq!(answer["environment"], shown.json()["environment"], "{who}");
        for section in ["processes", "mounts", "sockets"] {
            let answer = gaps(&server.get(&format!("/v1/{section}")).json());
            let shown = web.spyhole().uid(uid).caps(caps);
            let shown = gaps(&shown.args([section, "-o", "json"]).run().json());
            assert_eq!(answer, shown, "{who}: {section}");
        }
    }
}

/// What was not seen and why, without the numbers of the processes.
fn gaps(document: &serde_json::Value) -> Vec<String> {
    let gaps = document["gaps"].as_array().unwrap().iter();
    gaps.map(|gap| {
        format!(
            "{} {} {} {}",
            gap["section"], gap["field"], gap["reason"], gap["errno"]
        )
    })
    .collect()
}

#[needs(root)]
fn it_ends_as_the_first_process_of_its_container() {
    let mut server = Beside::start(Lab::bare().uid(1000).caps("none").read_only(), 1000, &[]);
    assert_eq!(server.get("/v1/dump").status, 200);
    assert!(Path::new(&server.socket()).exists());
    let pid = nix::unistd::Pid::from_raw(server.container.host_pid);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    eventually("it ends", || !server.container.runs());
    let said = server.container.wait();
    assert_eq!(said.code, Some(0), "{said}");
    assert!(said.stderr_text().contains("exiting: SIGTERM"), "{said}");
}

#[needs(root)]
fn it_says_at_once_where_it_sees_nobody_and_goes_on() {
    let words = |server: Beside| {
        assert_eq!(server.get("/healthz").status, 200);
        server.container.stop().stderr_text()
    };
    let bare = || Lab::bare().uid(1000).caps("none");
    let alone = words(Beside::start(bare(), 1000, &[]));
    assert!(alone.contains("only its own process is visible"), "{alone}");
    assert!(alone.contains("--target=CONTAINER"), "{alone}");
    let meant = words(Beside::start(bare(), 1000, &["--self"]));
    assert!(
        !meant.contains("only its own process is visible"),
        "{meant}"
    );
    let web = Lab::webapp().uid(1000).caps("none").start();
    let beside = web.spyhole().uid(1000).caps("none");
    let beside = words(Beside::start(beside, 1000, &[]));
    assert!(
        !beside.contains("only its own process is visible"),
        "{beside}"
    );
}
