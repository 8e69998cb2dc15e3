//! Files with secrets: which they are, and what of them may be shown.
//!
//! No input or output: the caller brings the path, the mount and the bytes.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem;

use super::tables::files::{DIRECTORIES, ENDINGS, MAGIC, NAMES, PATHS};
use super::value_below::{LineBelow, ValueBelow, lines_above, unquoted};
use super::{Redacted, Redactor, SecretKind};

type Finder = LazyLock<memmem::Finder<'static>>;

/// Searched for in every file, or in every line of it.
static BEGIN: Finder = LazyLock::new(|| memmem::Finder::new(b"-----BEGIN"));
static PRIVATE_KEY: Finder = LazyLock::new(|| memmem::Finder::new(b"PRIVATE KEY-----"));
static OPENVPN_KEY: Finder = LazyLock::new(|| memmem::Finder::new(b"OpenVPN Static key"));

/// Where a file stands, as far as it says what is in it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FilePlace<'a> {
    /// As the target names it.
    pub(crate) path: &'a [u8],
    /// Whether the mount that holds it is a Secret, or a projected service account token.
    pub(crate) secret_volume: bool,
}

/// Whether the file as a whole is a secret, by where it stands or by its first bytes; and why.
#[must_use]
pub(crate) fn is_secret_file(place: FilePlace<'_>, first: &[u8]) -> Option<SecretKind> {
    let path = place.path;
    let name = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
    if PRIVATE_KEY.find(first).is_some() || OPENVPN_KEY.find(first).is_some() {
        return Some(SecretKind::PrivateKey);
    }
    if place.secret_volume {
        // Certificates beside their key are public.
        let public = first.starts_with(b"-----BEGIN CERTIFICATE")
            || matches!(name, b"ca.crt" | b"namespace");
        return (!public).then_some(SecretKind::Name);
    }
    if MAGIC.iter().any(|magic| first.starts_with(magic)) || is_pkcs12(first) {
        return Some(SecretKind::PrivateKey);
    }
    let public = name.ends_with(b".pub")
        || name.ends_with(b".crt")
        || first.starts_with(b"-----BEGIN CERTIFICATE");
    let named = NAMES.contains(&name)
        || ENDINGS
            .iter()
            .any(|ending| name.ends_with(ending) && name.len() >= ending.len())
        || name.starts_with(b".env.")
            && !name.ends_with(b".example")
            && !name.ends_with(b".sample")
        || PATHS.iter().any(|ending| path.ends_with(ending))
        || memchr::memchr_iter(b'/', path).any(|slash| {
            let path = path.get(slash..).unwrap_or_default();
            DIRECTORIES
                .iter()
                .any(|directory| path.starts_with(directory))
        });
    (named && !public).then_some(SecretKind::Name)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memmem::find(text, part).is_some()
}

/// SEQUENCE { INTEGER 3, … }: PKCS #12.
fn is_pkcs12(first: &[u8]) -> bool {
    let [0x30, length, rest @ ..] = first else {
        return false;
    };
    let skipped = if *length > 0x80 {
        usize::from(length - 0x80)
    } else {
        0
    };
    rest.get(skipped..skipped + 3) == Some(&[2, 1, 3])
}

/// Lines of a file, of which only what is secret is held back. A private key is held back from its
/// first line to its last.
pub(crate) struct FileLines<'a> {
    redactor: &'a Redactor,
    /// The end of the block that is held back: `-----END …`.
    inside_key: bool,
    /// The name whose value the next lines may be.
    value_below: Option<ValueBelow>,
    /// The lines above, of which one may name a value of the next.
    above: Vec<u8>,
}

/// So much is kept of the lines above: a name stands near its value.
const ABOVE_BYTES: usize = 1 << 10;

impl<'a> FileLines<'a> {
    #[must_use]
    pub(crate) fn new(redactor: &'a Redactor) -> Self {
        Self {
            redactor,
            inside_key: false,
            value_below: None,
            above: Vec::new(),
        }
    }

