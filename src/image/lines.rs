//! The report as lines for a terminal: findings first, then section by section.

use std::fmt::Write as _;

use super::findings::place;
use super::report::{
    AuditReport, FileReport, ImageFinding, LanguageReport, StartReport, StartVerdict,
};
use crate::model::byte_string::ByteString;
use crate::model::escape::escaped;
use crate::model::severity::Severity;
use crate::model::units::bytes_short;

/// As many pieces of evidence, files and places are shown; JSON has all of them.
const SHOWN: usize = 10;

/// The lines. Each is to be escaped once more where it is printed: none makes another line.
pub(crate) fn lines(report: &AuditReport) -> Vec<String> {
    let mut out = Vec::new();
    for finding in &report.findings {
        of_finding(&mut out, finding);
    }
    let count = |severity, word: &str| {
        let those = report.findings.iter();
        let count = those.filter(|finding| finding.severity == severity).count();
        format!("{count} {word}{}", if count == 1 { "" } else { "s" })
    };
    out.push(format!(
        "{}, {}, {}",
        count(Severity::Problem, "problem"),
        count(Severity::Risk, "risk"),
        count(Severity::Hint, "hint")
    ));
    out.push(String::new());
    of_image(&mut out, report);
    if let Some(start) = &report.start {
        of_start(&mut out, start);
    }
    of_config(&mut out, report);
    of_layers(&mut out, report);
    files(&mut out, "LARGEST FILES", &report.largest_files);
    files(&mut out, "SETUID AND SETGID", &report.setuid_files);
    files(&mut out, "WRITABLE BY EVERYONE", &report.world_writable);
    if !report.secrets.is_empty() {
        title(&mut out, "SECRETS");
        let places = report
            .secrets
            .iter()
            .map(|secret| format!("  {}", place(secret)));
        some(&mut out, report.secrets.len(), places);
    }
    of_software(&mut out, report);
    if !report.gaps.is_empty() {
        title(&mut out, "NOT SEEN");
        for gap in &report.gaps {
            out.push(format!(
                "  {}: {} ({})",
                gap.what,
                gap.reason.describe(),
                gap.count
            ));
        }
    }
    out
}

fn of_finding(out: &mut Vec<String>, finding: &ImageFinding) {
    let severity = match finding.severity {
        Severity::Problem => "PROBLEM",
        Severity::Risk => "RISK",
        Severity::Hint => "HINT",
    };
    out.push(format!("{severity:<8} {}  {}", finding.id, finding.title));
    let evidence = finding.evidence.iter().enumerate();
    let evidence = evidence.map(|(number, text)| {
        let heading = if number == 0 { "evidence" } else { "" };
        format!("  {heading:<9} {text}")
    });
    some(out, finding.evidence.len(), evidence);
    out.push(format!("  {:<9} {}", "remedy", finding.remedy));
    out.push(String::new());
}

fn title(out: &mut Vec<String>, text: &str) {
    out.push(String::new());
    out.push(text.to_owned());
}

/// The first of them, and how many more there are.
fn some(out: &mut Vec<String>, count: usize, lines: impl Iterator<Item = String>) {
    out.extend(lines.take(SHOWN));
    if count > SHOWN {
        out.push(format!("  and {} more: -o json shows all", count - SHOWN));
    }
}

fn fact(out: &mut Vec<String>, name: &str, value: &str) {
    if !value.is_empty() {
        out.push(format!("  {name:<14} {value}"));
    }
}

fn joined(words: &[ByteString]) -> String {
    let words: Vec<_> = words.iter().map(|word| word.to_text()).collect();
    words.join(" ")
}

fn of_image(out: &mut Vec<String>, report: &AuditReport) {
    let image = &report.image;
    out.push("IMAGE".to_owned());
    fact(out, "source", image.kind.describe());
    fact(out, "tags", &image.tags.join(", "));
    fact(out, "config digest", &image.config_digest);
    fact(
        out,
        "platform",
        image.platform.as_deref().unwrap_or_default(),
    );
    fact(out, "created", image.created.as_deref().unwrap_or_default());
    fact(
        out,
        "distribution",
        image.distribution.as_deref().unwrap_or_default(),
    );
    let (size, waste) = (
        bytes_short(report.size_bytes),
        bytes_short(report.waste_bytes),
    );
    fact(
        out,
        "files",
        &format!("{size} in {} paths, {waste} wasted", report.paths),
    );
}

fn of_start(out: &mut Vec<String>, start: &StartReport) {
    title(out, "START");
    let verdict = match start.verdict {
        StartVerdict::Yes => "yes",
        StartVerdict::No => "no",
        StartVerdict::Unknown => "not known",
    };
    fact(out, "starts", verdict);
    fact(out, "command", &joined(&start.command));
    if let (Some(uid), Some(gid)) = (start.uid, start.gid) {
        fact(out, "as", &format!("{uid}:{gid}"));
    }
    fact(out, "in", &start.workdir.to_text());
    if let Some(program) = &start.program {
        fact(out, "program", &format!("/{}", program.to_text()));
    }
    fact(out, "interpreters", &joined(&start.interpreters));
    fact(out, "cause", start.cause.as_deref().unwrap_or_default());
    for prediction in &start.predictions {
        let Some(message) = prediction.messages.first() else {
            continue;
        };
        let codes: Vec<String> = prediction.exit_codes.iter().map(u8::to_string).collect();
        let codes = codes.join(" or ");
        fact(
            out,
            prediction.engine,
            &format!("{message} (exit code {codes})"),
        );
    }
}

