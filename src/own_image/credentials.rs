//! Logins for registries, as docker and podman keep them: in their files of configuration, or in a
//! program that keeps secrets (`docker-credential-NAME`).

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::Value;

use crate::sys::own_file;
use crate::sys::tool::{ToolError, feed_within, in_path};

/// Such a file is some KiB.
const FILE_BYTES: u64 = 1 << 20;
/// What a helper says is a short object.
const HELPER_BYTES: usize = 64 << 10;
/// It may wait for the person to unlock a key ring.
const HELPER_TIME: Duration = Duration::from_mins(1);
/// The user name by which a helper says that the secret is an identity token.
const TOKEN_USER: &str = "<token>";
/// Under which docker keeps the login of its own registry.
const DOCKER_HUB_KEY: &str = "index.docker.io";

/// A login.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    /// A user and a password.
    Password { user: String, password: String },
    /// A token that is exchanged for others at the token service.
    IdentityToken(String),
    /// A token for the registry itself.
    RegistryToken(String),
}

/// Why the login of a registry is not known. Never holds a part of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// The error of opening or reading.
        source: std::io::Error,
    },
    /// The file is no such configuration.
    #[error("{path} is not a valid configuration of logins: {what}")]
    Malformed {
        /// Its path.
        path: PathBuf,
        /// What of it.
        what: &'static str,
    },
    /// The helper that the configuration names is not there.
    #[error("{path} names a credential helper that is not in PATH: docker-credential-{name}")]
    NoHelper {
        /// The configuration.
        path: PathBuf,
        /// The helper, without its prefix.
        name: String,
    },
    /// The helper does not run, or not in its time.
    #[error(transparent)]
    Helper(#[from] ToolError),
    /// The helper failed, or its output is no login.
    #[error("{} gave no login{}", .program.display(), code_words(*.code))]
    NoAnswer {
        /// Its path.
        program: PathBuf,
        /// Its exit code, where it failed.
        code: Option<i32>,
    },
}

fn code_words(code: Option<i32>) -> String {
    code.map_or_else(
        || ": its output is not what credential helpers print".to_owned(),
        |code| format!(" (exit code {code})"),
    )
}

/// The login for a registry, from the first file that has one; `None`: there is none.
///
/// # Errors
/// [`CredentialError`].
pub(super) fn find(registry: &str, path: &str) -> Result<Option<Login>, CredentialError> {
    for file in files(|name| std::env::var_os(name)) {
        if let Some(login) = in_file(&file, registry, path)? {
            return Ok(Some(login));
        }
    }
    Ok(None)
}

