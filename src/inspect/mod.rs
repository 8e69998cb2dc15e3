//! One file a section: ask `sys`, parse, fill the model.

pub mod redact;
