//! The flag `--probe NAME=CHECK`.

use std::str::FromStr;

use crate::check::Check;

/// `--probe NAME=CHECK`.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    /// What it is called in the path.
    pub name: String,
    /// What it asks.
    pub check: Check,
}

impl FromStr for Declared {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, check) = text
            .split_once('=')
            .ok_or("expected NAME=CHECK, such as db=tcp:db:5432")?;
        let fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > 63 || !name.bytes().all(fit) {
            return Err(format!(
                "{name:?}: a name consists of at most 63 letters, digits, -, _ and ."
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            check: check.parse()?,
        })
    }
}
