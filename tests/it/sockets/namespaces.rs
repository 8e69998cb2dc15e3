//! Many network namespaces: the tables of each, also where the kernel counts no socket of a kind.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::process::{Child, Command};

use nix::sched::{CloneFlags, unshare};

use super::{document, sockets};

/// As many that two threads read them.
const NAMESPACES: usize = 12;

/// A namespace with a process in it that shows it, and the listeners.
struct Namespace {
    process: Child,
    held: Vec<TcpListener>,
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Every third has a listener of IPv4, every third one of IPv6, the others none.
fn namespace(number: usize) -> Namespace {
    let made = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let process = Command::new("sleep").arg("600").spawn().unwrap();
        let held = match number % 3 {
            0 => vec![TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap()],
            1 => vec![TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap()],
            _ => Vec::new(),
        };
        Namespace { process, held }
    });
    made.join().unwrap()
}

#[needs(root)]
fn listeners_of_every_namespace_are_listed_whatever_is_counted() {
    let namespaces: Vec<Namespace> = (0..NAMESPACES).map(namespace).collect();
    let listeners = namespaces.iter().flat_map(|one| {
        let pid = i64::from(one.process.id().cast_signed());
        let own = one.held.iter().map(|held| held.local_addr().unwrap());
        own.map(move |address| (pid, address.port(), address.is_ipv6()))
    });
    let expected: BTreeSet<_> = listeners.collect();
    // Once as usual, where what is counted as none is not read, and once with every state.
    for words in [&["-A", "-tn"][..], &["-A", "-tna"]] {
        let document = document(words);
        let shown = sockets(&document).iter().filter_map(|socket| {
            let pid = socket["net_namespace_of"].as_i64()?;
            let port = u16::try_from(socket["local_port"].as_u64()?).ok()?;
            let listens = socket["state"] == "listen";
            listens.then(|| (pid, port, socket["family"] == "inet6"))
        });
        let pids: BTreeSet<i64> = expected.iter().map(|(pid, ..)| *pid).collect();
        let shown: BTreeSet<_> = shown.filter(|(pid, ..)| pids.contains(pid)).collect();
        assert_eq!(shown, expected, "{words:?}");
        let sources = document["socket_sources"].as_array().unwrap();
        for one in &namespaces {
            let pid = i64::from(one.process.id().cast_signed());
            let of = sources.iter().find(|source| source["pid"] == pid).unwrap();
            assert_eq!(of["sources"]["tcp"], "proc", "{of}");
            assert_eq!(of["sources"]["tcp6"], "proc", "{of}");
        }
    }
}
