//! On a real terminal: the application has it, and ^C reaches it once.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::Duration;

use super::wrapper;
use crate::patience::eventually;

/// Says each SIGINT, and ends on QUIT; it reads the terminal as well.
const APP: &str = r#"
import os, signal, sys, time
count = 0
def told(number, _):
    global count
    count += 1
    print("interrupt", count, flush=True)
signal.signal(signal.SIGINT, told)
signal.signal(signal.SIGQUIT, lambda *_: os._exit(9))
print("foreground", os.tcgetpgrp(0) == os.getpgrp(), os.isatty(1), flush=True)
print("line", sys.stdin.readline().strip(), flush=True)
while True:
    time.sleep(0.05)
"#;

#[allow(unsafe_code, reason = "a new session has no safe wrapper before exec")]
#[test]
fn a_terminal_is_the_applications() {
    let pty = nix::pty::openpty(None, None).unwrap();
    let slave = || Stdio::from(pty.slave.try_clone().unwrap());
    let mut command = wrapper(["python3", "-c", APP]);
    command.stdin(slave()).stdout(slave()).stderr(slave());
    // SAFETY: both are system calls only.
    unsafe {
        command.pre_exec(|| {
            nix::unistd::setsid()?;
            match libc::ioctl(0, libc::TIOCSCTTY, 0) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        });
    }
    let mut child = command.spawn().unwrap();
    drop(command);
    drop(pty.slave);
    let mut terminal = Terminal::new(pty.master);
    terminal.expect("foreground True True");
    terminal.type_in(b"hello\n");
    terminal.expect("line hello");
    terminal.type_in(b"\x03");
    terminal.expect("interrupt 1");
    std::thread::sleep(Duration::from_millis(300));
    terminal.type_in(b"\x03");
    terminal.expect("interrupt 2");
    std::thread::sleep(Duration::from_millis(300));
    // Once for each: had the wrapper passed them on as well, there would be more by now.
    terminal.type_in(b"\x1c");
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(9));
    assert!(
        !terminal.seen().contains("interrupt 3"),
        "{}",
        terminal.seen()
    );
}

struct Terminal {
    master: File,
    seen: std::sync::Arc<std::sync::Mutex<Vec<u8>>>,
}

impl Terminal {
    fn new(master: OwnedFd) -> Self {
        let seen = std::sync::Arc::<std::sync::Mutex<Vec<u8>>>::default();
        let mut reader = File::from(master.try_clone().unwrap());
        let all = std::sync::Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut some) {
                all.lock().unwrap().extend_from_slice(&some[..read]);
            }
        });
        Self {
            master: master.into(),
            seen,
        }
    }

    fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).into_owned()
    }

    fn type_in(&mut self, keys: &[u8]) {
        self.master.write_all(keys).unwrap();
    }

    fn expect(&self, text: &str) {
        eventually(format!("{text:?} on the terminal"), || {
            let seen = self.seen();
            seen.contains(text).then_some(()).ok_or(seen)
        });
    }
}
