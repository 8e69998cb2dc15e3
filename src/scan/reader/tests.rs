#![allow(clippy::disallowed_methods, reason = "children to be visited")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex};

use super::*;
use crate::rights::ptrace_access::{Credentials, refusal_below};
use crate::scan::node_names::NodeNames;

fn child() -> Child {
    let mut command = Command::new("sleep");
    command.arg("600").stdin(Stdio::null()).spawn().unwrap()
}

fn end(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn reader() -> ProcessReader {
    let proc = Arc::new(ProcDir::open(Path::new("/proc")).unwrap());
    ProcessReader {
        identities: Identities::new(NodeNames::of(Arc::clone(&proc))),
        proc,
        viewer: LazyLock::new(Box::new(Credentials::default)),
        open_files: OpenFilesContext::default(),
    }
}

fn pid(child: &Child) -> i32 {
    child.id().try_into().unwrap()
}

/// Each file in turn is missing because its process has just ended.
#[test]
fn what_ends_during_its_visit_is_gone_whichever_file_is_read() {
    let reader = reader();
    // By then `mountinfo` was read, to tell the container.
    for files in Files::all().difference(Files::MOUNTINFO).iter() {
        let child = child();
        let process = reader.proc.process(pid(&child)).unwrap();
        let child = Mutex::new(child);
        // Asked after `stat` was read and before everything else is.
        let ends = move |_: i32, _: &Identity| {
            end(&mut child.lock().unwrap());
            true
        };
        match reader.visit(&process, files, &ends, &mut Vec::new()) {
            Err(ProcessReadError::Gone) => {}
            Ok(facts) => panic!("{files:?}: {facts:?}"),
            Err(ProcessReadError::Refused(refusal)) => panic!("{files:?}: {refusal:?}"),
        }
    }
}

#[test]
fn the_threads_of_a_zombie_that_was_reaped_are_gone_with_it() {
    let reader = reader();
    let mut child = child();
    let process = reader.proc.process(pid(&child)).unwrap();
    child.kill().unwrap();
    while !is_bodiless(&process) {
        std::thread::yield_now();
    }
    let mut buffer = Vec::new();
    process
        .read(c"stat", file_limits::SMALL, &mut buffer)
        .unwrap();
    let stat = Stat::parse(&buffer).unwrap();
    let (identity, _) = reader.identities.of(&process, &stat, &mut buffer);
    let mut facts = ProcessSnapshot::bare(process.pid(), 0, 0, stat, identity, true);
    child.wait().unwrap();
    let mut files = ProcessFiles {
        viewer: &reader.viewer,
        process: &process,
        buffer: &mut buffer,
        status: None,
        credentials: None,
    };
    files.fill(&mut facts, Files::TASKS);
    assert!(facts.has_vanished(), "{facts:?}");
}

fn is_bodiless(process: &ProcessDir) -> bool {
    let mut buffer = Vec::new();
    process
        .read(c"stat", file_limits::SMALL, &mut buffer)
        .unwrap();
    Stat::parse(&buffer).unwrap().is_bodiless()
}

#[test]
fn a_file_that_is_missing_tells_an_ended_process_from_an_old_kernel() {
    let reader = reader();
    let mut child = child();
    let process = reader.proc.process(pid(&child)).unwrap();
    let missing = process.try_open(c"none").unwrap_err();
    let told = || {
        let viewer = Credentials::default();
        let reason = refusal_below(
            &process,
            missing,
            AccessCheck::Open,
            &viewer,
            Credentials::default,
        );
        (reason.reason, reason.errno)
    };
    let errno = Some("ENOENT".to_owned());
    assert_eq!(told(), (Reason::Unsupported, errno.clone()));
    end(&mut child);
    assert_eq!(told(), (Reason::Vanished, errno));
}
