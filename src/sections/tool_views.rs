//! Small tools as views: `id`, `mount`, `pgrep`, `printenv`, `getpcaps`, `uptime`.

use clap::Args;
use regex_automata::meta::Regex;

use super::capabilities::{self, CapabilitiesQuery};
use super::environment::{self, EnvironmentQuery};
use super::mounts::{self, MountsQuery};
use super::processes::{self, ProcessesQuery};
use super::section::{Detail, SectionInfo};
use super::view::View;
use crate::model::Report;
use crate::model::capabilities::{Account, AccountIds, SecurityContext};
use crate::model::process::Process;
use crate::model::seen::Seen;
use crate::parse::posix_regex::{RegexGrammar, translate};
use crate::render::tables::table::{Cell, Heading, Table};

/// Lines without headings.
fn lines(rows: Vec<Cell>) -> Vec<Table> {
    vec![Table {
        headings: vec![Heading::left("")],
        rows: rows.into_iter().map(|cell| vec![cell]).collect(),
        ..Table::default()
    }]
}

/// Flags of `spyhole id`.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of id")]
pub(crate) struct IdView {
    /// Print only the effective user id
    #[arg(short = 'u', long)]
    pub user: bool,
    /// Print only the effective group id
    #[arg(short = 'g', long)]
    pub group: bool,
    /// Print only the ids of all groups
    #[arg(short = 'G', long)]
    pub groups: bool,
    /// Print names instead of numbers, with -u, -g or -G
    #[arg(short = 'n', long)]
    pub name: bool,
}

impl View for IdView {
    type Section = CapabilitiesQuery;
    const SECTION: &'static SectionInfo = &capabilities::INFO;
    const NAME: &'static str = "id";
    const ABOUT: &'static str = "Print user and groups of the main process, like id";
    const EXAMPLE: &'static str = "spyhole id";
    const IS_BARE: bool = true;

    fn query(&self) -> CapabilitiesQuery {
        CapabilitiesQuery::default()
    }

    fn tables(&self, report: &Report, _: Detail) -> Vec<Table> {
        let contexts = report.capabilities.iter().flatten();
        lines(contexts.map(|context| self.line(context)).collect())
    }
}

impl IdView {
    fn line(&self, context: &SecurityContext) -> Cell {
        let own = &context.privileges;
        let (Seen::Value(uids), Seen::Value(gids), Seen::Value(others)) =
            (&own.uids, &own.gids, &own.groups)
        else {
            return Cell::Unseen;
        };
        let mut groups = vec![&gids.effective];
        groups.extend(others.iter().filter(|group| group.id != gids.effective.id));
        let plain = |account: &Account| match name(account) {
            Some(name) if self.name => name,
            _ => account.id.to_string(),
        };
        let text = match (self.user, self.group, self.groups) {
            (true, ..) => plain(&uids.effective),
            (_, true, _) => plain(&gids.effective),
            (.., true) => joined(&groups, " ", plain),
            _ => {
                let groups = joined(&groups, ",", with_name);
                let both = ids("uid", "euid", uids) + &ids(" gid", " egid", gids);
                format!("{both} groups={groups}")
            }
        };
        Cell::Outside(text.into_bytes().into())
    }
}

/// The real id, and the effective one where it is another.
fn ids(real: &str, effective: &str, ids: &AccountIds) -> String {
    let mut text = format!("{real}={}", with_name(&ids.real));
    if ids.real.id != ids.effective.id {
        let space = if effective.starts_with(' ') { "" } else { " " };
        text = format!("{text}{space}{effective}={}", with_name(&ids.effective));
    }
    text
}

fn joined(groups: &[&Account], between: &str, show: impl Fn(&Account) -> String) -> String {
    let shown: Vec<String> = groups.iter().map(|group| show(group)).collect();
    shown.join(between)
}

fn with_name(account: &Account) -> String {
    match name(account) {
        Some(name) => format!("{}({name})", account.id),
        None => account.id.to_string(),
    }
}

