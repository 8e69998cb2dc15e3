//! `lsof`.

use super::{Becomes, Flag, Following, Meaning, Tool, WIDE, Words, is_format};
use Becomes::{Anyway, Decide, Refused, Same, SameWith};

const FILTERS: &str = "spyhole lsof PATH, -p PID, -c NAME, -u USER, -i or --deleted";

pub(super) const LSOF: Tool = Tool {
    names: &["lsof", "open_files"],
    implies: &[],
    flags: &[
        Flag(&["-a", "-U", "-A"], Same),
        Flag(
            &[
                "--under",
                "--name",
                "--internet",
                "--state",
                "--user",
                "--pids",
            ],
            SameWith,
        ),
        Flag(&["-p"], Decide(|following| list(following, "-p", "--pids"))),
        Flag(&["-u"], Decide(|following| list(following, "-u", "--user"))),
        Flag(&["-c"], Decide(name)),
        Flag(&["-i"], Decide(internet)),
        Flag(&["-s"], Decide(states)),
        Flag(&["-o"], Decide(offsets)),
        Flag(&["-L"], Anyway),
        // Numbers are numbers; warnings are gaps; every file of a file system is found by its mount.
        Flag(&["-n", "-P", "-w", "-l", "-b", "-O", "-X"], Anyway),
        Flag(&["-E", "-R"], Becomes::Words(&[WIDE])),
        Flag(&["-h"], Same),
        Flag(&["-f"], Refused("spyhole lsof PATH")),
        Flag(&["-D"], Refused("spyhole lsof --under DIR")),
        Flag(
            &["-d"],
            Refused("spyhole fds PID, for the descriptors alone"),
        ),
        Flag(
            &["-t"],
            Refused("spyhole lsof --no-headers, whose second column is the PID"),
        ),
        Flag(&["-F", "-J", "-j"], Refused("spyhole lsof -o json")),
        Flag(
            &["-r"],
            Refused("spyhole lsof, each time that it is needed"),
        ),
        Flag(&["-K"], Refused("spyhole ps -L")),
        Flag(
            &[
                "-g", "-N", "-C", "-k", "-m", "-M", "-S", "-T", "-x", "-z", "-Z", "-e",
            ],
            Refused(FILTERS),
        ),
        Flag(&["-v"], Refused("spyhole --version")),
    ],
    words: Words::Decide(plus),
};

/// `-p 1,2` and `-u root`; what is excluded with `^` is not offered.
fn list(following: Following<'_>, flag: &str, becomes: &str) -> Meaning {
    match following.value() {
        Some(value) if value.contains('^') => Meaning::Refused {
            of: format!("{flag} {value}"),
            nearest: format!("spyhole lsof {flag} with those to be shown"),
        },
        Some(value) => Meaning::Taken(vec![format!("{becomes}={value}")]),
        None => Meaning::Refused {
            of: flag.to_owned(),
            nearest: format!("spyhole lsof {flag} LIST"),
        },
    }
}

/// `-c NAME`: names that begin so. It is no container here, as for lsof.
fn name(following: Following<'_>) -> Meaning {
    match following.value() {
        Some(value) if !value.starts_with(['/', '^']) => {
            Meaning::Taken(vec![format!("--name={value}")])
        }
        value => Meaning::Refused {
            of: format!("-c {}", value.unwrap_or_default()),
            nearest: "spyhole lsof -c NAME, for names that begin with it".to_owned(),
        },
    }
}

/// `-i`, `-i :80`, `-iTCP`; alone before a path.
fn internet(following: Following<'_>) -> Meaning {
    let flag = |value: &str| Meaning::Taken(vec![format!("--internet={value}")]);
    match following {
        Following::Attached(value) => flag(value),
        Following::Next(value) if !value.starts_with(['-', '/', '+']) => flag(value),
        _ => Meaning::Alone(&["--internet="]),
    }
}

/// `-s TCP:LISTEN`; alone it asks for the size, which is always shown.
fn states(following: Following<'_>) -> Meaning {
    let value = match following {
        Following::Attached(value) => value,
        Following::Next(value) if value.contains(':') && !value.starts_with('/') => value,
        _ => return Meaning::Alone(&[]),
    };
    match value.split_once(':') {
        Some((protocol, states))
            if protocol.eq_ignore_ascii_case("tcp") && !states.contains('^') =>
        {
            Meaning::Taken(vec![format!("--state={states}")])
        }
        _ => Meaning::Refused {
            of: format!("-s {value}"),
            nearest: "spyhole lsof -i -s TCP:LISTEN".to_owned(),
        },
    }
}

/// `-o` asks for offsets, which the descriptors have; `-o json` is the form of the output.
fn offsets(following: Following<'_>) -> Meaning {
    match following.value() {
        Some(format) if is_format(format) => Meaning::Taken(vec![format!("--output={format}")]),
        _ => Meaning::Refused {
            of: "-o".to_owned(),
            nearest: "spyhole fds PID, which shows positions".to_owned(),
        },
    }
}

/// `+L1`, `+D DIR`.
fn plus(word: &str, following: Following<'_>) -> Meaning {
    let below = |directory: Option<&str>| match directory {
        Some(directory) => Meaning::Taken(vec![format!("--under={directory}")]),
        None => Meaning::Refused {
            of: word.to_owned(),
            nearest: "spyhole lsof --under DIR".to_owned(),
        },
    };
    match word {
        "+L1" => Meaning::Alone(&["--deleted"]),
        "+aL1" => Meaning::Alone(&["--deleted", "--and"]),
        "+D" => below(following.value()),
        "+c0" | "+c" | "+w" | "+E" => Meaning::Refused {
            of: word.to_owned(),
            nearest: "spyhole lsof, which does so anyway".to_owned(),
        },
        _ => match word.strip_prefix("+D") {
            Some(directory) if directory.starts_with('/') => below(Some(directory)),
            _ if word.starts_with('+') => Meaning::Refused {
                of: word.to_owned(),
                nearest: FILTERS.to_owned(),
            },
            _ => Meaning::Itself,
        },
    }
}
