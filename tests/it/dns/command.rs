//! `spyhole dns`, beside `dig`, and beside the queries that glibc, musl and Go really send.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::real::{House, dnsmasq, in_a_house};
use super::server::{Server, answer};
use crate::host::{run, spyhole};
use crate::lab::Output;
use crate::lab::process::Process;
use crate::patience::eventually;
use crate::support::idle::Idle;

const SERVER: &str = "127.0.0.55";

/// What the server of these tests knows.
const ZONE: &str = "10.9.0.1 web.two.test
10.9.0.2 a.b.c.one.test
10.9.0.3 plain.dots.test
fd00::2 six.three.test
10.9.0.4 twice.one.test
10.9.0.5 twice.two.test
";

const RECORDS: &[&str] = &[
    "--local=/test/",
    "--local=/c/",
    "--cname=alias.test,chain.test",
    "--cname=chain.test,plain.dots.test",
    "--mx-host=mail.test,mx.test,10",
    "--srv-host=_web._tcp.test,plain.dots.test,8080,1,2",
    "--txt-record=text.test,v=spf1 -all,a \"quoted\" one",
    // Has only an IPv6 address in the first search domain.
    "--host-record=only.one.test,fd00::9",
    "--address=/wild.test/10.9.9.9",
];

/// A server of authority: it has the records of its zone itself.
const AUTHORITY: &str = "127.0.0.57";
const OF_AUTHORITY: &[&str] = &[
    "--auth-server=ns.auth.test,127.0.0.57",
    "--auth-zone=auth.test,10.9.0.0/24",
    "--auth-soa=2026112901,admin.auth.test,1200,120,604800",
];

/// The server, and a process in its network that has its files.
struct Place {
    server: Process,
    target: Idle,
}

impl Place {
    /// spyhole beside that process.
    fn spyhole(&self, words: &[&str]) -> Output {
        let pid = self.target.id().to_string();
        spyhole([&["--pid", &pid], words].concat())
    }

    fn dns(&self, words: &[&str]) -> Output {
        self.spyhole(&[&["dns"], words].concat())
    }

    /// What the server was asked while this ran.
    fn asked(&self, work: impl FnOnce()) -> Asked {
        let before = self.server.said().len();
        work();
        // What was asked last is written down once this is.
        let end = format!("end-{before}.test");
        self.dns(&[&format!("{end}."), "TXT"]).ended_with(1);
        let end = format!("query[TXT] {end}");
        let text = eventually("the log is written", || {
            let said = self.server.said();
            said.contains(&end).then_some(said).ok_or("not yet")
        });
        let (mut names, mut pairs) = (Vec::new(), BTreeSet::new());
        for line in text[before..].lines().filter(|line| !line.contains(&end)) {
            let Some((_, rest)) = line.split_once("query[") else {
                continue;
            };
            let (kind, rest) = rest.split_once("] ").unwrap();
            let name = rest.split(' ').next().unwrap().to_owned();
            if names.last() != Some(&name) {
                names.push(name.clone());
            }
            pairs.insert((name, kind.to_owned()));
        }
        (names, pairs)
    }
}

fn with_server(work: impl FnOnce(&House<'_>, &Place) + Send) {
    in_a_house(|house| {
        let more = [
            RECORDS,
            &["--log-queries", "--server=/fail.test/127.0.0.56"],
        ]
        .concat();
        let big: Vec<String> = (1..=100)
            .map(|n| format!("10.9.2.{n} big.test\n"))
            .collect();
        let zone = format!("{ZONE}{}", big.concat());
        // What it does not know itself it asks for here.
        let fails = |query: &[u8]| vec![answer(query, 0x8182, 0, &[])];
        let _fails = Server::udp_at("127.0.0.56:53".parse().unwrap(), fails);
        let place = Place {
            server: dnsmasq(house.folder, SERVER, &zone, &more),
            target: Idle::sleep(),
        };
        work(house, &place);
    });
}

/// The rows of the queries: name, type, server, transport, result.
fn queries(seen: &Output) -> Vec<[String; 5]> {
    let text = seen.stdout_text();
    let rows = text.lines().skip_while(|line| !line.starts_with("QUERY"));
    let rows = rows.skip(1).take_while(|line| !line.is_empty());
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        // A time has two words, `1.2 ms`, where there is one.
        let end = if words[4] == "-" { 5 } else { 6 };
        let result = words[end..].join(" ");
        [words[0], words[1], words[2], words[3], &result].map(str::to_owned)
    };
    rows.map(row).collect()
}

#[needs(root)]
fn each_query_is_shown_with_its_search_domain_and_the_name_that_matched() {
    with_server(|house, place| {
        let conf = format!("search one.test two.test\nnameserver {SERVER}\noptions ndots:2\n");
        house.resolv_conf(&conf);
        let seen = place.dns(&["web"]).ended_with(0);
        let row = |name: &str, kind: &str, result: &str| {
            [name, kind, SERVER, "udp", result].map(str::to_owned)
        };
        let expected = [
            row("web.one.test", "A", "NXDOMAIN"),
            row("web.one.test", "AAAA", "NXDOMAIN"),
            row("web.two.test", "A", "1 record"),
            row("web.two.test", "AAAA", "NODATA"),
        ];
        assert_eq!(queries(&seen), expected, "{seen}");
        let text = seen.stdout_text();
        for line in [
            "search    one.test two.test",
            "matched as web.two.test, completed by the search list",
        ] {
            assert!(text.contains(line), "{line}: {seen}");
        }
        // A first server that is not there.
        house.resolv_conf(&format!("nameserver 127.0.0.99\n{conf}"));
        let seen = place.dns(&["web.two.test."]).ended_with(0);
        let first = &queries(&seen)[0];
        assert_eq!(
            (&*first[2], &*first[4]),
            ("127.0.0.99", "connection refused"),
            "{seen}"
        );
        let seen = place.dns(&["none.test."]).ended_with(1);
        assert!(
            seen.stderr_text().contains("none.test does not exist"),
            "{seen}"
        );
        // No server at all, and one that was named.
        house.resolv_conf("nameserver 127.0.0.99\n");
        place.dns(&["web.two.test"]).ended_with(1);
        let seen = place
            .dns(&["web.two.test", "--server", SERVER, "--short"])
            .ended_with(0);
        assert_eq!(seen.stdout_text(), "10.9.0.1\n");
        // The hosts file is left out where a server is named.
        let seen = place.dns(&["kept.example"]).ended_with(0);
        assert!(
            seen.stdout_text().contains("answered by the hosts file"),
            "{seen}"
        );
        place.spyhole(&["--no-connect", "dns", "web"]).ended_with(4);
    });
}