    /// Goes on at a later place of the file, below these bytes, none of them of a private key.
    pub(crate) fn go_on_below(&mut self, above: &[u8]) {
        if self
            .value_below
            .as_ref()
            .is_some_and(ValueBelow::is_element)
        {
            self.value_below = None;
        }
        for line in lines_above(above) {
            self.note_value_below(line);
        }
        let from = above.len().saturating_sub(ABOVE_BYTES);
        self.above.clear();
        self.above
            .extend_from_slice(above.get(from..).unwrap_or_default());
    }

    fn note_above(&mut self, line: &[u8]) {
        if self.above.len() > 4 * ABOVE_BYTES {
            self.above.drain(..self.above.len() - ABOVE_BYTES);
        }
        if line.len() > ABOVE_BYTES {
            self.above.clear();
        } else {
            self.above.extend_from_slice(line);
            self.above.push(b'\n');
        }
    }

    /// The line, as far as it is of a value whose name stands above it; notes a name whose value is below.
    fn note_value_below<'b>(&mut self, line: &'b [u8]) -> Option<Cow<'b, [u8]>> {
        if let Some(below) = &self.value_below {
            match below.take(self.redactor, line) {
                LineBelow::Value(start, end) => {
                    let (before, rest) = line.split_at_checked(start)?;
                    let (value, after) = rest.split_at_checked(end - start)?;
                    let shown = format!("‹redacted {}›", value.len());
                    return Some([before, shown.as_bytes(), after].concat().into());
                }
                LineBelow::Inside => return None,
                LineBelow::Outside => self.value_below = None,
            }
        }
        self.value_below = ValueBelow::announced(line);
        let is_block = self.value_below.as_ref().is_some_and(ValueBelow::is_block);
        // `|` is not the value.
        (is_block && !line.contains(&b'#')).then_some(Cow::Borrowed(line))
    }

    /// What to show of the next line, given without its end. None: the line belongs to a key that
    /// an earlier line announced.
    #[must_use]
    pub(crate) fn line<'b>(&mut self, line: &'b [u8]) -> Option<Cow<'b, [u8]>> {
        if self.redactor.reveal_all {
            return Some(line.into());
        }
        let shown = self.shown(line);
        self.note_above(line);
        shown
    }

    fn shown<'b>(&mut self, line: &'b [u8]) -> Option<Cow<'b, [u8]>> {
        if self.inside_key {
            self.inside_key = !contains(line, b"-----END");
            return None;
        }
        if let Some(begin) = BEGIN.find(line)
            && let Some(block) = line.get(begin..)
            && (contains(block, b"PRIVATE KEY") || contains(block, b"OpenVPN Static"))
            && !contains(block, b"-----END")
        {
            self.inside_key = true;
            let shown = line.get(..begin).unwrap_or_default();
            return Some(
                [shown, "‹redacted: private key›".as_bytes()]
                    .concat()
                    .into(),
            );
        }
        if let Some(shown) = self.note_value_below(line) {
            return Some(shown);
        }
        if let Some((begin, hidden)) = assigned(self.redactor, line) {
            let shown = format!("‹redacted {}›", hidden.length_bytes);
            return Some(
                [line.get(..begin).unwrap_or_default(), shown.as_bytes()]
                    .concat()
                    .into(),
            );
        }
        if is_value(line) {
            return Some(self.redactor.line_below(&self.above, line));
        }
        Some(self.redactor.text(line))
    }
}

/// `value: X`, `"value": "X"`, `<value>X</value>`, `<string>X</string>`: what it is of stands above it.
fn is_value(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    let line = line.strip_prefix(b"- ").unwrap_or(line);
    let (is_tag, name) = match line {
        [b'<', name @ ..] => (true, name),
        [b'"' | b'\'', name @ ..] | name => (false, name),
    };
    let begins = |word: &[u8]| {
        name.get(..word.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(word))
    };
    begins(b"val") || is_tag && (begins(b"string") || begins(b"data"))
}

