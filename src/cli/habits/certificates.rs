//! `openssl` and `step`: what they ask of certificates.

use super::{Becomes, Flag, Following, Meaning, Tool, Words, itself};
use Becomes::{Anyway, Decide, Refused, Value};

pub(super) const TLS: &str = "spyhole tls HOST:PORT";
pub(super) const CERTIFICATES: &str = "spyhole certs --file PATH";

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

fn refused_word(word: &str, _: Following<'_>) -> Meaning {
    Meaning::Refused {
        of: word.to_owned(),
        nearest: CERTIFICATES.to_owned(),
    }
}
