//! A trust store as lines and as a table, for the sections that show one.

use super::table::{Align, Cell, Heading, Table};
use crate::model::byte_string::ByteString;
use crate::model::escape::escaped;
use crate::model::seen::Seen;
use crate::model::trust_store::{PlaceKind, Runtime, TrustPlace, TrustStore};

/// What it comes to: the runtime with its evidence and the consequence, then the error that it
/// prints where it trusts nobody. Nothing in them needs to be escaped.
#[must_use]
pub(crate) fn lines(store: &TrustStore) -> Vec<String> {
    let name = match store.runtime {
        Runtime::Unknown => "runtime unknown".to_owned(),
        known => known.describe().to_owned(),
    };
    let mut lines = vec![clean(&format!(
        "{name} ({}): {}",
        store.evidence, store.consequence
    ))];
    if let Some(error) = &store.error_text {
        lines.push(clean(&format!("The application prints: {error}")));
    }
    lines
}

/// The places in the runtime's order.
#[must_use]
pub(crate) fn table(store: &TrustStore) -> Table {
    let named = |place: &TrustPlace| place.variable.is_some() || place.only_for.is_some();
    let by = store.places.iter().any(named);
    let odd = store.places.iter().any(|place| place.says.is_some());
    let mut headings = vec![
        heading("PLACE", Align::Left),
        heading("STATE", Align::Left),
        heading("USED", Align::Left),
        heading("ROOTS", Align::Right),
        heading("EXPIRED", Align::Right),
    ];
    headings.extend(by.then(|| heading("BY", Align::Left)));
    headings.extend(odd.then(|| heading("NOTE", Align::Left)));
    let rows = store.places.iter().map(|place| {
        let mut row = vec![
            path(place),
            Cell::of(Some(&place.state), |state| state.describe().into()),
            Cell::of(place.used.as_ref(), |used| {
                if *used { "yes" } else { "no" }.into()
            }),
            Cell::of(place.roots.as_ref(), |roots| Cell::number(*roots)),
            Cell::of(place.expired_roots.as_ref(), |roots| Cell::number(*roots)),
        ];
        if by {
            row.push(named_by(place));
        }
        if odd {
            let says = place.says.as_ref();
            row.push(says.map_or(Cell::Absent, |says| clean(says).into()));
        }
        row
    });
    Table {
        headings,
        rows: rows.collect(),
        notes: total(store).into_iter().collect(),
        ..Table::default()
    }
}

fn path(place: &TrustPlace) -> Cell {
    match (&place.path, place.kind) {
        (_, PlaceKind::BuiltIn) | (None, _) => "(built into the program)".into(),
        (Some(path), PlaceKind::File) => Cell::from(path),
        (Some(path), PlaceKind::Directory) => {
            let mut path = path.as_bytes().to_vec();
            if !path.ends_with(b"/") {
                path.push(b'/');
            }
            Cell::Outside(ByteString::from(path))
        }
    }
}

fn named_by(place: &TrustPlace) -> Cell {
    match (&place.variable, &place.only_for) {
        (Some(variable), Some(library)) => format!("{variable} ({library})").into(),
        (Some(variable), None) => variable.clone().into(),
        (None, Some(library)) => library.clone().into(),
        (None, None) => Cell::Absent,
    }
}

fn total(store: &TrustStore) -> Option<String> {
    let count = |seen: &Seen<u64>| {
        seen.value()
            .map_or_else(|| "?".to_owned(), ToString::to_string)
    };
    let (roots, expired) = (store.roots.as_ref()?, store.expired_roots.as_ref()?);
    Some(match expired {
        Seen::Value(0) => format!("authorities trusted: {}", count(roots)),
        _ => format!(
            "authorities trusted: {}, expired: {}",
            count(roots),
            count(expired)
        ),
    })
}

/// Paths are part of these sentences, and the target chose them.
fn clean(text: &str) -> String {
    escaped(text.as_bytes()).into_owned()
}

fn heading(title: &'static str, align: Align) -> Heading {
    Heading { title, align }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::gap::{Gaps, Reason, Refusal};
    use crate::model::trust_store::PlaceState;

    fn place(path: &str, state: PlaceState, roots: Option<u64>) -> TrustPlace {
        TrustPlace {
            path: Some(path.into()),
            kind: PlaceKind::File,
            variable: None,
            only_for: None,
            state: Seen::Value(state),
            used: Some(Seen::Value(roots.is_some())),
            roots: roots.map(Seen::Value),
            expired_roots: roots.map(|_| Seen::Value(0)),
            says: None,
        }
    }

    fn store() -> TrustStore {
        TrustStore {
            runtime: Runtime::Go,
            evidence: "/app\u{1b}[31m was made by go1.22.3".to_owned(),
            places: vec![
                place("/etc/a.pem", PlaceState::Missing, None),
                place("/etc/b.pem", PlaceState::Present, Some(140)),
            ],
            roots: Some(Seen::Value(140)),
            expired_roots: Some(Seen::Value(2)),
            consequence: "it trusts 140".to_owned(),
            error_text: None,
        }
    }

    fn titles(table: &Table) -> Vec<&str> {
        table.headings.iter().map(|heading| heading.title).collect()
    }

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(
            lines(&store()),
            ["Go (/app\\x1b[31m was made by go1.22.3): it trusts 140"]
        );
    }

    #[test]
    fn columns_without_content_are_left_out() {
        let mut store = store();
        let plain = table(&store);
        assert_eq!(
            titles(&plain),
            ["PLACE", "STATE", "USED", "ROOTS", "EXPIRED"]
        );
        assert_eq!(plain.notes, ["authorities trusted: 140, expired: 2"]);
        assert_eq!(plain.rows[0][3], Cell::Absent);
        store.places[1].variable = Some("SSL_CERT_FILE".to_owned());
        store.places[1].says = Some("odd".to_owned());
        let told = table(&store);
        assert_eq!(titles(&told)[5..], ["BY", "NOTE"]);
        assert_eq!(told.rows[1][5], "SSL_CERT_FILE".to_owned().into());
    }

    #[test]
    fn an_unseen_place_is_a_question_mark_and_never_zero() {
        let mut gaps = Gaps::default();
        let mut unseen = || {
            gaps.section("certificates")
                .record("x", 1, &Refusal::of(Reason::Denied))
        };
        let mut store = store();
        store.places[1].state = Seen::Unseen(unseen());
        store.places[1].roots = Some(Seen::Unseen(unseen()));
        store.roots = Some(Seen::Unseen(unseen()));
        store.expired_roots = Some(Seen::Unseen(unseen()));
        let told = table(&store);
        assert_eq!(told.rows[1][1], Cell::Unseen);
        assert_eq!(told.rows[1][3], Cell::Unseen);
        assert_eq!(told.notes, ["authorities trusted: ?, expired: ?"]);
    }

    #[test]
    fn the_error_text_stands_in_a_line_of_its_own() {
        let mut store = store();
        store.error_text = Runtime::Go.unknown_issuer_text().map(str::to_owned);
        assert_eq!(
            lines(&store)[1],
            "The application prints: x509: certificate signed by unknown authority"
        );
    }
}
