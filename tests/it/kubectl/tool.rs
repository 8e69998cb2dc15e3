//! The real kubectl: that of this machine, or those that `scripts/prepare` has brought.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// The minor versions of Kubernetes that are supported: the oldest and the newest.
pub(crate) const SUPPORTED: [u32; 2] = [31, 37];

/// A kubectl in a directory that can be put into PATH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kubectl {
    pub(crate) program: PathBuf,
    pub(crate) minor: u32,
}

impl Kubectl {
    /// One that runs and says its version.
    fn of(program: PathBuf) -> Option<Self> {
        let mut version = Command::new(&program);
        version.args(["version", "--client", "--output", "json"]);
        let said: Value = serde_json::from_slice(&version.output().ok()?.stdout).ok()?;
        let minor = said["clientVersion"]["minor"].as_str()?;
        let minor = minor.trim_end_matches('+').parse().ok()?;
        Some(Self { program, minor })
    }

    /// What `scripts/prepare` has brought, of a minor version.
    fn brought(minor: u32) -> Option<Self> {
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools");
        let found = Self::of(tools.join(format!("kubectl-1.{minor}/kubectl")))?;
        assert_eq!(found.minor, minor, "{found:?}");
        Some(found)
    }

    /// The first of PATH.
    fn of_this_machine() -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let programs = std::env::split_paths(&path).map(|directory| directory.join("kubectl"));
        Self::of(programs.into_iter().find(|program| program.exists())?)
    }

    /// Where it is.
    pub(crate) fn directory(&self) -> &Path {
        self.program.parent().unwrap()
    }

    /// That of this machine, or, where there is none or an older one than is supported, the newest
    /// that was brought.
    pub(crate) fn find() -> &'static Result<Self, String> {
        static FOUND: OnceLock<Result<Kubectl, String>> = OnceLock::new();
        FOUND.get_or_init(|| {
            let own = Self::of_this_machine().filter(|own| own.minor >= SUPPORTED[0]);
            let found = own.or_else(|| Self::brought(SUPPORTED[1]));
            found.ok_or_else(|| {
                format!(
                    "no kubectl 1.{} or newer is here; scripts/prepare installs one",
                    SUPPORTED[0]
                )
            })
        })
    }

    /// The oldest and the newest that are supported.
    pub(crate) fn both() -> &'static Result<[Self; 2], String> {
        static FOUND: OnceLock<Result<[Kubectl; 2], String>> = OnceLock::new();
        FOUND.get_or_init(|| {
            let own = Self::of_this_machine();
            let [oldest, newest] = SUPPORTED.map(|minor| {
                let own = own.clone().filter(|own| own.minor == minor);
                let found = Self::brought(minor).or(own);
                found.ok_or_else(|| {
                    format!("no kubectl 1.{minor} is here; scripts/prepare installs it")
                })
            });
            Ok([oldest?, newest?])
        })
    }
}
