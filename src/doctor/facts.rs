//! The document, as rules read it: what was not seen ends a rule, and is never taken for nothing.

use crate::model::Report;
use crate::model::byte_string::ByteString;
use crate::model::capabilities::SecurityContext;
use crate::model::certificate::{CertificateFile, Certificates};
use crate::model::environment::Variable;
use crate::model::gap::WALK;
use crate::model::mount::Mount;
use crate::model::network::Network;
use crate::model::open_files::OpenFiles;
use crate::model::process::Process;
use crate::model::program::{ElfProgram, Program};
use crate::model::reason::Reason;
use crate::model::resources::Resources;
use crate::model::seen::Seen;
use crate::model::socket::{Protocol, Socket, State};
use crate::model::target::Target;

/// Gaps of these fields of `sockets` hide listeners and connections of the internet.
pub(super) const SOCKET_TABLES: [&str; 5] = ["sockets", "tcp", "tcp6", "udp", "udp6"];

/// Why a rule cannot be judged: a field that it reads was not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotJudged {
    pub(crate) field: &'static str,
    /// As the gap tells it; `None` where the document does not have the field.
    pub(crate) reason: Option<Reason>,
}

/// What the rules read, and what the caller expects.
pub(crate) struct Facts<'a> {
    pub(crate) report: &'a Report,
    /// Ports that the application is to listen on.
    pub(crate) expected_ports: &'a [u16],
    /// Name servers that were asked and did not answer, each with why.
    pub(crate) silent_name_servers: &'a [String],
}

/// The value of a field.
///
/// # Errors
/// It was not seen.
pub(crate) fn seen<'a, T>(field: &'static str, value: &'a Seen<T>) -> Result<&'a T, NotJudged> {
    match value {
        Seen::Value(value) => Ok(value),
        Seen::Unseen(unseen) => Err(NotJudged {
            field,
            reason: Some(unseen.reason()),
        }),
    }
}

/// The value of a field that may not apply.
///
/// # Errors
/// It was not seen.
pub(crate) fn seen_if_there<'a, T>(
    field: &'static str,
    value: Option<&'a Seen<T>>,
) -> Result<Option<&'a T>, NotJudged> {
    value.map(|value| seen(field, value)).transpose()
}

impl<'a> Facts<'a> {
    /// A document of which nothing is expected.
    pub(crate) fn of(report: &'a Report) -> Self {
        Self {
            report,
            expected_ports: &[],
            silent_name_servers: &[],
        }
    }

