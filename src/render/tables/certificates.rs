//! The tables of certificates: the files with what is wrong first, and what listeners serve.

mod verdicts;

use self::verdicts::{notes as verdict_notes, of_file, of_leaf};
use super::table::{Cell, Heading, Table};
use super::trust_store;
use crate::model::certificate::{
    AgainstFiles, Certificate, CertificateFile, Certificates, FileForm, KeyAlgorithm, PublicKey,
    RevocationList, ServedLeaf, ServedListener, Serves, common_name,
};
use crate::model::seen::Seen;
use crate::model::units::DAY_SECONDS;

/// How to show certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// More columns.
    pub wide: bool,
    /// A certificate with fewer days left is a note.
    pub warn_days: i64,
}

/// Certificates are renewed weeks before they end; fewer days left mean that renewal failed.
pub(crate) const WARN_DAYS: i64 = 14;
/// The column of `--verify`.
const VERIFIES: &str = "VERIFIES";
/// More in one file are a bundle, shown in one line.
const BUNDLE: usize = 16;

/// The files, and what is served.
#[must_use]
pub(crate) fn tables(certificates: &Certificates, style: Style) -> Vec<Table> {
    let mut tables = vec![files(certificates, style)];
    tables.extend(certificates.served.as_deref().map(served));
    let store = certificates.trust_store.value().filter(|_| style.wide);
    tables.extend(store.map(trust_store::table));
    tables
}

fn files(certificates: &Certificates, style: Style) -> Table {
    let verified = verdicts::are_there(certificates);
    let mut titles = vec!["CERTIFICATE", "NAMES", "EXPIRES", "KEY", "ISSUER"];
    titles.extend(verified.then_some(VERIFIES));
    if style.wide {
        titles.extend([
            "SERIAL",
            "SIGNATURE",
            "USAGES",
            "SHA-256",
            "READABLE",
            "FOUND BY",
        ]);
    }
    titles.push("FILE");
    let mut table = Table {
        headings: titles.iter().copied().map(Heading::left).collect(),
        ..Table::default()
    };
    let columns = titles.len();
    match &certificates.files {
        Seen::Unseen(_) => table.rows.push(vec![Cell::Unseen; columns]),
        Seen::Value(files) => {
            for file in files {
                rows(file, style, &titles, &mut table.rows);
            }
            for file in files {
                problems(file, style, &mut table.notes);
            }
            verdict_notes(files, &mut table.notes);
            if files.is_empty() {
                table
                    .notes
                    .push("no certificates found in the searched paths".to_owned());
            }
        }
    }
    for missing in &certificates.missing {
        let by: Vec<String> = missing
            .found_by
            .iter()
            .map(crate::model::certificate::FoundBy::describe)
            .collect();
        table.notes.push(format!(
            "{}: {} points to this path, but the file does not exist",
            missing.path.to_text(),
            by.join(" and ")
        ));
    }
    if certificates.files_left_out > 0 {
        let count = certificates.files_left_out;
        let files = if count == 1 { "file" } else { "files" };
        table.notes.push(format!(
            "({count} trust store {files} not shown; use --roots)"
        ));
    }
    if let Seen::Value(store) = &certificates.trust_store {
        table.notes.extend(trust_store::lines(store));
    }
    table
}

