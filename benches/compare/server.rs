//! A server under measurement: how it is started, asked, and what it costs.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::time::ClockId;
use nix::unistd::Pid;

/// How long one answer may take, and a start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A clock tick in /proc, on every architecture that spyhole is built for.
const TICK_MILLISECONDS: u64 = 10;

/// A server on loopback; it ends when this is dropped, or with the harness.
pub(crate) struct Server {
    child: Child,
    pid: Pid,
    pub(crate) address: SocketAddr,
    pub(crate) token: Option<String>,
}

/// What a server holds at a moment.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    pub(crate) rss_kib: u64,
    /// Its own, without the pages of the program.
    pub(crate) rss_anon_kib: u64,
    pub(crate) descriptors: usize,
    /// How often one of its threads went to sleep; nothing wakes that did not sleep.
    pub(crate) sleeps: u64,
}

impl Server {
    /// `spyhole serve` on a free port.
    pub(crate) fn spyhole(spyhole: &str, flags: &[&str]) -> Result<Self, String> {
        let mut command = tied(spyhole);
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(flags);
        Self::start(&mut command)
    }

    /// Any command whose first line on stderr says, as spyhole does, where it listens. What
    /// follows is read and thrown away, as a container runtime would read it.
    pub(crate) fn start(command: &mut Command) -> Result<Self, String> {
        let mut server = Self::spawn(command.stderr(Stdio::piped()))?;
        let stderr = server.child.stderr.take().ok_or("no stderr")?;
        let (address, token) = greeting(stderr).map_err(|error| named(command, &error))?;
        server.address = address;
        server.token = token;
        Ok(server)
    }

    /// Any command that is told where to listen; returns once it does.
    pub(crate) fn listening(command: &mut Command, address: SocketAddr) -> Result<Self, String> {
        let mut server = Self::spawn(command.stderr(Stdio::null()))?;
        server.address = address;
        let until = Instant::now() + PATIENCE;
        while let Err(error) = TcpStream::connect(address) {
            if Instant::now() > until {
                return Err(named(command, &error));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    fn spawn(command: &mut Command) -> Result<Self, String> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| named(command, &error))?;
        Ok(Self {
            pid: Pid::from_raw(child.id().cast_signed()),
            child,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            token: None,
        })
    }

    /// The same with the process that really serves, where another one started it.
    pub(crate) fn served_by(mut self, pid: i32) -> Self {
        self.pid = Pid::from_raw(pid);
        self
    }

    /// The user and system time of all its threads so far, those that ended too, and of the
    /// processes that it started and has waited for, in seconds. What those took is counted in
    /// hundredths of a second: measure over many answers.
    pub(crate) fn cpu_seconds(&self) -> Result<f64, String> {
        let failed = |error: String| format!("CPU time of {}: {error}", self.pid);
        let own = ClockId::pid_cpu_clock_id(self.pid)
            .and_then(ClockId::now)
            .map_err(|error| failed(error.to_string()))?;
        let children = self
            .waited_ticks()
            .map_err(|error| failed(error.to_string()))?;
        let children = Duration::from_millis(children * TICK_MILLISECONDS);
        Ok((Duration::from(own) + children).as_secs_f64())
    }

    /// `cutime` and `cstime` of `/proc/PID/stat`, fields 16 and 17.
    fn waited_ticks(&self) -> io::Result<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let ticks = fields.split_whitespace().skip(13).take(2);
        ticks
            .map(|field| field.parse::<u64>().map_err(io::Error::other))
            .sum()
    }

    /// What it holds now.
    pub(crate) fn held(&self) -> Result<Held, String> {
        self.try_held()
            .map_err(|error| format!("/proc/{}: {error}", self.pid))
    }

    fn try_held(&self) -> io::Result<Held> {
        let process = format!("/proc/{}", self.pid);
        let status = fs::read_to_string(format!("{process}/status"))?;
        let mut sleeps = 0;
        for task in fs::read_dir(format!("{process}/task"))? {
            // A thread may have ended meanwhile.
            let status = fs::read_to_string(task?.path().join("status")).unwrap_or_default();
            sleeps += number(&status, "voluntary_ctxt_switches:").unwrap_or(0);
        }
        let number = |name| number(&status, name).ok_or(io::ErrorKind::InvalidData);
        Ok(Held {
            rss_kib: number("VmRSS:")?,
            rss_anon_kib: number("RssAnon:")?,
            descriptors: fs::read_dir(format!("{process}/fd"))?.count(),
            sleeps,
        })
    }

    /// The body of an answer, over a connection of its own.
    pub(crate) fn get(&self, path: &str) -> Result<String, String> {
        let answer = self
            .try_get(path)
            .map_err(|error| format!("{}{path}: {error}", self.address))?;
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.split(' ').nth(1) == Some("200") => Ok(body.to_owned()),
            _ => Err(format!(
                "{path}: {}",
                answer.lines().next().unwrap_or("no answer")
            )),
        }
    }

    fn try_get(&self, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let token = self.token.as_deref().unwrap_or_default();
        // 1.0: the answer comes in one piece and the connection ends with it.
        let request = format!(
            "GET {path} HTTP/1.0\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that ends with the thread that started it.
pub(crate) fn tied(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]);
    command
}

/// An address of loopback that nobody listens on.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn named(command: &Command, error: &dyn std::fmt::Display) -> String {
    format!("{command:?}: {error}")
}

/// Where it listens, and the token that it made.
fn greeting(stderr: ChildStderr) -> io::Result<(SocketAddr, Option<String>)> {
    let mut stderr = BufReader::new(stderr);
    let mut said = String::new();
    stderr.read_line(&mut said)?;
    let url = said.split("http://").nth(1).unwrap_or_default();
    let address = url.trim_end().trim_end_matches('/').parse();
    let address = address.map_err(|_| io::Error::other(format!("said {said:?}")))?;
    let mut second = String::new();
    stderr.read_line(&mut second)?;
    let token = second.split_once("the token for this run: ");
    let token = token.map(|(_, token)| token.trim_end().to_owned());
    thread::spawn(move || io::copy(&mut stderr, &mut io::sink()));
    Ok((address, token))
}

/// The number behind a name in a status file of proc.
fn number(status: &str, name: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}