    fn section<T>(field: &'static str, section: Option<&'a T>) -> Result<&'a T, NotJudged> {
        section.ok_or(NotJudged {
            field,
            reason: None,
        })
    }

    /// That nothing is missing from a list of a section.
    ///
    /// # Errors
    /// A gap of one of these fields.
    pub(crate) fn is_whole(
        &self,
        field: &'static str,
        section: &str,
        fields: &[&str],
    ) -> Result<(), NotJudged> {
        let gaps = self.report.gaps.iter();
        let mut missing = gaps.filter(|gap| gap.section == section);
        match missing.find(|gap| fields.contains(&gap.field.as_str())) {
            Some(gap) => Err(NotJudged {
                field,
                reason: Some(gap.reason),
            }),
            None => Ok(()),
        }
    }

    /// Why the first of what is missing from a section was not seen.
    pub(super) fn first_reason(&self, section: &str) -> Option<Reason> {
        let mut gaps = self.report.gaps.iter();
        gaps.find(|gap| gap.section == section)
            .map(|gap| gap.reason)
    }

    pub(crate) fn target(&self) -> Result<&'a Target, NotJudged> {
        Self::section("target", self.report.target.as_ref())
    }

    pub(crate) fn processes(&self) -> Result<&'a [Process], NotJudged> {
        Self::section("processes", self.report.processes.as_ref()).map(Vec::as_slice)
    }

    /// The target's main process.
    pub(crate) fn main_process(&self) -> Result<&'a Process, NotJudged> {
        let pid = self.target()?.pid;
        let main = self.processes()?.iter().find(|process| process.pid == pid);
        Self::section("processes", main)
    }

    pub(crate) fn resources(&self) -> Result<&'a Resources, NotJudged> {
        Self::section("resources", self.report.resources.as_ref())
    }

    pub(super) fn network(&self) -> Result<&'a Network, NotJudged> {
        Self::section("network", self.report.network.as_ref())
    }

    pub(super) fn program(&self) -> Result<&'a Program, NotJudged> {
        Self::section("program", self.report.program.as_ref())
    }

    /// What the main program's ELF file says; `None` for another kind of file.
    pub(super) fn elf(&self) -> Result<Option<&'a ElfProgram>, NotJudged> {
        let program = self.program()?;
        seen("program.format", &program.format)?;
        Ok(program.elf.as_ref())
    }

    pub(crate) fn open_files(&self) -> Result<&'a OpenFiles, NotJudged> {
        Self::section("open_files", self.report.open_files.as_ref())
    }

    pub(super) fn certificates(&self) -> Result<&'a Certificates, NotJudged> {
        Self::section("certificates", self.report.certificates.as_ref())
    }

    pub(super) fn certificate_files(&self) -> Result<&'a [CertificateFile], NotJudged> {
        seen("certificates.files", &self.certificates()?.files).map(Vec::as_slice)
    }

    pub(crate) fn mounts(&self) -> Result<&'a [Mount], NotJudged> {
        let mounts = Self::section("mounts", self.report.mounts.as_ref())?;
        self.is_whole("mounts", "mounts", &["mounts", "line"])?;
        seen("mounts", mounts).map(Vec::as_slice)
    }

    /// The security context of the main process.
    pub(crate) fn security_context(&self) -> Result<&'a SecurityContext, NotJudged> {
        let contexts = Self::section("capabilities", self.report.capabilities.as_ref())?;
        Self::section("capabilities", contexts.first())
    }

    /// The environment of the main process, as getenv(3) finds it.
    pub(crate) fn variables(&self) -> Result<impl Iterator<Item = &'a Variable>, NotJudged> {
        let environment = Self::section("environment", self.report.environment.as_ref())?;
        let main = Self::section("environment", environment.first())?;
        let variables = seen("environment.variables", &main.variables)?;
        let found = variables.iter();
        Ok(found.filter(|variable| !variable.shadowed && !variable.without_equals))
    }

    /// The value of a variable; `None` where it is not set or is withheld as a secret.
    pub(super) fn variable(&self, name: &str) -> Result<Option<&'a ByteString>, NotJudged> {
        let mut all = self.variables()?;
        let found = all.find(|variable| variable.name.as_bytes() == name.as_bytes());
        Ok(found.and_then(|variable| variable.value.as_ref()))
    }

    /// The sockets of the target's processes, and what hides that one is.
    pub(crate) fn own_sockets(
        &self,
    ) -> Result<impl Iterator<Item = Result<&'a Socket, NotJudged>>, NotJudged> {
        let sockets = Self::section("sockets", self.report.sockets.as_ref())?;
        let whole = self.is_whole("sockets", "sockets", &["sockets", "tcp", "tcp6", "owners"]);
        let here = sockets.iter().filter(|socket| !socket.held_elsewhere);
        let owned = here.filter_map(|socket| {
            match seen_if_there("sockets.owners", socket.owners.as_ref()) {
                Ok(owners) => owners
                    .is_some_and(|owners| !owners.is_empty())
                    .then_some(Ok(socket)),
                Err(why) => Some(Err(why)),
            }
        });
        Ok(owned.chain(whole.err().map(Err)))
    }

    /// The TCP listeners of the target's processes, all of them.
    pub(super) fn listeners(&self) -> Result<Vec<&'a Socket>, NotJudged> {
        let sockets: Vec<&Socket> = self.own_sockets()?.collect::<Result<_, _>>()?;
        let is_listener =
            |socket: &&Socket| socket.protocol == Protocol::Tcp && socket.state == State::Listen;
        Ok(sockets.into_iter().filter(is_listener).collect())
    }

    /// That no visible process was left out.
    ///
    /// # Errors
    /// The walk could not read one.
    pub(crate) fn all_processes(&self) -> Result<(), NotJudged> {
        self.is_whole("processes", WALK, &["process"])
    }
}

/// `ADDRESS:PORT` of this end.
pub(crate) fn local_end(socket: &Socket) -> String {
    end(
        socket.local_address.map(|address| address.to_string()),
        socket.local_port,
    )
}

/// `ADDRESS:PORT` of the other end.
pub(super) fn peer_end(socket: &Socket) -> String {
    end(
        socket.peer_address.map(|address| address.to_string()),
        socket.peer_port,
    )
}

fn end(address: Option<String>, port: Option<u32>) -> String {
    let address = address.unwrap_or_else(|| "*".to_owned());
    let port = port.unwrap_or_default();
    if address.contains(':') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    }
}

/// The process that holds a socket, as `NAME (PID)`.
pub(crate) fn holder(socket: &Socket) -> String {
    let owners = socket.owners.as_ref().and_then(Seen::value);
    owners.and_then(|owners| owners.first()).map_or_else(
        || "a process".to_owned(),
        |owner| format!("{} ({})", owner.name.to_text(), owner.pid),
    )
}
