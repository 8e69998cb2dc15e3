//! What the image lacks.

use super::facts::{Facts, NotJudged, peer_end, seen, seen_if_there};
use super::rule::{Evidence, Judged, Rule, Severity, gather};
use crate::model::mount::Purpose;
use crate::model::program::{MissingPath, RuntimeVersion};
use crate::model::socket::{Protocol, State};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "SPY-IMG-001",
        severity: Severity::Problem,
        title: "No certificate authorities, and TLS is spoken",
        reads: &[
            "certificates.trust_store",
            "certificates.trust_store.roots",
            "sockets",
            "sockets.owners",
            "environment.variables",
        ],
        why: "Every certificate is refused: the runtime finds no authority to trust.",
        remedy: "Add to the image: COPY --from=alpine /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/",
        wrong_if: "The application brings its own authorities, or does not verify.",
        judge: no_authorities,
    },
    Rule {
        id: "SPY-IMG-002",
        severity: Severity::Problem,
        title: "The program's loader or a library is missing",
        reads: &["program", "program.path", "program.format"],
        why: "The next start fails: no such file or directory.",
        remedy: "Copy the libraries into the image, or link statically: spyhole ldd.",
        wrong_if: "The program loads it only where a feature is used.",
        judge: missing_libraries,
    },
    Rule {
        id: "SPY-IMG-003",
        severity: Severity::Hint,
        title: "The user has no name",
        reads: &[
            "capabilities",
            "capabilities.uids",
            "capabilities.uids.effective.name",
        ],
        why: "getpwuid(3) finds nothing: ssh, git, Java and Python's getpass fail or guess a home directory.",
        remedy: "Add a line for the user to /etc/passwd of the image.",
        wrong_if: "The application asks for no names.",
        judge: nameless_user,
    },
    Rule {
        id: "SPY-IMG-004",
        severity: Severity::Risk,
        title: "A usual directory is missing or cannot be written",
        reads: &[
            "mounts",
            "mounts.usual_directories",
            "mounts.usual_directories.writable_by_target",
            "environment.variables",
        ],
        why: "Libraries create temporary files there, often not before something goes wrong.",
        remedy: "Mount an emptyDir there, or set TMPDIR or HOME to a directory that can be written.",
        wrong_if: "The application creates no files there.",
        judge: unwritable_directories,
    },
    Rule {
        id: "SPY-IMG-005",
        severity: Severity::Risk,
        title: "TZ names a zone without zone data",
        reads: &["program", "program.missing_paths"],
        why: "The C library takes UTC without a word; Go and Python fail to load the zone.",
        remedy: "Install tzdata in the image, or leave TZ out.",
        wrong_if: "The program has zone data built in (Go with time/tzdata, Java, ICU).",
        judge: no_zone_data,
    },
    Rule {
        id: "SPY-IMG-006",
        severity: Severity::Risk,
        title: "A variable of the loader leads nowhere",
        reads: &["program", "program.format", "program.missing_paths"],
        why: "A library of LD_PRELOAD is left out with a message alone; one of LD_LIBRARY_PATH is taken from elsewhere, or not found.",
        remedy: "Correct the path, or remove the variable.",
        wrong_if: "The library is created later.",
        judge: loader_paths_missing,
    },
];

fn missing_paths<'a>(facts: &Facts<'a>) -> Result<&'a [MissingPath], NotJudged> {
    let program = facts.program()?;
    let paths = seen_if_there("program.missing_paths", program.missing_paths.as_ref())?;
    Ok(paths.map_or(&[], Vec::as_slice))
}

fn no_zone_data(facts: &Facts<'_>) -> Judged {
    let has_own = |runtime: &RuntimeVersion| matches!(runtime.name.as_str(), "java" | "node");
    if facts.program()?.runtime.as_ref().is_some_and(has_own) {
        return Ok(Vec::new());
    }
    let zones = missing_paths(facts)?
        .iter()
        .filter(|one| one.variable == "TZ");
    let evidence = zones.map(|one| {
        let says = format!("TZ leads to {}, which does not exist", one.path.to_text());
        Evidence::new(73, says)
    });
    Ok(evidence.collect())
}

fn loader_paths_missing(facts: &Facts<'_>) -> Judged {
    // A static program has no loader.
    if facts.elf()?.is_some_and(|elf| elf.interpreter.is_none()) {
        return Ok(Vec::new());
    }
    let paths = missing_paths(facts)?
        .iter()
        .filter(|one| one.variable != "TZ");
    let evidence = paths.map(|one| {
        let says = format!(
            "{} names {}, which does not exist",
            one.variable,
            one.path.to_text()
        );
        // A directory among others may be there for another image.
        let certainty = if one.variable == "LD_LIBRARY_PATH" {
            71
        } else {
            76
        };
        Evidence::new(certainty, says)
    });
    Ok(evidence.collect())
}

const TLS_PORTS: [u32; 7] = [443, 465, 636, 993, 6443, 8443, 9443];

