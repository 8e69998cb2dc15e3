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
    /// Findings as SARIF 2.1.0: `doctor` alone.
    #[value(hide = true)]
    Sarif,
    /// Findings as `JUnit` XML: `doctor` alone.
    #[value(hide = true)]
    Junit,
}

impl Format {
    /// Whether it holds findings, and no section.
    #[must_use]
    pub fn is_exchange(self) -> bool {
        matches!(self, Self::Sarif | Self::Junit)
    }
}
