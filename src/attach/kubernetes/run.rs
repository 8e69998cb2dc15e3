//! Doing what the plan says, and waiting for it.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use super::kubectl::{Kubectl, ask, split};
use super::plan::{Attachment, TaskKind};
use super::pod::{self, State, Target};
use super::refusal::{self, KubectlRefusal, Operation};
use super::stream::{Ended, Frame, code, is_of_kubectl, stream};
use super::target_refusal::{NotReused, TargetRefusal};
use super::{AttachError, KubectlOptions, reuse};
use crate::attach::LISTENING;
use crate::attach::copy;
use crate::attach::plan::{Step, line_for_terminal};
use crate::attach::served;
use crate::attach::token::RunToken;
use crate::model::escape::escaped;
use crate::sys::tool::{self, Background, HandOverEnd, Lent, read_from};

/// Runs the way; `frame` notices what passes of a document.
pub(super) fn run(
    kubectl: &Kubectl,
    target: &Target,
    attachment: &Attachment,
    options: &KubectlOptions,
    frame: &mut Frame,
) -> Result<Ended, AttachError> {
    let running = Running {
        kubectl,
        target,
        attachment,
        options,
    };
    let mut steps = attachment.plan.steps.iter();
    let Some(first) = steps.next() else {
        return Ok(Ended::With(0));
    };
    let code = match (attachment.kind, attachment.reused) {
        (TaskKind::Once, true) => return reuse::once(first, frame),
        (TaskKind::Attached, true) => return reuse::attached(first),
        (TaskKind::Serve, true) => return running.served_again(),
        (TaskKind::Attached, false) => {
            let lent = lend(first)?;
            let code = hand_over(&Step {
                file: None,
                words: lent.words,
            })?;
            running.ended_with(code)?
        }
        (TaskKind::Once, false) => {
            add(first)?;
            running.document(steps.last(), frame)?
        }
        (TaskKind::Copy, reused) => {
            if !reused {
                add(first)?;
                running.wait(Until::Runs)?;
            }
            return running.copy(steps.next_back().unwrap_or(first));
        }
        (TaskKind::Serve, false) => {
            add(first)?;
            running.wait(Until::Runs)?;
            running.serve()?
        }
    };
    Ok(Ended::With(code))
}

pub(super) struct Running<'a> {
    pub(super) kubectl: &'a Kubectl,
    pub(super) target: &'a Target,
    pub(super) attachment: &'a Attachment,
    pub(super) options: &'a KubectlOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    Runs,
    Ends,
}

/// Exit codes of spyhole with which a document comes.
const DONE: u8 = 0;
const SAYS_NO: u8 = 1;
const UNREADABLE: u8 = 4;

/// How much longer than it may take by its own `--timeout` a look is waited for.
const GRACE: Duration = Duration::from_secs(10);
/// How long what has no such limit may take.
const END_TIME: Duration = Duration::from_mins(5);
/// How long a server takes at most until it says that it listens.
const GREETING_TIME: Duration = Duration::from_secs(15);
/// How often a pod is looked at while its port is forwarded.
const WATCH_PAUSE: Duration = Duration::from_secs(5);

