//! A browser of this machine, shown a page whose address holds a secret: by a file that only this
//! user reads, as everybody reads the arguments of programs.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use data_encoding::HEXLOWER;

use super::{ToolError, refused};
use crate::sys::random;

/// It opens what it is given in the user's browser.
const OPENER: &str = "xdg-open";
/// How long a browser may take to read the file.
const KEPT: Duration = Duration::from_secs(30);

/// The file that leads a browser to the page; it goes when this is dropped, or after a while.
#[derive(Debug)]
pub(crate) struct ShownPage(PathBuf);

impl Drop for ShownPage {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Opens a page in the user's browser and does not wait for it. The address is of digits, letters
/// and signs that HTML takes as they are.
///
/// # Errors
/// [`ToolError`], where the file cannot be written, or no program opens it.
pub(crate) fn show(address: &str) -> Result<ShownPage, ToolError> {
    let program = OsString::from(OPENER);
    let failed = |source| refused(&program, source);
    let page = write(address).map_err(failed)?;
    let mut command = Command::new(&program);
    command
        .arg(&page.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // The interrupt that ends this program shall not end the browser.
        .process_group(0);
    let mut child = command.spawn().map_err(failed)?;
    let path = page.0.clone();
    thread::Builder::new()
        .spawn(move || {
            thread::sleep(KEPT);
            let _ = std::fs::remove_file(path);
            let _ = child.wait();
        })
        .map_err(failed)?;
    Ok(page)
}

fn write(address: &str) -> io::Result<ShownPage> {
    let own = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let own = own.filter(|own| own.is_absolute());
    own.map_or_else(
        || write_in(&std::env::temp_dir(), address),
        |own| write_in(&own, address).or_else(|_| write_in(&std::env::temp_dir(), address)),
    )
}

fn write_in(directory: &Path, address: &str) -> io::Result<ShownPage> {
    let name = HEXLOWER.encode(&random::key()?);
    let path = directory.join(format!(
        "spyhole-{}.html",
        name.get(..16).unwrap_or_default()
    ));
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    let page = ShownPage(path);
    writeln!(
        file,
        "<!doctype html><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\">\
         <meta http-equiv=\"refresh\" content=\"0; url={address}\"><title>spyhole</title>\
         <a href=\"{address}\">spyhole</a>"
    )?;
    Ok(page)
}
