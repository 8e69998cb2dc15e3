//! No file of src imports another that leads back to it, so that each can be read from the bottom
//! up. A folder's own `mod.rs` and what lies in it may name each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Module = Vec<String>;

#[test]
fn no_file_imports_what_leads_back_to_it() {
    let sources = sources();
    let modules: BTreeSet<Module> = sources.keys().cloned().collect();
    assert!(modules.len() > 200, "only {} files", modules.len());
    let mut imports = BTreeMap::new();
    for (module, text) in &sources {
        let named: BTreeSet<Module> = paths(text)
            .filter_map(|path| resolve(&path, module))
            .filter_map(|path| file_of(&path, &modules))
            .filter(|other| !module.starts_with(other))
            .collect();
        imports.insert(module.clone(), named);
    }
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 500);
    let mut circles = BTreeSet::new();
    for start in imports.keys() {
        if let Some(path) = way_back(start, &imports) {
            let mut members = path.clone();
            members.sort();
            if circles.insert(members) {
                let names: Vec<String> = path.iter().map(|module| module.join("::")).collect();
                eprintln!("{}", names.join(" -> "));
            }
        }
    }
    assert!(
        circles.is_empty(),
        "{} circles, printed above",
        circles.len()
    );
}

/// The shortest way from a module through its imports back to itself.
fn way_back(start: &Module, imports: &BTreeMap<Module, BTreeSet<Module>>) -> Option<Vec<Module>> {
    let mut before: BTreeMap<&Module, &Module> = BTreeMap::new();
    let mut next = vec![start];
    while !next.is_empty() {
        let mut further = Vec::new();
        for at in next {
            for to in imports.get(at).into_iter().flatten() {
                if to == start {
                    let mut path = vec![at.clone()];
                    let mut step = at;
                    while step != start {
                        step = before[step];
                        path.push(step.clone());
                    }
                    path.reverse();
                    return Some(path);
                }
                if let std::collections::btree_map::Entry::Vacant(free) = before.entry(to) {
                    free.insert(at);
                    further.push(to);
                }
            }
        }
        next = further;
    }
    None
}

/// The file that a path leads into: the longest part of it that is a module of its own.
fn file_of(path: &[String], modules: &BTreeSet<Module>) -> Option<Module> {
    (1..=path.len())
        .rev()
        .map(|length| path[..length].to_vec())
        .find(|prefix| modules.contains(prefix))
}

/// A path as written in a module, from the root of the crate.
fn resolve(path: &[String], module: &Module) -> Option<Module> {
    let (first, mut rest) = path.split_first()?;
    let mut absolute = match first.as_str() {
        "crate" => Vec::new(),
        "super" => module[..module.len() - 1].to_vec(),
        _ => return None,
    };
    while let Some(("super", after)) = rest
        .split_first()
        .map(|(word, after)| (word.as_str(), after))
    {
        absolute.pop()?;
        rest = after;
    }
    absolute.extend(rest.iter().cloned());
    Some(absolute)
}

/// Every `crate::…` and `super::…` of a file, groups in braces taken apart.
fn paths(text: &str) -> impl Iterator<Item = Vec<String>> + '_ {
    let starts = ["crate::", "super::"]
        .into_iter()
        .flat_map(|word| text.match_indices(word));
    starts.flat_map(|(at, _)| {
        let inside = text[..at].ends_with("::") || text[..at].ends_with(char::is_alphanumeric);
        let mut found = Vec::new();
        if !inside {
            expand(&text[at..], &[], &mut found);
        }
        found
    })
}

/// Takes one path, or a group of them, off the front of the text; gives what is left.
fn expand<'t>(text: &'t str, before: &[String], found: &mut Vec<Vec<String>>) -> &'t str {
    let mut path = before.to_vec();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if let Some(group) = rest.strip_prefix('{') {
            rest = group;
            loop {
                rest = rest.trim_start().trim_start_matches(',').trim_start();
                if let Some(after) = rest.strip_prefix('}') {
                    return after;
                }
                let left = expand(rest, &path, found);
                if left.len() == rest.len() {
                    return left;
                }
                rest = left;
            }
        }
        let word: String = rest
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if word.is_empty() {
            break;
        }
        rest = &rest[word.len()..];
        if word != "self" {
            path.push(word);
        }
        match rest.strip_prefix("::") {
            Some(after) => rest = after,
            None => break,
        }
    }
    if path.len() > before.len() {
        found.push(path);
    }
    // `as` gives it another name here and means the same.
    match rest.trim_start().strip_prefix("as ") {
        Some(after) => after.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'),
        None => rest,
    }
}

/// The code of each file without comments and tests, by its module.
fn sources() -> BTreeMap<Module, String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![src.clone()];
    let mut found = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if path.is_dir() {
                folders.push(path);
            } else if let Some(module) = module_of(path.strip_prefix(&src).unwrap()) {
                let text = fs::read_to_string(&path).unwrap();
                let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                let code = shipped
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"));
                found.insert(module, code.collect::<Vec<_>>().join("\n"));
            }
        }
    }
    found
}

/// `scan/walk.rs` is `scan::walk`, `scan/mod.rs` is `scan`; the crate's own two files and tests
/// are none.
fn module_of(path: &Path) -> Option<Module> {
    let path = PathBuf::from(path).with_extension("");
    let mut module: Module = path
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect();
    if module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    let is_none = module.len() == 1 && ["lib", "main"].contains(&module[0].as_str());
    (!is_none && !module.iter().any(|part| part == "tests")).then_some(module)
}
