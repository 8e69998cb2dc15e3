//! `dig` and `nslookup`: their words in the order of `spyhole dns`.

use std::ffi::OsString;

use super::takes_value;
use crate::probe::dns::RecordType;

/// `nslookup NAME SERVER`: the second word is the server.
pub(super) fn with_server(after: &[OsString]) -> Vec<OsString> {
    let mut plain = 0;
    let word = |word: &OsString| match word.to_str() {
        Some(text) if !text.starts_with('-') => {
            plain += 1;
            if plain == 2 {
                OsString::from(format!("--server={text}"))
            } else {
                word.clone()
            }
        }
        // -type=mx
        Some(text) => match text.split_once('=') {
            Some(("-type" | "-query" | "-querytype" | "-q", kind)) => OsString::from(kind),
            _ => word.clone(),
        },
        None => word.clone(),
    };
    let mut words: Vec<OsString> = after.iter().map(word).collect();
    // The name stands before the type.
    let is_type = |word: &OsString, typed: &OsString| word != typed;
    let types: Vec<OsString> = words
        .iter()
        .zip(after)
        .filter(|(word, typed)| {
            is_type(word, typed) && !word.to_str().is_some_and(|text| text.starts_with("--"))
        })
        .map(|(word, _)| word.clone())
        .collect();
    words.retain(|word| !types.contains(word));
    words.extend(types);
    words
}

/// `dig TYPE NAME`, `dig -t TYPE -q NAME`, `dig -p PORT @SERVER`: the name first, then the types, and the
/// server with its port.
pub(super) fn in_order(after: &[OsString]) -> Vec<OsString> {
    let mut words = after.iter().filter_map(|word| word.to_str());
    if after.iter().any(|word| word.to_str().is_none()) {
        return after.to_vec();
    }
    let (mut plain, mut types, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    let (mut server, mut port) = (None, None);
    while let Some(word) = words.next() {
        let flag = ["-t", "-q", "-p"]
            .into_iter()
            .find(|flag| word.starts_with(flag));
        if let Some(flag) = flag {
            let attached = word.strip_prefix(flag).filter(|value| !value.is_empty());
            match (flag, attached.or_else(|| words.next())) {
                ("-t", Some(kind)) => types.push(kind),
                ("-q", Some(name)) => plain.push(name),
                ("-p", Some(number)) => port = Some(number),
                // Refused by its name.
                _ => rest.push(flag.to_owned()),
            }
        } else if let Some(of) = word.strip_prefix('@') {
            server = Some(of);
        } else if word.starts_with(['-', '+']) {
            rest.push(word.to_owned());
            let takes_next = matches!(word, "-x" | "--server" | "--as") || takes_value(word);
            if takes_next {
                rest.extend(words.next().map(str::to_owned));
            }
        } else if plain.is_empty() || !word.eq_ignore_ascii_case("IN") {
            plain.push(word);
        }
    }
    // A type that stands alone is a name.
    let is_type = |word: &str| RecordType::named(word).is_some();
    while plain.len() > 1
        && let Some(at) = plain.iter().position(|word| is_type(word))
    {
        types.push(plain.remove(at));
    }
    match (server, port) {
        (Some(of), None) => rest.push(format!("@{of}")),
        (Some(of), Some(port)) if of.contains(':') => rest.push(format!("@[{of}]:{port}")),
        (Some(of), Some(port)) => rest.push(format!("@{of}:{port}")),
        // Refused by its name.
        (None, Some(port)) => rest.push(format!("-p{port}")),
        (None, None) => {}
    }
    let plain = plain.into_iter().chain(types).map(str::to_owned);
    rest.into_iter().chain(plain).map(OsString::from).collect()
}
