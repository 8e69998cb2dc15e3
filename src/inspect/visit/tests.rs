use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use super::*;
use crate::inspect::standing::refusal_below;

fn child() -> Child {
    let mut command = Command::new("sleep");
    command.arg("600").stdin(Stdio::null()).spawn().unwrap()
}

fn end(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn visitor() -> Visitor {
    Visitor {
        proc: Arc::new(ProcDir::open(Path::new("/proc")).unwrap()),
        viewer: LazyLock::new(Box::new(Credentials::default)),
        identities: Identities::default(),
    }
}

fn pid(child: &Child) -> i32 {
    child.id().try_into().unwrap()
}

/// Each file in turn is missing because its process has just ended, whether the visit met it alive
/// or as a zombie.
#[test]
fn what_ends_during_its_visit_is_gone_whichever_file_is_read() {
    let visitor = visitor();
    for files in Files::all().iter() {
        for zombie in [false, true] {
            let mut child = child();
            let process = visitor.proc.process(pid(&child)).unwrap();
            if zombie {
                child.kill().unwrap();
                while !visitor_sees_zombie(&process) {
                    std::thread::yield_now();
                }
            }
            // Asked after `stat` was read and before everything else is.
            let child = Mutex::new(child);
            let ends = move |_: i32, _: &Identity| {
                end(&mut child.lock().unwrap());
                true
            };
            let seen = visitor.visit(&process, files, &ends, &mut Vec::new());
            // Of a zombie some are known without a look.
            let known = zombie && KNOWN_OF_ZOMBIES.contains(files);
            match seen {
                Err(Lost::Gone) => {}
                Ok(_) if known => {}
                Ok(facts) => panic!("{files:?}, zombie {zombie}: {facts:?}"),
                Err(Lost::Refused(refusal)) => panic!("{files:?}: {refusal:?}"),
            }
        }
    }
}

const KNOWN_OF_ZOMBIES: Files = Files::CMDLINE
    .union(Files::ENVIRON)
    .union(Files::EXE)
    .union(Files::CWD)
    .union(Files::FD_COUNT)
    .union(Files::LIMITS)
    .union(Files::SMAPS_ROLLUP)
    .union(Files::MOUNTINFO)
    .union(Files::FD_LINKS)
    .union(Files::NET_NAMESPACE)
    .union(Files::OPEN_FILES);

fn visitor_sees_zombie(process: &ProcessDir) -> bool {
    let mut buffer = Vec::new();
    process.read(c"stat", SMALL_LIMIT, &mut buffer).unwrap();
    Stat::parse(&buffer).unwrap().is_bodiless()
}

#[test]
fn a_file_that_is_missing_tells_an_ended_process_from_an_old_kernel() {
    let visitor = visitor();
    let mut child = child();
    let process = visitor.proc.process(pid(&child)).unwrap();
    let missing = process.try_open(c"none").unwrap_err();
    let told = || {
        let viewer = Credentials::default();
        let reason = refusal_below(
            &process,
            missing,
            Check::Open,
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
