//! The sample application of a scratch image: what the demo, the tutorial and
//! the container tests look into.
//!
//! It stands alone in its root (no shell, no libc, no file) and shows on
//! purpose what a real service shows by accident: a listener on loopback, two
//! workers, a child nobody reaped, secrets on the command line.
#![allow(
    clippy::disallowed_methods,
    reason = "an application does what applications do"
)]

mod signals;
mod staff;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use nix::sys::prctl;

const USAGE: &str = "\
webapp: a small HTTP service for a scratch image

  --listen ADDR:PORT      where to answer (default 127.0.0.1:8080)
  --no-zombie             leave no unreaped child behind
  --ignore-sigterm        ignore SIGTERM (it stands in SigIgn)
  --no-sigterm-handler    leave SIGTERM at its default, as PID 1 that never stops
  --hostile-name          name the first worker `) R 1\\n\\x1b[31m`
  --non-utf8              give the second worker an argument and a variable that are not UTF-8
  --undumpable            be not dumpable, as after a change of ids
  --threads N             start N more idle threads
  --api-key=SECRET        taken and not used
  --database-url=URL      taken and not used
";

fn main() -> ExitCode {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    match args.first().map(|first| first.as_bytes()) {
        Some(b"worker") => staff::work(&args),
        Some(b"leave") => ExitCode::SUCCESS,
        Some(b"--help" | b"-h") => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => match Options::parse(&args).and_then(|options| serve(&options)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("webapp: {why}");
                ExitCode::from(2)
            }
        },
    }
}

/// What the command line asks for.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
struct Options {
    listen: String,
    zombie: bool,
    sigterm: signals::OnSigterm,
    hostile_name: bool,
    non_utf8: bool,
    undumpable: bool,
    threads: usize,
}

impl Options {
    fn parse(args: &[OsString]) -> Result<Self, String> {
        let mut options = Self {
            listen: "127.0.0.1:8080".to_owned(),
            zombie: true,
            sigterm: signals::OnSigterm::Exit,
            hostile_name: false,
            non_utf8: false,
            undumpable: false,
            threads: 0,
        };
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let text = arg.to_string_lossy();
            let (name, inline) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (&*text, None),
            };
            let mut value = || {
                inline
                    .clone()
                    .or_else(|| rest.next().map(|next| next.to_string_lossy().into_owned()))
                    .ok_or_else(|| format!("{name} needs a value"))
            };
            match name {
                "--listen" => options.listen = value()?,
                "--threads" => {
                    options.threads =
                        usize::from_str(&value()?).map_err(|why| format!("--threads: {why}"))?;
                }
                "--api-key" | "--database-url" => drop(value()?),
                "--no-zombie" => options.zombie = false,
                "--ignore-sigterm" => options.sigterm = signals::OnSigterm::Ignore,
                "--no-sigterm-handler" => options.sigterm = signals::OnSigterm::Default,
                "--hostile-name" => options.hostile_name = true,
                "--undumpable" => options.undumpable = true,
                "--non-utf8" => options.non_utf8 = true,
                _ => return Err(format!("unknown argument {text}\n\n{USAGE}")),
            }
        }
        Ok(options)
    }
}

/// Brings everything up, says so in one line, and answers until told to stop.
fn serve(options: &Options) -> Result<(), String> {
    options
        .sigterm
        .install()
        .map_err(|why| format!("SIGTERM: {why}"))?;
    if options.undumpable {
        prctl::set_dumpable(false).map_err(|why| format!("dumpable: {why}"))?;
    }
    let listener = TcpListener::bind(&options.listen)
        .map_err(|why| format!("listen on {}: {why}", options.listen))?;
    let listen = listener
        .local_addr()
        .map_err(|why| format!("listen on {}: {why}", options.listen))?;
    let mut workers = Vec::new();
    for role in staff::roles(options.hostile_name, options.non_utf8) {
        workers.push(role.start().map_err(|why| format!("worker: {why}"))?);
    }
    if options.zombie {
        staff::leave_zombie().map_err(|why| format!("zombie: {why}"))?;
    }
    for _ in 0..options.threads {
        thread::Builder::new()
            .name("pool".to_owned())
            .spawn(|| {
                loop {
                    thread::park();
                }
            })
            .map_err(|why| format!("thread: {why}"))?;
    }
    say_ready(&format!(
        "ready pid={} listen={listen} workers={} zombies={}\n",
        std::process::id(),
        workers.len(),
        u8::from(options.zombie),
    ));
    for stream in listener.incoming().flatten() {
        // A caller that hangs up or says nothing is no reason to stop.
        drop(answer(stream));
    }
    Ok(())
}

/// Whoever closed our standard output does not want the line: go on.
fn say_ready(line: &str) {
    let mut out = io::stdout().lock();
    drop(out.write_all(line.as_bytes()).and_then(|()| out.flush()));
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    const BODY: &str = "hello from a scratch image\n";
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut request = [0_u8; 4096];
    let _bytes = stream.read(&mut request)?;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{BODY}",
        BODY.len(),
    )
}

/// The program to start children from, and the name to give them.
fn own_program() -> (OsString, OsString) {
    let name = env::args_os().next().unwrap_or_else(|| "webapp".into());
    // Resolved rather than `/proc/self/exe`, so that a child's comm is `webapp` and not `exe`.
    let path = env::current_exe().map_or_else(|_| name.clone(), Into::into);
    (path, name)
}

/// Bytes as a value of the environment or an argument.
fn bytes(raw: &[u8]) -> OsString {
    OsStr::from_bytes(raw).to_owned()
}