impl Running<'_> {
    /// The log of the container once it has ended: all of it, and nothing between.
    fn document(&self, logs: Option<&Step>, frame: &mut Frame) -> Result<u8, AttachError> {
        let State::Terminated {
            code,
            reason,
            message,
        } = self.wait(Until::Ends)?
        else {
            return Ok(0);
        };
        if code != 0 && (reason.contains("StartError") || reason == "ContainerCannotRun") {
            return Err(refusal::not_started(
                &self.attachment.image,
                &reason,
                &message,
            ));
        }
        if let Some(step) = logs {
            let mut out: Box<dyn Write> = if matches!(code, DONE | SAYS_NO | UNREADABLE) {
                Box::new(io::stdout().lock())
            } else {
                // What was not understood, found no target, failed, or was cut short, left words
                // or a part of a document: that is no document.
                Box::new(io::stderr())
            };
            stream(step, Operation::ReadLog, frame, &mut *out)?;
        }
        if self.attachment.time.is_some() && matches!(code, 6..=128) {
            return Err(refusal::not_spyhole(
                &self.attachment.container,
                &self.attachment.image,
                code,
            ));
        }
        if reason == "OOMKilled" || code > 128 {
            if reason != "OOMKilled"
                && let Some(refusal) = self.target_ended(code)?
            {
                return Err(refusal.into());
            }
            return Err(TargetRefusal::Killed { reason, code }.into());
        }
        if self.is_json() && matches!(code, DONE | SAYS_NO | UNREADABLE) && !frame.is_whole() {
            return Err(TargetRefusal::DocumentIncomplete.into());
        }
        Ok(code)
    }

    fn is_json(&self) -> bool {
        let words = self.attachment.plan.steps.first().map(|step| &step.words);
        words.is_some_and(|words| {
            words.iter().any(|word| word == "--quiet")
                && words.last().is_some_and(|word| word == "dump")
                && !words
                    .iter()
                    .any(|word| word.starts_with("--output=") && word != "--output=json")
        })
    }

    /// The port of a server that was there before. One that has ended since shows in its state.
    fn served_again(&self) -> Result<Ended, AttachError> {
        match self.serve() {
            Err(error) if is_forbidden(&error) => Err(error),
            Err(error) => match self.ended_meanwhile()? {
                Some(_) => Ok(Ended::NotReused(NotReused::Ended)),
                None => Err(error),
            },
            Ok(code) => Ok(Ended::With(code)),
        }
    }

    /// Takes what spyhole in the container writes.
    fn copy(&self, step: &Step) -> Result<Ended, AttachError> {
        let Some(request) = &self.options.copy else {
            return Ok(Ended::With(0));
        };
        let (program, words) = split(&step.words);
        let (received, said) = read_from(&program, &words, |input| request.receive(input))?;
        let own_code = refusal::exit_code_beside(&said.stderr);
        // Without an exit code of its own the command was ended from outside.
        let is_cut = own_code.is_none_or(|code| reuse::NOT_ITS_OWN.contains(&code));
        if !said.status.success() && is_cut && !request.began(&received) {
            let why = refusal::of(Operation::Exec, &step.words, &said.stderr);
            // Another container would be of no more use.
            if is_forbidden(&why) {
                return Err(why);
            }
            if self.attachment.reused {
                return Ok(Ended::NotReused(match own_code {
                    Some(code) => NotReused::EndedEarly { code },
                    None => NotReused::Refused(first_line(&why)),
                }));
            }
            if let Some(ended) = self.ended_meanwhile()? {
                return Err(ended);
            }
            if own_code.is_none() {
                return Err(why);
            }
        }
        let code = own_code.unwrap_or_else(|| code(said.status));
        let lines = said.stderr.split(|byte| *byte == b'\n');
        let lines = lines.filter(|line| !is_of_kubectl(line));
        let words = lines.collect::<Vec<_>>().join(&b'\n');
        copy::say_lines(&words);
        let (explained, quiet) = (!words.is_empty(), self.options.quiet);
        let code = copy::ended(request, received, code, explained, quiet)?;
        Ok(Ended::With(code))
    }

    fn serve(&self) -> Result<u8, AttachError> {
        let mut steps = self.attachment.plan.steps.iter().rev();
        let (forward, logs) = (steps.next(), steps.next());
        let attach = steps.next().filter(|_| self.attachment.token);
        let token = if let Some(attach) = attach {
            Some(self.give_token(attach, logs)?)
        } else {
            self.wait_for_words(logs, LISTENING, &mut || Ok(()))?;
            None
        };
        let url = format!("http://127.0.0.1:{}/", self.options.port);
        // Said even if quiet: it cannot be used without.
        served::announce(&url, token.as_ref());
        let Some(forward) = forward else { return Ok(0) };
        let (program, words) = split(&forward.words);
        let page = self.options.open.then(|| match &token {
            Some(token) => token.link(&url),
            None => url,
        });
        // kubectl notices that the port leads nowhere only when somebody uses it.
        let mut asked = Instant::now();
        let mut is_over = || {
            let is_due = asked.elapsed() >= WATCH_PAUSE;
            is_due && {
                let is_over = self.serves_no_more();
                asked = Instant::now();
                is_over
            }
        };
        let (status, end) = tool::hand_over_interruptible(&program, &words, page, &mut is_over)?;
        let code = if end == HandOverEnd::ByItself {
            code(status)
        } else {
            0
        };
        self.after_forwarding(code, end == HandOverEnd::Interrupted)
    }

    /// Writes a new token to the server's stdin, until it says that it accepts it.
    fn give_token(&self, attach: &Step, logs: Option<&Step>) -> Result<RunToken, AttachError> {
        let token = RunToken::make()?;
        let (program, words) = split(&attach.words);
        let mut writer = Background::start(&program, &words, token.text())?;
        self.wait_for_words(logs, &token.accepted(), &mut || match writer.ended()? {
            // The container has ended, or has closed its stdin: the time for its answer decides.
            Some(status) if !status.success() => {
                let why = refusal::of(Operation::Attach, &attach.words, &writer.said());
                if is_forbidden(&why) {
                    return Err(why);
                }
                Err(self.ended_meanwhile()?.unwrap_or(why))
            }
            _ => Ok(()),
        })?;
        Ok(token)
    }

    /// Waits until the server has said something, while nothing is found that speaks against it.
    fn wait_for_words(
        &self,
        logs: Option<&Step>,
        expected: &str,
        check: &mut dyn FnMut() -> Result<(), AttachError>,
    ) -> Result<(), AttachError> {
        let begun = Instant::now();
        loop {
            let said = logs.map(|logs| ask(&logs.words, Operation::ReadLog));
            let said = said
                .transpose()?
                .map(|said| said.stdout)
                .unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            if said.contains(expected) {
                return Ok(());
            }
            check()?;
            if begun.elapsed() > GREETING_TIME {
                if let Some(ended) = self.ended_meanwhile()? {
                    return Err(ended);
                }
                let last = said.lines().last().unwrap_or_default();
                let refusal = TargetRefusal::NotServing {
                    container: self.attachment.container.clone(),
                    image: escaped(self.attachment.image.as_bytes()).into_owned(),
                    said: escaped(last.as_bytes()).into_owned(),
                    line: self.logs_line(),
                };
                return Err(refusal.into());
            }
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// Until the node has started it, or until it has ended.
    fn wait(&self, until: Until) -> Result<State, AttachError> {
        let name = &self.attachment.container;
        let begun = Instant::now();
        let (mut pause, mut last) = (Duration::from_millis(300), String::new());
        let mut running_since = None;
        loop {
            let state = pod::state(&self.pod()?, name);
            let (words, limit) = match state {
                Some(State::Running) if until == Until::Runs => return Ok(State::Running),
                Some(State::Running) => {
                    let since: &Instant = running_since.get_or_insert_with(Instant::now);
                    let own = self.attachment.time.map_or(END_TIME, |time| time + GRACE);
                    let limit = own.saturating_add(self.options.lasts);
                    if since.elapsed() >= limit {
                        return Err(refusal::no_end(
                            &self.attachment.container,
                            &self.attachment.image,
                            limit,
                            &self.logs_line(),
                        ));
                    }
                    ("runs".to_owned(), Duration::MAX)
                }
                Some(ended @ State::Terminated { .. }) if until == Until::Ends => return Ok(ended),
                Some(State::Terminated {
                    code,
                    reason,
                    message,
                }) => return Err(self.ended_early(code, &reason, &message)?),
                Some(State::Waiting { reason, message }) => {
                    if let Some(error) = refusal::waiting(&self.attachment.image, &reason, &message)
                    {
                        return Err(error);
                    }
                    (reason, self.options.timeout)
                }
                None => (
                    "not reported by its node yet".to_owned(),
                    self.options.timeout,
                ),
            };
            if begun.elapsed() >= limit {
                return Err(self.slow(&words));
            }
            if words != last {
                self.say(&format!("{name}: {words}"));
                last = words;
            }
            thread::sleep(pause);
            pause = (pause * 3 / 2).min(Duration::from_secs(2));
        }
    }

    pub(super) fn slow(&self, words: &str) -> AttachError {
        refusal::slow(
            self.options,
            &self.attachment.container,
            words,
            &self.logs_line(),
        )
    }

    /// The command that shows what the container says.
    fn logs_line(&self) -> String {
        let container = format!("--container={}", self.attachment.container);
        let words = ["logs", &self.target.pod, &container];
        self.kubectl.line(Some(&self.target.namespace), &words)
    }

    pub(super) fn say(&self, words: &str) {
        if !self.options.quiet {
            let _ = writeln!(io::stderr(), "{}", line_for_terminal(words));
        }
    }
}

fn is_forbidden(error: &AttachError) -> bool {
    matches!(
        error,
        AttachError::Kubectl(KubectlRefusal::Forbidden { .. })
    )
}

fn first_line(error: &AttachError) -> String {
    let words = error.to_string();
    words.lines().next().unwrap_or_default().to_owned()
}

fn add(step: &Step) -> Result<(), AttachError> {
    let lent = lend(step)?;
    ask(&lent.words, Operation::Add)?;
    Ok(())
}

fn hand_over(step: &Step) -> Result<u8, AttachError> {
    let (program, words) = split(&step.words);
    Ok(code(tool::hand_over(&program, &words)?))
}

/// The words of a step, and the file that they name while this lives.
struct Ready {
    words: Vec<String>,
    _file: Option<Lent>,
}

fn lend(step: &Step) -> Result<Ready, AttachError> {
    let Some((path, text)) = &step.file else {
        return Ok(Ready {
            words: step.words.clone(),
            _file: None,
        });
    };
    let lent = Lent::new(text.as_bytes()).map_err(TargetRefusal::CustomFile)?;
    let custom = format!("--custom={path}");
    let words = step.words.iter().map(|word| {
        if *word == custom {
            format!("--custom={}", lent.path())
        } else {
            word.clone()
        }
    });
    Ok(Ready {
        words: words.collect(),
        _file: Some(lent),
    })
}
