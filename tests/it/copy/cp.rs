//! `cp` where spyhole itself sees the target.

use std::os::unix::fs::symlink;

use super::*;

#[test]
fn a_tree_is_copied_as_it_is() {
    let tree = Tree::with_every_name();
    let (here, out) = (Here::new(), FakeRoot::new());
    let local = out.path("copy");
    let copied = here
        .spyhole(&["cp", text(tree.top()), text(&local)])
        .ended_with(4);
    let said = copied.stderr_text();
    assert!(
        said.contains("long/absolute: not copied: a link to /etc/passwd"),
        "{said}"
    );
    assert!(said.contains("fifo: not copied: a FIFO"), "{said}");
    assert_eq!(said.matches("not copied").count(), 2, "{said}");
    let (mut original, copy) = (seen(tree.top()), seen(&local));
    original.retain(|name, _| name != Path::new("fifo") && name != Path::new("long/absolute"));
    assert_eq!(
        copy.keys().collect::<Vec<_>>(),
        original.keys().collect::<Vec<_>>()
    );
    for (name, of) in &original {
        let copied = &copy[name];
        assert_eq!(copied.content(), of.content(), "{name:?}");
        // Without setuid, setgid and sticky bit.
        let kept = of.mode() & !0o7000;
        assert_eq!(copied.mode(), kept, "{name:?}");
    }
}

#[test]
fn a_file_goes_into_a_directory_or_gets_a_name() {
    let (root, out) = (FakeRoot::new(), FakeRoot::new());
    let here = Here::new();
    let file = root.write("etc/config", "a=b\n");
    symlink("config", root.path("etc/current")).unwrap();
    let copied = here
        .spyhole(&["cp", text(&file), text(out.top())])
        .ended_with(0);
    let place = out.path("config");
    let says = format!("copied 1 file (4 bytes) to {}\n", text(&place));
    assert_eq!(copied.stderr_text(), says);
    assert_eq!(fs::read(&place).unwrap(), b"a=b\n");
    // The link that is asked for is followed, and the file has its name.
    let link = root.path("etc/current");
    here.spyhole(&["cp", "-q", text(&link), text(out.top())])
        .ended_with(0);
    assert_eq!(fs::read(out.path("current")).unwrap(), b"a=b\n");
    let named = out.path("named");
    here.spyhole(&["cp", text(&file), text(&named)])
        .ended_with(0);
    assert_eq!(fs::read(&named).unwrap(), b"a=b\n");
    // A directory: itself into a directory, its content with a dot.
    let etc = root.path("etc");
    here.spyhole(&["cp", text(&etc), text(out.top())])
        .ended_with(0);
    assert_eq!(fs::read(out.path("etc/config")).unwrap(), b"a=b\n");
    let contents = format!("{}/.", text(&etc));
    let empty = FakeRoot::new();
    here.spyhole(&["cp", &contents, text(empty.top())])
        .ended_with(0);
    assert_eq!(seen(empty.top()).len(), 2);
    // To stdout it is a plain archive.
    let archive = here.spyhole(&["cp", text(&etc), "-"]).ended_with(0);
    assert!(memchr::memmem::find(&archive.stdout, b"SPYHOLE").is_none());
    assert_eq!(archive.stdout.len() % 10240, 0);
}

#[test]
fn where_nothing_can_be_copied_nothing_is_left() {
    let (root, out) = (FakeRoot::new(), FakeRoot::new());
    let here = Here::new();
    let file = root.write("file", "content");
    root.write("dir/file", "content");
    let (dir, missing) = (root.path("dir"), root.path("missing"));
    let taken = out.write("taken", "mine");
    symlink("taken", out.path("link")).unwrap();
    for (remote, local, code, why) in [
        (&missing, "new", 4, "not found"),
        (&dir, "taken", 5, "cannot write"),
        (&file, "link", 2, "is a link"),
        (&file, "none/new", 2, "does not exist"),
        (&file, "new/", 5, "cannot write"),
    ] {
        let local = format!("{}/{local}", text(out.top()));
        let refused = here.spyhole(&["cp", text(remote), &local]).ended_with(code);
        assert!(refused.stderr_text().contains(why), "{refused}");
        assert_eq!(seen(out.top()).len(), 2, "{refused}");
    }
    let limited = ["cp", "--max-size", "6", text(&file), text(out.top())];
    let refused = here.spyhole(&limited).ended_with(4);
    assert!(refused.stderr_text().contains("--max-size"), "{refused}");
    assert_eq!(fs::read(&taken).unwrap(), b"mine");
    assert_eq!(seen(out.top()).len(), 2);
}
