//! `lsof` and `fuser`.

use super::{Becomes, Flag, Following, Meaning, Tool, Words, is_format};
use Becomes::{Anyway, Decide, Refused, Same, SameWith};

const FILTERS: &str = "spyhole lsof PATH, -p PID, -c NAME, -u USER, -d FD, -i or --deleted";

pub(super) const LSOF: Tool = Tool {
    names: &["lsof", "open_files"],
    implies: &[],
    flags: &[
        Flag(&["-a", "-U", "-A", "-E", "-t"], Same),
        Flag(
            &[
                "--under",
                "--within",
                "--name",
                "--internet",
                "--state",
                "--user",
                "--pids",
                "--fds",
                "--not-pids",
                "--not-name",
                "--not-user",
            ],
            SameWith,
        ),
        Flag(&["-p"], Decide(|following| list(following, "-p", "pids"))),
        Flag(&["-u"], Decide(|following| list(following, "-u", "user"))),
        Flag(&["-c"], Decide(name)),
        Flag(&["-d"], Decide(descriptors)),
        Flag(&["-i"], Decide(internet)),
        Flag(&["-s"], Decide(states)),
        Flag(&["-o"], Decide(offsets)),
        Flag(&["-L"], Anyway),
        // Numbers are numbers; warnings are gaps; every file of a file system is found by its mount.
        Flag(&["-n", "-P", "-w", "-b", "-O", "-X"], Anyway),
        Flag(&["-l"], Refused("spyhole lsof -o json, which has uid")),
        Flag(&["-R"], Refused("spyhole ps --tree")),
        Flag(&["-h"], Same),
        Flag(&["-f"], Refused("spyhole lsof PATH")),
        Flag(&["-D"], Refused("spyhole lsof +D DIR")),
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

pub(super) const FUSER: Tool = Tool {
    names: &["fuser"],
    implies: &[],
    flags: &[
        Flag(&["-A", "-m", "-4", "-6"], Same),
        Flag(&["-n", "--namespace"], SameWith),
        // Users and how a file is used are always shown.
        Flag(&["-v", "--verbose", "-u", "--user"], Anyway),
        Flag(&["-M", "--ismountpoint"], Refused("spyhole findmnt")),
        Flag(
            &["-a"],
            Refused("spyhole fuser, which exits with 1 if none uses it"),
        ),
        Flag(
            &["-s", "--silent"],
            Refused("spyhole fuser and its exit code"),
        ),
        Flag(
            &[
                "-k",
                "--kill",
                "-i",
                "--interactive",
                "-w",
                "--writeonly",
                "-l",
                "--list-signals",
            ],
            Refused("spyhole lsof -t; spyhole sends no signals"),
        ),
        Flag(
            &["-I", "--inode"],
            Refused("spyhole fuser PATH, which compares inodes"),
        ),
    ],
    words: Words::AsTheyAre,
};

/// `-p 1,2` and `-u root`; `-u ^root` leaves out.
fn list(following: Following<'_>, flag: &str, becomes: &str) -> Meaning {
    let Some(value) = following.value() else {
        return Meaning::Refused {
            of: flag.to_owned(),
            nearest: format!("spyhole lsof {flag} LIST"),
        };
    };
    let (without, with): (Vec<_>, Vec<_>) =
        value.split(',').partition(|word| word.starts_with('^'));
    let mut words = Vec::new();
    if !with.is_empty() {
        words.push(format!("--{becomes}={}", with.join(",")));
    }
    if !without.is_empty() {
        let bare: Vec<_> = without
            .iter()
            .map(|word| word.trim_start_matches('^'))
            .collect();
        words.push(format!("--not-{becomes}={}", bare.join(",")));
    }
    Meaning::Taken(words)
}

/// `-c NAME`: names that begin so; `-c ^NAME` leaves them out. It is no container here, as for lsof.
fn name(following: Following<'_>) -> Meaning {
    match following.value() {
        Some(value) if !value.starts_with(['/', '^']) => {
            Meaning::Taken(vec![format!("--name={value}")])
        }
        Some(value) if value.len() > 1 && value.starts_with('^') => {
            let bare = value.trim_start_matches('^');
            Meaning::Taken(vec![format!("--not-name={bare}")])
        }
        value => Meaning::Refused {
            of: format!("-c {}", value.unwrap_or_default()),
            nearest: "spyhole lsof -c NAME, for names that begin with it".to_owned(),
        },
    }
}

/// `-d 0-2,cwd`.
fn descriptors(following: Following<'_>) -> Meaning {
    match following.value() {
        Some(value) => Meaning::Taken(vec![format!("--fds={value}")]),
        None => Meaning::Refused {
            of: "-d".to_owned(),
            nearest: "spyhole lsof -d LIST".to_owned(),
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

/// `+L1`, `+D DIR`, `+d DIR`.
fn plus(word: &str, following: Following<'_>) -> Meaning {
    let below = |flag: &str, directory: Option<&str>| match directory {
        Some(directory) => Meaning::Taken(vec![format!("{flag}={directory}")]),
        None => Meaning::Refused {
            of: word.to_owned(),
            nearest: format!("spyhole lsof {flag} DIR"),
        },
    };
    match word {
        "+L1" => Meaning::Alone(&["--deleted"]),
        "+aL1" => Meaning::Alone(&["--deleted", "--and"]),
        "+D" => below("--under", following.value()),
        "+d" => below("--within", following.value()),
        "+E" => Meaning::Alone(&["--ends"]),
        // Names are never cut.
        "+c" => Meaning::Taken(Vec::new()),
        "+c0" | "+w" => Meaning::Alone(&[]),
        _ => match (word.strip_prefix("+D"), word.strip_prefix("+d")) {
            (Some(directory), _) if directory.starts_with('/') => below("--under", Some(directory)),
            (_, Some(directory)) if directory.starts_with('/') => {
                below("--within", Some(directory))
            }
            _ if word.starts_with('+') => Meaning::Refused {
                of: word.to_owned(),
                nearest: FILTERS.to_owned(),
            },
            _ => Meaning::Itself,
        },
    }
}
