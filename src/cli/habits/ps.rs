//! `ps`, with the flags of Unix and of BSD.

use super::{Becomes, Flag, Following, Meaning, Tool, Words, container, is_format};
use Becomes::{Anyway, Decide, Refused, Same, SameWith, Value};

const ALL: Becomes = Becomes::Words(&["--all"]);
const TREE: Becomes = Becomes::Words(&["--tree"]);
const THREADS: Becomes = Becomes::Words(&["--threads"]);
const UNCUT: Becomes = Becomes::Words(&["--no-trunc"]);
const BARE: Becomes = Becomes::Words(&["--no-headers"]);
const WIDE: Becomes = Refused("spyhole ps -o wide");
const LABEL: Becomes = Refused("spyhole caps --all");
const TERMINAL: Becomes = Refused("spyhole ps --columns tty,pid,command");
const SESSION: Becomes = Refused("spyhole ps --columns sid,pgid,pid,command");
const USER: Becomes = Refused("spyhole ps -u USER");
const WIDTH: Becomes = Refused("spyhole ps --no-trunc");

pub(super) const PS: Tool = Tool {
    names: &["ps", "processes"],
    implies: &[],
    flags: &[
        Flag(&["-e", "-A"], ALL),
        Flag(&["-f"], Same),
        Flag(&["-H", "--forest"], TREE),
        Flag(&["-L", "-T", "-m"], THREADS),
        Flag(&["-o", "--format"], Decide(columns)),
        Flag(
            &["-p", "--pids", "--sort", "--columns", "--state", "--sample"],
            SameWith,
        ),
        Flag(&["-q"], Decide(quick_pids)),
        Flag(&["--quick-pid"], Value("--pids")),
        Flag(
            &["-c"],
            Decide(|following| container(following, "spyhole ps --columns ni,pid,command")),
        ),
        Flag(&["-C", "--name"], Decide(one_name)),
        Flag(&["-u", "--user"], Decide(one_user)),
        Flag(&["-w"], UNCUT),
        Flag(
            &["-j"],
            Becomes::Words(&["--columns=pid,pgid,sid,tty,time,comm"]),
        ),
        Flag(
            &[
                "--no-heading",
                "--no-headings",
                "--noheading",
                "--noheadings",
                "--noheader",
                "--noheaders",
                "--no-header",
            ],
            BARE,
        ),
        Flag(&["-F", "-l", "-y", "-P"], WIDE),
        Flag(&["-M", "-Z", "--context"], LABEL),
        Flag(&["-t", "--tty"], TERMINAL),
        Flag(&["-s", "--sid", "-d", "-a"], SESSION),
        Flag(&["-g", "-G", "--group", "--Group", "-U", "--User"], USER),
        Flag(&["--ppid"], Refused("spyhole ps --tree")),
        Flag(&["-O"], Refused("spyhole ps -o COLUMN,COLUMN")),
        Flag(&["-N", "--deselect"], Refused("spyhole ps --state LETTERS")),
        Flag(&["--cols", "--width", "--lines", "--rows"], WIDTH),
        Flag(
            &["-S", "--cumulative", "-n", "--headers", "--info"],
            Refused(""),
        ),
    ],
    words: Words::Bsd(&[
        // Every process of the target, in these columns, is what is shown anyway.
        Flag(&["a", "x", "u", "g"], Anyway),
        Flag(&["f"], TREE),
        Flag(&["w"], UNCUT),
        Flag(&["h"], BARE),
        Flag(&["H", "m"], THREADS),
        Flag(&["r"], Becomes::Words(&["--state=R"])),
        Flag(&["o"], Decide(columns)),
        Flag(&["k"], Value("--sort")),
        Flag(&["p", "q"], Value("--pids")),
        Flag(&["U"], Decide(one_user)),
        Flag(&["e"], Refused("spyhole env --all")),
        Flag(&["c"], Refused("spyhole ps --columns user,pid,comm")),
        Flag(&["n"], Refused("spyhole ps --columns uid,pid,command")),
        Flag(
            &["j"],
            Refused("spyhole ps --columns ppid,pid,pgid,sid,tty,stat,uid,time,command"),
        ),
        Flag(
            &["s"],
            Refused("spyhole ps --columns pid,pending,blocked,ignored,caught"),
        ),
        Flag(&["l", "v", "X", "O"], WIDE),
        Flag(&["t", "T"], TERMINAL),
        Flag(&["Z", "M"], LABEL),
        Flag(&["L", "S"], Refused("")),
    ]),
};

