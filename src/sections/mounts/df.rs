//! `df`: the space of the mounts in the columns, the units and the choice of rows of df(1).

use std::time::Duration;

use clap::Args;

use super::MountsQuery;
use crate::model::Report;
use crate::model::seen::Seen;
use crate::render::tables::Table;
use crate::render::tables::df::{BlockSize, Columns, table};
use crate::render::tables::mounts;
use crate::sections::section::{Detail, SectionInfo};
use crate::sections::view::View;

/// Flags of `spyhole df`.
#[derive(Debug, Clone, Default, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct DfView {
    /// Print sizes in powers of 1024 (1023M)
    #[arg(short = 'h', long, conflicts_with_all = ["si", "kilobytes", "block_size"])]
    pub human_readable: bool,
    /// Print sizes in powers of 1000 (1.1G)
    #[arg(short = 'H', long, conflicts_with_all = ["kilobytes", "block_size"])]
    pub si: bool,
    /// Print sizes in blocks of 1024 bytes (the default)
    #[arg(short = 'k', conflicts_with = "block_size")]
    pub kilobytes: bool,
    /// Print sizes in blocks of this size: 1, K, M, G or T
    #[arg(short = 'B', long, value_name = "SIZE", value_parser = block_size)]
    pub block_size: Option<BlockSize>,
    /// Show inodes instead of blocks
    #[arg(short = 'i', long)]
    pub inodes: bool,
    /// Show the type of each file system
    #[arg(short = 'T', long)]
    pub print_type: bool,
    /// Also show file systems without blocks, duplicates and mounts that are hidden
    #[arg(short = 'a', long)]
    pub all: bool,
    /// Show only file systems of these types
    #[arg(short = 't', long = "type", value_name = "LIST", value_delimiter = ',')]
    pub types: Vec<String>,
    /// Time that one file system may take to answer (default 500ms)
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub space_timeout: Option<Duration>,
    /// Show only the file systems that these paths are on
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
}

impl View for DfView {
    type Section = MountsQuery;
    const SECTION: &'static SectionInfo = &super::INFO;
    const NAME: &'static str = "df";
    const ABOUT: &'static str = "Show the space of mounted file systems in the format of df";
    const EXAMPLE: &'static str = "spyhole df -h\n  spyhole df -i /data";
    const OWN_SHORT_H: bool = true;

    fn query(&self) -> MountsQuery {
        MountsQuery {
            space: true,
            types: self.types.clone(),
            space_timeout: self.space_timeout,
            paths: self.paths.clone(),
            ..MountsQuery::default()
        }
    }

    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table> {
        let Some(Seen::Value(mounts)) = &report.mounts else {
            return vec![mounts::unseen()];
        };
        let columns = Columns {
            block: match (self.human_readable, self.si) {
                (true, _) => BlockSize::Human,
                (_, true) => BlockSize::Si,
                _ => self.block_size.unwrap_or(BlockSize::KIB),
            },
            inodes: self.inodes,
            types: self.print_type,
            volumes: detail == Detail::Wide,
        };
        let shown = if self.paths.is_empty() {
            crate::render::tables::df::rows(mounts, self.all)
        } else {
            let holder = |path: &String| super::holder(mounts, path.as_bytes());
            let of = |id| mounts.iter().find(|mount| mount.mount_id == id);
            self.paths
                .iter()
                .filter_map(holder)
                .filter_map(of)
                .collect()
        };
        vec![table(&shown, columns)]
    }
}

fn block_size(text: &str) -> Result<BlockSize, String> {
    BlockSize::parse(text).ok_or_else(|| {
        "expected 1, K, M, G, T, or 1K, 1M, 1G, 1T for numbers without a unit".to_owned()
    })
}