#[needs(root)]
fn records_of_each_type_are_those_of_dig() {
    with_server(|house, place| {
        house.resolv_conf(&format!("nameserver {SERVER}\n"));
        let _authority = dnsmasq(house.folder, AUTHORITY, "", OF_AUTHORITY);
        for (name, kind) in [
            ("auth.test", "NS"),
            ("auth.test", "SOA"),
            ("big.test", "A"),
            ("alias.test", "A"),
            ("only.one.test", "AAAA"),
            ("alias.test", "CNAME"),
            ("mail.test", "MX"),
            ("_web._tcp.test", "SRV"),
            ("text.test", "TXT"),
            ("3.0.9.10.in-addr.arpa", "PTR"),
            ("x.wild.test", "A"),
        ] {
            let at = if name == "auth.test" {
                AUTHORITY
            } else {
                SERVER
            };
            let server = format!("@{at}");
            let dig = run(Command::new("dig").args(["+short", &server, name, kind])).ended_with(0);
            // dig ends names with a dot.
            let theirs = dig.stdout_text().replace(". ", " ");
            let theirs: BTreeSet<&str> = theirs
                .lines()
                .map(|line| line.strip_suffix('.').unwrap_or(line))
                .collect();
            let ours = place
                .dns(&[name, kind, "--short", "--server", at])
                .ended_with(0)
                .stdout_text();
            assert_eq!(
                ours.lines().collect::<BTreeSet<_>>(),
                theirs,
                "{name} {kind}"
            );
            assert!(!theirs.is_empty(), "{name} {kind}");
        }
        // What is too long comes by TCP, and is shown so.
        let big = place.dns(&["big.test", "A"]).ended_with(0);
        let asked = queries(&big);
        assert_eq!(
            asked.last().unwrap()[1..],
            ["A", SERVER, "tcp", "100 records"],
            "{big}"
        );
        let by_address = place
            .spyhole(&["dig", "+short", "-x", "10.9.0.3"])
            .ended_with(0);
        assert_eq!(by_address.stdout_text(), "plain.dots.test\n");
        let nslookup = place.spyhole(&["nslookup", "-type=mx", "mail.test", SERVER]);
        let seen = nslookup.ended_with(0).stdout_text();
        assert!(seen.contains("10 mx.test"), "{seen}");
    });
}

/// The names in the order in which they were asked for, and each with its type.
type Asked = (Vec<String>, BTreeSet<(String, String)>);

const RESOLV: &str = "
#include <netdb.h>
int main(int n, char **v) {
  struct addrinfo hints = {.ai_socktype = 1}, *all;
  return getaddrinfo(v[1], 0, &hints, &all) != 0;
}
";

/// A static program that resolves a name by musl.
fn with_musl(folder: &Path) -> PathBuf {
    let (source, program) = (folder.join("resolve.c"), folder.join("resolve"));
    fs::write(&source, RESOLV).unwrap();
    let mut compiler = Command::new("musl-gcc");
    compiler.arg("-static").arg("-o").arg(&program).arg(&source);
    run(&mut compiler).ended_with(0);
    program
}

#[needs(root, musl_gcc, promtool)]
fn glibc_musl_and_go_ask_what_is_said_of_them() {
    with_server(|house, place| {
        let conf = format!("search one.test two.test three.test\nnameserver {SERVER}\n");
        let musl = with_musl(house.folder);
        let mut differ = 0;
        for (options, names) in [
            (
                "options ndots:2\n",
                &["web", "six", "a.b.c", "plain.dots.test", "none", "only"][..],
            ),
            (
                "options ndots:5\n",
                &["a.b.c", "web.two.test", "web.two.test.", "x.none.test"],
            ),
            (
                "options ndots:1 single-request\n",
                &["twice", "none.test", "big.test."],
            ),
            // Its first search domain fails.
            (
                "search fail.test two.test\n",
                &["web", "web.two.test", "x.fail.test"],
            ),
        ] {
            house.resolv_conf(&format!("{conf}{options}"));
            for name in names {
                let glibc = place.asked(|| {
                    run(Command::new("getent").args(["ahosts", name]));
                });
                let musl = place.asked(|| {
                    run(Command::new(&musl).arg(name));
                });
                let go = place.asked(|| {
                    let mut promtool = Command::new("promtool");
                    promtool.env("GODEBUG", "netdns=go");
                    promtool.args(["query", "instant", &format!("http://{name}:1"), "up"]);
                    run(&mut promtool);
                });
                differ += usize::from(glibc.0 != musl.0);
                for (theirs, resolver) in [(glibc, "glibc"), (musl, "musl"), (go, "go")] {
                    let ours = place.asked(|| {
                        place.dns(&[name, "--as", resolver]);
                    });
                    assert_eq!(ours, theirs, "{resolver} {name} {options}");
                }
            }
        }
        assert!(differ > 0);
    });
}
