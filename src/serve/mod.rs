//! The HTTP endpoint: what the command line shows, for a kubelet, a Prometheus and an API client
//! behind a port-forward, and not reachable from elsewhere.
//!
//! One thread answers. Whatever reads /proc or dials runs on another one, under a deadline, so
//! that neither a slow kernel nor a slow client keeps others waiting.

#![allow(
    clippy::disallowed_methods,
    reason = "this is the layer that listens, which the ban points to"
)]

mod about;
mod answer;
mod body;
mod bounded;
mod caller;
mod collect;
mod connection;
mod connections;
mod declared;
mod files;
mod findings;
mod guard;
mod listener;
mod log;
mod metrics;
mod openapi;
pub(crate) mod options;
mod page;
mod probes;
mod problem;
mod query;
mod relay;
mod reloading_file;
mod reply;
pub(crate) mod routes;
mod secure;
mod service;
mod spare_memory;
mod static_document;
mod tokens;
mod wire;

use std::io::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::attach::LISTENING;
use crate::attach::token;
use crate::scan::wrong_namespace;
use crate::sys;
use body::Streams;
use collect::Collector;
use connections::Connections;
use guard::Guard;
use listener::Bound;
use log::Log;
use metrics::Metrics;
use options::{ScanDefaults, ServeOptions};
use probes::Probes;
use secure::Secure;

/// How long what is under way may take once the end was asked for.
const FAREWELL: Duration = Duration::from_millis(800);

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The options cannot be meant so.
    #[error("{0}")]
    Usage(String),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// As it was given.
        address: String,
        /// The error of binding.
        source: io::Error,
    },
    /// The system refuses what every process may have.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// The error.
        source: io::Error,
    },
}

/// What every connection shares.
struct Server {
    options: ServeOptions,
    look: ScanDefaults,
    guard: Guard,
    collector: Collector,
    streams: Streams,
    /// Those for files, which slow clients of documents do not take.
    files: Streams,
    connections: Connections,
    probes: Probes,
    metrics: Metrics,
    log: Log,
}

/// Serves until a shutdown signal.
///
/// # Errors
/// [`ServeError`], where it cannot start.
pub(crate) fn run(options: ServeOptions, look: ScanDefaults) -> Result<(), ServeError> {
    sys::harden::seclude();
    if let Some(path) = &options.relay {
        return relay::run(path).map_err(|source| ServeError::System {
            what: "cannot reach the server",
            source,
        });
    }
    sys::allocator::keep_large_pieces_apart();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| ServeError::System {
            what: "cannot start",
            source,
        })?;
    runtime.block_on(serve(options, look))
}

async fn serve(options: ServeOptions, look: ScanDefaults) -> Result<(), ServeError> {
    options.check().map_err(ServeError::Usage)?;
    let secure = Secure::of(&options).map_err(ServeError::Usage)?;
    let probes = Probes::of(&options).map_err(ServeError::Usage)?;
    let guard = Guard::of(&options).map_err(ServeError::Usage)?;
    let mut bound = Vec::new();
    for listen in &options.listen {
        bound.push(Bound::bind(listen).map_err(|source| ServeError::Listen {
            address: listen.to_string(),
            source,
        })?);
    }
    sys::harden::keep_reading_only();
    let log = Log::of(options.access_log).map_err(|source| ServeError::System {
        what: "cannot start a thread",
        source,
    })?;
    // Before the line that says it listens: a reader of that line may stop it at once.
    let signals = Signals::listen()?;
    greet(&options, &guard, &bound, secure.is_some());
    if !look.names_target()
        && let Some(words) = wrong_namespace::at_a_glance()
    {
        let _ = writeln!(io::stderr(), "{words}");
    }
    let server = Arc::new(Server {
        collector: Collector::of(&options),
        streams: Streams::new(),
        files: Streams::of(files::STREAMS),
        connections: Connections::of(options.max_connections),
        log,
        metrics: Metrics::new(),
        probes,
        guard,
        look,
        options,
    });
    if server.options.token_stdin {
        read_tokens(&server).map_err(|source| ServeError::System {
            what: "cannot start a thread",
            source,
        })?;
    }
    let (stop, stopped) = watch::channel(false);
    let secure = secure.map(Arc::new);
    let mut accepting: Vec<_> = bound
        .into_iter()
        .map(|bound| {
            tokio::spawn(listener::accept(
                bound,
                Arc::clone(&server),
                secure.clone(),
                stopped.clone(),
            ))
        })
        .collect();
    // Most of it was for the start.
    sys::own_code::let_go();
    let why = end(&server, signals).await;
    let (accepted, evicted) = server.connections.totals();
    let refused = server.guard.refused();
    server.log.say(&format!(
        "exiting: {why}; {accepted} connections, {evicted} closed to make room, {refused} \
         requests without a valid token"
    ));
    let _ = stop.send(true);
    for task in accepting.drain(..) {
        let _ = task.await;
    }
    let _ = tokio::time::timeout(FAREWELL, server.connections.all_closed()).await;
    server.log.end();
    Ok(())
}