fn no_authorities(facts: &Facts<'_>) -> Judged {
    let store = seen(
        "certificates.trust_store",
        &facts.certificates()?.trust_store,
    )?;
    let roots = seen_if_there("certificates.trust_store.roots", store.roots.as_ref())?;
    if roots != Some(&0) {
        return Ok(Vec::new());
    }
    let mut spoken = Vec::new();
    let mut unseen = Vec::new();
    for socket in facts.own_sockets()? {
        let socket = match socket {
            Ok(socket) => socket,
            Err(why) => {
                unseen.push(Err(why));
                continue;
            }
        };
        let is_client = socket.protocol == Protocol::Tcp
            && matches!(
                socket.state,
                State::Established | State::SynSent | State::CloseWait
            );
        if is_client
            && socket
                .peer_port
                .is_some_and(|port| TLS_PORTS.contains(&port))
        {
            spoken.push(format!("it is connected to {}", peer_end(socket)));
        }
    }
    match facts.variables() {
        Ok(variables) => spoken.extend(variables.filter_map(|variable| {
            let value = variable.value.as_ref()?.to_text();
            let is_address = value.starts_with("https://");
            is_address.then(|| format!("{} is an https:// address", variable.name.to_text()))
        })),
        Err(why) => unseen.push(Err(why)),
    }
    let Some(first) = spoken.into_iter().next() else {
        return gather(unseen);
    };
    let says = format!("{}; {first}", store.consequence);
    let prints = store.error_text.as_ref();
    let says = prints.map_or(says.clone(), |text| format!("{says}; it prints: {text}"));
    Ok(vec![Evidence::new(91, says)])
}

fn missing_libraries(facts: &Facts<'_>) -> Judged {
    let path = seen("program.path", &facts.program()?.path)?.to_text();
    let Some(elf) = facts.elf()? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    if let (Some(false), Some(interpreter)) = (elf.interpreter_found, &elf.interpreter) {
        let says = format!(
            "{path} asks for the loader {}, which does not exist",
            interpreter.to_text()
        );
        found.push(Evidence::new(92, says));
    }
    let missing = elf
        .libraries
        .iter()
        .filter(|library| library.path.is_none());
    found.extend(missing.map(|library| {
        let says = format!(
            "{}, needed by {}, is in none of the loader's directories",
            library.name.to_text(),
            library.needed_by.to_text()
        );
        Evidence::new(80, says)
    }));
    Ok(found)
}

fn nameless_user(facts: &Facts<'_>) -> Judged {
    let context = facts.security_context()?;
    let uids = seen("capabilities.uids", &context.privileges.uids)?;
    let field = "capabilities.uids.effective.name";
    if seen_if_there(field, uids.effective.name.as_ref())?.is_some() {
        return Ok(Vec::new());
    }
    let says = format!("uid {} has no line in /etc/passwd", uids.effective.id);
    Ok(vec![Evidence::new(25, says)])
}

fn unwritable_directories(facts: &Facts<'_>) -> Judged {
    let mounts = facts.mounts()?;
    let field = "mounts.usual_directories";
    let whole = facts.is_whole(field, "mounts", &["usual_directories"]);
    let directories = mounts.iter().flat_map(|mount| &mount.usual_directories);
    let evidence = directories.map(|directory| {
        // Programs seldom write into their working directory or their home.
        let certainty = match directory.purpose {
            Purpose::Tmpdir => 75,
            Purpose::Tmp => 65,
            Purpose::Home => 40,
            Purpose::WorkingDirectory => return Ok(None),
        };
        let may = seen(
            "mounts.usual_directories.writable_by_target",
            &directory.writable_by_target,
        )?;
        Ok((!may).then(|| {
            let because = directory.writable_because.map_or(String::new(), |because| {
                format!(" ({})", because.describe())
            });
            let says = format!(
                "{}: {} is not writable{because}",
                directory.purpose.describe(),
                directory.path.to_text()
            );
            Evidence::new(certainty, says)
        }))
    });
    let is_whole = whole.is_ok();
    let known: Vec<Purpose> = mounts
        .iter()
        .flat_map(|mount| &mount.usual_directories)
        .map(|directory| directory.purpose)
        .collect();
    let missing = missing_directories(facts, &known);
    let missing = missing.into_iter().filter(|_| is_whole);
    gather(evidence.chain(whole.err().map(Err)).chain(missing))
}

/// Usual directories that are not among those that exist.
fn missing_directories(
    facts: &Facts<'_>,
    known: &[Purpose],
) -> Vec<Result<Option<Evidence>, NotJudged>> {
    let named = [(Purpose::Tmpdir, "TMPDIR", 76), (Purpose::Home, "HOME", 43)];
    let mut missing = Vec::new();
    for (purpose, name, certainty) in named {
        let value = match facts.variable(name) {
            Ok(value) => value.map(|path| path.to_text()),
            Err(why) => {
                missing.push(Err(why));
                continue;
            }
        };
        // Accounts without a home have that one on purpose.
        let is_path = |path: &str| path.starts_with('/') && !path.starts_with("/nonexistent");
        if let Some(path) = value.filter(|path| is_path(path) && !known.contains(&purpose)) {
            let says = format!("{name}: {path} does not exist");
            missing.push(Ok(Some(Evidence::new(certainty, says))));
        }
    }
    let without_tmpdir = matches!(facts.variable("TMPDIR"), Ok(None));
    if !known.is_empty() && without_tmpdir && !known.contains(&Purpose::Tmp) {
        missing.push(Ok(Some(Evidence::new(41, "/tmp does not exist"))));
    }
    missing
}