/// `-aux`, `-axo`: ps itself takes them so, as no other meaning is likely.
pub(super) fn is_bsd_with_a_dash(word: &str) -> bool {
    let flags = word.split('o').next().unwrap_or_default();
    flags.starts_with("-a") && flags.contains('x')
}

/// Whether a word is a list of process ids.
pub(super) fn is_pids(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b',')
}

/// Whether a word without a dash is flags and no name.
pub(super) fn may_be_flags(flags: &[Flag], word: &str) -> bool {
    let with_value = ['o', 'k', 'p', 'q', 'U', 't'];
    let at = word.find(with_value).unwrap_or(word.len());
    let (letters, rest) = word.split_at(at);
    let pids = match rest.strip_prefix(['p', 'q']) {
        Some(pids) => pids.is_empty() || is_pids(pids),
        None => true,
    };
    pids && !word.is_empty()
        && letters.chars().all(|letter| {
            flags
                .iter()
                .any(|flag| flag.0.contains(&&*letter.to_string()))
        })
}

/// `-o pid,comm`, `-o pid=,comm=`, `-o user:20`; `-o json` is the form of the output.
fn columns(following: Following<'_>) -> Meaning {
    let Some(value) = following.value() else {
        return Meaning::Alone(&["--columns"]);
    };
    if is_format(value) {
        return Meaning::Taken(vec![format!("--output={value}")]);
    }
    let (mut names, mut titles, mut bare) = (Vec::new(), 0, 0);
    for column in value.split([',', ' ']).filter(|column| !column.is_empty()) {
        let (column, title) = match column.split_once('=') {
            Some((column, title)) => (column, Some(title)),
            None => (column, None),
        };
        // Columns are as wide as their cells, so a width asks for nothing more.
        let name = match column.split_once(':') {
            Some((name, width)) if width.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => column,
        };
        names.push(name);
        titles += usize::from(title.is_some_and(|title| !title.is_empty()));
        bare += usize::from(title == Some(""));
    }
    let names = format!("--columns={}", names.join(","));
    if titles > 0 || (bare > 0 && bare < value.split(',').count()) {
        return Meaning::Refused {
            of: format!("-o {value}"),
            nearest: format!("spyhole ps {names}"),
        };
    }
    let mut words = vec![names];
    if bare > 0 {
        words.push("--no-headers".to_owned());
    }
    Meaning::Taken(words)
}

/// `-q 1,2` are process ids; `-q` alone is `--quiet`.
fn quick_pids(following: Following<'_>) -> Meaning {
    match following.value() {
        Some(pids) if is_pids(pids) => Meaning::Taken(vec![format!("--pids={pids}")]),
        _ => Meaning::Alone(&["--quiet"]),
    }
}

fn one_name(following: Following<'_>) -> Meaning {
    one("-C", "--name", following)
}

fn one_user(following: Following<'_>) -> Meaning {
    one("-u", "--user", following)
}

/// ps takes lists here.
fn one(flag: &str, ours: &'static str, following: Following<'_>) -> Meaning {
    match following.value() {
        None => Meaning::Taken(vec![ours.to_owned()]),
        Some(list) if list.contains([',', ' ']) => Meaning::Refused {
            of: format!("{flag} {list}"),
            nearest: format!("spyhole ps {ours} ONE"),
        },
        Some(value) => Meaning::Taken(vec![format!("{ours}={value}")]),
    }
}