/// The files of logins, in the order in which they count.
fn files(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let of = |name| {
        variable(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let home = of("HOME");
    let below_home = |path: &str| home.as_ref().map(|home| home.join(path));
    let docker = of("DOCKER_CONFIG").or_else(|| below_home(".docker"));
    let config = of("XDG_CONFIG_HOME").or_else(|| below_home(".config"));
    [
        of("REGISTRY_AUTH_FILE"),
        docker.map(|directory| directory.join("config.json")),
        of("XDG_RUNTIME_DIR").map(|directory| directory.join("containers/auth.json")),
        config.map(|directory| directory.join("containers/auth.json")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn in_file(file: &Path, registry: &str, path: &str) -> Result<Option<Login>, CredentialError> {
    let bytes = match own_file::contents(file, FILE_BYTES) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        read => read.map_err(|source| CredentialError::Unreadable {
            path: file.to_owned(),
            source,
        })?,
    };
    let malformed = |what| CredentialError::Malformed {
        path: file.to_owned(),
        what,
    };
    // Its errors would repeat a part of the file.
    let config: Value = serde_json::from_slice(&bytes).map_err(|_| malformed("it is no JSON"))?;
    if let Some(name) = helper_name(&config, registry) {
        let login = ask_helper(file, name, registry)?;
        if login.is_some() {
            return Ok(login);
        }
    }
    let Some(entry) = entry(&config, registry, path) else {
        return Ok(None);
    };
    let text = |key: &str| {
        let text = entry.get(key).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    if let Some(token) = text("identitytoken") {
        return Ok(Some(Login::IdentityToken(token)));
    }
    if let Some(token) = text("registrytoken") {
        return Ok(Some(Login::RegistryToken(token)));
    }
    if let (Some(user), Some(password)) = (text("username"), text("password")) {
        return Ok(Some(Login::Password { user, password }));
    }
    // An entry without content says that a helper has the login.
    let Some(auth) = text("auth") else {
        return Ok(None);
    };
    let pair = BASE64.decode(auth.as_bytes()).ok();
    let pair = pair.and_then(|pair| String::from_utf8(pair).ok());
    let pair = pair.as_deref().and_then(|pair| pair.split_once(':'));
    let (user, password) =
        pair.ok_or_else(|| malformed("an auth is no base64 of USER:PASSWORD"))?;
    Ok(Some(Login::Password {
        user: user.to_owned(),
        // As docker does, which once padded it.
        password: password.trim_end_matches('\0').to_owned(),
    }))
}

/// The host that a key names: `https://index.docker.io/v1/` is that of docker's own registry.
fn key_of(key: &str) -> &str {
    let key = key.split_once("://").map_or(key, |(_, rest)| rest);
    let key = key.trim_end_matches('/');
    key.strip_suffix("/v1")
        .or(key.strip_suffix("/v2"))
        .unwrap_or(key)
}

fn is_key(key: &str, wanted: &str) -> bool {
    let key = key_of(key);
    key == wanted || (wanted == "docker.io" && key == DOCKER_HUB_KEY)
}

/// The entry of the registry; podman has some for a part of a registry, the longest of which counts.
fn entry<'a>(config: &'a Value, registry: &str, path: &str) -> Option<&'a Value> {
    let entries = config.get("auths")?.as_object()?;
    let whole = format!("{registry}/{path}");
    let mut wanted = whole.as_str();
    loop {
        if let Some((_, entry)) = entries.iter().find(|(key, _)| is_key(key, wanted)) {
            return Some(entry);
        }
        wanted = wanted.rsplit_once('/')?.0;
    }
}

/// The helper for the registry, else that for all.
fn helper_name<'a>(config: &'a Value, registry: &str) -> Option<&'a str> {
    let own = config.get("credHelpers").and_then(Value::as_object);
    let own = own.and_then(|own| own.iter().find(|(key, _)| is_key(key, registry)));
    let name = own
        .map(|(_, name)| name)
        .or_else(|| config.get("credsStore"));
    name?.as_str().filter(|name| !name.is_empty())
}

/// Asks a helper; `None`: it has no login for this registry.
fn ask_helper(file: &Path, name: &str, registry: &str) -> Result<Option<Login>, CredentialError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if !name.chars().all(is_plain) {
        return Err(CredentialError::Malformed {
            path: file.to_owned(),
            what: "a credential helper has a name that no program has",
        });
    }
    let program = in_path(&format!("docker-credential-{name}"));
    let program = program.ok_or_else(|| CredentialError::NoHelper {
        path: file.to_owned(),
        name: name.to_owned(),
    })?;
    // As docker calls it.
    let server = match registry {
        "docker.io" => "https://index.docker.io/v1/",
        other => other,
    };
    let words = [OsString::from("get")];
    let input = Some(server.as_bytes().to_vec());
    let said = feed_within(
        program.as_os_str(),
        &words,
        input,
        HELPER_BYTES,
        HELPER_TIME,
    )?;
    if !said.status.success() {
        // The words of its protocol for that.
        let is_none = said.stdout.trim_ascii() == b"credentials not found in native keychain";
        return if is_none {
            Ok(None)
        } else {
            let code = said.status.code();
            Err(CredentialError::NoAnswer { program, code })
        };
    }
    let answer: Value = serde_json::from_slice(&said.stdout).unwrap_or_default();
    let text = |key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
    match (text("Username"), text("Secret")) {
        (Some(user), Some(secret)) if user == TOKEN_USER => Ok(Some(Login::IdentityToken(secret))),
        (Some(user), Some(password)) => Ok(Some(Login::Password { user, password })),
        _ => Err(CredentialError::NoAnswer {
            program,
            code: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::disallowed_methods,
        reason = "a test writes the file that it reads"
    )]

    use std::fs;

    use super::*;

    fn login(user: &str, password: &str) -> Login {
        Login::Password {
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    fn read(text: &str, registry: &str, path: &str) -> Result<Option<Login>, CredentialError> {
        let house = tempfile::tempdir().unwrap();
        let file = house.path().join("config.json");
        fs::write(&file, text).unwrap();
        in_file(&file, registry, path)
    }

    fn shown(read: &Result<Option<Login>, CredentialError>) -> String {
        match read {
            Ok(_) => "no error".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn keys_are_those_of_docker_and_of_podman() {
        // a:1, b:2, c:3, d:4
        let text = r#"{"auths": {"https://index.docker.io/v1/": {"auth": "YTox"},
            "r.example:5000": {"auth": "Yjoy"}, "r.example:5000/team": {"auth": "Yzoz"},
            "https://q.example/v2/": {"username": "d", "password": "4"},
            "t.example": {"identitytoken": "t"}, "empty.example": {}}}"#;
        for (registry, path, expected) in [
            ("docker.io", "library/spyhole", Some(login("a", "1"))),
            ("r.example:5000", "spyhole", Some(login("b", "2"))),
            ("r.example:5000", "team/spyhole", Some(login("c", "3"))),
            ("r.example:5000", "teams/spyhole", Some(login("b", "2"))),
            ("q.example", "x", Some(login("d", "4"))),
            ("t.example", "x", Some(Login::IdentityToken("t".to_owned()))),
            ("empty.example", "x", None),
            ("r.example", "x", None),
        ] {
            let read = read(text, registry, path);
            assert!(
                read.as_ref().is_ok_and(|read| *read == expected),
                "{registry}/{path}"
            );
        }
    }

    #[test]
    fn a_broken_file_is_named_and_not_repeated() {
        for text in [
            "{\"auths\": {\"r\": {\"auth\": \"hunter2",
            r#"{"auths": {"r": {"auth": "hunter2"}}}"#,
            r#"{"credsStore": "../hunter2"}"#,
        ] {
            let read = read(text, "r", "x");
            let said = shown(&read);
            assert!(read.is_err() && said.contains("config.json"), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
        let said = shown(&read(r#"{"credsStore": "of-nobody"}"#, "r", "x"));
        assert!(said.contains("docker-credential-of-nobody"), "{said}");
        assert!(read("{}", "r", "x").is_ok_and(|none| none.is_none()));
    }

    #[test]
    fn the_files_are_those_that_the_variables_name() {
        let all = files(|name| Some(format!("/{name}").into()));
        let all: Vec<_> = all.iter().filter_map(|path| path.to_str()).collect();
        let expected = [
            "/REGISTRY_AUTH_FILE",
            "/DOCKER_CONFIG/config.json",
            "/XDG_RUNTIME_DIR/containers/auth.json",
            "/XDG_CONFIG_HOME/containers/auth.json",
        ];
        assert_eq!(all, expected);
        let of_home = files(|name| (name == "HOME").then(|| "/h".into()));
        let of_home: Vec<_> = of_home.iter().filter_map(|path| path.to_str()).collect();
        assert_eq!(
            of_home,
            ["/h/.docker/config.json", "/h/.config/containers/auth.json"]
        );
        assert!(files(|_| None).is_empty());
    }
}
