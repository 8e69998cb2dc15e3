//! Who may import whom: each layer only from those below it, `render` only from `model`, and files
//! and connections only where they belong.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::host::run;

/// Top to bottom.
const LAYERS: &[&str] = &[
    "cli",
    "terminal",
    "serve",
    "attach",
    "own_image",
    "in_container",
    "compare",
    "spec",
    "doctor",
    "ask",
    "check",
    "files",
    "image",
    "sections",
    "render",
    "trust",
    "scan",
    "probe",
    "rights",
    "pki",
    "redact",
    "parse",
    "sys",
    "model",
];
/// Names kept for what comes next, with the layer that each will stand above.
const PLANNED: &[(&str, &str)] = &[];
/// These know nothing but the model.
const MODEL_ONLY: &[&str] = &["render", "doctor"];
/// These do not know the model: what they make is plain data, which is turned into the model above.
const WITHOUT_MODEL: &[&str] = &["parse"];

#[test]
fn the_map_and_the_guide_tell_the_same_order() {
    let map = text_of("src/lib.rs");
    let told = map
        .lines()
        .filter_map(|line| line.strip_prefix("//! | [`")?.split('`').next());
    assert_eq!(told.collect::<Vec<_>>(), LAYERS, "src/lib.rs");
    let guide = text_of("CONTRIBUTING.md");
    let told = guide
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split("/` |").next());
    assert_eq!(told.collect::<Vec<_>>(), LAYERS, "CONTRIBUTING.md");
    for (name, above) in PLANNED {
        assert!(!LAYERS.contains(name) && LAYERS.contains(above), "{name}");
        assert!(
            guide.contains(&format!("`{name}/`")),
            "CONTRIBUTING.md: {name}"
        );
    }
    let mut folders: Vec<String> = sources().into_iter().map(|(_, layer, _)| layer).collect();
    folders.sort();
    folders.dedup();
    let mut layers = LAYERS.to_vec();
    layers.sort_unstable();
    assert_eq!(folders, layers, "src");
}

#[test]
fn what_is_read_of_a_file_has_one_limit() {
    let mut limits = BTreeMap::<String, BTreeSet<String>>::new();
    for (path, _, text) in sources() {
        let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
        for call in [".read(", ".read_records(", ".parsed("] {
            for rest in shipped.split(call).skip(1) {
                let Some((file, rest)) = rest
                    .trim_start()
                    .strip_prefix("c\"")
                    .and_then(|rest| rest.split_once("\","))
                else {
                    continue;
                };
                let limit = rest.split([',', ')']).next().unwrap().trim().to_owned();
                assert!(
                    limit.starts_with("file_limits::"),
                    "{}: {file} is read up to {limit}: src/sys/file_limits.rs says how much",
                    path.display()
                );
                limits.entry(file.to_owned()).or_default().insert(limit);
            }
        }
    }
    assert!(limits.len() > 10, "{limits:?}");
    limits.retain(|_, several| several.len() > 1);
    assert!(limits.is_empty(), "{limits:?}");
}

#[test]
fn what_is_tracked_is_text() {
    let tracked = run(Command::new("git")
        // Also where the checkout belongs to another user, as in a container.
        .args(["-c", "safe.directory=*", "ls-files", "-z"])
        .current_dir(env!("CARGO_MANIFEST_DIR")))
    .ended_with(0)
    .stdout_text();
    let mut read = 0;
    for name in tracked.split_terminator('\0') {
        // The pictures of the page.
        if name.starts_with("docs/img/") {
            continue;
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        // Removed, and not yet committed.
        let Ok(bytes) = fs::read(&path) else { continue };
        read += 1;
        assert!(!bytes.contains(&0), "{name} holds a NUL byte: write \\0");
        assert!(String::from_utf8(bytes).is_ok(), "{name} is not UTF-8");
    }
    assert!(read > 300, "only {read} files are tracked");
}

#[test]
fn each_layer_imports_only_from_below() {
    let mut wrong = Vec::new();
    for (path, layer, text) in sources() {
        let own = LAYERS.iter().position(|name| *name == layer);
        let own = own.unwrap_or_else(|| panic!("{} is in no layer", path.display()));
        for imported in imports(&text) {
            let other = LAYERS.iter().position(|name| *name == imported);
            let other = other.unwrap_or_else(|| panic!("{}: crate::{imported}?", path.display()));
            let narrow = MODEL_ONLY.contains(&layer.as_str()) && imported != "model";
            let model = WITHOUT_MODEL.contains(&layer.as_str()) && imported == "model";
            if other < own || (narrow && imported != layer) || model {
                wrong.push(format!("{}: imports crate::{imported}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_and_connections_stay_where_they_belong() {
    let allowed = [
        ("std::fs", &["sys"][..]),
        ("std::net", &["probe", "serve"][..]),
    ];
    let mut wrong = Vec::new();
    for (path, layer, text) in sources() {
        // A test writes what it then reads.
        let is_test = |name: &std::ffi::OsStr| name == "tests" || name == "tests.rs";
        if path.components().any(|part| is_test(part.as_os_str())) {
            continue;
        }
        let shipped = text
            .split("#[cfg(test)]\nmod tests")
            .next()
            .unwrap_or_default();
        for (module, layers) in allowed {
            if shipped.contains(module) && !layers.contains(&layer.as_str()) {
                wrong.push(format!("{}: uses {module}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_repository_does_not_panic_by_intent() {
    for (path, _, text) in sources() {
        let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
        for word in ["todo!(", "unimplemented!(", "unreachable!("] {
            assert!(!shipped.contains(word), "{}: {word}…)", path.display());
        }
    }
}

fn text_of(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// What a file imports by `crate::LAYER`.
fn imports(text: &str) -> Vec<String> {
    let name = |rest: &str| {
        rest.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1).map(name))
        .collect()
}

/// Each source file with its layer and its text.
fn sources() -> Vec<(PathBuf, String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for layer in fs::read_dir(&src)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if !layer.is_dir() {
            continue;
        }
        let name = layer.file_name().unwrap().to_str().unwrap().to_owned();
        let mut folders = vec![layer];
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().path())
            {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let text = fs::read_to_string(&path).unwrap();
                    found.push((path, name.clone(), text));
                }
            }
        }
    }
    assert!(
        found.len() > 20,
        "the sources are not where they were: {}",
        src.display()
    );
    found
}
