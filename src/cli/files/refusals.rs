//! Flags of the tools that are not offered: refused by name, with the nearest that is.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Command, flags of its tool, and the nearest.
const NEAREST: &[(&str, &[&str], &str)] = &[
    (
        "ls",
        &["--sort", "-X", "-v", "-U", "-f"],
        "spyhole ls -S, -t or -r",
    ),
    ("ls", &["-s", "--size"], "spyhole du -a"),
    ("ls", &["-g", "-G", "--no-group", "-k"], "spyhole ls -l"),
    (
        "ls",
        &["-u", "--time", "--full-time", "--time-style"],
        "spyhole stat PATH",
    ),
    ("ls", &["-Z", "--context"], "spyhole ls -o json"),
    ("ls", &["-L", "-H", "--dereference"], "spyhole stat -L PATH"),
    (
        "ls",
        &["-F", "-p", "--classify", "--file-type"],
        "spyhole ls -l",
    ),
    ("cat", &["-u", "-e", "-t"], "spyhole cat -A"),
    ("head", &["-z", "--zero-terminated"], "spyhole cat PATH"),
    ("tail", &["--retry"], "spyhole tail -F"),
    ("tail", &["-z", "--zero-terminated"], "spyhole cat PATH"),
    (
        "tail",
        &["--max-unchanged-stats"],
        "spyhole tail -s SECONDS",
    ),
    ("stat", &["-f", "--file-system"], "spyhole df PATH"),
    ("stat", &["--cached"], "spyhole stat PATH"),
    ("du", &["--inodes"], "spyhole df -i"),
    (
        "du",
        &["-m", "-B", "--block-size", "--si"],
        "spyhole du -h, -k or -b",
    ),
    (
        "du",
        &["--exclude", "-X", "--exclude-from"],
        "spyhole du -d N",
    ),
    (
        "du",
        &["-t", "--threshold", "--time", "-0", "--null"],
        "spyhole du -o json",
    ),
    (
        "du",
        &["-L", "-D", "-H", "--dereference"],
        "spyhole du PATH, which follows PATH alone",
    ),
    (
        "du",
        &["-l", "--count-links", "-S", "--separate-dirs"],
        "spyhole du -a",
    ),
    ("grep", &["-P", "--perl-regexp"], "spyhole grep -E PATTERN"),
    (
        "grep",
        &["-f", "--file"],
        "spyhole grep -e PATTERN -e PATTERN",
    ),
    ("grep", &["-b", "--byte-offset"], "spyhole grep -n"),
    (
        "grep",
        &["-z", "--null-data", "-Z", "--null", "-T", "--initial-tab"],
        "spyhole grep -n",
    ),
    (
        "grep",
        &["-d", "--directories", "-D", "--devices"],
        "spyhole grep -r",
    ),
    (
        "grep",
        &["--binary-files", "-U", "--binary"],
        "spyhole grep -a or -I",
    ),
    ("grep", &["--label", "--line-buffered"], "spyhole grep -H"),
    (
        "sha256sum",
        &["--check", "--status", "--strict", "-w", "--tag"],
        "spyhole sha256sum PATH, and sha256sum -c outside of the target",
    ),
];

/// The refusal of a flag that clap does not know; `None`: the error is another one.
pub(super) fn of(command: &str, error: &clap::Error) -> Option<clap::Error> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let name = flag.split('=').next().unwrap_or(flag);
    if !name.starts_with('-') {
        return None;
    }
    let known = NEAREST
        .iter()
        .find(|(of, flags, _)| *of == command && flags.contains(&name));
    let nearest = known.map_or_else(
        || format!("spyhole {command} --help"),
        |(_, _, nearest)| (*nearest).to_owned(),
    );
    let words = format!("{command} {name}: not supported; nearest: {nearest}\n");
    Some(clap::Error::raw(ErrorKind::UnknownArgument, words))
}