fn name(account: &Account) -> Option<String> {
    let name = account.name.as_ref()?.value()?;
    Some(name.to_text().into_owned())
}

/// Flags of `spyhole mount`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct MountView {
    /// Show only file systems of these types
    #[arg(short = 't', long, value_name = "LIST", value_delimiter = ',')]
    pub types: Vec<String>,
}

impl View for MountView {
    type Section = MountsQuery;
    const SECTION: &'static SectionInfo = &mounts::INFO;
    const NAME: &'static str = "mount";
    const ABOUT: &'static str = "List mounts in the format of mount";
    const EXAMPLE: &'static str = "spyhole mount -t tmpfs";
    const IS_BARE: bool = true;

    fn query(&self) -> MountsQuery {
        let mut query = MountsQuery::default();
        query.types.clone_from(&self.types);
        query
    }

    fn tables(&self, report: &Report, _: Detail) -> Vec<Table> {
        let Some(Seen::Value(mounts)) = &report.mounts else {
            return lines(vec![Cell::Unseen]);
        };
        let line = |mount: &crate::model::mount::Mount| {
            let part = [
                mount.source.as_bytes(),
                b" on ",
                mount.mount_point.as_bytes(),
                b" type ",
                mount.fstype.as_bytes(),
                b" (",
                &options(
                    mount.mount_options.as_bytes(),
                    mount.super_options.as_bytes(),
                ),
                b")",
            ];
            Cell::Outside(part.concat().into())
        };
        lines(mounts.iter().map(line).collect())
    }
}

/// As libmount joins them: read-only where either is, then those of the mount, then those of the
/// file system.
fn options(mount: &[u8], file_system: &[u8]) -> Vec<u8> {
    let words = |list: &[u8]| -> Vec<Vec<u8>> {
        let words = list.split(|byte| *byte == b',');
        words.map(<[u8]>::to_vec).collect()
    };
    let (mount, file_system) = (words(mount), words(file_system));
    let is_access = |word: &Vec<u8>| matches!(word.as_slice(), b"rw" | b"ro");
    let is_read_only = |list: &[Vec<u8>]| list.iter().any(|word| word == b"ro");
    let access: &[u8] = if is_read_only(&mount) || is_read_only(&file_system) {
        b"ro"
    } else {
        b"rw"
    };
    let mut joined = access.to_vec();
    let others = mount.iter().chain(&file_system);
    for word in others.filter(|word| !is_access(word) && !word.is_empty()) {
        joined.push(b',');
        joined.extend_from_slice(word);
    }
    joined
}

/// Flags of `spyhole pgrep`.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of pgrep")]
pub(crate) struct PgrepView {
    /// Extended regular expression for the name of the process
    #[arg(value_name = "PATTERN", value_parser = pattern)]
    pub pattern: String,
    /// Also print the name
    #[arg(short = 'l', long)]
    pub list_name: bool,
    /// Also print the command line
    #[arg(short = 'a', long)]
    pub list_full: bool,
    /// Match the command line
    #[arg(short = 'f', long)]
    pub full: bool,
    /// Match the whole name or command line
    #[arg(short = 'x', long)]
    pub exact: bool,
    /// Print only the number of processes
    #[arg(long)]
    pub count: bool,
    /// Only processes of this user
    #[arg(short = 'u', long, value_name = "USER")]
    pub user: Option<String>,
}

fn pattern(text: &str) -> Result<String, String> {
    regex(text, false).map(|_| text.to_owned())
}

fn regex(pattern: &str, exact: bool) -> Result<Regex, String> {
    let pattern = if exact {
        format!("^({pattern})$")
    } else {
        pattern.to_owned()
    };
    let translated = translate(pattern.as_bytes(), RegexGrammar::Extended);
    let translated = translated.map_err(|error| error.to_string())?;
    Regex::new(&translated).map_err(|_| "no regular expression".to_owned())
}

