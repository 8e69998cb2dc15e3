//! The terminal that a person types on: raw mode that is always left again, what is typed, its size,
//! and the signals that a program on a terminal gets.

#![allow(
    unsafe_code,
    reason = "sigaction(2) has no safe wrapper in what is linked here"
)]

use std::io::{self, Write, stdin, stdout};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};

/// Where the terminal does not tell its size.
const USUAL_SIZE: Size = Size {
    columns: 80,
    rows: 24,
};
/// Signals are looked for at least so often, should one come just before the wait.
const SLICE: Duration = Duration::from_secs(1);

/// Brings back what was on the terminal before.
pub(crate) const LEAVE_FULL_SCREEN: &str = "\x1b[?7h\x1b[?25h\x1b[m\x1b[?1049l";

/// The signal that asks this process to end; 0: none.
static ENDING: AtomicI32 = AtomicI32::new(0);
static IS_RESIZED: AtomicBool = AtomicBool::new(false);
static IS_SUSPENDED: AtomicBool = AtomicBool::new(false);
/// A [`FullScreen`] has the terminal.
static IS_FULL: AtomicBool = AtomicBool::new(false);

/// Columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

/// What waiting for the keyboard brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Typed {
    Bytes(Vec<u8>),
    /// Nothing in that time.
    Nothing,
    /// The terminal has another size.
    Resized,
    /// SIGTSTP.
    Suspended,
    /// The other end is closed.
    Closed,
    /// This signal asks to end.
    Ending(i32),
}

/// A terminal, held beside stdin.
#[derive(Debug)]
pub(crate) struct Console {
    terminal: OwnedFd,
    usual: Termios,
}

impl Console {
    /// The terminal that stdin is, where stdout is one too.
    #[must_use]
    pub(crate) fn open() -> Option<Self> {
        if !isatty(stdin()) || !isatty(stdout()) {
            return None;
        }
        let terminal = stdin().as_fd().try_clone_to_owned().ok()?;
        let usual = tcgetattr(&terminal).ok()?;
        Some(Self { terminal, usual })
    }

    /// Every key at once and unseen, Ctrl-C too, while the answer lives. What is written still
    /// begins each line at its left end.
    #[must_use]
    pub(crate) fn raw(&self) -> RawMode<'_> {
        let mut raw = self.usual.clone();
        let keeps_output = raw.output_modes;
        raw.make_raw();
        raw.output_modes = keeps_output;
        let _ = tcsetattr(&self.terminal, OptionalActions::Drain, &raw);
        RawMode { console: self }
    }

    /// As it was when it was opened.
    pub(crate) fn restore(&self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Drain, &self.usual);
    }

    /// Whether something was typed that is not read yet.
    #[must_use]
    pub(crate) fn has_typed(&self) -> bool {
        wait_for(self.terminal.as_fd(), Duration::ZERO).is_ok_and(|ready| ready)
    }

    /// Its size now.
    #[must_use]
    pub(crate) fn size(&self) -> Size {
        let size = tcgetwinsize(&self.terminal).ok();
        let size = size.filter(|size| size.ws_row > 0 && size.ws_col > 0);
        size.map_or(USUAL_SIZE, |size| Size {
            columns: size.ws_col.into(),
            rows: size.ws_row.into(),
        })
    }

    /// Waits for what is typed, at most so long; `None`: for ever.
    #[must_use]
    pub(crate) fn read(&self, at_most: Option<Duration>) -> Typed {
        typed(self.terminal.as_fd(), at_most)
    }
}

/// Waits for what comes on stdin, which may be no terminal.
#[must_use]
pub(crate) fn read_stdin(at_most: Option<Duration>) -> Typed {
    typed(stdin().as_fd(), at_most)
}

