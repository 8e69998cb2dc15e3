//! The forms in which a document is written.

/// `--output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Aligned columns.
    Table,
    /// More of them.
    Wide,
    /// The whole document.
    Json,
    /// The same as YAML.
    Yaml,
    /// The certificates alone.
    Pem,
}