impl View for PgrepView {
    type Section = ProcessesQuery;
    const SECTION: &'static SectionInfo = &processes::INFO;
    const NAME: &'static str = "pgrep";
    const ABOUT: &'static str = "Print the process ids whose name matches a pattern, like pgrep";
    const EXAMPLE: &'static str = "spyhole pgrep -a nginx";
    const IS_BARE: bool = true;

    fn query(&self) -> ProcessesQuery {
        ProcessesQuery {
            user: self.user.clone(),
            ..ProcessesQuery::default()
        }
    }

    fn tables(&self, report: &Report, _: Detail) -> Vec<Table> {
        let matching = self.matching(report);
        if self.count {
            return lines(vec![Cell::number(matching.len())]);
        }
        let row = |process: &&Process| {
            let mut text = process.pid.to_string().into_bytes();
            if self.list_full {
                text.push(b' ');
                text.extend(command_line(process));
            } else if self.list_name {
                text.push(b' ');
                text.extend_from_slice(process.comm.as_bytes());
            }
            Cell::Outside(text.into())
        };
        lines(matching.iter().map(row).collect())
    }

    fn saw_nothing(&self, report: &Report) -> bool {
        self.matching(report).is_empty() && self.has_unseen(report)
    }

    fn says_no(&self, report: &Report) -> bool {
        self.matching(report).is_empty() && !self.has_unseen(report)
    }
}

impl PgrepView {
    /// Whether a command line, or the name of a user, that may match was not read.
    fn has_unseen(&self, report: &Report) -> bool {
        let by_name = self
            .user
            .as_ref()
            .is_some_and(|user| user.parse::<u32>().is_err());
        let mut gaps = report.gaps.iter();
        if by_name && gaps.any(|gap| gap.section == processes::INFO.name && gap.field == "user") {
            return true;
        }
        let mut processes = report.processes.iter().flatten();
        self.full && processes.any(|process| matches!(process.args, Some(Seen::Unseen(_))))
    }

    fn matching<'a>(&self, report: &'a Report) -> Vec<&'a Process> {
        let Ok(regex) = regex(&self.pattern, self.exact) else {
            return Vec::new();
        };
        let matches = |process: &&Process| {
            if self.full {
                regex.is_match(&command_line(process))
            } else {
                regex.is_match(process.comm.as_bytes())
            }
        };
        let processes = report.processes.iter().flatten();
        processes.filter(matches).collect()
    }
}

/// Its arguments; of one without, or whose arguments are not readable, its name.
fn command_line(process: &Process) -> Vec<u8> {
    match &process.args {
        Some(Seen::Value(args)) if !args.is_empty() => {
            let words: Vec<&[u8]> = args.iter().map(|arg| arg.text.as_bytes()).collect();
            words.join(&b' ')
        }
        _ => process.comm.as_bytes().to_vec(),
    }
}

/// Flags of `spyhole printenv`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PrintenvView {
    /// Print only the values of these variables
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

impl View for PrintenvView {
    type Section = EnvironmentQuery;
    const SECTION: &'static SectionInfo = &environment::INFO;
    const NAME: &'static str = "printenv";
    const ABOUT: &'static str =
        "Print the environment of the main process like printenv, secrets redacted";
    const EXAMPLE: &'static str = "spyhole printenv PATH";
    const IS_BARE: bool = true;

    fn query(&self) -> EnvironmentQuery {
        let mut query = EnvironmentQuery::default();
        query.names.clone_from(&self.names);
        query
    }

    fn tables(&self, report: &Report, _: Detail) -> Vec<Table> {
        let environments = report.environment.iter().flatten();
        let mut rows = Vec::new();
        for environment in environments {
            let Seen::Value(variables) = &environment.variables else {
                rows.push(Cell::Unseen);
                continue;
            };
            for variable in variables {
                let mut text = Vec::new();
                if self.names.is_empty() {
                    text.extend_from_slice(variable.name.as_bytes());
                    text.extend(Some(b'=').filter(|_| !variable.without_equals));
                }
                match (&variable.redacted, &variable.value) {
                    (Some(redacted), _) => text.extend(redacted.describe().into_bytes()),
                    (None, Some(value)) => text.extend_from_slice(value.as_bytes()),
                    (None, None) => {}
                }
                rows.push(Cell::Outside(text.into()));
            }
        }
        lines(rows)
    }

