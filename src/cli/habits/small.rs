//! `id`, `mount`, `free`, `uptime`, `pgrep`, `printenv`, `getpcaps` and `capsh`.

use super::{Becomes, Flag, Following, Meaning, Tool, Words, is_format};
use Becomes::{Anyway, Decide, Refused, Same, SameWith};

const MOUNTS: &str = "spyhole findmnt";

pub(super) const ID: Tool = Tool {
    names: &["id"],
    implies: &[],
    flags: &[
        Flag(&["-u", "-g", "-G", "-n"], Same),
        Flag(&["-r", "--real", "-z", "--zero"], Refused("spyhole caps")),
        Flag(&["-Z", "--context"], Refused("spyhole caps --all")),
    ],
    words: Words::Decide(|word, _| Meaning::Refused {
        of: word.to_owned(),
        nearest: "spyhole cat /etc/passwd".to_owned(),
    }),
};

pub(super) const MOUNT: Tool = Tool {
    names: &["mount"],
    implies: &[],
    flags: &[
        Flag(&["-t", "--types"], SameWith),
        Flag(&["-o"], Decide(options)),
        Flag(
            &[
                "-a", "-l", "-f", "-n", "-v", "-w", "-B", "-R", "-M", "-r", "-F", "-T", "-L", "-U",
                "-O", "-i", "-s", "--bind", "--rbind", "--move", "--all",
            ],
            Refused(MOUNTS),
        ),
    ],
    words: Words::Decide(|word, _| Meaning::Refused {
        of: word.to_owned(),
        nearest: MOUNTS.to_owned(),
    }),
};

/// `-o` has options of a mount to make; `-o json` is the form of the output.
fn options(following: Following<'_>) -> Meaning {
    match following.value() {
        Some(format) if is_format(format) => Meaning::Taken(vec![format!("--output={format}")]),
        _ => Meaning::Refused {
            of: "-o".to_owned(),
            nearest: MOUNTS.to_owned(),
        },
    }
}

pub(super) const FREE: Tool = Tool {
    names: &["free"],
    implies: &[],
    flags: &[
        // Each number has its unit.
        Flag(&["-h", "--human"], Anyway),
        Flag(&["--sample"], SameWith),
        Flag(
            &[
                "-b", "-k", "-m", "-g", "-w", "-t", "-l", "-v", "-L", "-s", "-c", "--mega",
                "--giga", "--kilo", "--bytes", "--mebi", "--gibi", "--kibi", "--wide", "--total",
                "--si",
            ],
            Refused("spyhole free"),
        ),
    ],
    words: Words::AsTheyAre,
};

pub(super) const UPTIME: Tool = Tool {
    names: &["uptime"],
    implies: &[],
    flags: &[
        Flag(&["-s"], Same),
        Flag(
            &["-p", "--pretty", "-r", "--raw"],
            Refused("spyhole uptime"),
        ),
    ],
    words: Words::AsTheyAre,
};

pub(super) const PGREP: Tool = Tool {
    names: &["pgrep"],
    implies: &[],
    flags: &[
        Flag(&["-l", "-a", "-f", "-x"], Same),
        Flag(&["-c"], Decide(count)),
        Flag(&["-u", "--user", "--euid"], Decide(user)),
        Flag(
            &[
                "-n",
                "-o",
                "-v",
                "-d",
                "-P",
                "-t",
                "-g",
                "-G",
                "-s",
                "-U",
                "-w",
                "-r",
                "-A",
                "-F",
                "-L",
                "-i",
                "-H",
                "-O",
                "-q",
                "-Q",
                "--parent",
                "--newest",
                "--oldest",
                "--inverse",
                "--ns",
                "--nslist",
                "--delimiter",
                "--terminal",
                "--ignore-case",
                "--runstates",
            ],
            Refused("spyhole ps -o pid,ppid,user,etime,args"),
        ),
    ],
    words: Words::AsTheyAre,
};

pub(super) const PRINTENV: Tool = Tool {
    names: &["printenv"],
    implies: &[],
    flags: &[Flag(&["-0", "--null"], Refused("spyhole env -o json"))],
    words: Words::AsTheyAre,
};

pub(super) const GETPCAPS: Tool = Tool {
    names: &["getpcaps"],
    implies: &[],
    flags: &[Flag(
        &["--ugly", "--legacy", "--verbose", "--iab"],
        Refused("spyhole getpcaps 1"),
    )],
    words: Words::AsTheyAre,
};

pub(super) const CAPSH: Tool = Tool {
    names: &["capsh"],
    implies: &[],
    flags: &[
        Flag(&["--print", "--current"], Anyway),
        Flag(&["--decode"], SameWith),
        Flag(
            &[
                "--drop",
                "--caps",
                "--inh",
                "--user",
                "--uid",
                "--gid",
                "--groups",
                "--keep",
                "--secbits",
                "--chroot",
                "--forkfor",
                "--killit",
                "--has-p",
                "--has-a",
                "--has-b",
                "--supports",
                "--explain",
                "--suggest",
                "--modes",
                "--mode",
                "--iab",
            ],
            Refused("spyhole caps"),
        ),
    ],
    words: Words::Decide(|word, _| Meaning::Refused {
        of: word.to_owned(),
        nearest: "spyhole caps".to_owned(),
    }),
};

/// `-c` alone counts.
fn count(following: Following<'_>) -> Meaning {
    match following {
        Following::Attached(name) => Meaning::Refused {
            of: format!("-c{name}"),
            nearest: "spyhole pgrep -c NAME".to_owned(),
        },
        _ => Meaning::Alone(&["--count"]),
    }
}

fn user(following: Following<'_>) -> Meaning {
    match following.value() {
        Some(list) if list.contains(',') => Meaning::Refused {
            of: format!("-u {list}"),
            nearest: "spyhole pgrep -u ONE NAME".to_owned(),
        },
        Some(one) => Meaning::Taken(vec![format!("--user={one}")]),
        None => Meaning::Taken(vec!["--user".to_owned()]),
    }
}