fn rows(file: &CertificateFile, style: Style, titles: &[&str], rows: &mut Vec<Vec<Cell>>) {
    let columns = titles.len();
    let verifies = titles.iter().position(|title| *title == VERIFIES);
    let short = |first: Cell| {
        let mut row = vec![Cell::Absent; columns];
        if let Some(cell) = row.first_mut() {
            *cell = first;
        }
        if let Some(cell) = row.last_mut() {
            *cell = Cell::from(&file.path);
        }
        row
    };
    for list in file.revocation_lists.iter().take(BUNDLE) {
        let revoked = match list.entries {
            1 => "1 entry".to_owned(),
            entries => format!("{entries} entries"),
        };
        let mut row = short(format!("(revocation list, {revoked})").into());
        let issuer = common_name(&list.issuer).unwrap_or(&list.issuer);
        let cells = [
            (2, list_expires(list).map_or(Cell::Absent, Into::into)),
            (4, outside(issuer.to_owned())),
        ];
        for (at, value) in cells {
            if let Some(cell) = row.get_mut(at) {
                *cell = value;
            }
        }
        rows.push(row);
    }
    let certificates = match &file.certificates {
        Seen::Unseen(_) => {
            let mut row = vec![Cell::Unseen; columns];
            if let Some(cell) = row.last_mut() {
                *cell = Cell::from(&file.path);
            }
            rows.push(row);
            return;
        }
        Seen::Value(certificates) => certificates,
    };
    if certificates.len() > BUNDLE {
        let roots = certificates.iter().all(Certificate::is_authority);
        let what = if roots { "authorities" } else { "certificates" };
        let mut row = short(format!("({} {what})", certificates.len()).into());
        let first = certificates
            .iter()
            .filter(|certificate| certificate.remaining().is_some())
            .min_by_key(|certificate| certificate.remaining());
        if let (Some(first), Some(cell)) = (first, row.get_mut(2))
            && let Some(expires) = expires(first)
        {
            *cell = format!("{expires} (earliest)").into();
        }
        if let Some(cell) = verifies.and_then(|at| row.get_mut(at)) {
            *cell = of_file(file);
        }
        rows.push(row);
        return;
    }
    if certificates.is_empty() {
        let what = match (file.private_keys.as_slice(), file.form) {
            ([], _) => return,
            ([key], _) if key.encrypted => "(private key, encrypted)",
            ([_], _) => "(private key)",
            (_, Some(FileForm::Jks | FileForm::Pkcs12)) => "(keystore)",
            _ => "(private keys)",
        };
        let mut row = short(what.into());
        let key = file
            .private_keys
            .iter()
            .find_map(|key| key.public_key.as_ref());
        if let (Some(key), Some(cell)) = (key, row.get_mut(3)) {
            *cell = self::key(key).into();
        }
        rows.push(row);
        return;
    }
    let mut order: Vec<(usize, &Certificate)> = certificates.iter().enumerate().collect();
    order.sort_by_key(|(_, certificate)| certificate.chain_position.is_none());
    for (place, certificate) in order {
        let mut row = row(certificate, file, style);
        if let Some(at) = verifies {
            row.insert(at.min(row.len()), of_leaf(file, place));
        }
        rows.push(row);
    }
}

fn row(certificate: &Certificate, file: &CertificateFile, style: Style) -> Vec<Cell> {
    let depth = usize::try_from(certificate.chain_position.unwrap_or(0)).unwrap_or(0);
    let indent = "  ".repeat(depth.min(8));
    let name = format!("{indent}{}", certificate.short_name());
    let issuer = Cell::of(Some(&certificate.issuer), |issuer| {
        outside(match common_name(issuer) {
            _ if certificate.self_signed => "self-signed".to_owned(),
            Some(name) => name.to_owned(),
            None => issuer.clone(),
        })
    });
    let mut row = vec![
        outside(name),
        names(certificate),
        expires(certificate).map_or(Cell::Unseen, Into::into),
        Cell::of(Some(&certificate.public_key), |one| key(one).into()),
        issuer,
    ];
    if style.wide {
        let lists = [&certificate.key_usages, &certificate.extended_key_usages];
        let lists = lists.into_iter().flatten();
        let is_unseen = lists.clone().any(|list| list.value().is_none());
        let usages = lists.filter_map(Seen::value).flatten();
        let usages: Vec<&str> = usages.map(String::as_str).collect();
        row.push(Cell::of(Some(&certificate.serial), |serial| {
            serial.clone().into()
        }));
        row.push(outside(certificate.signature_algorithm.clone()));
        row.push(if is_unseen {
            Cell::Unseen
        } else if usages.is_empty() {
            Cell::Absent
        } else {
            outside(usages.join(","))
        });
        row.push(certificate.fingerprint_sha256.clone().into());
        row.push(Cell::of(Some(&file.readable_by_target), |may| {
            if *may { "yes" } else { "no" }.into()
        }));
        let by: Vec<String> = file
            .found_by
            .iter()
            .map(crate::model::certificate::FoundBy::describe)
            .collect();
        row.push(outside(by.join(", ")));
    }
    row.push(Cell::from(&file.path));
    row
}

