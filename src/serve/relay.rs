//! `serve --relay PATH`: stdin and stdout as one connection to a server's socket, for a client whose
//! only way there is to run a program: `podman exec`.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;

/// Bytes that are passed on at once.
const PIECE: usize = 32 << 10;

/// Passes bytes on until the server closes the connection.
///
/// # Errors
/// Those of connecting, and of starting a thread.
pub(super) fn run(path: &Path) -> io::Result<()> {
    let mut answers = UnixStream::connect(path)?;
    let mut requests = answers.try_clone()?;
    thread::Builder::new().spawn(move || {
        pass_on(&mut io::stdin().lock(), &mut requests);
        let _ = requests.shutdown(Shutdown::Write);
    })?;
    pass_on(&mut answers, &mut io::stdout().lock());
    Ok(())
}

/// An end of either side is an end of the connection, and no error.
fn pass_on(from: &mut impl Read, to: &mut impl Write) {
    let mut piece = vec![0; PIECE];
    loop {
        let read = match from.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(read @ 1..) => read,
            _ => return,
        };
        let read = piece.get(..read).unwrap_or_default();
        if to.write_all(read).and_then(|()| to.flush()).is_err() {
            return;
        }
    }
}