/// `NAME=value` of an environment file, where the name judges the whole value: where that begins.
pub(super) fn assigned(redactor: &Redactor, line: &[u8]) -> Option<(usize, Redacted)> {
    let trimmed = line.trim_ascii_start();
    let trimmed = trimmed.strip_prefix(b"export ").unwrap_or(trimmed);
    let is_of_name = |b: &&u8| b.is_ascii_alphanumeric() || **b == b'_';
    let at = trimmed.iter().take_while(is_of_name).count();
    let (name, value) = trimmed.split_at_checked(at)?;
    if value.first() != Some(&b'=') {
        return None;
    }
    let hidden = redactor.variable(
        name,
        unquoted(value.get(1..).unwrap_or_default().trim_ascii()),
    )?;
    Some((line.len() - value.len() + 1, hidden))
}

#[cfg(test)]
mod tests {
    use super::{FileLines, FilePlace, is_secret_file};
    use crate::redact::Redactor;

    fn is_secret(path: &str, secret_volume: bool, first: &[u8]) -> bool {
        let place = FilePlace {
            path: path.as_bytes(),
            secret_volume,
        };
        is_secret_file(place, first).is_some()
    }

    #[test]
    fn directories_begin_where_they_are_looked_for() {
        for directory in super::DIRECTORIES {
            assert!(directory.starts_with(b"/"), "{directory:?}");
        }
    }

    #[test]
    fn files_of_secrets_are_known_by_place_and_by_content() {
        for path in [
            "/run/secrets/db",
            "/var/run/secrets/kubernetes.io/serviceaccount/token",
            "/app/.env",
            "/app/.env.production",
            "/root/.docker/config.json",
            "/root/.kube/config",
            "/root/.aws/credentials",
            "/etc/tls/tls.key",
            "/app/store.p12",
            "/app/store.jks",
            "/root/.ssh/id_ed25519",
            "/root/.netrc",
            "/root/.config/gcloud/application_default_credentials.json",
            "/etc/shadow",
            "/root/.pgpass",
            "/etc/nginx/.htpasswd",
        ] {
            assert!(is_secret(path, false, b""), "{path}");
        }
        for path in [
            "/etc/passwd",
            "/etc/hosts",
            "/app/config.json",
            "/etc/ssl/certs/ca.crt",
            "/root/.ssh/id_ed25519.pub",
            "/app/.env.example",
            "/usr/bin/env",
            "/app/keys.md",
        ] {
            assert!(!is_secret(path, false, b""), "{path}");
        }
        assert!(is_secret("/etc/app/db", true, b"hunter2"));
        assert!(!is_secret(
            "/etc/app/ca.crt",
            true,
            b"-----BEGIN CERTIFICATE-----\n"
        ));
        assert!(is_secret(
            "/a",
            false,
            concat!("-----BEGIN RSA PRIV", "ATE KEY-----\n").as_bytes()
        ));
        assert!(is_secret("/a", false, b"\xfe\xed\xfe\xed\0\0\0\x02"));
        assert!(is_secret("/a", false, b"\x30\x82\x0a\x41\x02\x01\x03\x30"));
        assert!(!is_secret("/a", false, b"\x30\x82\x0a\x41\x30\x82\x01\x02"));
    }

    #[test]
    fn which_packages_apt_prefers_is_no_secret() {
        let redactor = Redactor::new(b"key of the tests");
        let mut lines = FileLines::new(&redactor);
        for line in [
            "Pin: origin deb.debian.org",
            "Pin: release n=trixie",
            "Pin: version 5.10*",
        ] {
            let shown = lines.line(line.as_bytes()).unwrap();
            assert_eq!(String::from_utf8_lossy(&shown), line);
        }
    }

