//! `spyhole run -- CMD ARGS…`: starts an application, is a good PID 1 to it, and says why it ended.
//!
//! Before the start as little as possible is read, and afterwards this process only waits. What
//! there is to say is found out once the application has ended: where that was a success, nothing.

mod missing;
mod why_not;
mod words;

use std::collections::BTreeMap;
use std::ffi::{CString, OsString};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use nix::errno::Errno;

use crate::model::escape::escaped;
use crate::model::format::Format;
use crate::model::run_report::{self, Cause, End, Memory, PassedOn, RunReport, Used};
use crate::model::time::Timestamp;
use crate::model::{ByteString, Gaps, Reason, Refusal, Report, Subject};
use crate::redact::{self, Redactor};
use crate::render;
use crate::scan::cgroup::memory::MemoryCgroup;
use crate::scan::needs::Choice;
use crate::scan::needs::{NetPolicy, ScanOptions};
use crate::scan::program::search;
use crate::scan::program::search::Search;
use crate::scan::self_process;
use crate::sections;
use crate::sections::registry;
use crate::sections::section::Detail;
use crate::sys::InRoot;
use crate::sys::child::{Child, Ended, Parent, Usage};
use crate::sys::own_code;
use crate::sys::reader_process;
use crate::sys::report_file;
use why_not::Attempt;

/// What `spyhole run` takes.
#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// Write a JSON report to this file if the application fails.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// Leave the dump of the container out of the report.
    #[arg(long, requires = "report")]
    pub no_dump: bool,

    /// The program to run, and its arguments.
    #[arg(value_name = "CMD", required = true, trailing_var_arg = true)]
    pub command: Vec<OsString>,
}

/// Where no process can be had or waited for any more.
const LOST: u8 = 125;
/// As shells and engines say: it is there and cannot be run.
const CANNOT_RUN: u8 = 126;
/// Likewise: it is not there.
const NOT_THERE: u8 = 127;
/// Added to the number of the signal that ended it.
const BY_SIGNAL: u8 = 128;
/// How long the look at the container may take: the end of the application waits for it.
const DUMP_TIMEOUT: Duration = Duration::from_secs(2);
const SECTION: &str = "run";

/// Runs the application to its end.
///
/// `quiet` keeps the words on stderr back; `redactor` is asked only where a report is written.
///
/// Returns the exit code: the application's own, 128 and the signal's number where a signal
/// ended it, 126 or 127 where it could not be started.
#[must_use]
pub(crate) fn run(
    options: &RunOptions,
    quiet: bool,
    redactor: impl FnOnce() -> Result<Redactor, String>,
) -> u8 {
    let (at, clock) = (Timestamp::now(), Instant::now());
    let parent = Parent::begin();
    let name = options.command.first().cloned().unwrap_or_default();
    let search = search::find(&name, std::env::var_os("PATH"));
    let cgroup = OwnCgroup::find();
    let oom_kills = cgroup
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|own| own.cgroup.oom_kills(&own.root));
    let started = start(&parent, &search, &options.command);
    let mut passed = BTreeMap::new();
    let end = match &started {
        Ok(child) => {
            // Not at once: a program that ends soon would only wait for what comes back.
            let ended = child.wait(own_code::let_go, |signal| note(&mut passed, signal));
            ended.map(Into::into)
        }
        Err(errno) => Ok(not_started(*errno, &search)),
    };
    let end: End = match end {
        Ok(End::Exited { code: 0 }) => return 0,
        Ok(end) => end,
        Err(errno) => {
            complain(&format!(
                "spyhole: cannot wait for the application: {errno}\n"
            ));
            return LOST;
        }
    };
    let failure = Failure {
        options,
        search: &search,
        at,
        clock,
        ended: Instant::now(),
        passed,
        oom_kills,
        cgroup,
    };
    let mut report = failure.report(end, started.as_ref());
    if !quiet {
        complain(&words::lines(&report));
    }
    if let Some(path) = &options.report {
        let written = redactor().and_then(|redactor| {
            // The application is a zombie still, and its orphans stand beside it.
            failure.write(path, &mut report, redactor)
        });
        match written {
            Ok(()) if quiet => {}
            Ok(()) => complain(&format!(
                "  report: {}\n",
                escaped(path.as_os_str().as_bytes())
            )),
            Err(why) => complain(&format!(
                "spyhole: no report: {}\n",
                escaped(why.as_bytes())
            )),
        }
    }
    // Nothing is lost: init reaps the children of a process that has ended.
    let _ = started.map(Child::reap);
    report.exit_code
}

