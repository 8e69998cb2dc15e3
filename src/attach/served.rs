//! A server that was started beside a target: how it is reached from here.

use std::io::{self, Write as _};

use super::token::RunToken;

/// Says on stderr where it answers while this runs, and how one gets in.
pub(super) fn announce(url: &str, token: Option<&RunToken>) {
    let mut words = format!("{url} while this runs");
    if let Some(token) = token {
        let (text, link) = (token.text(), token.link(url));
        words = format!(
            "{words}, with the token {text}\n  curl -H 'Authorization: Bearer {text}' \
             {url}v1/dump\n  in a browser: {link}"
        );
    }
    let _ = writeln!(io::stderr(), "{words}");
}
