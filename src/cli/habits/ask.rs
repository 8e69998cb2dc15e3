//! `nc`, `dig`, `nslookup`, `curl`, `wget`, `openssl` and `step`: what they ask of the network and of
//! certificates.

use std::ffi::OsString;

use super::{Becomes, Flag, Following, Meaning, Refused as Refusal, Tool, Words, takes_value};
use crate::parse::ip_literal::IpLiteral;
use crate::probe::dns::RecordType;
use Becomes::{Anyway, Decide, Refused, Same, SameWith, Value};

const CONNECT: &str = "spyhole connect HOST:PORT";
const FETCH: &str = "spyhole fetch URL";
const TLS: &str = "spyhole tls HOST:PORT";
const CERTIFICATES: &str = "spyhole certs --file PATH";

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

pub(super) const S_CLIENT: Tool = Tool {
    names: &["openssl s_client"],
    implies: &[],
    flags: &[
        Flag(&["-connect"], Decide(itself)),
        Flag(&["-servername"], Value("--servername")),
        Flag(&["-noservername"], Becomes::Words(&["--no-servername"])),
        Flag(&["-starttls"], Value("--starttls")),
        Flag(&["-alpn"], Value("--alpn")),
        Flag(&["-CAfile"], Value("--ca")),
        Flag(&["-cert"], Value("--cert")),
        Flag(&["-key"], Value("--key")),
        Flag(&["-showcerts"], Becomes::Words(&["--chain"])),
        // Nothing is sent, and the verdict decides on the exit code.
        Flag(&["-brief", "-quiet", "-verify_return_error"], Anyway),
        Flag(
            &[
                "-status",
                "-verify",
                "-verify_hostname",
                "-tls1",
                "-tls1_1",
                "-tls1_2",
                "-tls1_3",
                "-cipher",
                "-ciphersuites",
                "-CApath",
                "-proxy",
                "-unix",
                "-host",
                "-port",
                "-debug",
                "-msg",
                "-state",
                "-reconnect",
                "-sess_out",
                "-sess_in",
                "-prexit",
                "-crlf",
                "-4",
                "-6",
            ],
            Refused(TLS),
        ),
    ],
    words: Words::AsTheyAre,
};

pub(super) const X509: Tool = Tool {
    names: &["openssl x509"],
    implies: &[],
    flags: &[
        Flag(&["-in"], Value("--file")),
        // All of it is shown, as text.
        Flag(
            &[
                "-noout",
                "-text",
                "-subject",
                "-issuer",
                "-dates",
                "-enddate",
                "-startdate",
                "-serial",
                "-fingerprint",
                "-sha256",
                "-email",
            ],
            Anyway,
        ),
        Flag(
            &["-ext", "-nameopt"],
            Decide(|_| Meaning::Taken(Vec::new())),
        ),
        Flag(
            &[
                "-checkend",
                "-checkhost",
                "-checkip",
                "-checkemail",
                "-pubkey",
                "-modulus",
                "-outform",
                "-out",
                "-inform",
                "-req",
                "-hash",
                "-purpose",
                "-signkey",
                "-CA",
                "-days",
                "-ocsp_uri",
            ],
            Refused("spyhole certs --file PATH --min-days N, or -o pem"),
        ),
    ],
    words: Words::Decide(refused_word),
};

pub(super) const VERIFY: Tool = Tool {
    names: &["openssl verify"],
    implies: &["--verify"],
    flags: &[Flag(
        &[
            "-CAfile",
            "-CApath",
            "-untrusted",
            "-purpose",
            "-verify_hostname",
            "-crl_check",
            "-partial_chain",
            "-show_chain",
            "-x509_strict",
            "-trusted",
        ],
        Refused("spyhole certs --verify --file PATH, by the target's trust store"),
    )],
    words: Words::Decide(|word, _| Meaning::Instead(vec![format!("--file={word}")])),
};

