//! A request over HTTP, by a port that kubectl forwards.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::cluster::Namespace;
use crate::patience::eventually;

/// The status and the body; an error where nothing is listening or the connection ends early.
pub(crate) fn get(port: u16, path: &str, token: &str) -> Result<(u16, String), String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(|why| why.to_string())?;
    let time = Some(Duration::from_secs(20));
    stream
        .set_read_timeout(time)
        .map_err(|why| why.to_string())?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    stream
        .write_all(request.as_bytes())
        .map_err(|why| why.to_string())?;
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .map_err(|why| why.to_string())?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| format!("no answer: {answer:?}"))?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    Ok((status.ok_or("no status")?, body.to_owned()))
}

/// A port of this machine that nothing listens on now.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// `kubectl port-forward`, which ends when this is dropped.
pub(crate) struct Forwarded {
    pub(crate) port: u16,
    child: Child,
}

impl Forwarded {
    pub(crate) fn start(namespace: &Namespace<'_>, to: &str, there: u16) -> Self {
        let port = free_port();
        let mut command = namespace.command(&["port-forward", to, &format!("{port}:{there}")]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let forwarded = Self {
            port,
            child: command.spawn().unwrap(),
        };
        eventually("the port is forwarded", || {
            TcpStream::connect(("127.0.0.1", port))
        });
        forwarded
    }
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