fn typed(input: BorrowedFd<'_>, at_most: Option<Duration>) -> Typed {
    let until = at_most.and_then(|time| Instant::now().checked_add(time));
    loop {
        if let Some(signal) = ending() {
            return Typed::Ending(signal);
        }
        if IS_RESIZED.swap(false, Ordering::Relaxed) {
            return Typed::Resized;
        }
        if IS_SUSPENDED.swap(false, Ordering::Relaxed) {
            return Typed::Suspended;
        }
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        match wait_for(input, left.unwrap_or(SLICE).min(SLICE)) {
            Ok(true) => {}
            Ok(false) if left.is_some_and(|left| left <= SLICE) => return Typed::Nothing,
            Ok(false) | Err(Errno::INTR) => continue,
            Err(_) => return Typed::Closed,
        }
        let mut bytes = vec![0; 4096];
        match rustix::io::read(input, &mut bytes) {
            Ok(0) => return Typed::Closed,
            Ok(read) => {
                bytes.truncate(read);
                return Typed::Bytes(bytes);
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            // EIO: the terminal is hung up.
            Err(_) => return Typed::Closed,
        }
    }
}

/// Whether there is something to read, or the other end is gone, within that time.
///
/// # Errors
/// That of poll(2); EINTR where a signal came.
pub(crate) fn wait_for(input: BorrowedFd<'_>, at_most: Duration) -> Result<bool, Errno> {
    let mut asked = [PollFd::new(&input, PollFlags::IN)];
    let time = Timespec {
        tv_sec: at_most.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: at_most.subsec_nanos().into(),
    };
    Ok(poll(&mut asked, Some(&time))? > 0)
}

/// Writes to stdout at once. A closed stdout is seen as a closed stdin.
pub(crate) fn show(text: &str) {
    let mut out = stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// While it lives the terminal is raw.
#[derive(Debug)]
pub(crate) struct RawMode<'a> {
    console: &'a Console,
}

impl Drop for RawMode<'_> {
    fn drop(&mut self) {
        self.console.restore();
    }
}

/// A whole screen of its own; what was on the terminal before comes back, also after a panic.
#[derive(Debug)]
pub(crate) struct FullScreen<'a> {
    _raw: RawMode<'a>,
}

impl<'a> FullScreen<'a> {
    /// Takes the terminal.
    #[must_use]
    pub(crate) fn enter(console: &'a Console) -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(leave_before_a_panic_is_told);
        let raw = console.raw();
        IS_FULL.store(true, Ordering::Relaxed);
        show("\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J");
        Self { _raw: raw }
    }
}

impl Drop for FullScreen<'_> {
    fn drop(&mut self) {
        leave_full_screen();
    }
}

fn leave_full_screen() {
    if IS_FULL.swap(false, Ordering::Relaxed) {
        show(LEAVE_FULL_SCREEN);
    }
}

/// What a panic says would be lost with the screen that it is written to.
fn leave_before_a_panic_is_told() {
    let told = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        leave_full_screen();
        told(info);
    }));
}

/// Who gets the keys that send signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupts {
    /// What is started from here: this process goes on after Ctrl-C.
    ForChildren,
    /// This process, which then ends.
    ForThisProcess,
}

/// From now on signals are noted, and [`Console::read`] says so.
pub(crate) fn note_signals(interrupts: Interrupts) {
    for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGWINCH] {
        handle(signal, note as extern "C" fn(i32) as libc::sighandler_t);
    }
    match interrupts {
        Interrupts::ForChildren => {
            handle(libc::SIGINT, libc::SIG_IGN);
            handle(libc::SIGQUIT, libc::SIG_IGN);
        }
        Interrupts::ForThisProcess => {
            for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGTSTP] {
                handle(signal, note as extern "C" fn(i32) as libc::sighandler_t);
            }
        }
    }
}

/// From now on the first signal that asks this process to end is noted, and [`ending`] says so; the
/// next one ends it.
pub(crate) fn note_first_ending() {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        handle_once(signal, note as extern "C" fn(i32) as libc::sighandler_t);
    }
}

/// Waits so long, or until a signal asks this process to end.
pub(crate) fn pause(at_most: Duration) {
    let until = Instant::now() + at_most;
    while ending().is_none() {
        let left = until.saturating_duration_since(Instant::now()).min(SLICE);
        if left.is_zero() {
            return;
        }
        let time = Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        let _ = poll(&mut [], Some(&time));
    }
}

