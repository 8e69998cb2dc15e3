//! A service whose first thread has ended while another serves: the kernel then shows the process
//! as a zombie, though it listens, has memory and an environment. It touches 30 MiB, says
//! `ready PORT` and sleeps. The tests look into it.
#![allow(
    clippy::disallowed_methods,
    reason = "an application does what applications do"
)]

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

/// What it keeps in memory.
const BYTES: usize = 30 << 20;

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let memory = vec![1_u8; BYTES];
    thread::spawn(move || {
        println!("ready {port} {}", memory.len());
        loop {
            thread::sleep(Duration::from_hours(1));
            drop(listener.accept());
        }
    });
    end_this_thread()
}

/// As `pthread_exit` does, without unwinding what called `main`.
#[allow(unsafe_code, reason = "std ends the process with its first thread")]
fn end_this_thread() -> ! {
    loop {
        // SAFETY: exit(2) takes a number and does not return.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    }
}