pub(super) const STEP: Tool = Tool {
    names: &["step certificate inspect"],
    implies: &[],
    flags: &[Flag(
        &[
            "--short",
            "--bundle",
            "--insecure",
            "--roots",
            "--format",
            "--servername",
        ],
        Refused("spyhole tls HOST:PORT, or spyhole certs --file PATH"),
    )],
    words: Words::Decide(|word, _| match word.split_once("://") {
        Some(_) => Meaning::Itself,
        None => Meaning::Instead(vec![format!("--file={word}")]),
    }),
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

/// `nslookup NAME SERVER`: the second word is the server.
pub(super) fn with_server(after: &[OsString]) -> Vec<OsString> {
    let mut plain = 0;
    let word = |word: &OsString| match word.to_str() {
        Some(text) if !text.starts_with('-') => {
            plain += 1;
            if plain == 2 {
                OsString::from(format!("--server={text}"))
            } else {
                word.clone()
            }
        }
        // -type=mx
        Some(text) => match text.split_once('=') {
            Some(("-type" | "-query" | "-querytype" | "-q", kind)) => OsString::from(kind),
            _ => word.clone(),
        },
        None => word.clone(),
    };
    let mut words: Vec<OsString> = after.iter().map(word).collect();
    // The name stands before the type.
    let is_type = |word: &OsString, typed: &OsString| word != typed;
    let types: Vec<OsString> = words
        .iter()
        .zip(after)
        .filter(|(word, typed)| {
            is_type(word, typed) && !word.to_str().is_some_and(|text| text.starts_with("--"))
        })
        .map(|(word, _)| word.clone())
        .collect();
    words.retain(|word| !types.contains(word));
    words.extend(types);
    words
}

/// `dig TYPE NAME`, `dig -t TYPE -q NAME`, `dig -p PORT @SERVER`: the name first, then the types, and the
/// server with its port.
pub(super) fn in_order(after: &[OsString]) -> Vec<OsString> {
    let mut words = after.iter().filter_map(|word| word.to_str());
    if after.iter().any(|word| word.to_str().is_none()) {
        return after.to_vec();
    }
    let (mut plain, mut types, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    let (mut server, mut port) = (None, None);
    while let Some(word) = words.next() {
        let flag = ["-t", "-q", "-p"]
            .into_iter()
            .find(|flag| word.starts_with(flag));
        if let Some(flag) = flag {
            let attached = word.strip_prefix(flag).filter(|value| !value.is_empty());
            match (flag, attached.or_else(|| words.next())) {
                ("-t", Some(kind)) => types.push(kind),
                ("-q", Some(name)) => plain.push(name),
                ("-p", Some(number)) => port = Some(number),
                // Refused by its name.
                _ => rest.push(flag.to_owned()),
            }
        } else if let Some(of) = word.strip_prefix('@') {
            server = Some(of);
        } else if word.starts_with(['-', '+']) {
            rest.push(word.to_owned());
            let takes_next = matches!(word, "-x" | "--server" | "--as") || takes_value(word);
            if takes_next {
                rest.extend(words.next().map(str::to_owned));
            }
        } else if plain.is_empty() || !word.eq_ignore_ascii_case("IN") {
            plain.push(word);
        }
    }
    // A type that stands alone is a name.
    let is_type = |word: &str| RecordType::named(word).is_some();
    while plain.len() > 1
        && let Some(at) = plain.iter().position(|word| is_type(word))
    {
        types.push(plain.remove(at));
    }
    match (server, port) {
        (Some(of), None) => rest.push(format!("@{of}")),
        (Some(of), Some(port)) if of.contains(':') => rest.push(format!("@[{of}]:{port}")),
        (Some(of), Some(port)) => rest.push(format!("@{of}:{port}")),
        // Refused by its name.
        (None, Some(port)) => rest.push(format!("-p{port}")),
        (None, None) => {}
    }
    let plain = plain.into_iter().chain(types).map(str::to_owned);
    rest.into_iter().chain(plain).map(OsString::from).collect()
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

/// The value stands alone here.
fn itself(following: Following<'_>) -> Meaning {
    match following.value() {
        Some(value) => Meaning::Taken(vec![value.to_owned()]),
        None => Meaning::Alone(&[]),
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

fn refused_word(word: &str, _: Following<'_>) -> Meaning {
    Meaning::Refused {
        of: word.to_owned(),
        nearest: CERTIFICATES.to_owned(),
    }
}