/// Signals do what they usually do.
pub(crate) fn reset_signals() {
    ENDING.store(0, Ordering::Relaxed);
    for signal in [
        libc::SIGTERM,
        libc::SIGHUP,
        libc::SIGWINCH,
        libc::SIGINT,
        libc::SIGQUIT,
        libc::SIGTSTP,
    ] {
        handle(signal, libc::SIG_DFL);
    }
}

/// The signal that has asked this process to end.
#[must_use]
pub(crate) fn ending() -> Option<i32> {
    let signal = ENDING.load(Ordering::Relaxed);
    (signal != 0).then_some(signal)
}

/// Stops this process as Ctrl-Z does, until it is continued.
pub(crate) fn stop() {
    // SAFETY: a signal to this process, which no handler sees.
    unsafe { libc::raise(libc::SIGSTOP) };
}

extern "C" fn note(signal: i32) {
    match signal {
        libc::SIGWINCH => IS_RESIZED.store(true, Ordering::Relaxed),
        libc::SIGTSTP => IS_SUSPENDED.store(true, Ordering::Relaxed),
        ending => ENDING.store(ending, Ordering::Relaxed),
    }
}

fn handle(signal: i32, handler: libc::sighandler_t) {
    handle_with(signal, handler, 0);
}

/// What the handler does not see is done as usual: every signal but the first.
fn handle_once(signal: i32, handler: libc::sighandler_t) {
    handle_with(signal, handler, libc::SA_RESETHAND);
}

/// Without `SA_RESTART`: a wait ends with the signal.
fn handle_with(signal: i32, handler: libc::sighandler_t, flags: i32) {
    // SAFETY: zero is a valid value of each field; the handler only stores into atomics.
    unsafe {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        libc::sigaction(signal, &raw const action, ptr::null_mut());
    }
}

/// Whether the terminal is one that knows escape sequences: what `TERM` says.
#[must_use]
pub(crate) fn knows_sequences() -> bool {
    // A debug container's TERM is often not set, its terminal a usual one.
    std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether a write failed because nothing reads it any more.
#[must_use]
pub(crate) fn is_unread(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;
    use std::os::fd::AsFd as _;
    use std::process::{Command, Stdio};

    use nix::pty::openpty;
    use nix::sys::termios;

    use super::*;

    const ON_A_TERMINAL: &str = "SPYHOLE_TEST_ON_A_TERMINAL";

    /// Not a test by itself: the copy of this program that the test below starts.
    #[test]
    fn panics_on_a_terminal_of_its_own() {
        if std::env::var_os(ON_A_TERMINAL).is_some() {
            let console = Console::open().unwrap();
            let _screen = FullScreen::enter(&console);
            panic!("words of a panic");
        }
    }

    #[test]
    fn a_panic_on_a_full_screen_is_told_on_the_terminal_as_it_was() {
        let pty = openpty(None, None).unwrap();
        let before = termios::tcgetattr(&pty.slave).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "--test-threads=1"])
            .arg("sys::console::tests::panics_on_a_terminal_of_its_own")
            .env(ON_A_TERMINAL, "1")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .status()
            .unwrap();
        assert!(!status.success());
        assert_eq!(termios::tcgetattr(pty.slave.as_fd()).unwrap(), before);
        drop(pty.slave);
        let mut shown = Vec::new();
        // Its end is an error of a terminal that nothing holds any more.
        let _ = File::from(pty.master).read_to_end(&mut shown);
        let shown = String::from_utf8_lossy(&shown);
        let entered = shown.find("\x1b[?1049h").unwrap();
        let left = shown.find(LEAVE_FULL_SCREEN).unwrap();
        let told = shown.find("words of a panic").unwrap();
        assert!(entered < left && left < told, "{shown:?}");
        assert_eq!(shown.matches(LEAVE_FULL_SCREEN).count(), 1, "{shown:?}");
    }
}