/// What is wrong with a file, a line each.
fn problems(file: &CertificateFile, style: Style, notes: &mut Vec<String>) {
    let path = file.path.to_text();
    let certificates = file
        .certificates
        .value()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let bundle = certificates.len() > BUNDLE;
    let ended = certificates
        .iter()
        .filter(|certificate| certificate.remaining().is_some_and(|left| left < 0))
        .count();
    if bundle && ended > 0 {
        notes.push(format!(
            "{path}: {ended} of {} have expired",
            certificates.len()
        ));
    }
    for certificate in certificates.iter().filter(|_| !bundle) {
        let name = certificate.short_name();
        let (Some(left), Some(date)) = (certificate.remaining(), date(certificate)) else {
            continue;
        };
        let days = left / DAY_SECONDS;
        if let Some(begin) = certificate.not_before.value()
            && certificate.is_not_yet_valid()
        {
            let begin: String = begin.rfc3339().chars().take(10).collect();
            notes.push(format!("{path}: {name} is not valid until {begin}"));
        }
        if left < 0 {
            notes.push(format!(
                "{path}: {name} expired on {date}, {} ago",
                plural(-days, "day")
            ));
        } else if days < style.warn_days {
            notes.push(format!(
                "{path}: {name} expires in {}, on {date}",
                plural(days, "day")
            ));
        }
    }
    for list in &file.revocation_lists {
        let (Some(left), Some(next)) = (list.seconds_left, list.next_update) else {
            continue;
        };
        let date: String = next.rfc3339().chars().take(10).collect();
        let days = left / DAY_SECONDS;
        let issuer = common_name(&list.issuer).unwrap_or(&list.issuer);
        if left < 0 {
            notes.push(format!(
                "{path}: the revocation list of {issuer} expired on {date}, {} ago",
                plural(-days, "day")
            ));
        } else if days < style.warn_days {
            notes.push(format!(
                "{path}: the revocation list of {issuer} expires in {}, on {date}",
                plural(days, "day")
            ));
        }
    }
    for certificate in certificates.iter().filter(|_| !bundle) {
        for fault in &certificate.faults {
            notes.push(format!("{path}: {}: {fault}", certificate.short_name()));
        }
    }
    if let Some(key) = &file.private_key {
        let place = key.path.to_text();
        if key.matches.value() == Some(&false) {
            notes.push(format!("{path}: the key in {place} does not match"));
        }
    }
    if !file.private_keys.is_empty() && file.mode.ends_with(['4', '5', '6', '7']) {
        notes.push(format!(
            "{path}: private key is world-readable (mode {})",
            file.mode
        ));
    }
    if file.readable_by_target.value() == Some(&false) {
        notes.push(format!(
            "{path}: not readable by the target's user (uid {} gid {} mode {})",
            file.uid, file.gid, file.mode
        ));
    }
    for fault in &file.faults {
        match fault.line {
            Some(line) => notes.push(format!("{path}:{line}: {}", fault.says)),
            None => notes.push(format!("{path}: {}", fault.says)),
        }
    }
}