    fn says_no(&self, report: &Report) -> bool {
        let variables = report.environment.iter().flatten();
        let variables = variables.filter_map(|environment| environment.variables.value());
        let variables: Vec<_> = variables.collect();
        let missing = |name: &String| {
            let mut all = variables.iter().copied().flatten();
            !all.any(|one| one.name.as_bytes() == name.as_bytes())
        };
        // What was not seen is not missing.
        !variables.is_empty() && self.names.iter().any(missing)
    }
}

/// Flags of `spyhole getpcaps`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct GetpcapsView {
    /// Print those of these processes (default: the main process)
    #[arg(value_name = "PID")]
    pub pids: Vec<i32>,
}

impl View for GetpcapsView {
    type Section = CapabilitiesQuery;
    const SECTION: &'static SectionInfo = &capabilities::INFO;
    const NAME: &'static str = "getpcaps";
    const ABOUT: &'static str = "Print the capabilities of processes like getpcaps";
    const EXAMPLE: &'static str = "spyhole getpcaps 1";
    const IS_BARE: bool = true;

    fn query(&self) -> CapabilitiesQuery {
        CapabilitiesQuery {
            all: !self.pids.is_empty(),
            ..CapabilitiesQuery::default()
        }
    }

    fn tables(&self, report: &Report, _: Detail) -> Vec<Table> {
        let contexts = report.capabilities.iter().flatten();
        let wanted =
            |context: &&SecurityContext| self.pids.is_empty() || self.pids.contains(&context.pid);
        let line = |context: &SecurityContext| match &context.privileges.text {
            Seen::Value(text) => format!("{}: {text}", context.pid).into(),
            Seen::Unseen(_) => Cell::Unseen,
        };
        lines(contexts.filter(wanted).map(line).collect())
    }

    fn says_no(&self, report: &Report) -> bool {
        let seen = |pid: &i32| {
            let mut contexts = report.capabilities.iter().flatten();
            contexts.any(|context| context.pid == *pid)
        };
        !self.pids.iter().all(seen)
    }
}

/// Flags of `spyhole uptime`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct UptimeView {
    /// Print only since when
    #[arg(short = 's', long)]
    pub since: bool,
}

impl View for UptimeView {
    type Section = ProcessesQuery;
    const SECTION: &'static SectionInfo = &processes::INFO;
    const NAME: &'static str = "uptime";
    const ABOUT: &'static str = "Print how long the main process has been running";
    const EXAMPLE: &'static str = "spyhole uptime";
    const IS_BARE: bool = true;

    fn query(&self) -> ProcessesQuery {
        ProcessesQuery::default()
    }

    fn tables(&self, report: &Report, _: Detail) -> Vec<Table> {
        let main = report.target.as_ref().map(|target| target.pid);
        let mut processes = report.processes.iter().flatten();
        let Some(process) = processes.find(|process| Some(process.pid) == main) else {
            return lines(vec![Cell::Unseen]);
        };
        let Seen::Value(started) = process.started_at else {
            return lines(vec![Cell::Unseen]);
        };
        let since = started.rfc3339();
        if self.since {
            return lines(vec![since.into()]);
        }
        let seconds = started.until(report.taken_at).as_secs();
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
        let days = match days {
            0 => String::new(),
            1 => "1 day, ".to_owned(),
            many => format!("{many} days, "),
        };
        let name = process.comm.to_text();
        let text = format!(
            "up {days}{hours:2}:{minutes:02}, since {since} (process {} {name})",
            process.pid
        );
        lines(vec![Cell::Outside(text.into_bytes().into())])
    }
}
