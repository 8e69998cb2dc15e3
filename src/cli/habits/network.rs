//! `ip`, `ifconfig`, `route`, `nstat`, and of `netstat` what is not about sockets.

use std::ffi::OsString;

use super::{Becomes, Flag, Following, Meaning, Tool, WIDE, Words, is_format};
use Becomes::{Anyway, Decide, Refused, Same};

const JSON: Becomes = Becomes::Words(&["--output=json"]);
const FAMILIES: Flag = Flag(&["-4", "-6"], Same);
const NETWORK: &str = "spyhole network";
const COUNTERS: &str = "spyhole network --counters";
/// Objects of ip that spyhole has, under all the names that are typed.
const OBJECTS: &[(&[&str], &[&str])] = &[
    (&["a", "ad", "addr", "address"], &["--addresses"]),
    (&["l", "link"], &["--interfaces"]),
    (&["r", "ro", "route"], &["--routes"]),
    (
        &["n", "ne", "neigh", "neighbor", "neighbour"],
        &["--neighbours"],
    ),
    (&["ru", "rule"], &["--rules"]),
];
const SHOW: &[&str] = &["s", "sh", "show", "list", "ls", "lst", "dev"];
/// What ip changes, selects or has besides: no name of an interface.
const NOT_INTERFACES: &[&str] = &[
    "add",
    "append",
    "change",
    "del",
    "delete",
    "flush",
    "get",
    "prepend",
    "replace",
    "restore",
    "save",
    "set",
    "help",
    "addrlabel",
    "ioam",
    "l2tp",
    "macsec",
    "maddr",
    "maddress",
    "monitor",
    "mptcp",
    "mroute",
    "mrule",
    "netconf",
    "netns",
    "nexthop",
    "ntable",
    "ntbl",
    "sr",
    "stats",
    "tcp_metrics",
    "token",
    "tunnel",
    "tuntap",
    "vrf",
    "xfrm",
    "all",
    "cache",
    "default",
    "exact",
    "from",
    "label",
    "master",
    "match",
    "nud",
    "permanent",
    "primary",
    "proto",
    "proxy",
    "root",
    "scope",
    "to",
    "type",
    "up",
    "down",
    "via",
];

pub(super) const IP: Tool = Tool {
    names: &["ip"],
    implies: &[],
    flags: &[
        FAMILIES,
        // Every table is brief, has counters and is in columns.
        Flag(
            &[
                "-br",
                "-brief",
                "-s",
                "-stats",
                "-statistics",
                "-p",
                "-pretty",
                "-human",
                "-iec",
                "-oneline",
                "-color",
            ],
            Anyway,
        ),
        Flag(&["-d", "-details"], Becomes::Words(&[WIDE])),
        Flag(&["-j", "-json"], JSON),
        Flag(&["-o"], Decide(one_line)),
        Flag(&["-c"], Decide(color)),
        Flag(&["-f", "-family"], Decide(family)),
        Flag(
            &["-n", "-netns", "-a", "-all"],
            Refused("spyhole network --container NAME"),
        ),
        Flag(
            &[
                "-0",
                "-B",
                "-D",
                "-I",
                "-M",
                "-N",
                "-Numeric",
                "-b",
                "-batch",
                "-force",
                "-l",
                "-loops",
                "-r",
                "-rc",
                "-rcvbuf",
                "-resolve",
                "-t",
                "-timestamp",
                "-ts",
                "-tshort",
            ],
            Refused(NETWORK),
        ),
    ],
    words: Words::Decide(ip_word),
};

pub(super) const IFCONFIG: Tool = Tool {
    names: &["ifconfig"],
    implies: &["--interfaces", "--addresses"],
    flags: &[FAMILIES, Flag(&["-a", "-s", "-v"], Anyway)],
    words: Words::Decide(|word, _| {
        let sets = word.contains(['.', ':', '/'])
            || word.starts_with('-')
            || [
                "up", "down", "netmask", "mtu", "hw", "add", "del", "promisc", "arp",
            ]
            .contains(&word);
        if sets {
            refused(word, NETWORK)
        } else {
            Meaning::Itself
        }
    }),
};

