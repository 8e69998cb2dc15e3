//! Says what to do about libraries or a loader that are not in the image.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::model::escape::escaped;
use crate::model::run_report::{Cause, CauseKind};
use crate::scan::program::libraries;
use crate::sys::InRoot;
use crate::sys::executable::absolute;

/// A dynamic program whose libraries are not there ends as if it were not there itself.
pub(super) fn missing_libraries(program: &[u8]) -> Option<Cause> {
    let root = InRoot::at(Path::new("/")).ok()?;
    let path = absolute(OsStr::from_bytes(program));
    let library_path = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let path = path.as_os_str().as_bytes();
    let missing = libraries::missing(&root, path, library_path.as_bytes())?;
    let list = |names: &[Vec<u8>]| {
        let names: Vec<_> = names.iter().map(|name| escaped(name)).collect();
        names.join(", ")
    };
    let cache = if missing.with_cache {
        " and /etc/ld.so.cache"
    } else {
        ""
    };
    Some(Cause {
        kind: CauseKind::MissingLibraries,
        says: format!("shared libraries not found: {}", list(&missing.names)),
        hint: Some(format!(
            "searched {}{cache}; copy them into the image, or link the program statically",
            list(&missing.searched)
        )),
    })
}

/// Which C library brings a program that loads others, and what to do without it.
pub(super) fn whose_loader(interpreter: &[u8]) -> &'static str {
    let name = interpreter.rsplit(|byte| *byte == b'/').next();
    let name = name.unwrap_or_default();
    if name.starts_with(b"ld-musl-") {
        "it was linked against musl, as on Alpine: use an Alpine image, or link it statically"
    } else if interpreter.starts_with(b"/nix/") {
        "it was linked against Nix libraries: copy its closure too, or link it statically"
    } else if name.starts_with(b"ld-linux") || name.starts_with(b"ld64.so") || name == b"ld.so.1" {
        "it was linked against glibc, which scratch, distroless/static and Alpine do not have: \
         link it statically (CGO_ENABLED=0, a musl target), or use an image with glibc such as \
         distroless/base"
    } else {
        "link it statically, or use the image that it was built in"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loaders_name_their_library() {
        for (path, word) in [
            ("/lib/ld-musl-x86_64.so.1", "musl"),
            ("/lib64/ld-linux-x86-64.so.2", "glibc"),
            ("/lib/ld-linux-aarch64.so.1", "glibc"),
            ("/nix/store/x-glibc/lib/ld-linux-x86-64.so.2", "Nix"),
            ("/opt/own-loader", "static"),
        ] {
            assert!(whose_loader(path.as_bytes()).contains(word), "{path}");
        }
    }
}
