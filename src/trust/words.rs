//! The sentences: what comes of the places, and what the runtime prints.

use super::judged::{Judged, Sum};
use super::places::Place;
use crate::model::trust_store::{PlaceKind, PlaceState, Runtime};

/// What happens with these places.
pub(super) fn consequence(
    runtime: Runtime,
    judged: &[Judged],
    sum: &Sum,
    uncertain: Option<&'static str>,
) -> String {
    let who = runtime.describe();
    let own = || judged.iter().filter(|one| one.place.only_for.is_none());
    let with_roots = |one: &&Judged| {
        one.place.kind != PlaceKind::BuiltIn
            && matches!(&one.reading.roots, Ok(roots) if !roots.is_empty())
    };
    let taken: Vec<&Judged> = own()
        .filter(|one| matches!(one.used, Some(Ok(true))))
        .filter(with_roots)
        .collect();
    let mut text = match sum {
        Sum::Roots(roots) if roots.is_empty() => nobody(who, judged),
        Sum::Roots(roots) => format!(
            "{who} trusts {} found in {}",
            count(roots.len(), "authority", "authorities"),
            listed(&taken)
        ),
        Sum::BuiltIn if taken.is_empty() => {
            format!("{who} trusts the authorities built into the program")
        }
        Sum::BuiltIn => format!(
            "{who} trusts the authorities built into the program, and those found in {}",
            listed(&taken)
        ),
        Sum::Uncertain => {
            let holding: Vec<&Judged> = own().filter(with_roots).collect();
            let found = if holding.is_empty() {
                "none of the listed paths contains an authority".to_owned()
            } else {
                format!("authorities found in {}", listed(&holding))
            };
            let why = uncertain.unwrap_or("the paths it uses cannot be determined");
            format!("trust store unknown: {why}; {found}")
        }
        Sum::Unseen(refusal) => format!(
            "trust store of {who} unknown: a path or variable that it depends on could not be \
             read ({})",
            refusal.reason.describe()
        ),
    };
    for told in judged
        .iter()
        .filter_map(|one| in_vain(one).or_else(|| elsewhere(one)))
    {
        text.push_str("; ");
        text.push_str(&told);
    }
    text
}

/// Why the trust store is empty.
fn nobody(who: &str, judged: &[Judged]) -> String {
    let own = || judged.iter().filter(|one| one.place.only_for.is_none());
    let (all, missing) = (
        own().count(),
        own()
            .filter(|one| matches!(one.reading.state, Ok(PlaceState::Missing)))
            .count(),
    );
    let why = if all == 0 {
        format!("{who} is configured to use no trust store")
    } else if all == 1 && missing == 1 {
        format!("the only path that {who} searches does not exist")
    } else if all == missing {
        format!("none of the {all} paths that {who} searches exists")
    } else {
        format!(
            "none of the {all} paths that {who} searches contains an authority that it loads ({})",
            states(own())
        )
    };
    format!("{why}: its trust store is empty, so every TLS connection will fail")
}

/// `6 missing, 1 empty, /etc/ssl/cert.pem not readable by the target's user`
fn states<'a>(judged: impl Iterator<Item = &'a Judged>) -> String {
    let (mut missing, mut words) = (0_usize, Vec::new());
    for one in judged {
        let path = shown(&one.place);
        match &one.reading.state {
            Ok(PlaceState::Missing) => missing += 1,
            Ok(PlaceState::Empty) => words.push(match &one.reading.says {
                Some(says) => format!("{path}: {says}"),
                None => format!("{path} contains none"),
            }),
            Ok(PlaceState::Unreadable) => {
                words.push(format!("{path} is not readable by the target's user"));
            }
            Ok(PlaceState::Present) => words.push(format!("{path} is not reached")),
            Err(_) => words.push(format!("{path} could not be read")),
        }
    }
    if missing > 0 {
        words.push(format!("{missing} missing"));
    }
    words.join(", ")
}

/// A variable that names a place with nothing to take.
fn in_vain(judged: &Judged) -> Option<String> {
    let variable = judged.place.variable.filter(|name| *name != "HOME")?;
    let path = shown(&judged.place);
    Some(match judged.reading.state {
        Ok(PlaceState::Missing) if judged.place.path.as_ref().is_some_and(Vec::is_empty) => {
            format!("{variable} is set and empty")
        }
        Ok(PlaceState::Missing) => format!("{variable} points to {path}, which does not exist"),
        Ok(PlaceState::Empty) => match &judged.reading.says {
            Some(says) => format!("{variable} points to {path}: {says}"),
            None => format!("{variable} points to {path}, which contains no certificate"),
        },
        Ok(PlaceState::Unreadable) => {
            format!("{variable} points to {path}, which the target's user cannot read")
        }
        Ok(PlaceState::Present) | Err(_) => return None,
    })
}

/// A library that does not look where its runtime does.
fn elsewhere(judged: &Judged) -> Option<String> {
    let library = judged.place.only_for?;
    let path = shown(&judged.place);
    Some(match &judged.reading.roots {
        Ok(roots) => format!(
            "{library} uses {path}, which contains {}",
            count(roots.len(), "authority", "authorities")
        ),
        Err(_) => format!("{library} uses {path}, which could not be read"),
    })
}

/// The error that the runtime prints with an empty trust store.
pub(super) fn error_text(runtime: Runtime, judged: &[Judged]) -> Option<String> {
    match runtime {
        // An error other than "does not exist" is kept and shown.
        Runtime::Go => {
            let refused = judged
                .iter()
                .find(|one| matches!(one.reading.state, Ok(PlaceState::Unreadable)));
            if let Some(refused) = refused {
                return Some(format!(
                    "x509: failed to load system roots and no roots provided; open {}: \
                     permission denied",
                    shown(&refused.place)
                ));
            }
        }
        Runtime::Java => {
            let text = "java.security.InvalidAlgorithmParameterException: \
                        the trustAnchors parameter must be non-empty";
            return Some(text.to_owned());
        }
        _ => {}
    }
    runtime.unknown_issuer_text().map(str::to_owned)
}

/// The first two places, and how many more.
fn listed(judged: &[&Judged]) -> String {
    let names: Vec<String> = judged.iter().map(|one| shown(&one.place)).collect();
    match names.as_slice() {
        [] => "no place".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, more @ ..] => format!("{one}, {two} and {} more", more.len()),
    }
}

fn shown(place: &Place) -> String {
    match &place.path {
        Some(path) => String::from_utf8_lossy(path).into_owned(),
        None => "the program itself".to_owned(),
    }
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