    #[test]
    fn a_value_may_stand_below_its_name() {
        let redactor = Redactor::new(b"key of the tests");
        let text = "db:\n  password: |\n    hunter2\n      more of it\n\n  user: app\ntoken:\n  abc\nsecret:\n  \
                    secretName: db\n<password>\n  hunter2\n</password>\n";
        let shown = "db:\n  password: |\n    ‹redacted 7›\n      ‹redacted 10›\n\n  user: app\ntoken:\n  \
                     ‹redacted 3›\nsecret:\n  secretName: db\n<password>\n  ‹redacted 7›\n</password>\n";
        let mut lines = FileLines::new(&redactor);
        let whole: Vec<_> = text
            .lines()
            .filter_map(|line| lines.line(line.as_bytes()))
            .collect();
        assert_eq!(String::from_utf8(whole.join(&b'\n')).unwrap() + "\n", shown);
        // The same wherever reading begins.
        let mut at = 0;
        for (line, shown) in text.lines().zip(shown.lines()) {
            let mut lines = FileLines::new(&redactor);
            lines.go_on_below(&text.as_bytes()[..at]);
            let alone = lines.line(line.as_bytes()).unwrap();
            assert_eq!(String::from_utf8_lossy(&alone), shown);
            at += line.len() + 1;
        }
    }

    #[test]
    fn a_line_above_may_name_the_value() {
        let redactor = Redactor::new(b"key of the tests");
        for (text, shown) in [
            (
                "- name: HOST\n  value: db\n- name: DB_PASSWORD\n  value: hunter2\n",
                "- name: HOST\n  value: db\n- name: DB_PASSWORD\n  value: ‹redacted 7›\n",
            ),
            (
                "{\n  \"name\": \"API_TOKEN\",\n  \"value\": \"x9z\"\n}\n",
                "{\n  \"name\": \"API_TOKEN\",\n  \"value\": \"‹redacted 3›\"\n}\n",
            ),
            (
                "<key>password</key>\n<string>hunter2</string>\n",
                "<key>password</key>\n<string>‹redacted 7›</string>\n",
            ),
            (
                "<property name=\"password\">\n  <value>hunter2</value>\n",
                "<property name=\"password\">\n  <value>‹redacted 7›</value>\n",
            ),
        ] {
            let mut lines = FileLines::new(&redactor);
            let mut at = 0;
            for (line, shown) in text.lines().zip(shown.lines()) {
                let streamed = lines.line(line.as_bytes()).unwrap();
                assert_eq!(String::from_utf8_lossy(&streamed), shown);
                let mut alone = FileLines::new(&redactor);
                alone.go_on_below(&text.as_bytes()[..at]);
                assert_eq!(alone.line(line.as_bytes()).unwrap(), shown.as_bytes());
                at += line.len() + 1;
            }
        }
    }

    #[test]
    fn of_lines_only_the_secret_is_held_back() {
        let redactor = Redactor::new(b"key of the tests");
        let mut lines = FileLines::new(&redactor);
        let key = concat!("-----BEGIN PRIV", "ATE KEY-----");
        let end = concat!("-----END PRIV", "ATE KEY-----");
        let shown: Vec<String> = [
            "host: db",
            "password: hunter2",
            "API_KEY=\"abc def\"",
            "export TOKEN=xyz",
            key,
            "MIIEabc",
            end,
            "-----BEGIN CERTIFICATE-----",
            "MIIDdzCC",
            "port=80",
        ]
        .iter()
        .filter_map(|line| {
            lines
                .line(line.as_bytes())
                .map(|line| String::from_utf8(line.into_owned()).unwrap())
        })
        .collect();
        assert_eq!(
            shown,
            [
                "host: db",
                "password: ‹redacted 7›",
                "API_KEY=‹redacted 7›",
                "export TOKEN=‹redacted 3›",
                "‹redacted: private key›",
                "-----BEGIN CERTIFICATE-----",
                "MIIDdzCC",
                "port=80"
            ]
        );
    }
}
