//! The licences of all that is linked in, against the list of deny.toml.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::{text_of, top};
use crate::host::{list, only, run};

#[test]
fn all_that_is_linked_in_has_a_licence_of_the_list() {
    let allowed = allowed();
    let mut refused = Vec::new();
    for (name, licence) in linked_in() {
        if !admitted(&licence, &allowed) {
            refused.push(format!("{name}: {licence}"));
        }
    }
    assert!(
        refused.is_empty(),
        "deny.toml does not allow\n{}",
        refused.join("\n")
    );
}

#[test]
fn the_list_names_no_licence_that_nothing_needs() {
    let allowed = allowed();
    let linked_in = linked_in();
    for licence in &allowed {
        let mut fewer = allowed.clone();
        fewer.remove(licence);
        let needs = |other: &String| words(other).any(|word| word == licence);
        assert!(
            linked_in.values().any(needs),
            "{licence} is the licence of nothing that is linked in"
        );
    }
}

#[test]
fn an_expression_is_read_as_spdx_says() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "A WITH x".to_owned()]);
    for (expression, fits) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT OR GPL-3.0", true),
        ("MIT/GPL-3.0", true),
        ("MIT AND GPL-3.0", false),
        ("(GPL-3.0 OR MIT) AND MIT", true),
        ("(GPL-3.0 OR MIT) AND ISC", false),
        ("GPL-3.0 AND ISC OR MIT", true),
        ("A WITH x", true),
        ("A", false),
    ] {
        assert_eq!(admitted(expression, &allowed), fits, "{expression}");
    }
}

/// The list of deny.toml.
fn allowed() -> BTreeSet<String> {
    let text = text_of("deny.toml");
    let list = text.split_once("\nallow = [").unwrap().1;
    let list = list.split_once(']').unwrap().0;
    list.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The crates that come into a binary or help to build it, on each target of deny.toml, with their
/// licences.
fn linked_in() -> BTreeMap<String, String> {
    let text = text_of("deny.toml");
    let targets = text.split_once("targets = [").unwrap().1;
    let targets = targets.split_once(']').unwrap().0;
    let mut all = BTreeMap::new();
    for target in targets.split('"').skip(1).step_by(2) {
        all.extend(on_target(target));
    }
    assert!(all.len() > 50, "{all:?}");
    all
}

fn on_target(target: &str) -> BTreeMap<String, String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", target])
        .current_dir(top());
    let metadata = run(&mut cargo).document();
    let nodes = list(&metadata["resolve"], "nodes");
    let mut found = BTreeSet::new();
    let mut next = vec![&metadata["resolve"]["root"]];
    while let Some(id) = next.pop() {
        if !found.insert(id.as_str().unwrap()) {
            continue;
        }
        let node = only(nodes, |node| node["id"] == *id);
        let shipped = |dependency: &&Value| {
            let kinds = list(dependency, "dep_kinds");
            kinds.iter().any(|kind| kind["kind"] != "dev")
        };
        let dependencies = list(node, "deps").iter().filter(shipped);
        next.extend(dependencies.map(|dependency| &dependency["pkg"]));
    }
    let packages = list(&metadata, "packages").iter();
    packages
        .filter(|package| found.contains(package["id"].as_str().unwrap()))
        .map(|package| {
            let name = package["name"].as_str().unwrap().to_owned();
            let licence = package["license"].as_str().unwrap_or("none").to_owned();
            (name, licence)
        })
        .collect()
}

/// Whether a licence expression can be met with what is allowed: `OR` binds looser than `AND`, and
/// the slash of old crates is an `OR`.
fn admitted(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ");
    // Without brackets inside, from within outwards.
    if let Some(close) = expression.find(')') {
        let open = expression[..close].rfind('(').unwrap();
        let inner = admitted(&expression[open + 1..close], allowed);
        let with = format!(
            "{}{}{}",
            &expression[..open],
            if inner { "TRUE" } else { "FALSE" },
            &expression[close + 1..]
        );
        return admitted(&with, allowed);
    }
    let met = |licence: &str| licence.trim() == "TRUE" || allowed.contains(licence.trim());
    expression
        .split(" OR ")
        .any(|all| all.split(" AND ").all(met))
}

/// The licences that an expression names.
fn words(expression: &str) -> impl Iterator<Item = &str> {
    expression
        .split(['(', ')', '/'])
        .flat_map(|part| part.split(" OR "))
        .flat_map(|part| part.split(" AND "))
        .map(str::trim)
}
