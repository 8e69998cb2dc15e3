//! Files that are replaced while the server runs, as Kubernetes does with Secrets.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::sys::own_file::{self, Stamp};

/// How often the files are asked whether they changed.
const CHECK: Duration = Duration::from_millis(500);
/// Tokens, chains and bundles are far smaller.
const LIMIT: u64 = 1 << 20;

/// What the contents of some files make, made anew when one of them changes.
pub(super) struct ReloadingFile<T> {
    paths: Vec<PathBuf>,
    make: fn(&[Vec<u8>]) -> Result<T, String>,
    state: Mutex<State<T>>,
}

struct State<T> {
    value: T,
    stamps: Vec<Option<Stamp>>,
    checked: Instant,
    /// Why the files as they are now cannot be used, until somebody was told; the value is
    /// that of the files before.
    fault: Option<String>,
}

impl<T: Clone> ReloadingFile<T> {
    /// Reads them for the first time.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub(super) fn read(
        paths: Vec<PathBuf>,
        make: fn(&[Vec<u8>]) -> Result<T, String>,
    ) -> Result<Self, String> {
        let stamps = stamps(&paths);
        let value = contents(&paths).and_then(|contents| make(&contents))?;
        Ok(Self {
            paths,
            make,
            state: Mutex::new(State {
                value,
                stamps,
                checked: Instant::now(),
                fault: None,
            }),
        })
    }

    /// The value as of now; where new files cannot be used, that of the old ones.
    pub(super) fn get(&self) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.checked.elapsed() >= CHECK {
            state.checked = Instant::now();
            let now = stamps(&self.paths);
            if now != state.stamps {
                state.stamps = now;
                match renewed(&self.paths, &state.stamps)
                    .and_then(|contents| (self.make)(&contents))
                {
                    Ok(value) => state.value = value,
                    Err(fault) => state.fault = Some(fault),
                }
            }
        }
        state.value.clone()
    }

    /// Why the newest files could not be used, once.
    pub(super) fn take_fault(&self) -> Option<String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.fault.take()
    }
}

fn stamps(paths: &[PathBuf]) -> Vec<Option<Stamp>> {
    paths.iter().map(|path| own_file::stamp(path)).collect()
}

/// Their contents, once more. On the thread that serves: nothing is opened that could keep it,
/// such as a pipe.
fn renewed(paths: &[PathBuf], stamps: &[Option<Stamp>]) -> Result<Vec<Vec<u8>>, String> {
    let absent = paths.iter().zip(stamps).find(|(_, stamp)| stamp.is_none());
    match absent {
        Some((path, _)) => Err(format!("{}: the file no longer exists", path.display())),
        None => contents(paths),
    }
}

fn contents(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, String> {
    paths
        .iter()
        .map(|path| {
            own_file::contents(path, LIMIT).map_err(|error| format!("{}: {error}", path.display()))
        })
        .collect()
}
