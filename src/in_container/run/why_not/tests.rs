use std::ffi::{CString, OsString};

use super::*;
use crate::sys::scratch::Scratch;

/// What is said of a file of this root, where the kernel gave this number.
fn said(path: &Path, more: &[&str], errno: Errno) -> Cause {
    let search = Search {
        found: Ok(CString::new(bytes(path)).unwrap()),
        directories: None,
        path_is_set: true,
    };
    let mut words = vec![path.as_os_str().to_owned()];
    words.extend(more.iter().map(OsString::from));
    cause(&Attempt {
        words: &words,
        search: &search,
        errno,
    })
}

fn script() -> (Scratch, PathBuf) {
    let house = Scratch::new();
    house.write("/app", "#!/bin/sh\n");
    house.mode("/app", 0o755);
    let path = house.path("/app");
    (house, path)
}

#[test]
fn what_the_file_does_not_explain_is_the_kernels_word() {
    let (_house, path) = script();
    for (errno, name, word) in [
        (Errno::EACCES, "EACCES", "security module"),
        (Errno::ETXTBSY, "ETXTBSY", "open for writing"),
        (Errno::EAGAIN, "EAGAIN", "limit on processes"),
        (Errno::ENOMEM, "ENOMEM", "memory"),
    ] {
        let cause = said(&path, &[], errno);
        assert_eq!(cause.kind, CauseKind::Refused, "{cause:?}");
        assert!(cause.says.contains(name), "{cause:?}");
        assert!(cause.hint.unwrap().contains(word));
    }
    let cause = said(&path, &[], Errno::EIO);
    assert_eq!((cause.kind, cause.hint), (CauseKind::Refused, None));
    assert_eq!(said(&path, &[], Errno::EPERM).kind, CauseKind::Refused);
}

#[test]
fn too_much_is_told_with_what_kubernetes_adds() {
    let (_house, path) = script();
    let cause = said(&path, &[], Errno::E2BIG);
    assert_eq!(cause.kind, CauseKind::TooLong);
    assert!(cause.hint.unwrap().contains("enableServiceLinks"));
}

#[test]
fn only_a_shell_with_a_line_is_the_shell_form() {
    let house = Scratch::new();
    let shell = house.path("/bin/sh");
    assert_eq!(
        said(&shell, &["-c", "x"], Errno::ENOENT).kind,
        CauseKind::NoShell
    );
    assert_eq!(
        said(&shell, &["x"], Errno::ENOENT).kind,
        CauseKind::NotThere
    );
    let app = house.path("/bin/app");
    assert_eq!(
        said(&app, &["-c", "x"], Errno::ENOENT).kind,
        CauseKind::NotThere
    );
}

#[test]
fn an_interpreter_that_is_its_own_ends() {
    let house = Scratch::new();
    let path = house.path("/app");
    house.write("/app", format!("#!{}\n", path.display()));
    house.mode("/app", 0o755);
    assert_eq!(said(&path, &[], Errno::ELOOP).kind, CauseKind::Refused);
}
