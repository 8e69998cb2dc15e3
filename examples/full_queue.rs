//! A service that has stopped accepting: it listens with a backlog of one, is connected to
//! until nobody more fits, says `ready PORT` and sleeps. The tests look into it.
#![allow(
    clippy::disallowed_methods,
    reason = "an application does what applications do"
)]

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::process::ExitCode;
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, getsockname, listen, socket,
};

fn main() -> ExitCode {
    match stand() {
        Ok(never) => match never {},
        Err(why) => {
            eprintln!("full_queue: {why}");
            ExitCode::FAILURE
        }
    }
}

enum Never {}

fn stand() -> Result<Never, Box<dyn std::error::Error>> {
    let (flags, protocol) = (SockFlag::SOCK_CLOEXEC, None);
    let listener = socket(AddressFamily::Inet, SockType::Stream, flags, protocol)?;
    bind(listener.as_raw_fd(), &SockaddrIn::new(0, 0, 0, 0, 0))?;
    listen(&listener, Backlog::new(1)?)?;
    let port = getsockname::<SockaddrIn>(listener.as_raw_fd())?.port();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut connected = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        connected.push(stream);
    }
    println!("ready {port} {}", connected.len());
    loop {
        std::thread::park();
    }
}
