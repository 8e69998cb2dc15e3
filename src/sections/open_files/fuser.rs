//! `fuser`: the processes that use a file, a file system or a port.

use clap::Args;

use super::OpenFilesQuery;
use crate::model::Report;
use crate::model::socket::{Family, Protocol, Socket};
use crate::render::tables::Table;
use crate::render::tables::open_files::users;
use crate::sections::section::{Detail, SectionInfo};
use crate::sections::view::View;

/// Flags of `spyhole fuser`.
#[derive(Debug, Clone, Default, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct FuserView {
    /// Look at every visible process, not only the target's
    #[arg(short = 'A', long)]
    pub all: bool,
    /// Show the processes that use any file on the same mount
    #[arg(short = 'm', long)]
    pub mount: bool,
    /// What NAME is: file, tcp or udp
    #[arg(short = 'n', long = "namespace", value_name = "SPACE")]
    pub namespace: Option<String>,
    /// Only IPv4 sockets
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// Only IPv6 sockets
    #[arg(short = '6', long)]
    pub ipv6: bool,
    /// An absolute path as the target sees it, or a local port such as 8080/tcp
    #[arg(value_name = "PATH|PORT/PROTOCOL", required = true)]
    pub name: String,
}

/// What is used: a port, or what is at the path of the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UseOf {
    thing: Result<UsedThing, String>,
    family: Option<Family>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum UsedThing {
    Port(Protocol, u32),
    Path,
    Mount,
}

impl View for FuserView {
    type Section = OpenFilesQuery;
    const SECTION: &'static SectionInfo = &super::INFO;
    const NAME: &'static str = "fuser";
    const ABOUT: &'static str =
        "List the processes that use a file, a mount or a port; 1 if none does";
    const EXAMPLE: &'static str = "spyhole fuser 8080/tcp\n  spyhole fuser -m /data";

    fn query(&self) -> OpenFilesQuery {
        let thing = self.thing();
        let paths = match &thing {
            Ok(UsedThing::Path | UsedThing::Mount) => vec![self.name.clone()],
            _ => Vec::new(),
        };
        OpenFilesQuery {
            all: self.all,
            paths,
            use_of: Some(UseOf {
                thing,
                family: match (self.ipv4, self.ipv6) {
                    (true, _) => Some(Family::Inet),
                    (_, true) => Some(Family::Inet6),
                    _ => None,
                },
            }),
            ..OpenFilesQuery::default()
        }
    }

    fn tables(&self, report: &Report, _: Detail) -> Vec<Table> {
        report.open_files.iter().map(users).collect()
    }
}

impl FuserView {
    fn thing(&self) -> Result<UsedThing, String> {
        let name = &self.name;
        let (port, space) = match (self.namespace.as_deref(), name.rsplit_once('/')) {
            (Some("file"), _) => (None, None),
            (Some(space), _) => (Some(name.as_str()), Some(space)),
            (None, Some((port, space))) if !name.starts_with('/') => (Some(port), Some(space)),
            (None, _) => (None, None),
        };
        let protocol = match space {
            Some("tcp") => Some(Protocol::Tcp),
            Some("udp") => Some(Protocol::Udp),
            Some(other) => return Err(format!("{other:?}: expected file, tcp or udp")),
            None => None,
        };
        match (protocol, port) {
            (Some(protocol), Some(port)) => match port.parse::<u16>() {
                Ok(port) => Ok(UsedThing::Port(protocol, u32::from(port))),
                Err(_) => Err(format!(
                    "{port:?}: expected the number of a local port; for a remote end, spyhole lsof \
                     -i TCP@ADDRESS:PORT"
                )),
            },
            _ if !name.starts_with('/') => Err(format!(
                "{name:?}: expected an absolute path as the target sees it, such as /data, or a \
                 port such as 8080/tcp"
            )),
            _ if self.mount => Ok(UsedThing::Mount),
            _ => Ok(UsedThing::Path),
        }
    }
}

impl UseOf {
    /// # Errors
    /// A sentence that names what cannot be read.
    pub(super) fn check(&self) -> Result<(), String> {
        self.thing.as_ref().map(drop).map_err(Clone::clone)
    }

    /// Whether a socket is the one that is asked for; `None` where no port is asked for.
    pub(super) fn is_by(&self, socket: Option<&Socket>) -> Option<bool> {
        let Ok(UsedThing::Port(protocol, port)) = &self.thing else {
            return None;
        };
        let is = |socket: &Socket| {
            matches!(socket.family, Family::Inet | Family::Inet6)
                && self.family.is_none_or(|family| family == socket.family)
                && socket.protocol == *protocol
                && socket.local_port == Some(*port)
        };
        Some(socket.is_some_and(is))
    }

    /// Whether all on the mount of the path is asked for; else only what is at the path.
    pub(super) fn is_of_mount(&self) -> bool {
        self.thing == Ok(UsedThing::Mount)
    }
}
