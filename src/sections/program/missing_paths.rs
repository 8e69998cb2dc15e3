//! What variables of the loader and of the C library name, and what does not exist.

use super::Subject;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::program::MissingPath;
use crate::model::seen::Seen;
use crate::scan::snapshot::ProcessSnapshot;
use crate::sys::InRoot;
use nix::errno::Errno;

/// As many are looked at.
const PATHS: usize = 64;
/// What separates the paths of each variable: ld.so(8).
const LOADER: [(&[u8], &[u8]); 3] = [
    (b"LD_LIBRARY_PATH", b":;"),
    (b"LD_PRELOAD", b": "),
    (b"LD_AUDIT", b":"),
];
/// Where C libraries, Go and Python look for zones.
const ZONES: [&[u8]; 4] = [
    b"/usr/share/zoneinfo/",
    b"/share/zoneinfo/",
    b"/etc/zoneinfo/",
    b"/usr/lib/zoneinfo/",
];

/// A variable and the places of which one has to exist.
type Named = (&'static [u8], Vec<Vec<u8>>);

/// `None` where no variable names a path.
pub(super) fn find(
    subject: &Subject<'_>,
    gaps: &mut SectionGaps<'_>,
) -> Option<Seen<Vec<MissingPath>>> {
    let main = subject.scan.main_process();
    let pid = subject.target.main.pid();
    let environ = main.and_then(ProcessSnapshot::environ)?;
    let named = match environ {
        Ok(environ) => {
            let value = |name: &[u8]| {
                let entry = environ.entries.iter().find(|entry| entry.name == name)?;
                entry.value.clone()
            };
            named(value)
        }
        Err(refusal) => return Some(gaps.seen("missing_paths", pid, Err(refusal))),
    };
    if named.is_empty() {
        return None;
    }
    let root = subject.target.root(&subject.scan.reader.viewer);
    let missing = root.map_err(Clone::clone).and_then(|root| {
        let mut missing = Vec::new();
        for (variable, places) in named {
            if !exists(root, &places)? {
                missing.extend(places.into_iter().next().map(|path| MissingPath {
                    variable: String::from_utf8_lossy(variable).into_owned(),
                    path: subject.shown(&path),
                }));
            }
        }
        Ok(missing)
    });
    Some(gaps.seen("missing_paths", pid, missing))
}

fn named(value: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Vec<Named> {
    let mut named: Vec<Named> = Vec::new();
    for (variable, separators) in LOADER {
        let value = value(variable).unwrap_or_default();
        let paths = value.split(|byte| separators.contains(byte));
        // What begins with `$ORIGIN` is relative to the program, and a plain name is looked for.
        let paths = paths.filter(|path| path.starts_with(b"/"));
        named.extend(paths.map(|path| (variable, vec![path.to_vec()])));
    }
    named.extend(
        value(b"TZ")
            .and_then(|zone| zone_places(&zone, value(b"TZDIR").as_deref()))
            .map(|places| (&b"TZ"[..], places)),
    );
    named.truncate(PATHS);
    named
}

/// Where a zone may be; `None` for a rule such as `CET-1CEST`, which needs no file.
fn zone_places(zone: &[u8], directory: Option<&[u8]>) -> Option<Vec<Vec<u8>>> {
    let zone = zone.strip_prefix(b":").unwrap_or(zone);
    if zone.starts_with(b"/") {
        return Some(vec![zone.to_vec()]);
    }
    // `Area/City`; a rule may hold a slash only behind a comma.
    let is_name = zone.contains(&b'/') && !zone.contains(&b',');
    let own = directory.map(|directory| [directory, b"/"].concat());
    let places = ZONES.iter().map(|place| place.to_vec()).chain(own);
    is_name.then(|| places.map(|place| [&place, zone].concat()).collect())
}

fn exists(root: &InRoot, places: &[Vec<u8>]) -> Result<bool, Refusal> {
    for place in places {
        match root.locate(place) {
            Ok(_) => return Ok(true),
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            Err(errno) => {
                return Err(Refusal {
                    errno: Some(format!("{errno:?}")),
                    ..Refusal::of(Reason::Denied)
                });
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variable: &[u8], value: &[u8]) -> Vec<Vec<u8>> {
        let named = named(|name| (name == variable).then(|| value.to_vec()));
        let first = |(_, places): Named| places.into_iter().next().unwrap();
        named.into_iter().map(first).collect()
    }

    #[test]
    fn each_variable_has_its_separators() {
        assert_eq!(of(b"LD_LIBRARY_PATH", b"/a:;lib:/b"), [b"/a", b"/b"]);
        assert_eq!(
            of(b"LD_PRELOAD", b"/a.so libb.so:/c.so"),
            [b"/a.so", b"/c.so"]
        );
        assert_eq!(
            of(b"TZ", b"Europe/Berlin"),
            [b"/usr/share/zoneinfo/Europe/Berlin"]
        );
        assert_eq!(of(b"TZ", b":/etc/localtime"), [b"/etc/localtime"]);
        for rule in [&b"UTC"[..], b"CET-1CEST", b"CET-1CEST,M3.5.0,M10.5.0/3"] {
            assert!(of(b"TZ", rule).is_empty());
        }
    }
}