fn served(listeners: &[ServedListener]) -> Table {
    let titles = [
        "LISTENS ON",
        "PID",
        "SNI",
        "SERVES",
        "EXPIRES",
        "FILE ON DISK",
    ];
    let mut table = Table {
        headings: titles.into_iter().map(Heading::left).collect(),
        ..Table::default()
    };
    for listener in listeners {
        let pids = Cell::of(Some(&listener.pids), |pids| {
            let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
            pids.join(",").into()
        });
        let lead = |name: Cell| vec![listener.listens_on.clone().into(), pids.clone(), name];
        let plain = |what: Cell| {
            let mut row = lead(Cell::Absent);
            row.extend([what, Cell::Absent, Cell::Absent]);
            row
        };
        match &listener.serves {
            Seen::Unseen(_) => table.rows.push(plain(Cell::Unseen)),
            Seen::Value(Serves::NotTls { says }) if says.is_empty() => {
                table.rows.push(plain("no TLS".into()));
            }
            Seen::Value(Serves::NotTls { says }) => {
                let line = says.as_bytes().split(|byte| matches!(byte, b'\r' | b'\n'));
                let line = line.into_iter().next().unwrap_or_default();
                let text = [b"no TLS: ", line].concat();
                table.rows.push(plain(Cell::Outside(text.into())));
            }
            Seen::Value(Serves::Refused { says }) => {
                table.rows.push(plain(outside(format!("refused: {says}"))));
            }
            Seen::Value(Serves::Tls { leaves }) => {
                for leaf in leaves {
                    let name = leaf.server_name.clone().map_or("-".into(), outside);
                    let mut row = lead(name);
                    row.push(outside(leaf.certificate.short_name().to_owned()));
                    row.push(expires(&leaf.certificate).map_or(Cell::Unseen, Into::into));
                    row.push(against(leaf));
                    table.rows.push(row);
                }
            }
        }
    }
    if listeners.is_empty() {
        table
            .notes
            .push("no TCP listener of the target was found".to_owned());
    }
    table
}

fn against(leaf: &ServedLeaf) -> Cell {
    let path = leaf.path.as_ref().map(|path| path.to_text().into_owned());
    let path = path.unwrap_or_default();
    let day = leaf
        .file_not_before
        .map(|at| at.rfc3339().chars().take(10).collect::<String>());
    let since = day.unwrap_or_default();
    Cell::of(Some(&leaf.against_files), |against| match against {
        AgainstFiles::Same => outside(format!("same as {path}")),
        AgainstFiles::OlderThanFile => outside(format!(
            "older than {path} (valid since {since}): not reloaded"
        )),
        AgainstFiles::NewerThanFile => outside(format!("newer than {path}")),
        AgainstFiles::NotOnDisk => "not found on disk".into(),
    })
}

fn names(certificate: &Certificate) -> Cell {
    const SHOWN: usize = 3;
    let all = &certificate.subject_alternative_names;
    let bare = |name: &String| match name.split_once(':') {
        Some(("DNS" | "IP", name)) => name.to_owned(),
        _ => name.clone(),
    };
    let shown: Vec<String> = all.iter().take(SHOWN).map(bare).collect();
    match (all.len(), all.len().saturating_sub(SHOWN)) {
        (0, _) => Cell::Absent,
        (_, 0) => outside(shown.join(",")),
        (_, more) => outside(format!("{} +{more}", shown.join(","))),
    }
}

fn expires(certificate: &Certificate) -> Option<String> {
    let (left, date) = (certificate.remaining()?, date(certificate)?);
    Some(if left < 0 {
        format!("expired {date}")
    } else {
        // Whole days.
        format!("{}d {date}", left / DAY_SECONDS)
    })
}

fn list_expires(list: &RevocationList) -> Option<String> {
    let (left, next) = (list.seconds_left?, list.next_update?);
    let date: String = next.rfc3339().chars().take(10).collect();
    Some(if left < 0 {
        format!("expired {date}")
    } else {
        format!("{}d {date}", left / DAY_SECONDS)
    })
}

fn date(certificate: &Certificate) -> Option<String> {
    let end = certificate.not_after.value()?;
    Some(end.rfc3339().chars().take(10).collect())
}

fn key(key: &PublicKey) -> String {
    let bits = key.bits.map(|bits| bits.to_string());
    match (key.algorithm, &key.curve, bits) {
        (KeyAlgorithm::Ecdsa, Some(curve), _) => format!("ecdsa {curve}"),
        (KeyAlgorithm::Ed25519 | KeyAlgorithm::Ed448, ..) | (_, _, None) => {
            key.algorithm.as_str().to_owned()
        }
        (algorithm, _, Some(bits)) => format!("{} {bits}", algorithm.as_str()),
    }
}

fn plural(count: i64, one: &str) -> String {
    if count == 1 {
        format!("1 {one}")
    } else {
        format!("{count} {one}s")
    }
}

fn outside(text: String) -> Cell {
    Cell::Outside(text.into_bytes().into())
}
