//! Who may import whom: each layer only from those below it, `render` and `doctor`
//! only from `model`, and files and connections only where they belong.

use std::fs;
use std::path::{Path, PathBuf};

/// Top to bottom.
const LAYERS: &[&str] = &[
    "cli", "serve", "attach", "inject", "doctor", "render", "inspect", "probe", "parse", "sys",
    "model",
];
/// These know nothing but the model.
const MODEL_ONLY: &[&str] = &["doctor", "render"];

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
            if other < own || (narrow && imported != layer) {
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