pub(super) const ROUTE: Tool = Tool {
    names: &["route"],
    implies: &["--routes"],
    flags: &[
        FAMILIES,
        Flag(&["-n", "-e", "-v", "-F"], Anyway),
        Flag(&["-C"], Refused("spyhole network --routes")),
        Flag(&["-A"], Decide(family)),
    ],
    words: Words::Decide(|word, _| refused(word, "spyhole network --routes")),
};

pub(super) const NSTAT: Tool = Tool {
    names: &["nstat"],
    implies: &["--counters"],
    flags: &[
        FAMILIES,
        // Absolute values, those of 0 too, and no history is written.
        Flag(&["-a", "-z", "-s", "-p"], Anyway),
        Flag(&["-j"], JSON),
        Flag(&["-r", "-n", "-d", "-t"], Refused(COUNTERS)),
    ],
    words: Words::Decide(|word, _| refused(word, COUNTERS)),
};

/// The part of netstat that is no list of sockets.
pub(super) const NETSTAT: Tool = Tool {
    names: &["network"],
    implies: &[],
    flags: &[
        FAMILIES,
        Flag(&["-r", "--route"], Becomes::Words(&["--routes"])),
        Flag(&["-s", "--statistics"], Becomes::Words(&["--counters"])),
        Flag(&["-i", "--interfaces"], Becomes::Words(&["--interfaces"])),
        Flag(
            &[
                "-n",
                "--numeric",
                "-e",
                "--extend",
                "-W",
                "--wide",
                "-v",
                "-a",
                "-F",
                "--fib",
            ],
            Anyway,
        ),
        Flag(&["-A"], Decide(family)),
        Flag(&["-t", "-u", "-w", "-x", "-l", "-p"], Refused(COUNTERS)),
        Flag(&["-C"], Refused("spyhole network --routes")),
    ],
    words: Words::Decide(|word, _| refused(word, NETWORK)),
};

/// Whether netstat is asked for routes, counters or interfaces.
pub(super) fn is_asked_of_netstat(words: &[OsString]) -> bool {
    words.iter().filter_map(|word| word.to_str()).any(|word| {
        let long = ["--route", "--statistics", "--interfaces"].contains(&word);
        let short = word.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
        long || short.is_some_and(|letters| letters.contains(['r', 's', 'i']))
    })
}

fn ip_word(word: &str, _: Following<'_>) -> Meaning {
    if let Some((_, flags)) = OBJECTS.iter().find(|(names, _)| names.contains(&word)) {
        return Meaning::Alone(flags);
    }
    if SHOW.contains(&word) {
        return Meaning::Alone(&[]);
    }
    match word {
        "table" => refused(
            word,
            "spyhole network --routes, which has every table but local",
        ),
        word if NOT_INTERFACES.contains(&word) => refused(word, NETWORK),
        _ => Meaning::Itself,
    }
}

fn refused(of: &str, nearest: &str) -> Meaning {
    Meaning::Refused {
        of: of.to_owned(),
        nearest: nearest.to_owned(),
    }
}

/// `-o json` is the form of the output; alone it asks for a line each, which is so anyway.
fn one_line(following: Following<'_>) -> Meaning {
    match following.value() {
        Some(format) if is_format(format) => Meaning::Taken(vec![format!("--output={format}")]),
        _ => Meaning::Alone(&[]),
    }
}

/// `-c` asks for colours before an object, else it names a container.
fn color(following: Following<'_>) -> Meaning {
    let is_object = |word: &str| OBJECTS.iter().any(|(names, _)| names.contains(&word));
    match following {
        Following::Next(word) if !word.starts_with('-') && !is_object(word) => {
            Meaning::Taken(vec![format!("--container={word}")])
        }
        _ => Meaning::Alone(&[]),
    }
}

fn family(following: Following<'_>) -> Meaning {
    match following.value().unwrap_or_default() {
        "inet" => Meaning::Taken(vec!["--ipv4".to_owned()]),
        "inet6" => Meaning::Taken(vec!["--ipv6".to_owned()]),
        other => refused(&format!("-f {other}"), "spyhole network -4 or -6"),
    }
}