/// Reads tokens on a thread of its own, for the rest of the run.
fn read_tokens(server: &Arc<Server>) -> io::Result<()> {
    let server = Arc::clone(server);
    let thread = thread::Builder::new().name("tokens".to_owned());
    thread.stack_size(64 << 10).spawn(move || {
        let Some(tokens) = server.guard.given_tokens() else {
            return;
        };
        tokens.read(io::stdin().lock(), |read| match read {
            Ok(digest) => {
                let mark = token::mark(&digest);
                server.log.say(&format!("{} {mark}", token::ACCEPTED));
            }
            Err(why) => server.log.rarely(&format!("--token-stdin: {why}")),
        });
    })?;
    Ok(())
}

/// The signals that ask it to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, ServeError> {
        let listen_for = |kind| {
            signal(kind).map_err(|source| ServeError::System {
                what: "cannot wait for signals",
                source,
            })
        };
        Ok(Self {
            terminate: listen_for(SignalKind::terminate())?,
            interrupt: listen_for(SignalKind::interrupt())?,
        })
    }
}

/// Returns once the server shall end: a signal, its lifetime, or the idle limit.
async fn end(server: &Server, mut signals: Signals) -> &'static str {
    tokio::select! {
        _ = signals.terminate.recv() => "SIGTERM",
        _ = signals.interrupt.recv() => "SIGINT",
        () = lifetime(server.options.lifetime) => "lifetime reached (--lifetime)",
        () = idle(server) => "no request within the idle time (--idle-exit)",
    }
}

async fn lifetime(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

async fn idle(server: &Server) {
    let Some(limit) = server.options.idle_exit else {
        return std::future::pending().await;
    };
    loop {
        let idle = server.connections.idle_for();
        match limit.checked_sub(idle) {
            Some(rest) if !rest.is_zero() => tokio::time::sleep(rest).await,
            _ => return,
        }
    }
}

/// Says on stderr where it listens and how one gets in.
fn greet(options: &ServeOptions, guard: &Guard, bound: &[Bound], secure: bool) {
    let mut words = Vec::new();
    for bound in bound {
        let _ = writeln!(words, "spyhole: {LISTENING} {}", bound.url(secure));
    }
    if let Some(token) = guard.made_token() {
        let first = bound.first();
        let url = first.map(|bound| bound.url(secure)).unwrap_or_default();
        let _ = writeln!(
            words,
            "spyhole: the token for this run: {token}\n  curl -H 'Authorization: Bearer {token}' {url}v1/dump"
        );
        // A browser keeps what stands behind the # to itself.
        if first.is_some_and(Bound::is_tcp) {
            let _ = writeln!(words, "  in a browser: {url}#token={token}");
        }
    }
    if options.insecure_no_auth {
        let _ = writeln!(
            words,
            "spyhole: --insecure-no-auth: anyone who can reach this address can read everything \
             that spyhole sees"
        );
    }
    let _ = io::stderr().write_all(&words);
}