fn of_config(out: &mut Vec<String>, report: &AuditReport) {
    let Some(config) = &report.config else { return };
    title(out, "CONFIGURATION");
    fact(out, "entrypoint", &joined(&config.entrypoint));
    fact(out, "cmd", &joined(&config.cmd));
    fact(out, "user", &config.user);
    fact(out, "workdir", &config.workdir);
    fact(out, "ports", &config.exposed_ports.join(", "));
    fact(out, "volumes", &config.volumes.join(", "));
    fact(out, "stop signal", &config.stop_signal);
    for (heading, variables) in [
        ("environment", &config.environment),
        ("label", &config.labels),
    ] {
        for variable in variables {
            let value = match (&variable.value, &variable.redacted) {
                (Some(value), _) => value.to_text().into_owned(),
                (None, Some(redacted)) => redacted.describe(),
                (None, None) => String::new(),
            };
            fact(out, heading, &format!("{}={value}", variable.name));
        }
    }
}

fn of_layers(out: &mut Vec<String>, report: &AuditReport) {
    title(out, "LAYERS");
    out.push(format!(
        "  {:>5} {:>8} {:>8} {:>7}  CREATED BY",
        "LAYER", "SIZE", "WASTE", "FILES"
    ));
    for layer in &report.layers {
        let number = layer
            .layer
            .map_or_else(|| "-".to_owned(), |number| number.to_string());
        let (size, waste) = (
            bytes_short(layer.size_bytes),
            bytes_short(layer.waste_bytes),
        );
        let created_by = layer.created_by.to_text();
        out.push(format!(
            "  {number:>5} {size:>8} {waste:>8} {:>7}  {created_by}",
            layer.files
        ));
    }
}

fn files(out: &mut Vec<String>, heading: &str, files: &[FileReport]) {
    if files.is_empty() {
        return;
    }
    title(out, heading);
    let line = |file: &FileReport| {
        let (size, path) = (bytes_short(file.size_bytes), escaped(file.path.as_bytes()));
        let (mode, uid, gid) = (&file.mode, file.uid, file.gid);
        format!(
            "  {size:>8}  {mode}  {uid}:{gid}  layer {}  /{path}",
            file.layer
        )
    };
    some(out, files.len(), files.iter().map(line));
}

fn of_software(out: &mut Vec<String>, report: &AuditReport) {
    title(out, "SOFTWARE");
    for packages in &report.packages {
        let count = packages.count.map_or("not counted".to_owned(), |count| {
            format!("{count} packages")
        });
        fact(
            out,
            packages.format,
            &format!("{count}, {}", packages.path.to_text()),
        );
    }
    for language in &report.languages {
        fact(out, language.language, &of_language(language));
    }
    for bundle in &report.authorities {
        let mut text = format!(
            "/{}: {} certificates",
            bundle.path.to_text(),
            bundle.certificates
        );
        let _ = write!(text, ", {} expired", bundle.expired);
        if let Some(newest) = bundle.newest_issued_at {
            let day = newest.rfc3339();
            let _ = write!(
                text,
                ", the newest issued {}",
                day.get(..10).unwrap_or(&day)
            );
        }
        fact(out, "authorities", &text);
    }
    let present = |yes: bool| if yes { "present" } else { "none" };
    if report.authorities.is_empty() {
        let none = if report.has_all_authorities {
            "none"
        } else {
            "not known"
        };
        fact(out, "authorities", none);
    }
    fact(out, "zone data", present(report.zoneinfo.is_some()));
    let number = |count: Option<usize>| {
        count.map_or_else(
            || "an unknown number of".to_owned(),
            |count| count.to_string(),
        )
    };
    let users = number(report.accounts.users);
    let groups = number(report.accounts.groups);
    fact(out, "accounts", &format!("{users} users, {groups} groups"));
    let shells: Vec<String> = report
        .shells
        .iter()
        .map(|shell| format!("/{}", shell.to_text()))
        .collect();
    fact(out, "shells", if shells.is_empty() { "none" } else { "" });
    fact(out, "shells", &shells.join(" "));
}

fn of_language(language: &LanguageReport) -> String {
    let mut text = language.version.clone();
    if !language.package.is_empty() {
        let _ = write!(text, " {}", language.package.to_text());
    }
    if language.count > 1 {
        let _ = write!(text, " {} files", language.count);
    }
    if let Some(first) = language.paths.first() {
        let _ = write!(text, " /{}", first.to_text());
    }
    text.trim_start().to_owned()
}