fn start(parent: &Parent, search: &Search, command: &[OsString]) -> Result<Child, Errno> {
    let path = search.found.as_ref().map_err(|errno| *errno)?;
    let words = command
        .iter()
        .map(|word| CString::new(word.as_bytes()).map_err(|_| Errno::EINVAL))
        .collect::<Result<Vec<_>, _>>()?;
    parent.start(path, &words)
}

/// How often each signal was passed on, and when last.
type Passed = BTreeMap<u8, (u64, Instant)>;

fn note(passed: &mut Passed, signal: u8) {
    let now = Instant::now();
    let (count, last) = passed.entry(signal).or_insert((0, now));
    *count += 1;
    *last = now;
}

fn not_started(errno: Errno, search: &Search) -> End {
    let searched = search.directories.as_ref();
    End::NotStarted {
        errno: format!("{errno:?}"),
        searched: searched.map(|all| all.iter().map(|one| one.as_slice().into()).collect()),
    }
}

impl From<Ended> for End {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Exited(code) => Self::Exited { code },
            Ended::Signaled {
                signal,
                core_dumped,
            } => Self::Signaled {
                signal,
                name: words::signal_name(signal),
                core_dumped,
            },
        }
    }
}

/// What is known once it has failed.
struct Failure<'a> {
    options: &'a RunOptions,
    search: &'a Search,
    at: Timestamp,
    clock: Instant,
    ended: Instant,
    passed: Passed,
    /// Before the start.
    oom_kills: Result<u64, Refusal>,
    cgroup: Result<OwnCgroup, Refusal>,
}

/// The memory cgroup that spyhole and its child are in: whether the kernel killed for want of
/// memory. The kernel says it nowhere else: to the parent it is a SIGKILL like any other.
struct OwnCgroup {
    root: InRoot,
    cgroup: MemoryCgroup,
}

impl OwnCgroup {
    fn find() -> Result<Self, Refusal> {
        let proc = self_process::in_own_proc()
            .map_err(|_| Refusal::of(Reason::Io).needing("a mounted /proc"))?;
        let root = InRoot::at(Path::new("/"))
            .map_err(|_| Refusal::of(Reason::Io).needing("a readable /"))?;
        let cgroup = MemoryCgroup::of(&proc, &root)?;
        Ok(Self { root, cgroup })
    }
}

