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
