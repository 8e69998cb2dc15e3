//! `#[needs(root, podman)]` in place of `#[test]`, for a test that not every machine can run.
//!
//! Without `CI=true`, a test whose needs are missing when it is compiled is `#[ignore]`d with the
//! reason, which libtest shows. What is missing only when it runs (compiled as root, run as another
//! user) ends it with a line on stderr. With `CI=true` it fails in both cases.
//!
//! What a need means stands in `tests/it/support/needs.rs`, a function for each. Here is only what
//! can be known of it without running anything.
#![allow(clippy::disallowed_methods, reason = "not a part of spyhole")]

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use proc_macro::{Delimiter, Group, TokenStream, TokenTree};

/// A test that needs what is listed.
#[proc_macro_attribute]
pub fn needs(list: TokenStream, test: TokenStream) -> TokenStream {
    let list: Vec<String> = list
        .to_string()
        .split(',')
        .map(|need| need.trim().to_owned())
        .filter(|need| !need.is_empty())
        .collect();
    let missing = list.iter().map(String::as_str);
    let missing: Vec<&str> = missing.filter(|need| is_missing(need)).collect();
    let ignored = if missing.is_empty() || env::var("CI").as_deref() == Ok("true") {
        String::new()
    } else {
        format!("#[ignore = \"needs {}\"]", missing.join(", "))
    };
    let attributes = format!("#[::core::prelude::v1::test] {ignored}");
    let checks = list
        .iter()
        .map(|need| format!("(\"{need}\", crate::support::needs::{need})"));
    let checks = checks.collect::<Vec<_>>().join(",");
    let guard = format!("if !crate::support::needs::are_met(&[{checks}]) {{ return; }}");
    let (Ok(mut tokens), Ok(mut body)) = (
        attributes.parse::<TokenStream>(),
        guard.parse::<TokenStream>(),
    ) else {
        return error("the attribute cannot be written");
    };
    let mut parts: Vec<TokenTree> = test.into_iter().collect();
    match parts.pop() {
        Some(TokenTree::Group(block)) if block.delimiter() == Delimiter::Brace => {
            body.extend(block.stream());
            let mut with_guard = Group::new(Delimiter::Brace, body);
            with_guard.set_span(block.span());
            parts.push(with_guard.into());
        }
        _ => return error("`needs` stands before a function"),
    }
    tokens.extend(parts);
    tokens
}

/// Whether it is surely missing. What is not listed is a program of that name.
fn is_missing(need: &str) -> bool {
    let may_be_met = match need {
        "root" | "memory_cgroup" => is_root(),
        "podman" => is_root() && on_path("podman"),
        "fuse" => Path::new("/dev/fuse").exists(),
        "autofs" => fs::read_to_string("/proc/filesystems")
            .is_ok_and(|known| known.lines().any(|line| line.ends_with("\tautofs"))),
        "kubectl" => on_path("kubectl") || prepared("kubectl-1.37/kubectl"),
        "each_kubectl" => {
            prepared("kubectl-1.31/kubectl") && prepared("kubectl-1.37/kubectl")
                || on_path("kubectl")
        }
        "libcap" => on_path("capsh"),
        "postgres" => Path::new("/usr/lib/postgresql").exists(),
        "exim" => Path::new("/usr/sbin/exim4").exists(),
        "go" => prepared("go/bin/go"),
        "grpc" => prepared("installed/grpcio"),
        "schemathesis" => prepared("bin/schemathesis"),
        program => on_path(&program.replace('_', "-")),
    };
    !may_be_met
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut directories = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    directories.any(|directory| directory.join(program).exists())
}

/// Whether `scripts/prepare` has installed it.
fn prepared(tool: &str) -> bool {
    let top = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    Path::new(&top).join("target/tools").join(tool).exists()
}

fn error(text: &str) -> TokenStream {
    format!("::core::compile_error!({text:?});")
        .parse()
        .unwrap_or_default()
}