impl Failure<'_> {
    /// Everything but what only the file gets: arguments and dump.
    fn report(&self, end: End, started: Result<&Child, &Errno>) -> RunReport {
        let mut gaps = Gaps::default();
        let memory = started.is_ok().then(|| self.memory(&mut gaps));
        let used = started.ok().map(|child| {
            let attempt = child.usage().map(|usage| used(&usage));
            let attempt = attempt.map_err(|errno| Refusal {
                errno: Some(format!("{errno:?}")),
                ..Refusal::of(Reason::Io)
            });
            gaps.section(SECTION).seen("used", child.pid(), attempt)
        });
        let cause = match started {
            Ok(_) => self.cause(&end, memory.as_ref()),
            Err(errno) => Some(why_not::cause(&Attempt {
                words: &self.options.command,
                search: self.search,
                errno: *errno,
            })),
        };
        let exit_code = match (&end, started) {
            (End::Exited { code }, _) => *code,
            (End::Signaled { signal, .. }, _) => BY_SIGNAL.saturating_add(*signal),
            (_, Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::ENAMETOOLONG)) => {
                NOT_THERE
            }
            (End::NotStarted { .. }, _) => CANNOT_RUN,
        };
        let name = self.options.command.first();
        RunReport {
            schema: run_report::SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            program: name.map(|name| name.as_bytes().into()).unwrap_or_default(),
            path: self.path_found(),
            arguments: Vec::new(),
            pid: started.ok().map(Child::pid),
            started_at: self.at,
            ended_at: Timestamp(self.at.0 + self.ended.duration_since(self.clock)),
            seconds: self.ended.duration_since(self.clock).as_secs_f64(),
            exit_code,
            end,
            cause,
            used,
            memory,
            passed_on: self.passed_on(),
            gaps: gaps.as_slice().to_vec(),
            dump: None,
        }
    }

    fn cause(&self, end: &End, memory: Option<&Memory>) -> Option<Cause> {
        let was_passed_on = match end {
            End::Signaled { signal, .. } => self.passed.contains_key(signal),
            _ => false,
        };
        let told = memory.and_then(|memory| words::cause(end, memory, was_passed_on));
        // The loader of a dynamic program ends so where a library is missing.
        let by_loader = *end == (End::Exited { code: NOT_THERE });
        told.or_else(|| {
            let program = self.search.found.as_ref().ok()?;
            by_loader.then(|| missing::missing_libraries(program.as_bytes()))?
        })
    }

    fn memory(&self, gaps: &mut Gaps) -> Memory {
        let path: ByteString = match &self.cgroup {
            Ok(own) => own.cgroup.path().into(),
            Err(_) => "/proc/self/cgroup".into(),
        };
        let subject = || Subject::Path(path.clone());
        let cgroup = || self.cgroup.as_ref().map_err(Clone::clone);
        let after = cgroup().and_then(|own| own.cgroup.oom_kills(&own.root));
        let limit = cgroup()
            .and_then(|own| own.cgroup.limit_bytes(&own.root))
            .transpose();
        let mut seen = |field, attempt| gaps.section(SECTION).seen(field, subject(), attempt);
        Memory {
            oom_kills_before: seen("memory.oom_kills_before", self.oom_kills.clone()),
            oom_kills_after: seen("memory.oom_kills_after", after),
            limit_bytes: limit.map(|limit| seen("memory.limit_bytes", limit)),
        }
    }

    fn path_found(&self) -> Option<ByteString> {
        self.search.directories.as_ref()?;
        let path = self.search.found.as_ref().ok()?;
        Some(path.as_bytes().into())
    }

    fn passed_on(&self) -> Vec<PassedOn> {
        let one = |(signal, (count, last)): (&u8, &(u64, Instant))| PassedOn {
            signal: *signal,
            name: words::signal_name(*signal),
            count: *count,
            last_seconds_before_end: self.ended.saturating_duration_since(*last).as_secs_f64(),
        };
        self.passed.iter().map(one).collect()
    }

    fn write(
        &self,
        path: &std::path::Path,
        report: &mut RunReport,
        redactor: Redactor,
    ) -> Result<(), String> {
        let words: Vec<Vec<u8>> = self
            .options
            .command
            .iter()
            .map(|word| word.as_bytes().to_vec())
            .collect();
        let mut arguments = redactor.arguments(&words).into_iter();
        report.program = arguments
            .next()
            .map(|program| program.text)
            .unwrap_or_default();
        report.arguments = arguments.collect();
        if !self.options.no_dump {
            report.dump = dump(redactor);
            if report.dump.is_none() {
                let mut gaps = Gaps::default();
                let late = Refusal::of(Reason::Timeout);
                gaps.section(SECTION).record("dump", "/proc", &late);
                report.gaps.extend_from_slice(gaps.as_slice());
            }
        }
        let mut text = Vec::new();
        render::document(report, &mut text).map_err(|error| error.to_string())?;
        report_file::replace(path, &text).map_err(|error| error.to_string())
    }
}

fn used(usage: &Usage) -> Used {
    Used {
        cpu_user_seconds: usage.user.as_secs_f64(),
        cpu_system_seconds: usage.system.as_secs_f64(),
        max_rss_bytes: usage.max_rss_bytes,
        major_faults: usage.major_faults,
        minor_faults: usage.minor_faults,
    }
}

/// A look at spyhole's own container, which is the application's; no connection is opened.
fn dump(redactor: Redactor) -> Option<Report> {
    let look = move || {
        let options = ScanOptions {
            proc: "/proc".into(),
            choice: Choice {
                own: true,
                ..Choice::default()
            },
            // So that there is time left to write down what was late.
            timeout: DUMP_TIMEOUT * 3 / 4,
            net: NetPolicy::none(),
            redactor,
        };
        sections::report(options, &registry::whole(), Detail::of(Format::Json)).ok()
    };
    reader_process::call(DUMP_TIMEOUT, look).ok()?
}

/// Where not even stderr can be written, the exit code has to do.
fn complain(text: &str) {
    let _ = std::io::stderr().write_all(redact::sentence(text).as_bytes());
}
