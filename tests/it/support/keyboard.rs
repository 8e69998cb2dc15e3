//! A program on a terminal of its own, and a person who types.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::Pid;

use super::patience::eventually;

pub(crate) struct Keyboard {
    child: Child,
    master: Option<File>,
    slave: File,
    shown: Arc<Mutex<Vec<u8>>>,
    /// What was looked for already.
    looked: usize,
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

impl Keyboard {
    /// Starts a program whose terminal has this many columns and rows.
    #[allow(unsafe_code, reason = "a new session has no safe wrapper before exec")]
    pub(crate) fn start(command: &mut Command, columns: u16, rows: u16) -> Self {
        let pty = openpty(Some(&size(columns, rows)), None).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        command.stdin(end()).stdout(end()).stderr(end());
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
        let child = command.spawn().unwrap();
        let master = File::from(pty.master);
        let shown = Arc::<Mutex<Vec<u8>>>::default();
        let (mut reader, all) = (master.try_clone().unwrap(), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut some) {
                all.lock().unwrap().extend_from_slice(&some[..read]);
            }
        });
        Self {
            child,
            master: Some(master),
            slave: pty.slave.into(),
            shown,
            looked: 0,
        }
    }

    pub(crate) fn types(&mut self, keys: &str) {
        let mut master = self.master.as_ref().unwrap();
        master.write_all(keys.as_bytes()).unwrap();
    }

    /// All that came to the terminal.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    /// Waits until a text comes that has not been waited for; what came up to its end.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) -> String {
        let looked = self.looked;
        let came = eventually(format!("{text:?} on the terminal"), || {
            let shown = self.shown();
            let new = shown.get(looked..).unwrap_or_default();
            match new.find(text) {
                Some(at) => Ok(new[..at + text.len()].to_owned()),
                None => Err(new.to_owned()),
            }
        });
        self.looked += came.len();
        came
    }

    #[allow(unsafe_code, reason = "nix has no name for this call")]
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let size = size(columns, rows);
        let master = self.master.as_ref().unwrap().as_raw_fd();
        // SAFETY: it reads one structure, which outlives the call.
        assert_eq!(unsafe { libc::ioctl(master, libc::TIOCSWINSZ, &size) }, 0);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// How the terminal is set.
    pub(crate) fn modes(&self) -> Termios {
        tcgetattr(&self.slave).unwrap()
    }

    /// Takes the terminal away, as a connection that breaks.
    pub(crate) fn hang_up(&mut self) {
        // The reading thread holds it too: the signal is what the kernel would send.
        self.master = None;
        self.signal(Signal::SIGHUP);
    }

    /// Waits for the end: its exit code, or the signal that ended it.
    pub(crate) fn ends(&mut self) -> Result<i32, Option<i32>> {
        let status = eventually("it ends", || self.child.try_wait().unwrap());
        status.code().ok_or_else(|| status.signal())
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
