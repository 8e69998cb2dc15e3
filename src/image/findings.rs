//! What is wrong with an image, and what to do about it. docs/audit.md lists the ids.

use super::judge_start::{ExecCause, Start, StartFailure};
use super::report::{
    AuditReport, FileReport, ImageFinding, SecretReport, SecretSite, StartVerdict,
};
use super::tree::Unresolved;
use crate::model::byte_string::ByteString;
use crate::model::escape::escaped;
use crate::model::severity::Severity;
use crate::model::time::Timestamp;
use crate::model::units::bytes_short;
use crate::scan::program::file;
use crate::scan::program::loader::whose_loader;

/// Waste below this share of the image, in percent, or below these bytes is no finding.
const WASTE_PERCENT: u64 = 10;
const WASTE_BYTES: u64 = 1 << 20;
/// A bundle whose newest authority is older than this, in days, is old.
const OLD_DAYS: u64 = 730;

/// Id, severity, title, remedy.
type Rule = (&'static str, Severity, &'static str, &'static str);

#[rustfmt::skip]
const STARTS: Rule = ("IMG-001", Severity::Problem, "The entrypoint does not start",
    "Correct the path, the file or the user in the image.");
#[rustfmt::skip]
const SECRET: Rule = ("IMG-002", Severity::Problem, "A secret is in the image",
    "Revoke it, and build with RUN --mount=type=secret or a multi-stage build: what a layer has, everyone who pulls it has.");
#[rustfmt::skip]
const NAMED_SECRET: Rule = ("IMG-003", Severity::Risk, "A file named like a secret is in the image",
    "Leave it out with .dockerignore, and mount it at run time.");
#[rustfmt::skip]
const ROOT: Rule = ("IMG-004", Severity::Risk, "It runs as root",
    "Set a numeric USER, such as USER 65532:65532.");
#[rustfmt::skip]
const NAMED_USER: Rule = ("IMG-005", Severity::Hint, "The user is a name",
    "Set its number: Kubernetes cannot verify runAsNonRoot by a name.");
#[rustfmt::skip]
const SETUID: Rule = ("IMG-006", Severity::Risk, "Files with setuid or setgid",
    "Remove the bit (chmod a-s), or set allowPrivilegeEscalation: false.");
#[rustfmt::skip]
const WRITABLE: Rule = ("IMG-007", Severity::Risk, "Files that everyone can write",
    "Remove the right in the layer that brings them (COPY --chmod, chmod o-w).");
#[rustfmt::skip]
const WASTE: Rule = ("IMG-008", Severity::Hint, "Layers hold files that later layers hide",
    "Remove files in the RUN that creates them, or copy only what is needed from an earlier stage.");
#[rustfmt::skip]
const NO_AUTHORITIES: Rule = ("IMG-009", Severity::Hint, "No certificate authorities",
    "Add them if the application connects by TLS: COPY --from=alpine /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/");
#[rustfmt::skip]
const OLD_AUTHORITIES: Rule = ("IMG-010", Severity::Hint, "Old certificate authorities",
    "Rebuild on a newer base image.");
#[rustfmt::skip]
const NO_ZONE: Rule = ("IMG-011", Severity::Risk, "TZ names a zone without zone data",
    "Install tzdata in the image, or leave TZ out.");
#[rustfmt::skip]
const SHELL_FORM: Rule = ("IMG-012", Severity::Hint, "The entrypoint runs through a shell",
    "Use the JSON form, ENTRYPOINT [\"/app\"]: a shell may not pass SIGTERM on.");
#[rustfmt::skip]
const OUTSIDE: Rule = ("IMG-013", Severity::Risk, "Layers have names that lead out of the image",
    "Find out who made the image: no build tool writes such names.");

/// All that is wrong, worst first.
pub(super) fn find(report: &AuditReport, start: Option<&Start>, outside: u64) -> Vec<ImageFinding> {
    let mut findings = Vec::new();
    let mut add = |rule: Rule, evidence: Vec<String>, remedy: Option<String>| {
        if !evidence.is_empty() {
            findings.push(ImageFinding {
                id: rule.0,
                severity: rule.1,
                title: rule.2,
                evidence,
                remedy: remedy.unwrap_or_else(|| rule.3.to_owned()),
            });
        }
    };
    let of_start = report.start.as_ref();
    if let Some(judged) = of_start.filter(|judged| judged.verdict == StartVerdict::No)
        && let Some(failure) = start.and_then(|start| start.failure.as_ref())
    {
        let mut evidence: Vec<String> = judged.cause.clone().into_iter().collect();
        for prediction in judged.predictions.iter().filter(|one| !one.starts) {
            if let Some(message) = prediction.messages.first() {
                evidence.push(format!("{} prints: {message}", prediction.engine));
            }
        }
        add(STARTS, evidence, remedy(failure));
    }
    let secrets = |by_content: bool| {
        let those = report.secrets.iter();
        let those = those.filter(move |one| one.by_content == by_content);
        those.map(place).collect()
    };
    add(SECRET, secrets(true), None);
    add(NAMED_SECRET, secrets(false), None);
    if let (Some(judged), Some(config)) = (of_start, &report.config) {
        let user = if config.user.is_empty() {
            "no USER is set".to_owned()
        } else {
            format!("USER {}", config.user)
        };
        let is_root = judged.uid == Some(0);
        add(
            ROOT,
            is_root.then_some(user.clone()).into_iter().collect(),
            None,
        );
        let is_name = !config.user.is_empty()
            && config
                .user
                .split(':')
                .next()
                .is_some_and(|user| user.parse::<u32>().is_err());
        let named = is_name && judged.uid.is_some_and(|uid| uid != 0);
        let number = judged.uid.unwrap_or_default();
        let evidence = named.then(|| format!("{user}, which is uid {number}"));
        add(NAMED_USER, evidence.into_iter().collect(), None);
        let words = config.entrypoint.iter().chain(&config.cmd);
        let words: Vec<&[u8]> = words.take(2).map(ByteString::as_bytes).collect();
        let is_shell = matches!(
            words[..],
            [b"/bin/sh" | b"/bin/bash" | b"sh" | b"bash", b"-c"]
        );
        let evidence = is_shell.then(|| "it begins with sh -c".to_owned());
        add(SHELL_FORM, evidence.into_iter().collect(), None);
        add(NO_ZONE, zone(report).into_iter().collect(), None);
    }
    add(SETUID, report.setuid_files.iter().map(mode).collect(), None);
    add(
        WRITABLE,
        report.world_writable.iter().map(mode).collect(),
        None,
    );
    let share = report.waste_bytes.saturating_mul(100) / report.size_bytes.max(1);
    let wasteful = report.waste_bytes >= WASTE_BYTES && share >= WASTE_PERCENT;
    let evidence = wasteful.then(|| {
        let (waste, size) = (
            bytes_short(report.waste_bytes),
            bytes_short(report.size_bytes),
        );
        format!("{waste} of {size} ({share} %) are hidden or replaced by later layers")
    });
    add(WASTE, evidence.into_iter().collect(), None);
    let bundles = &report.authorities;
    let none = (bundles.is_empty() && report.has_all_authorities)
        .then(|| "none of the usual bundles is there".to_owned());
    add(NO_AUTHORITIES, none.into_iter().collect(), None);
    let now = Timestamp::now();
    let old = bundles.iter().filter_map(|bundle| {
        let path = escaped(bundle.path.as_bytes());
        let days = bundle.newest_issued_at?.until(now).as_secs() / 86_400;
        let expired = bundle.expired;
        (days > OLD_DAYS).then(|| {
            format!(
                "{path}: the newest authority was issued {days} days ago, {expired} have expired"
            )
        })
    });
    add(OLD_AUTHORITIES, old.collect(), None);
    let evidence = (outside > 0).then(|| format!("{outside} names with .., left out"));
    add(OUTSIDE, evidence.into_iter().collect(), None);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// Where a secret is, and why it is one.
pub(super) fn place(secret: &SecretReport) -> String {
    let at = escaped(secret.at.as_bytes());
    let mut text = match secret.place {
        SecretSite::File => format!("/{at}"),
        SecretSite::History => format!("line {at} of the history"),
        SecretSite::Environment => format!("the variable {at}"),
        SecretSite::Label => format!("the label {at}"),
        SecretSite::Command => format!("word {at} of the command"),
        SecretSite::Healthcheck => format!("word {at} of the health check"),
        SecretSite::OnBuild => format!("ONBUILD line {at}"),
        SecretSite::Shell => format!("word {at} of SHELL"),
    };
    if let Some(layer) = secret.layer {
        text = format!("{text}, layer {layer}");
    }
    if secret.deleted {
        text.push_str(", hidden by a later layer");
    }
    format!("{text}: {}", secret.reason.describe())
}

fn mode(file: &FileReport) -> String {
    let FileReport { mode, uid, gid, .. } = file;
    format!("/{} ({mode}, {uid}:{gid})", escaped(file.path.as_bytes()))
}

/// A zone that TZ names, where the image has no data for it.
fn zone(report: &AuditReport) -> Option<String> {
    let variables = &report.config.as_ref()?.environment;
    let variable = variables.iter().find(|one| one.name == "TZ")?;
    let zone = variable.value.as_ref()?.to_text().into_owned();
    let is_plain = matches!(zone.as_str(), "" | "UTC" | "UTC0" | "GMT");
    (!is_plain && report.zoneinfo.is_none())
        .then(|| format!("TZ is {zone}, and usr/share/zoneinfo has no files"))
}

/// Why it does not start, as a sentence part.
pub(super) fn cause(start: &Start) -> Option<String> {
    let command = start
        .words
        .first()
        .map(|word| escaped(word))
        .unwrap_or_default();
    let workdir = escaped(&start.workdir);
    let who = start.identity.as_ref();
    let who = who.map_or_else(String::new, |who| format!("{}:{}", who.uid, who.gid));
    Some(match start.failure.as_ref()? {
        StartFailure::NoCommand => "neither ENTRYPOINT nor CMD is set".to_owned(),
        StartFailure::UserNotFound(name) => {
            format!("/etc/passwd has no user {}", escaped(name))
        }
        StartFailure::GroupNotFound(name) => {
            format!("/etc/group has no group {}", escaped(name))
        }
        StartFailure::IdOutOfRange => {
            "USER has a number beyond 2147483647, which no user or group may have".to_owned()
        }
        StartFailure::WorkdirRelative => format!("WORKDIR {workdir} is not an absolute path"),
        StartFailure::WorkdirNotDirectory => format!("WORKDIR {workdir} is not a directory"),
        StartFailure::WorkdirBelowFile(file) => {
            format!("WORKDIR {workdir}: {} is not a directory", escaped(file))
        }
        StartFailure::WorkdirLink(Unresolved::NotFound) => {
            format!("WORKDIR {workdir} is a link to what does not exist")
        }
        StartFailure::WorkdirLink(_) => format!("WORKDIR {workdir} is a symlink loop"),
        StartFailure::Unreached(Unresolved::NotFound) => format!("{command} does not exist"),
        StartFailure::Unreached(Unresolved::NotADirectory) => {
            format!("a part of {command} is not a directory")
        }
        StartFailure::Unreached(Unresolved::Loop) => format!("{command} is a symlink loop"),
        StartFailure::Unreached(Unresolved::Denied) => {
            format!("a directory of {command} is not accessible to {who}")
        }
        StartFailure::NotInPath => format!("{command} is in no directory of PATH"),
        StartFailure::OnlyUnexecutable { path, .. } => {
            format!("{} is not an executable file", escaped(path))
        }
        StartFailure::IsDirectory => format!("{command} is a directory"),
        StartFailure::NotExecutable => format!("{command} has no execute permission"),
        StartFailure::NotExecutableForUser(path) => {
            format!("{} is not executable by {who}", escaped(path))
        }
        StartFailure::Exec(_, ExecCause::Loader(loader)) => {
            format!(
                "{command}: its ELF interpreter {} is missing or not usable",
                escaped(loader)
            )
        }
        StartFailure::Exec(_, ExecCause::Interpreter(path)) => format!(
            "{command} is a script, and its interpreter {} is missing or not executable",
            escaped(path)
        ),
        StartFailure::Exec(_, ExecCause::CarriageReturn(path)) => format!(
            "{command} is a script whose first line ends in CR LF: its interpreter is {}",
            escaped(path)
        ),
        StartFailure::Exec(_, ExecCause::Architecture(machine)) => {
            format!("{command} was built for {}", file::machine(*machine))
        }
        StartFailure::Exec(_, ExecCause::Format(what)) => format!("{command}: {what}"),
        StartFailure::Exec(_, ExecCause::Chain) => {
            format!("{command} is a script of a script, more than 5 deep")
        }
    })
}

/// What to change, where the failure tells more than the rule.
fn remedy(failure: &StartFailure) -> Option<String> {
    Some(match failure {
        StartFailure::NoCommand => "Set ENTRYPOINT, or name a command when it is run.".to_owned(),
        StartFailure::UserNotFound(_) | StartFailure::GroupNotFound(_) => {
            "Set a numeric USER, or copy passwd and group into the image.".to_owned()
        }
        StartFailure::Exec(_, ExecCause::Loader(loader)) => {
            format!("Its loader is missing: {}.", whose_loader(loader))
        }
        StartFailure::Exec(_, ExecCause::CarriageReturn(_)) => {
            "Save it with LF line endings (dos2unix, or .gitattributes: *.sh text eol=lf)."
                .to_owned()
        }
        StartFailure::Exec(_, ExecCause::Architecture(_)) => {
            "Build for the platform of the image (docker build --platform, GOARCH, a Rust target)."
                .to_owned()
        }
        StartFailure::NotExecutable => {
            "COPY --chmod=0755, or chmod +x before the build.".to_owned()
        }
        _ => return None,
    })
}
