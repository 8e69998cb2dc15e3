//! `nc`, `dig`, `nslookup`, `curl` and `wget`: what they ask of the network.

use std::ffi::OsString;

use super::certificates::{CERTIFICATES, TLS};
use super::{
    Becomes, Flag, Following, Meaning, Refused as Refusal, Tool, Words, itself, takes_value,
};
use crate::parse::ip_literal::IpLiteral;
use Becomes::{Anyway, Decide, Refused, Same, SameWith, Value};

const CONNECT: &str = "spyhole connect HOST:PORT";
const FETCH: &str = "spyhole fetch URL";

pub(super) const NC: Tool = Tool {
    names: &["nc"],
    implies: &[],
    flags: &[
        Flag(&["-4", "-6"], Same),
        // Connecting is all that is done, each attempt is printed, and ports are numbers; of a name with -n
        // `check` knows.
        Flag(&["-z", "-v", "-n"], Anyway),
        Flag(
            &["-w"],
            Decide(|following| timeout("-w", CONNECT, following)),
        ),
        Flag(&["-U"], Decide(unix)),
        Flag(&["-l"], Refused("spyhole ss -tln")),
        Flag(
            &["-u"],
            Refused("spyhole dns NAME --server HOST, for a name server"),
        ),
        Flag(&["-X", "-x"], Refused("spyhole fetch -x URL")),
        Flag(
            &[
                "-c", "-e", "-k", "-i", "-p", "-s", "-q", "-N", "-C", "-D", "-d", "-F", "-h", "-I",
                "-M", "-m", "-O", "-P", "-r", "-S", "-T", "-t", "-V", "-W", "-Z", "-b", "-o",
            ],
            Refused(CONNECT),
        ),
    ],
    words: Words::AsTheyAre,
};

pub(super) const DIG: Tool = Tool {
    names: &["dig"],
    implies: &[],
    flags: &[
        Flag(&["-x"], Decide(itself)),
        // What has a value is taken before, by `in_order`.
        Flag(&["-t", "-q"], Refused("spyhole dns NAME TYPE")),
        Flag(
            &[
                "-4", "-6", "-b", "-c", "-f", "-k", "-m", "-p", "-u", "-v", "-y", "-r",
            ],
            Refused("spyhole dns NAME TYPE --server HOST:PORT"),
        ),
        SERVER,
        RULES,
    ],
    words: Words::Decide(|word, _| match word.split_at_checked(1) {
        Some(("@", server)) => Meaning::Instead(vec![format!("--server={server}")]),
        Some(("+", "short")) => Meaning::Alone(&["--short"]),
        // Always so: the search list is that of the target, and so is the time.
        Some(("+", "search")) => Meaning::Alone(&[]),
        Some(("+", _)) => Meaning::Refused {
            of: word.to_owned(),
            nearest: "spyhole dns --short NAME".to_owned(),
        },
        _ => Meaning::Itself,
    }),
};

pub(super) const NSLOOKUP: Tool = Tool {
    names: &["nslookup"],
    implies: &[],
    flags: &[
        Flag(&["-type", "-query", "-querytype", "-q"], Decide(itself)),
        Flag(
            &[
                "-timeout", "-port", "-retry", "-debug", "-d2", "-class", "-vc",
            ],
            Refused("spyhole dns NAME TYPE --server HOST:PORT"),
        ),
        SERVER,
        RULES,
    ],
    words: Words::AsTheyAre,
};

const SERVER: Flag = Flag(&["--server"], SameWith);
const RULES: Flag = Flag(&["--as"], SameWith);

