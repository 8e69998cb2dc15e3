//! `fds`: the descriptors of processes, as `ls -l /proc/PID/fd` shows them.

use clap::Args;

use super::OpenFilesQuery;
use crate::model::Report;
use crate::render::tables::Table;
use crate::render::tables::open_files::descriptors;
use crate::sections::section::{Detail, SectionInfo};
use crate::sections::view::View;

/// Flags of `spyhole fds`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct FdsView {
    /// Show descriptors of every visible process, not only the target's
    #[arg(short = 'A', long)]
    pub all: bool,
    /// Look at every visible process for the other ends of pipes and unix sockets
    #[arg(short = 'E', long)]
    pub ends: bool,
    /// Show only descriptors of these processes
    #[arg(value_name = "PID")]
    pub pids: Vec<i32>,
}

impl View for FdsView {
    type Section = OpenFilesQuery;
    const SECTION: &'static SectionInfo = &super::INFO;
    const NAME: &'static str = "fds";
    const ABOUT: &'static str = "List the descriptors of processes, like ls -l /proc/PID/fd";
    const EXAMPLE: &'static str = "spyhole fds\n  spyhole fds 17";

    fn query(&self) -> OpenFilesQuery {
        OpenFilesQuery {
            all: self.all,
            pids: self.pids.clone(),
            ends: self.ends,
            only_descriptors: true,
            ..OpenFilesQuery::default()
        }
    }

    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table> {
        let open = report.open_files.iter();
        open.flat_map(|open| descriptors(open, detail == Detail::Wide))
            .collect()
    }
}
