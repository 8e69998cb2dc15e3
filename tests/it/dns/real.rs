//! dnsmasq as the name server, `dig` and the resolver of glibc (`getent`) as the judges, in a
//! network of the test's own, where the servers have port 53.

use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use spyhole::api::dns::{
    Failure, FailureKind, Files, Found, Manner, Name, Rcode, RecordType, ask, resolve,
};
use spyhole::model::tls::ResolvedBy;

use crate::host::run;
use crate::lab::Output;
use crate::lab::process::Process;
use crate::patience::eventually;

const NONE: Option<&str> = None;
const LONG: Duration = Duration::from_mins(1);

/// What the first server, 127.0.0.53, knows.
const ZONE: &str = "10.9.0.1 web.test
fd00::1 web.test
10.9.0.2 four.test
fd00::2 six.test
10.9.0.3 api.default.svc.cluster.local
10.9.0.4 db.other.svc.cluster.local
10.9.0.5 outside.test
10.9.0.6 under_score.test
";

/// As the kubelet writes it.
const POD: &str = "search default.svc.cluster.local svc.cluster.local cluster.local
nameserver 127.0.0.53
options ndots:5
";

const HOSTS: &str = "127.0.0.1 localhost
10.8.0.1 kept.example kept # by hand
fd00:8::1 kept.example
10.8.0.2 web.test
10.8.0.3 kept
";

/// A network with its name servers and its own files in /etc.
pub(super) struct House<'a> {
    pub(super) folder: &'a Path,
    _servers: Vec<Process>,
}

