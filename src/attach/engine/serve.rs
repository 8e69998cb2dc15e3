//! `spyhole podman CONTAINER --serve`: a server in a container beside the target, and a port of this
//! machine that leads to it. Each connection is a run of the engine's `exec`: the target's network
//! gets no new listener, and an engine on another machine is reached as well.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use super::choose::{BinarySource, ENTRY};
use super::container::Container;
use super::refusal::{self, EngineReason};
use super::{ENGINES_OWN, Engine, EngineOptions, code_of};
use crate::attach::plan::{Plan, Step, container_name, line_for_terminal};
use crate::attach::token::RunToken;
use crate::attach::{AttachError, LISTENING, served};
use crate::model::escape::escaped;
use crate::sys::tool::{self, Background, LocalPort};

/// spyhole in its image.
const PROGRAM: &str = "/spyhole";
/// It ends after a time without a client.
const WORDS: [&str; 6] = [
    "serve",
    "--token-stdin",
    "--idle-exit=15m",
    "--lifetime=1h",
    // Each connection is a process here and there.
    "--connection-lifetime=10m",
    "--access-log=off",
];
/// Where it listens: in the file system that the plan mounts for that, which the container shares with no
/// other one.
fn relay_socket(name: &str) -> String {
    format!("/run/{name}")
}

/// How long it takes at most until it listens.
const GREETING_TIME: Duration = Duration::from_mins(1);

/// The name of the container, and the words for spyhole in it.
///
/// # Errors
/// Where other words contradict that, or the kernel gives no random bytes.
pub(super) fn prepare(command: &[String]) -> Result<(String, Vec<String>), AttachError> {
    let name = container_name()?;
    let at = command.iter().position(|word| !word.starts_with('-'));
    let (before, own) = command.split_at(at.unwrap_or(command.len()));
    if own.first().is_some_and(|word| word != "serve") {
        return Err(AttachError::Usage(format!(
            "--serve serves all sections: remove {}",
            escaped(own.join(" ").as_bytes())
        )));
    }
    let taken = [
        "--listen",
        "--token-file",
        "--insecure-no-auth",
        "--tls-",
        "--client-ca",
    ];
    let own = own.get(1..).unwrap_or_default();
    if let Some(word) = own
        .iter()
        .find(|word| taken.iter().any(|flag| word.starts_with(flag)))
    {
        return Err(AttachError::Usage(format!(
            "remove {}: --serve sets the way to the server and its token; --port sets the local port",
            escaped(word.as_bytes())
        )));
    }
    let mut words = before.to_vec();
    let mut chosen = WORDS.iter().map(|word| (*word).to_owned());
    words.extend(chosen.next());
    words.push(format!("--listen=unix:{}", relay_socket(&name)));
    words.extend(chosen.filter(|word| {
        let flag = word.split('=').next().unwrap_or_default();
        !own.iter().any(|given| given.starts_with(flag))
    }));
    words.extend(own.iter().cloned());
    Ok((name, words))
}

/// What carries one connection.
pub(super) fn relay(engine: Engine, name: &str, carrier: &BinarySource) -> Step {
    let program = match carrier {
        BinarySource::Image(_) => PROGRAM,
        BinarySource::File { .. } => ENTRY,
    };
    let relay = format!("--relay={}", relay_socket(name));
    let words = [
        engine.program(),
        "exec",
        "--interactive",
        name,
        program,
        "serve",
        &relay,
    ];
    Step {
        file: None,
        words: words.map(str::to_owned).to_vec(),
    }
}

/// Starts the server, says where it answers, and passes connections on until it ends or an interrupt
/// ends it.
pub(super) fn run(
    engine: Engine,
    plan: &Plan,
    container: &Container,
    options: &EngineOptions,
    quiet: bool,
) -> Result<u8, AttachError> {
    let [start, relay] = plan.steps.as_slice() else {
        return Ok(0);
    };
    let listening = LocalPort::listen(options.port);
    let port = listening.map_err(|error| {
        AttachError::Usage(format!(
            "cannot listen on 127.0.0.1:{}: {error}; --port sets another one",
            options.port
        ))
    })?;
    let token = RunToken::make()?;
    let (program, words) = split(start);
    let mut server = Background::start(&program, &words, token.text())?;
    let begun = Instant::now();
    loop {
        let said = String::from_utf8_lossy(&server.said()).into_owned();
        if said.contains(LISTENING) && said.contains(&token.accepted()) {
            break;
        }
        let ended = server.ended()?;
        let late = begun.elapsed() > GREETING_TIME;
        if ended.is_none() && !late {
            thread::sleep(Duration::from_millis(50));
            continue;
        }
        // The last of its words may come after it.
        thread::sleep(Duration::from_millis(100));
        let code = ended.map_or(1, code_of);
        let said = String::from_utf8_lossy(&server.said()).into_owned();
        if ENGINES_OWN.contains(&code) || late {
            return Err(engine.refuses(refusal::of_run(container, code, &said)));
        }
        tell(&said);
        return Ok(code);
    }
    server.show();
    let url = format!("http://127.0.0.1:{}/", options.port);
    // Said even if quiet: it cannot be used without.
    served::announce(&url, Some(&token));
    let _shown = options.open.then(|| {
        let shown = tool::show(&token.link(&url));
        if let Err(error) = &shown {
            tell(&format!("cannot open a browser: {error}"));
        }
        shown
    });
    let (program, words) = split(relay);
    let ended = port.pass_on(&program, &words, &mut server)?;
    drop(port);
    let Some(status) = ended else {
        drop(server);
        if !quiet {
            tell("interrupted: the server has ended, and its container is removed");
        }
        return Ok(0);
    };
    let code = code_of(status);
    if code == super::KILLED
        && let Ok(now) = super::inspect(engine, &container.id)
        && !now.is_up()
    {
        let stopped = refusal::StoppedContainer::of(&now);
        return Err(engine.refuses(EngineReason::CutShort(stopped)));
    }
    Ok(code)
}

fn tell(words: &str) {
    for line in words.lines() {
        let _ = writeln!(io::stderr(), "{}", line_for_terminal(line));
    }
}

fn split(step: &Step) -> (OsString, Vec<OsString>) {
    let mut words = step.words.iter().map(OsString::from);
    (words.next().unwrap_or_default(), words.collect())
}
