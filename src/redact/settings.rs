//! How a text came to be, and how a value in it is written.

/// How far back a name may reach: keeps the look back cheap.
pub(super) const LONGEST_NAME: usize = 128;

/// How the text came to be, which says where a value ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    /// One argument: `--password=` at its start takes all of it.
    Argument,
    /// Words with quotes between them.
    Script,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Assignment,
    Header,
    Json,
}
