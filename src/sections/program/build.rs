//! What compilers and linkers leave: modules and settings of Go, the compiler and packages of Rust.

use std::collections::BTreeMap;

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use serde::Deserialize;

use super::Subject;
use crate::model::byte_string::ByteString;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::program::{GoBuild, RustBuild, RustPackage};
use crate::parse::elf::{Go, Image};
use crate::redact::Redactor;
use crate::sys::ranges::Ranges;

/// The section of cargo-auditable; programs of a thousand packages have 20 KiB of it.
const DEPENDENCIES: &[u8] = b".dep-v0";
const COMPRESSED: u64 = 1 << 20;
const PLAIN: usize = 8 << 20;
const PACKAGES: usize = 4096;
const SETTINGS: usize = 128;

pub(super) fn go(subject: &Subject<'_>, go: &Go) -> GoBuild {
    let mut build = GoBuild {
        version: go.version.clone(),
        package: None,
        module: None,
        module_version: None,
        dependencies: 0,
        settings: BTreeMap::new(),
    };
    for line in go.modules.lines() {
        let mut fields = line.split('\t');
        let shown = |field: Option<&str>| Some(subject.shown(field?.as_bytes()));
        match fields.next() {
            Some("path") => build.package = shown(fields.next()),
            Some("mod") => {
                build.module = shown(fields.next());
                build.module_version = shown(fields.next());
            }
            Some("dep") => build.dependencies += 1,
            Some("build") => {
                let pair = fields.next().and_then(|field| field.split_once('='));
                if let Some((name, value)) = pair
                    && build.settings.len() < SETTINGS
                {
                    let value = setting(&subject.scan.redactor, name, value);
                    build.settings.insert(name.to_owned(), value);
                }
            }
            _ => {}
        }
    }
    build
}

/// The value of a setting: `-ldflags` may set variables of the program, `-X main.token=…`.
fn setting(redactor: &Redactor, name: &str, value: &str) -> ByteString {
    // One value; a list of flags is looked at word by word.
    if !value.contains([' ', '='])
        && let Some(redacted) = redactor.variable(name.as_bytes(), value.as_bytes())
    {
        return redacted.describe().as_str().into();
    }
    let words = value.split(' ').map(|word| {
        let Some((target, set)) = word.split_once('=') else {
            return word.to_owned();
        };
        let variable = target.rsplit(['.', '/']).next().unwrap_or(target);
        let variable = variable.trim_start_matches(['-', '"', '\'']);
        match redactor.variable(
            variable.as_bytes(),
            set.trim_matches(['"', '\'']).as_bytes(),
        ) {
            Some(redacted) => format!("{target}={}", redacted.describe()),
            None => word.to_owned(),
        }
    });
    let words: Vec<String> = words.collect();
    redactor.sentence(&words.join(" ")).as_str().into()
}

pub(super) fn rust(
    file: &Ranges,
    image: &Image,
    pid: i32,
    gaps: &mut SectionGaps<'_>,
) -> Option<RustBuild> {
    let section = image.section(DEPENDENCIES);
    let packages = section.map(|section| {
        if section.size > COMPRESSED {
            return Err(Refusal::of(Reason::Limit));
        }
        let length = usize::try_from(section.size).unwrap_or_default();
        let bytes = file.read(section.offset, length).unwrap_or_default();
        packages(&bytes)
    });
    if packages.is_none() && image.rustc.is_none() {
        return None;
    }
    Some(RustBuild {
        compiler: image.rustc.clone(),
        packages: packages.map(|packages| gaps.seen("elf.rust.packages", pid, packages)),
    })
}

/// As cargo-auditable writes them.
#[derive(Deserialize)]
struct Audited {
    packages: Vec<AuditedPackage>,
}

#[derive(Deserialize)]
struct AuditedPackage {
    name: String,
    version: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    root: bool,
}

fn packages(bytes: &[u8]) -> Result<Vec<RustPackage>, Refusal> {
    let malformed = || Refusal::of(Reason::Malformed);
    let plain = decompress_to_vec_zlib_with_limit(bytes, PLAIN).map_err(|_| malformed())?;
    let audited: Audited = serde_json::from_slice(&plain).map_err(|_| malformed())?;
    let packages = audited.packages.into_iter().take(PACKAGES);
    Ok(packages
        .map(|package| RustPackage {
            name: package.name,
            version: package.version,
            source: package.source,
            root: package.root,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use miniz_oxide::deflate::compress_to_vec_zlib;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_of_build_settings_are_redacted() {
        let redactor = Redactor::new(b"key");
        let value = "\"-s -w -X main.version=1.2.3 -X main.apiToken=k9d41f7aa0c6e8b2 -X 'x/y.password=hunter2hunter2'\"";
        let shown = setting(&redactor, "-ldflags", value);
        let shown = shown.to_text();
        assert!(shown.contains("main.version=1.2.3"), "{shown}");
        for secret in ["k9d41f7aa0c6e8b2", "hunter2hunter2"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        let shown = setting(&redactor, "CGO_ENABLED", "1");
        assert_eq!(shown.to_text(), "1");
    }

    #[test]
    fn packages_as_cargo_auditable_writes_them() {
        let json = br#"{"packages":[{"name":"a","version":"1.0.0","source":"crates.io"},
            {"name":"b","version":"0.1.0","source":"local","root":true,"kind":"runtime"}],"format":1}"#;
        let found = packages(&compress_to_vec_zlib(json, 6)).unwrap();
        let names: Vec<_> = found
            .iter()
            .map(|one| (one.name.as_str(), one.root))
            .collect();
        assert_eq!(names, [("a", false), ("b", true)]);
        assert!(packages(b"no zlib").is_err());
        // A bomb: what is beyond the bound is not unpacked.
        let bomb = compress_to_vec_zlib(&vec![b' '; PLAIN + 1], 9);
        assert!(bomb.len() < 100_000 && packages(&bomb).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let _ = packages(&bytes);
        }
    }
}
