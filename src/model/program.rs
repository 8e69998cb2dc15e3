//! The section `program`: what the main program is, how it was built, and the libraries it needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
use super::seen::Seen;

/// The main program, or a file that was named.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Program {
    /// The main process; absent for a file that was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// Where its file is, as the target sees it.
    pub path: Seen<ByteString>,
    /// Whether the file at its path is still the one that runs; absent for a file that was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_disk: Option<Seen<OnDisk>>,
    /// What kind of file it is.
    pub format: Seen<ProgramFormat>,
    /// What the line `#!` of a script names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script_interpreter: Option<ByteString>,
    /// What a file of another format is, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What an ELF file says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elf: Option<ElfProgram>,
    /// The runtime that it is or has loaded, where files tell its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<RuntimeVersion>,
    /// What a `HotSpot` JVM tells of itself (`/tmp/hsperfdata_USER/PID`); absent where the process has
    /// no such file mapped: it is no JVM, or runs with `-XX:-UsePerfData` or `PerfDisableSharedMem`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jvm: Option<Seen<JvmCounters>>,
    /// Programs and libraries that it has mapped and that are no longer the files on disk; absent
    /// for a file that was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_mappings: Option<Seen<Vec<MappedFile>>>,
    /// What `LD_LIBRARY_PATH`, `LD_PRELOAD`, `LD_AUDIT` and `TZ` of the main process name and what
    /// does not exist; absent where none of them is set, and for a file that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_paths: Option<Seen<Vec<MissingPath>>>,
}

/// A path that a variable names and that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MissingPath {
    /// The variable.
    pub variable: String,
    /// The path; of `TZ` that of the zone below `/usr/share/zoneinfo`.
    pub path: ByteString,
}

/// Whether a file is what it was when it was mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnDisk {
    /// It is.
    Same,
    /// Nothing is at its path any more.
    Deleted,
    /// Another file is at its path.
    Replaced,
}

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProgramFormat {
    /// The format of Linux for programs and libraries.
    Elf,
    /// It begins with `#!`.
    Script,
    /// Text without `#!`.
    Text,
    /// Something else; `note` says what.
    Other,
}

/// What an ELF file says.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[allow(
    clippy::struct_excessive_bools,
    reason = "the file has as many properties that are there or not"
)]
pub struct ElfProgram {
    /// The processor that it is for, such as `amd64 (x86-64)`.
    pub architecture: String,
    /// 32 or 64.
    pub bits: u8,
    /// Whether a loader or the kernel alone starts it.
    pub linking: Linking,
    /// Whether it may be loaded at any address (PIE); false for a library too.
    pub position_independent: bool,
    /// The loader (`/lib64/ld-linux-x86-64.so.2`); absent for a static program or a library.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<ByteString>,
    /// Whether the loader is there; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter_found: Option<bool>,
    /// The id that the linker made of the content, in hexadecimal; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// Whether the table of symbols (`.symtab`) was removed.
    pub stripped: bool,
    /// Which tables of the linkage are read-only once it runs.
    pub relro: RelocationProtection,
    /// Whether it checks for overwritten stacks; absent where it has no symbols to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_canary: Option<bool>,
    /// Whether its stack is not executable.
    pub nx: bool,
    /// `DT_RPATH` and `DT_RUNPATH`, as they are written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub run_paths: Vec<ByteString>,
    /// `LD_LIBRARY_PATH` of the main process; absent if it is not set, or for a named file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library_path: Option<Seen<ByteString>>,
    /// The libraries that it needs, directly or by what it needs, in the order of the loader; one
    /// that it opens later is not known.
    pub libraries: Vec<ProgramLibrary>,
    /// How many of them were not found.
    pub libraries_missing: usize,
    /// What Go's linker left; absent for other programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub go: Option<GoBuild>,
    /// What Rust's compiler and cargo-auditable left; absent without either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rust: Option<RustBuild>,
}

/// How a program is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Linking {
    /// When it starts.
    Dynamic,
    /// When it was built.
    Static,
}

/// Which tables of the linkage are read-only once it runs (RELRO).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RelocationProtection {
    /// None.
    None,
    /// All but the functions that are bound when they are first called.
    Partial,
    /// All.
    Full,
}

/// A library that a program needs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProgramLibrary {
    /// The name that it is asked for by.
    pub name: ByteString,
    /// Where it is, as the target sees it; absent if it was not found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<ByteString>,
    /// The program or library that asks for it first.
    pub needed_by: ByteString,
}

/// What Go's linker left.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GoBuild {
    /// Such as `go1.22.3`; absent where only a build id was left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The path of the main package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<ByteString>,
    /// The main module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<ByteString>,
    /// Its version, `(devel)` for a build of a checkout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_version: Option<ByteString>,
    /// How many other modules are linked in.
    pub dependencies: usize,
    /// Build settings such as `CGO_ENABLED`, `vcs.revision` or `DefaultGODEBUG`, secrets replaced.
    pub settings: BTreeMap<String, ByteString>,
}

/// What Rust's compiler and cargo-auditable left.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RustBuild {
    /// Such as `rustc version 1.95.0 (…)`; absent where the section was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compiler: Option<String>,
    /// The packages of the section `.dep-v0`; absent without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages: Option<Seen<Vec<RustPackage>>>,
}

/// A package that was built in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RustPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it came from: `crates.io`, `git`, `local`, `registry`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Whether it is the program itself.
    #[serde(default, skip_serializing_if = "is_false")]
    pub root: bool,
}

/// A runtime and its version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RuntimeVersion {
    /// `java`, `node`, `python` or `dotnet`.
    pub name: String,
    /// Its version, as the file tells it.
    pub version: ByteString,
    /// The file that tells it, or whose name does.
    pub file: ByteString,
}

/// What a `HotSpot` JVM tells of itself, as jstat(1) shows it. What its version does not tell is absent.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JvmCounters {
    /// The file, as the target sees it.
    pub file: ByteString,
    /// The version of Java: `17.0.15`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<ByteString>,
    /// `OpenJDK 64-Bit Server VM`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vm_name: Option<ByteString>,
    /// `17.0.15+6-Debian-1deb12u1`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vm_version: Option<ByteString>,
    /// How long it has run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime_seconds: Option<f64>,
    /// The heap that it has taken from the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap_capacity_bytes: Option<u64>,
    /// What of it is used, as of the last collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap_used_bytes: Option<u64>,
    /// The metaspace that it has taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metaspace_capacity_bytes: Option<u64>,
    /// What of it is used, as of the last collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metaspace_used_bytes: Option<u64>,
    /// Its garbage collectors.
    pub collectors: Vec<JvmCollector>,
}

/// A garbage collector.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JvmCollector {
    /// What the JVM calls it: `G1 young collection pauses`.
    pub name: ByteString,
    /// How often it ran.
    pub collections: u64,
    /// How long it took in all.
    pub seconds: f64,
}

/// A mapped file that is no longer the one on disk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MappedFile {
    /// Where it was.
    pub path: ByteString,
    /// What became of it: `deleted` or `replaced`.
    pub state: OnDisk,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(flag: &bool) -> bool {
    !flag
}