/// Runs a test in such a house.
pub(super) fn in_a_house(work: impl FnOnce(&House<'_>) + Send) {
    let folder = tempfile::tempdir().unwrap();
    let in_namespaces = || {
        unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET).unwrap();
        mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).unwrap();
        run(Command::new("ip").args(["link", "set", "lo", "up"])).ended_with(0);
        for (name, content) in [
            ("resolv.conf", POD),
            ("hosts", HOSTS),
            ("nsswitch.conf", "hosts: files dns\n"),
        ] {
            let own = folder.path().join(name);
            fs::write(&own, content).unwrap();
            mount(
                Some(&own),
                &Path::new("/etc").join(name),
                NONE,
                MsFlags::MS_BIND,
                NONE,
            )
            .unwrap();
        }
        let many: Vec<String> = (1..=100)
            .map(|n| format!("10.9.1.{n} many.test\n"))
            .collect();
        let first = dnsmasq(
            folder.path(),
            "127.0.0.53",
            &format!("{ZONE}{}", many.concat()),
            &[
                "--cname=a.test,b.test",
                "--cname=b.test,web.test",
                "--local=/test/",
                "--local=/cluster.local/",
                "--local=/internal/",
            ],
        );
        let second = dnsmasq(
            folder.path(),
            "127.0.0.54",
            "10.7.0.1 elsewhere.example\n",
            &["--local=/example/"],
        );
        work(&House {
            folder: folder.path(),
            _servers: vec![first, second],
        });
    };
    std::thread::scope(|scope| {
        if let Err(panic) = scope.spawn(in_namespaces).join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// Starts a name server and waits until it answers.
pub(super) fn dnsmasq(folder: &Path, at: &str, zone: &str, more: &[&str]) -> Process {
    let file = folder.join(at);
    fs::write(&file, zone).unwrap();
    let mut command = Command::new("/usr/sbin/dnsmasq");
    command.args([
        "--keep-in-foreground",
        "--log-facility=-",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
    ]);
    command.args([
        "--bind-interfaces",
        "--user=root",
        "--pid-file=",
        &format!("--listen-address={at}"),
    ]);
    command
        .arg(format!("--addn-hosts={}", file.display()))
        .args(more);
    let mut server = Process::start(&mut command, Signal::SIGKILL);
    let address = SocketAddr::new(at.parse().unwrap(), 53);
    eventually("the name server listens", || {
        let runs = server.runs();
        let connected = TcpStream::connect(address);
        assert!(runs || connected.is_ok(), "{}", server.stop());
        connected
    });
    server
}

impl House<'_> {
    /// Changes what everybody in the house reads as resolv.conf.
    pub(super) fn resolv_conf(&self, text: &str) {
        fs::write(self.folder.join("resolv.conf"), text).unwrap();
    }

    /// What spyhole finds with the files of the house.
    fn look(&self, name: &str, within: Duration) -> Result<Found, Failure> {
        let [resolv_conf, hosts] =
            ["resolv.conf", "hosts"].map(|file| fs::read(self.folder.join(file)).unwrap());
        let files = Files {
            resolv_conf: Some(&resolv_conf),
            hosts: Some(&hosts),
        };
        resolve(name, &files, Instant::now() + within)
    }

    /// Finds a name and holds it against what glibc finds.
    fn as_glibc(&self, name: &str) -> Found {
        let found = self.look(name, LONG).unwrap_or_else(|why| panic!("{why}"));
        let glibc = getent(name).ended_with(0);
        let theirs: BTreeSet<String> = first_words(&glibc).collect();
        assert_eq!(texts(&found), theirs, "{name}: {found:?}\n{glibc}");
        found
    }

    /// Fails on a name, as glibc does.
    fn unknown_as_to_glibc(&self, name: &str) -> Failure {
        let why = self.look(name, LONG).expect_err(name);
        // 2: a key could not be found.
        getent(name).ended_with(2);
        why
    }
}

fn texts(found: &Found) -> BTreeSet<String> {
    found.addresses.iter().map(ToString::to_string).collect()
}

fn first_words(output: &Output) -> impl Iterator<Item = String> {
    let text = output.stdout_text();
    let words: Vec<String> = text
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    words.into_iter()
}

fn getent(name: &str) -> Output {
    run(Command::new("getent").args(["ahosts", name]))
}

/// The addresses that `dig` sees, without the aliases before them.
fn dig(server: &str, name: &str, record_type: &str) -> BTreeSet<String> {
    let output = run(Command::new("dig").args([
        "+short",
        "+time=5",
        &format!("@{server}"),
        name,
        record_type,
    ]))
    .ended_with(0);
    first_words(&output)
        .filter(|word| !word.ends_with('.'))
        .collect()
}

fn dig_status(server: &str, name: &str) -> String {
    let output =
        run(Command::new("dig").args(["+time=5", &format!("@{server}"), name])).ended_with(0);
    let text = output.stdout_text();
    let status = text
        .split("status: ")
        .nth(1)
        .unwrap_or_else(|| panic!("{output}"));
    status.split(',').next().unwrap().to_owned()
}

#[needs(root)]
fn names_are_found_as_dig_and_glibc_find_them() {
    in_a_house(|house| {
        house.resolv_conf("nameserver 127.0.0.53\n");
        for name in [
            "four.test",
            "six.test",
            "a.test",
            "b.test",
            "A.TEST",
            "outside.test.",
            "under_score.test",
            "many.test",
        ] {
            let found = house.as_glibc(name);
            let dug = &dig("127.0.0.53", name, "A") | &dig("127.0.0.53", name, "AAAA");
            assert_eq!(texts(&found), dug, "{name}");
            assert!(!dug.is_empty(), "{name}");
            assert_eq!(
                (found.by, found.server.as_deref()),
                (Some(ResolvedBy::Dns), Some("127.0.0.53"))
            );
            assert_eq!(
                (found.full_name, found.failed),
                (None, Vec::new()),
                "{name}"
            );
        }
        // An alias of a name with both families; there is no way to the IPv6 address.
        let found = house.look("a.test", LONG).unwrap();
        let order: Vec<String> = found.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(order, ["10.9.0.1", "fd00::1"]);
    });
}

#[needs(root)]
fn what_is_too_long_for_udp_comes_by_tcp() {
    in_a_house(|house| {
        house.resolv_conf("nameserver 127.0.0.53\n");
        assert_eq!(house.as_glibc("many.test").addresses.len(), 100);
        let server = "127.0.0.53:53".parse().unwrap();
        let name = Name::parse("many.test").unwrap();
        for (manner, count) in [
            (Manner::default(), 100),
            (
                Manner {
                    tcp_only: true,
                    edns: false,
                },
                100,
            ),
        ] {
            let reply = ask(server, &name, RecordType::A, manner, Instant::now() + LONG).unwrap();
            assert_eq!(
                (reply.records.len(), reply.rcode, reply.truncated),
                (count, Rcode::NO_ERROR, false)
            );
            assert!(reply.authoritative && reply.recursion_available);
        }
    });
}

#[needs(root)]
fn the_hosts_file_is_read_as_glibc_reads_it() {
    in_a_house(|house| {
        for name in ["kept", "kept.example", "KEPT", "web.test"] {
            assert_eq!(house.as_glibc(name).by, Some(ResolvedBy::Hosts), "{name}");
        }
    });
}

#[needs(root)]
fn a_pod_finds_services_by_its_search_list() {
    in_a_house(|house| {
        for (name, full_name, failed) in [
            ("api", Some("api.default.svc.cluster.local"), 0),
            ("db.other", Some("db.other.svc.cluster.local"), 1),
            ("api.default.svc", Some("api.default.svc.cluster.local"), 1),
            ("api.default.svc.cluster.local", None, 1),
            ("api.default.svc.cluster.local.", None, 0),
            ("outside.test", None, 1),
        ] {
            let found = house.as_glibc(name);
            assert_eq!(
                (found.full_name.as_deref(), found.failed.len()),
                (full_name, failed),
                "{name}: {found:?}"
            );
        }
        let found = house.look("db.other", LONG).unwrap();
        assert_eq!(
            found.failed,
            ["127.0.0.53: NXDOMAIN for db.other.default.svc.cluster.local"]
        );
    });
}

#[needs(root)]
fn no_such_name_and_no_address_are_told_apart() {
    in_a_house(|house| {
        let why = house.unknown_as_to_glibc("api.internal");
        assert_eq!(why.kind, FailureKind::NoSuchName);
        let tried = "api.internal.default.svc.cluster.local, api.internal.svc.cluster.local, api.internal.cluster.local, api.internal";
        assert_eq!(
            why.says,
            format!("api.internal does not exist: 127.0.0.53: NXDOMAIN for {tried}")
        );
        for name in tried.split(", ") {
            assert_eq!(dig_status("127.0.0.53", name), "NXDOMAIN");
        }
        // A name below which there are others exists, but has nothing of its own.
        house.resolv_conf("nameserver 127.0.0.53\n");
        assert_eq!(dig_status("127.0.0.53", "svc.cluster.local"), "NOERROR");
        let why = house.unknown_as_to_glibc("svc.cluster.local.");
        assert_eq!(why.kind, FailureKind::NoAddress);
        assert_eq!(
            why.says,
            "svc.cluster.local exists but has no address: 127.0.0.53: no address (NODATA) for svc.cluster.local"
        );
        house.resolv_conf("nameserver 127.0.0.53\noptions no-aaaa\n");
        assert_eq!(
            house.look("six.test", LONG).unwrap_err().kind,
            FailureKind::NoAddress
        );
    });
}

#[needs(root)]
fn servers_that_refuse_are_silent_or_not_there_lead_to_the_next() {
    in_a_house(|house| {
        assert_eq!(dig_status("127.0.0.53", "elsewhere.example"), "REFUSED");
        house.resolv_conf("nameserver 127.0.0.53\nnameserver 127.0.0.54\n");
        let found = house.as_glibc("elsewhere.example");
        assert_eq!(found.server.as_deref(), Some("127.0.0.54"));
        assert_eq!(found.failed, ["127.0.0.53: REFUSED for elsewhere.example"]);
        house.resolv_conf("nameserver 127.0.0.99\nnameserver 127.0.0.53\noptions timeout:1\n");
        let found = house.as_glibc("four.test");
        assert_eq!(
            found.failed,
            ["127.0.0.99: connection refused for four.test"]
        );
        // A route that leads nowhere at all.
        house.resolv_conf("nameserver 198.51.100.1\nnameserver 127.0.0.53\n");
        let found = house.as_glibc("four.test");
        assert!(
            found.failed[0].starts_with("198.51.100.1: unreachable: Network is unreachable"),
            "{:?}",
            found.failed
        );
        let silent = UdpSocket::bind("127.0.0.98:53").unwrap();
        house.resolv_conf("nameserver 127.0.0.98\nnameserver 127.0.0.53\noptions timeout:1\n");
        let found = house.as_glibc("four.test");
        let [failed] = found.failed.as_slice() else {
            panic!("{:?}", found.failed)
        };
        assert!(failed.starts_with("127.0.0.98: no answer in "), "{failed}");
        assert!(failed.ends_with(" s for four.test"), "{failed}");
        drop(silent);
        house.resolv_conf("nameserver 127.0.0.98\noptions timeout:1\n");
        assert_eq!(
            house.unknown_as_to_glibc("four.test").kind,
            FailureKind::ServersUnreachable
        );
    });
}

#[needs(root)]
fn rotate_asks_each_server_first_now_and_then() {
    in_a_house(|house| {
        house.resolv_conf("nameserver 127.0.0.53\nnameserver 127.0.0.54\noptions rotate\n");
        // Each knows a name of its own and refuses or denies the other's, so who was first shows.
        let first = |_| house.look("elsewhere.example", LONG).unwrap().failed.len();
        let firsts: BTreeSet<usize> = (0..64).map(first).collect();
        assert_eq!(firsts, BTreeSet::from([0, 1]));
    });
}
