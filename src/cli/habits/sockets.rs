//! `ss` and `netstat`.

use super::{Becomes, Flag, Following, Meaning, Tool, WIDE, Words, container, is_format};
use Becomes::{Anyway, Decide, Refused, Same, SameWith};

const EXTENDED: Becomes = Refused("spyhole ss -e");
const LABEL: Becomes = Refused("spyhole caps --all");
/// Only the flags that both tools and spyhole mean alike.
const ALIKE: Flag = Flag(
    &[
        "-t", "-u", "-w", "-x", "-l", "-a", "-n", "-p", "-e", "-4", "-6",
    ],
    Same,
);
const TIMERS: Flag = Flag(&["-o"], Decide(timers));
const OURS: Flag = Flag(&["--port", "--state", "--owner"], SameWith);

pub(super) const SS: Tool = Tool {
    names: &["ss", "sockets"],
    implies: &[],
    flags: &[
        ALIKE,
        OURS,
        TIMERS,
        Flag(&["-i", "-s", "-0"], Same),
        Flag(&["-A", "--query", "--socket"], Decide(tables)),
        Flag(&["-f", "--family"], Decide(family)),
        Flag(&["--all"], Same),
        Flag(&["-H", "--no-header"], Becomes::Words(&["--no-headers"])),
        // Each socket is one line, and numbers are numbers.
        Flag(&["-O", "--oneline"], Anyway),
        Flag(
            &["-m", "--memory", "--tos", "--cgroup", "--inet-sockopt"],
            EXTENDED,
        ),
        Flag(&["-r", "--resolve"], Refused("spyhole ss -n")),
        Flag(&["-B", "--bound-inactive"], Refused("spyhole ss -a")),
        Flag(&["-N", "--net"], Refused("spyhole ss --container NAME")),
        Flag(&["-z", "-Z", "--context", "--contexts"], LABEL),
        Flag(&["-T", "--threads"], Refused("spyhole ss -p")),
        Flag(
            &[
                "-d", "--dccp", "-S", "--sctp", "-M", "--mptcp", "--tipc", "--xdp",
            ],
            Refused("spyhole ss --all-states"),
        ),
        Flag(&["-K", "--kill"], Refused("")),
        Flag(&["-E", "--events"], Refused("spyhole ss")),
        Flag(&["-Q", "--no-queues"], Refused("spyhole ss -o json")),
        Flag(
            &["-D", "--diag", "-F", "--filter", "-b", "--bpf"],
            Refused("spyhole ss --port N, --state NAME or --owner PID"),
        ),
    ],
    words: Words::Decide(filter),
};

pub(super) const NETSTAT: Tool = Tool {
    names: &["netstat"],
    implies: &[],
    flags: &[
        ALIKE,
        OURS,
        TIMERS,
        Flag(&["-0"], Same),
        // Addresses are never cut.
        Flag(&["-W", "--wide"], Anyway),
        Flag(
            &["-c", "--continuous"],
            Decide(|following| container(following, "spyhole netstat")),
        ),
        Flag(
            &[
                "-S",
                "--sctp",
                "-2",
                "-U",
                "--udplite",
                "-f",
                "--l2cap",
                "--rfcomm",
            ],
            Refused("spyhole ss --all-states"),
        ),
        // Those ask for another section, which `network::is_asked_of_netstat` finds first.
        Flag(
            &["-s", "--statistics"],
            Refused("spyhole network --counters"),
        ),
        Flag(&["-Z", "--context"], LABEL),
        Flag(&["-N", "--symbolic"], Refused("spyhole netstat -n")),
        Flag(
            &[
                "-g",
                "--groups",
                "-M",
                "--masquerade",
                "-v",
                "--verbose",
                "-F",
                "--fib",
                "-C",
                "--cache",
                "-A",
                "-I",
                "--protocol",
            ],
            Refused(""),
        ),
    ],
    words: Words::Decide(filter),
};

/// `-o` shows timers, which the wide table has; `-o json` is the form of the output.
fn timers(following: Following<'_>) -> Meaning {
    match following.value() {
        Some(format) if is_format(format) => Meaning::Taken(vec![format!("--output={format}")]),
        _ => Meaning::Alone(&[WIDE]),
    }
}

/// `-A tcp,udp` are socket tables; `-A` alone is every network namespace.
fn tables(following: Following<'_>) -> Meaning {
    let Some(list) = following.value() else {
        return Meaning::Alone(&["--all"]);
    };
    let flags = |name: &str| -> Option<&'static [&'static str]> {
        Some(match name {
            "all" => &["--all-states"],
            "inet" => &["--tcp", "--udp", "--raw"],
            "tcp" => &["--tcp"],
            "udp" => &["--udp"],
            "raw" => &["--raw"],
            "unix" | "u_stream" | "u_dgram" | "u_seqpacket" | "u_str" | "u_dgr" | "u_seq" => {
                &["--unix"]
            }
            "packet" | "p_raw" | "p_dgr" => &["--packet"],
            "netlink" => &["--netlink"],
            "vsock" | "v_str" | "v_dgr" => &["--vsock"],
            _ => return None,
        })
    };
    // A part of the unix or packet sockets is more than was asked for.
    let whole =
        |name: &str| !name.starts_with("u_") && !name.starts_with("p_") && !name.starts_with("v_");
    let all: Option<Vec<_>> = list.split(',').map(flags).collect();
    match (all, following) {
        (Some(all), _) if list.split(',').all(whole) => Meaning::Taken(
            all.into_iter()
                .flatten()
                .map(|flag| (*flag).to_owned())
                .collect(),
        ),
        (Some(all), _) => Meaning::Refused {
            of: format!("-A {list}"),
            nearest: format!("spyhole ss {}", all.concat().join(" ")),
        },
        (None, Following::Attached(_)) => Meaning::Alone(&["--all"]),
        (None, _) => Meaning::Refused {
            of: format!("-A {list}"),
            nearest: "spyhole ss -A, for every network namespace".to_owned(),
        },
    }
}

fn family(following: Following<'_>) -> Meaning {
    let name = following.value().unwrap_or_default();
    let flag = match name {
        "inet" => "--ipv4",
        "inet6" => "--ipv6",
        "unix" => "--unix",
        "link" => "--packet",
        "netlink" => "--netlink",
        "vsock" => "--vsock",
        _ => {
            return Meaning::Refused {
                of: format!("-f {name}"),
                nearest: "spyhole ss -4, -6, -x, -0, --netlink or --vsock".to_owned(),
            };
        }
    };
    Meaning::Taken(vec![flag.to_owned()])
}

/// `state NAME`; the other filters of ss are not offered.
fn filter(word: &str, following: Following<'_>) -> Meaning {
    match (word, following.value()) {
        ("state", Some(name)) => {
            if name == "all" {
                return Meaning::Taken(vec!["--all-states".to_owned()]);
            }
            Meaning::Taken(vec![format!("--state={name}")])
        }
        ("sport" | "dport" | "(", _) => Meaning::Refused {
            of: word.to_owned(),
            nearest: "spyhole ss --port N, which is either end".to_owned(),
        },
        _ => Meaning::Refused {
            of: word.to_owned(),
            nearest: "spyhole ss --port N, --state NAME or --owner PID".to_owned(),
        },
    }
}
