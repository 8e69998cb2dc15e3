//! The version of a runtime, where a file of it or the name of one tells.

use super::Subject;
use crate::model::program::RuntimeVersion;
use crate::parse::maps::Mapping;
use crate::sys::InRoot;
use crate::sys::{Truncation, file_limits};

pub(super) fn version(
    subject: &Subject<'_>,
    root: &InRoot,
    exe: Option<&[u8]>,
    mapped: &[Mapping],
) -> Option<RuntimeVersion> {
    let paths = || {
        exe.into_iter()
            .chain(mapped.iter().map(|one| one.path.as_slice()))
    };
    let (name, version, file) = java(root, paths())
        .or_else(|| dotnet(paths()))
        .or_else(|| node(root, exe))
        .or_else(|| python(paths()))?;
    Some(RuntimeVersion {
        name: name.to_owned(),
        version: subject.shown(&version),
        file: subject.shown(&file),
    })
}

type Found = (&'static str, Vec<u8>, Vec<u8>);

/// `JAVA_VERSION="17.0.9"` of the file `release` beside `lib`.
fn java<'a>(root: &InRoot, mut paths: impl Iterator<Item = &'a [u8]>) -> Option<Found> {
    let library = paths.find(|path| path.ends_with(b"/libjvm.so"))?;
    let at = memchr::memmem::rfind(library, b"/lib/")?;
    let file = [library.get(..at)?, b"/release"].concat();
    let text = small(root, &file)?;
    let line = text
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(b"JAVA_VERSION="))?;
    let version = line.trim_ascii();
    let version = version.strip_prefix(b"\"").unwrap_or(version);
    let version = version.strip_suffix(b"\"").unwrap_or(version);
    Some(("java", version.to_vec(), file))
}

/// `/usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/libcoreclr.so`
fn dotnet<'a>(mut paths: impl Iterator<Item = &'a [u8]>) -> Option<Found> {
    const FRAMEWORK: &[u8] = b"/Microsoft.NETCore.App/";
    paths.find_map(|path| {
        let at = memchr::memmem::find(path, FRAMEWORK)?;
        let rest = path.get(at + FRAMEWORK.len()..)?;
        let version = rest.split(|byte| *byte == b'/').next()?;
        let is_version = version.first().is_some_and(u8::is_ascii_digit);
        is_version.then(|| ("dotnet", version.to_vec(), path.to_vec()))
    })
}

/// `include/node/node_version.h` beside the directory of the program.
fn node(root: &InRoot, exe: Option<&[u8]>) -> Option<Found> {
    let prefix = exe?.strip_suffix(b"/bin/node")?;
    let file = [prefix, b"/include/node/node_version.h"].concat();
    let text = small(root, &file)?;
    let number = |name: &[u8]| {
        let mut lines = text.split(|byte| *byte == b'\n');
        lines.find_map(|line| {
            let value = line.strip_prefix(b"#define ")?.strip_prefix(name)?;
            let value = value.trim_ascii();
            let digits = value.iter().all(u8::is_ascii_digit) && !value.is_empty();
            digits.then(|| value.to_vec())
        })
    };
    let parts = [
        number(b"NODE_MAJOR_VERSION ")?,
        number(b"NODE_MINOR_VERSION ")?,
        number(b"NODE_PATCH_VERSION ")?,
    ];
    Some(("node", parts.join(&b"."[..]), file))
}

/// `3.11` of `/usr/bin/python3.11`, `libpython3.11.so.1.0` or `/usr/lib/python3.11/…`.
fn python<'a>(mut paths: impl Iterator<Item = &'a [u8]>) -> Option<Found> {
    const NAME: &[u8] = b"python";
    paths.find_map(|path| {
        let at = memchr::memmem::rfind(path, b"python3.")?;
        let version: Vec<u8> = path
            .get(at + NAME.len()..)?
            .iter()
            .copied()
            .take_while(|byte| byte.is_ascii_digit() || *byte == b'.')
            .collect();
        let version = version.strip_suffix(b".").unwrap_or(&version).to_vec();
        (version.len() > 2).then(|| ("python", version, path.to_vec()))
    })
}

fn small(root: &InRoot, path: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = root.read(path, file_limits::SMALL, &mut bytes).ok()?;
    (read == Truncation::Whole).then_some(bytes)
}
