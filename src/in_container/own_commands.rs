//! Which commands a target has of its own, in its PATH.

use std::path::Path;

use crate::check::CheckContext;
use crate::scan::snapshot::ProcessSnapshot;
use crate::sys::executable::Executable;

/// Where programs are looked for without a PATH, as container runtimes set it.
const USUAL: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Those of the names that stand in a directory of the target's PATH; that of the links itself does
/// not count.
///
/// # Errors
/// Why that could not be seen.
pub(crate) fn own_commands<'a>(
    context: &mut CheckContext,
    names: &[&'a str],
    links: &Path,
) -> Result<Vec<&'a str>, String> {
    let (scan, _) = context.scan().map_err(|none| none.reason.to_string())?;
    let unreadable = |what: &str, why: &str| format!("the target's {what} is not readable ({why})");
    let path = match scan.main_process().and_then(ProcessSnapshot::environ) {
        None => USUAL.to_vec(),
        Some(Err(refusal)) => return Err(unreadable("PATH", refusal.reason.describe())),
        Some(Ok(environ)) => {
            let mut entries = environ.entries.into_iter();
            let path = entries.find(|entry| entry.name == b"PATH");
            match path.and_then(|path| path.value) {
                Some(path) => path,
                None if environ.overwritten => {
                    return Err(unreadable("PATH", "overwritten by the process"));
                }
                None => USUAL.to_vec(),
            }
        }
    };
    let target = scan.target.as_ref().ok_or("there is no target")?;
    let root = target
        .root(&scan.reader.viewer)
        .map_err(|refusal| unreadable("file system", refusal.reason.describe()))?;
    let links = links.as_os_str().as_encoded_bytes();
    let directories = path.split(|byte| *byte == b':');
    let directories: Vec<&[u8]> = directories
        .filter(|directory| directory.starts_with(b"/") && *directory != links)
        .collect();
    let is_there = |name: &str| {
        directories.iter().any(|directory| {
            let path = [directory, &b"/"[..], name.as_bytes()].concat();
            let found = Executable::at(root, &path);
            found.is_ok_and(|found| found.file && found.mode & 0o111 != 0)
        })
    };
    Ok(names
        .iter()
        .copied()
        .filter(|name| is_there(name))
        .collect())
}