/// Flags of curl that `fetch` has under the same name, and those that it has not.
pub(super) const CURL: Tool = Tool {
    names: &["curl"],
    implies: &[],
    flags: &[
        Flag(&["-I", "-i", "-L", "-k", "-v", "-f"], Same),
        Flag(&["-H", "-o", "-x", "--max-bytes", "--header"], SameWith),
        Flag(
            &["--proxy", "--noproxy", "--cacert", "--ca", "--output-file"],
            SameWith,
        ),
        Flag(&["-X", "--request"], Decide(method)),
        Flag(
            &["-d", "--data", "--data-raw", "--data-binary"],
            Refused("spyhole fetch -d TEXT --as-target URL"),
        ),
        // curl's --output is a file.
        Flag(&["--output"], Value("--output-file")),
        // No progress is printed, and errors always are.
        Flag(
            &["-s", "-S", "--silent", "--show-error", "-g", "--http1.1"],
            Anyway,
        ),
        Flag(
            &["-m", "--max-time"],
            Decide(|following| timeout("-m", FETCH, following)),
        ),
        Flag(
            &["--connect-timeout"],
            Refused("spyhole fetch --timeout 5s URL"),
        ),
        Flag(&["-w", "--write-out"], Refused("spyhole fetch -v URL")),
        Flag(
            &["-O", "-J", "--remote-name"],
            Refused("spyhole fetch -o FILE URL"),
        ),
        Flag(
            &["-u", "--user", "-n", "--netrc", "--oauth2-bearer"],
            Refused("spyhole fetch -H 'Authorization: …' URL"),
        ),
        Flag(
            &["-E", "--cert", "--key"],
            Refused("spyhole fetch --as-target --cert FILE --key FILE URL"),
        ),
        Flag(&["--unix-socket"], Refused("spyhole connect unix:PATH")),
        Flag(
            &["--resolve", "--connect-to"],
            Refused("spyhole fetch -H 'Host: NAME' URL"),
        ),
        Flag(
            &["-A", "--user-agent"],
            Decide(|following| sent_as("User-Agent", following)),
        ),
        Flag(
            &["-e", "--referer"],
            Decide(|following| sent_as("Referer", following)),
        ),
        Flag(&["-4", "-6", "--ipv4", "--ipv6"], Refused(CONNECT)),
        Flag(
            &["-F", "-T", "--form", "--upload-file"],
            Refused("spyhole fetch -d TEXT --as-target URL"),
        ),
        Flag(
            &[
                "-b", "-c", "-C", "-D", "-G", "-j", "-K", "-l", "-M", "-N", "-P", "-Q", "-r", "-R",
                "-t", "-U", "-V", "-y", "-Y", "-z", "-Z", "-0", "-1", "-2", "-3", "-a", "-B", "-p",
                "-q", "-h", "--http2", "--http3", "--retry", "--json",
            ],
            Refused(FETCH),
        ),
    ],
    words: Words::AsTheyAre,
};

pub(super) const WGET: Tool = Tool {
    names: &["wget"],
    // wget follows, and fails where the server does.
    implies: &["-L", "-f"],
    flags: &[
        Flag(&["-q", "--quiet", "-nv"], Anyway),
        Flag(&["-O", "--output-document"], Decide(document)),
        Flag(&["--spider"], Becomes::Words(&["-I"])),
        Flag(&["--no-check-certificate"], Becomes::Words(&["-k"])),
        Flag(&["--header"], SameWith),
        Flag(&["--ca-certificate"], Value("--ca")),
        Flag(
            &["-T", "--timeout"],
            Decide(|following| timeout("-T", FETCH, following)),
        ),
        Flag(&["--no-proxy"], Becomes::Words(&["--noproxy=*"])),
        Flag(
            &["-S", "--server-response", "-d", "--debug", "-v"],
            Refused("spyhole fetch -v URL"),
        ),
        Flag(
            &["--post-data", "--method", "--body-data"],
            Refused("spyhole fetch -d TEXT --as-target URL"),
        ),
        Flag(
            &[
                "-r",
                "-m",
                "-c",
                "-t",
                "-b",
                "-i",
                "-P",
                "-N",
                "-np",
                "-nc",
                "-U",
                "-A",
                "-R",
                "-l",
                "-k",
                "-p",
                "-H",
                "-x",
                "-nd",
                "-E",
                "-4",
                "-6",
                "-o",
                "-a",
                "--user",
                "--password",
                "--tries",
                "--recursive",
                "--mirror",
                "--continue",
            ],
            Refused(FETCH),
        ),
    ],
    words: Words::AsTheyAre,
};

/// Tools whose command has another name here.
const RENAMED: &[(&str, &str)] = &[
    ("openssl s_client", "tls"),
    ("openssl x509", "certificates"),
    ("openssl verify", "certificates"),
    ("capsh", "capabilities"),
    ("free", "resources"),
];

/// The command here that a tool is, and how many words its name has.
pub(super) fn renamed(name: &str, after: &[OsString]) -> Option<&'static str> {
    if name == "step certificate inspect" {
        let is_url = after
            .iter()
            .any(|word| word.to_str().is_some_and(|word| word.contains("://")));
        return Some(if is_url { "tls" } else { "certificates" });
    }
    let found = RENAMED.iter().find(|(tool, _)| *tool == name);
    found.map(|(_, command)| *command)
}

