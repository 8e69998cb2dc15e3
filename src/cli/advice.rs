//! What to do next, when spyhole looks at the wrong place or at none.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::render::tables::processes;
use crate::scan::no_target::NoTarget;

/// The sentence for a look that found no target.
pub(super) fn no_target(none: &NoTarget) -> String {
    match none {
        NoTarget::Ambiguous { .. } => format!(
            "{none}\nSelect one, for example: spyhole \
            --container NAME ps"
        ),
        _ => none.to_string(),
    }
}

/// What stands in for a command of another tool.
pub(super) fn instead_of_command(error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    let instead = super::help::instead_of(name)?;
    Some(format!("{name}: not supported; nearest: {instead}"))
}

/// A hint for habits from elsewhere.
pub(super) fn for_usage(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::InvalidSubcommand {
        return "\n\nspyhole help lists the questions that it answers".to_owned();
    }
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else {
        return String::new();
    };
    let is_columns = value
        .split(',')
        .all(|name| processes::column(name).is_some());
    if error.kind() == ErrorKind::InvalidValue && is_columns {
        return format!("\n\nTo choose columns as with ps -o: spyhole ps --columns {value}");
    }
    String::new()
}
