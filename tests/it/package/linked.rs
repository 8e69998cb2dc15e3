//! Whose work is linked in, by the symbols of the program itself. Cargo's word for it is held against its lock file
//! by `scripts/lint-packaging`.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::unpacked;
use crate::host::run;
use crate::lab::spyhole;

/// The crates that functions of the program are of: those whose symbols begin with their names.
fn crates_in_symbols() -> BTreeSet<String> {
    let symbols = run(Command::new("nm").arg("--demangle").arg(spyhole())).ended_with(0);
    let text = symbols.stdout_text();
    let functions = text.lines().filter_map(|line| {
        let (kind, name) = line.get(17..)?.split_once(' ')?;
        let (first, _) = name.split_once("::")?;
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        (matches!(kind, "t" | "T") && first.bytes().all(is_name)).then(|| first.to_owned())
    });
    functions.collect()
}

/// What the archive says is linked in: the names as Rust has them, and the standard library's own parts.
fn named() -> BTreeSet<String> {
    let text = fs::read_to_string(unpacked().join("THIRD-PARTY.txt")).unwrap();
    let (list, _) = text.split_once("\nThe texts of these licences").unwrap();
    let (crates, library) = list.split_once("\nRust's standard library").unwrap();
    let first = |line: &str, end: &str| {
        let name = line.split_once(':')?.0.rsplit_once(end)?.0;
        Some(name.replace('-', "_"))
    };
    let mut names: BTreeSet<String> = crates.lines().filter_map(|line| first(line, " ")).collect();
    assert!(names.len() > 100, "{names:?}");
    names.extend(library.lines().filter_map(|line| first(line, "-")));
    names
}

#[test]
fn whoever_has_a_function_in_the_program_is_named() {
    let library = |name: String| match name.as_str() {
        "webpki" => "rustls_webpki".to_owned(),
        _ => name,
    };
    // spyhole itself, what is one work with the standard library, and what the tests ask of regex-automata, as
    // Cargo builds the program of the tests with that too.
    let own = [
        "spyhole",
        "alloc",
        "core",
        "std",
        "std_detect",
        "panic_unwind",
        "compiler_builtins",
        "__rustc",
        "aho_corasick",
    ];
    let named = named();
    let found: BTreeSet<String> = crates_in_symbols().into_iter().map(library).collect();
    for present in [
        "core",
        "spyhole",
        "rustls",
        "rustls_webpki",
        "serde_json",
        "tokio",
    ] {
        assert!(found.contains(present), "{present}: {found:?}");
    }
    let missing: Vec<&String> = found
        .iter()
        .filter(|name| !named.contains(*name) && !own.contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "not named: {missing:?}");
}
