//! `df`, `findmnt` and `env`.

use super::{Becomes, Flag, Following, Meaning, Tool, Words, is_format};
use Becomes::{Anyway, Decide, Refused, Same, SameWith, Value};

pub(super) const DF: Tool = Tool {
    names: &["df"],
    implies: &[],
    flags: &[
        Flag(&["-h", "-H", "-k", "-i", "-T", "-a"], Same),
        Flag(
            &["-B", "--block-size", "-t", "--type", "--space-timeout"],
            SameWith,
        ),
        Flag(
            &["-o", "--output"],
            Decide(|following| form("df", following)),
        ),
        Flag(&["-m"], Becomes::Words(&["--block-size=1M"])),
        // The kernel is asked when the command runs.
        Flag(&["--no-sync"], Anyway),
        Flag(&["--sync"], Refused("spyhole df")),
        Flag(
            &["-l", "--local", "-x", "--exclude-type"],
            Refused("spyhole df -t LIST"),
        ),
        Flag(&["-P", "--portability"], Refused("spyhole df -k")),
        Flag(&["--total", "-v"], Refused("spyhole df")),
    ],
    words: Words::AsTheyAre,
};

pub(super) const FINDMNT: Tool = Tool {
    names: &["findmnt"],
    implies: &[],
    flags: &[
        Flag(&["-a", "-b"], Same),
        Flag(&["-t", "--types", "--space-timeout"], SameWith),
        Flag(
            &["-o", "--output"],
            Decide(|following| form("findmnt", following)),
        ),
        Flag(&["-J", "--json"], Becomes::Words(&["--output=json"])),
        Flag(&["-n", "--noheadings"], Becomes::Words(&["--no-headers"])),
        Flag(&["-D", "--df"], Becomes::Words(&["--space"])),
        Flag(&["-T", "--target"], Decide(target)),
        Flag(&["-N", "--task"], Value("--pid")),
        // A list of what the kernel has mounted, in full, sources without their roots.
        Flag(
            &[
                "-l",
                "--list",
                "-k",
                "--kernel",
                "-v",
                "--nofsroot",
                "-u",
                "--notruncate",
            ],
            Anyway,
        ),
        Flag(&["-A"], Becomes::Words(&["--all"])),
        Flag(&["-i", "--invert"], Refused("spyhole findmnt -t LIST")),
        Flag(&["-R", "--submounts"], Refused("spyhole findmnt --tree")),
        Flag(
            &["-r", "--raw", "-P", "--pairs"],
            Refused("spyhole findmnt -o json"),
        ),
        Flag(
            &[
                "-S",
                "--source",
                "-O",
                "--options",
                "-f",
                "--first-only",
                "-M",
                "--mountpoint",
                "-d",
                "--direction",
                "--real",
                "--pseudo",
                "--shadowed",
            ],
            Refused("spyhole findmnt PATH or -t LIST"),
        ),
        Flag(
            &[
                "-s",
                "--fstab",
                "-m",
                "--mtab",
                "-F",
                "--tab-file",
                "-p",
                "--poll",
                "-w",
                "-x",
                "--verify",
                "-e",
                "--evaluate",
                "-C",
                "--nocanonicalize",
                "-y",
                "--shell",
            ],
            Refused(""),
        ),
    ],
    words: Words::AsTheyAre,
};

pub(super) const ENV: Tool = Tool {
    names: &["env", "environment"],
    implies: &[],
    flags: &[
        Flag(&["-A"], Same),
        Flag(&["-0", "--null"], Refused("spyhole env -o json")),
        Flag(
            &[
                "-i",
                "--ignore-environment",
                "-u",
                "--unset",
                "-C",
                "--chdir",
                "-S",
                "--split-string",
                "-v",
                "--debug",
            ],
            Refused("spyhole env, which runs no program"),
        ),
    ],
    words: Words::Decide(|word, _| match word.split_once('=') {
        Some(_) => Meaning::Refused {
            of: word.to_owned(),
            nearest: "spyhole env, which runs no program".to_owned(),
        },
        None => Meaning::Itself,
    }),
};

/// `-o json` is the form of the output; columns cannot be chosen.
fn form(tool: &str, following: Following<'_>) -> Meaning {
    match following.value() {
        Some(value) if is_format(value) => Meaning::Taken(vec![format!("--output={value}")]),
        Some(value) => Meaning::Refused {
            of: format!("-o {value}"),
            nearest: format!("spyhole {tool} -o wide"),
        },
        None => Meaning::Refused {
            of: "--output".to_owned(),
            nearest: format!("spyhole {tool} -o wide"),
        },
    }
}

/// The mount that a path is on.
fn target(following: Following<'_>) -> Meaning {
    match following.value() {
        Some(path) => Meaning::Taken(vec![path.to_owned()]),
        None => Meaning::Refused {
            of: "-T".to_owned(),
            nearest: "spyhole findmnt PATH".to_owned(),
        },
    }
}