/// What a line of such a tool must have, or must not: without it the tool does something that
/// spyhole does not.
pub(super) fn check(name: &str, after: &[OsString]) -> Result<(), Refusal> {
    let has_letter = |letters: &[char]| {
        let mut words = after.iter().filter_map(|word| word.to_str());
        words.any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains(letters))
    };
    let has_word = |names: &[&str]| {
        let mut words = after.iter().filter_map(|word| word.to_str());
        words.any(|word| names.iter().any(|name| word.starts_with(name)))
    };
    let asks_help = has_word(&["--help"]);
    let plain = plain_words(after);
    let is_address = |word: &str| IpLiteral::parse(word.as_bytes()).is_some();
    let is_ports = |word: &str| {
        let is_port = |text: &str| text.parse::<u16>().is_ok();
        match word.split_once('-') {
            Some((from, to)) => (is_port(from) && is_port(to)).then_some(2),
            None => is_port(word).then_some(1),
        }
    };
    // After the host: `80 443`, `80-90`.
    let ports = plain.iter().skip(1).filter_map(|word| is_ports(word));
    let ports: usize = ports.sum();
    let missing = match name {
        "nc" if !has_letter(&['z', 'U', 'l']) => Some(("without -z", "spyhole connect HOST:PORT")),
        "nc" if has_letter(&['n']) && !plain.iter().any(|word| is_address(word)) => {
            Some(("-n without an address", CONNECT))
        }
        "nc" if ports > 1 => Some((
            "with several ports",
            "spyhole connect HOST:PORT, for each of them",
        )),
        "wget" if !has_letter(&['O']) && !has_word(&["--spider", "--output-document"]) => {
            Some(("without -O", "spyhole fetch -o FILE URL"))
        }
        "openssl x509" if !has_word(&["-in"]) => Some(("without -in", CERTIFICATES)),
        "openssl s_client" if !has_word(&["-connect"]) => Some(("without -connect", TLS)),
        "openssl verify" if after.is_empty() => Some(("without a file", CERTIFICATES)),
        _ => None,
    };
    match missing {
        Some((what, nearest)) if !asks_help => Err(Refusal {
            what: format!("{name} {what}"),
            nearest: nearest.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The words of `nc` that are no flags, nor values of flags.
fn plain_words(after: &[OsString]) -> Vec<&str> {
    let mut words = after.iter().filter_map(|word| word.to_str());
    let mut plain = Vec::new();
    while let Some(word) = words.next() {
        if takes_value(word) || word == "-w" {
            words.next();
        } else if !word.starts_with('-') {
            plain.push(word);
        }
    }
    plain
}

/// A header of the request.
fn sent_as(header: &str, following: Following<'_>) -> Meaning {
    match following.value() {
        Some(value) => Meaning::Taken(vec![format!("--header={header}: {value}")]),
        None => Meaning::Refused {
            of: format!("{header} without a value"),
            nearest: "spyhole fetch -H 'NAME: VALUE' URL".to_owned(),
        },
    }
}

/// A time in seconds.
fn timeout(flag: &str, nearest: &str, following: Following<'_>) -> Meaning {
    match following.value() {
        Some(value) if value.parse::<f64>().is_ok_and(|seconds| seconds > 0.0) => {
            let millis = value.parse::<f64>().unwrap_or(1.0) * 1e3;
            Meaning::Taken(vec![format!("--timeout={millis:.0}ms")])
        }
        value => Meaning::Refused {
            of: format!("{flag} {}", value.unwrap_or_default()),
            nearest: nearest.replace("spyhole ", "spyhole --timeout 3s "),
        },
    }
}

/// GET and HEAD change nothing.
fn method(following: Following<'_>) -> Meaning {
    match following.value() {
        Some(method @ ("GET" | "HEAD")) => Meaning::Taken(vec![format!("--request={method}")]),
        other => Meaning::Refused {
            of: format!("-X {}", other.unwrap_or_default()),
            nearest: "spyhole fetch -X METHOD --as-target URL".to_owned(),
        },
    }
}

fn unix(following: Following<'_>) -> Meaning {
    match following.value() {
        Some(path) => Meaning::Taken(vec![format!("unix:{path}")]),
        None => Meaning::Refused {
            of: "-U".to_owned(),
            nearest: "spyhole connect unix:PATH".to_owned(),
        },
    }
}

/// `-O -` is stdout.
fn document(following: Following<'_>) -> Meaning {
    match following {
        Following::Attached("-") | Following::Next("-") => Meaning::Taken(Vec::new()),
        Following::Attached(file) | Following::Next(file) => {
            Meaning::Taken(vec![format!("--output-file={file}")])
        }
        Following::Nothing => Meaning::Refused {
            of: "-O".to_owned(),
            nearest: "spyhole fetch -o FILE URL".to_owned(),
        },
    }
}
