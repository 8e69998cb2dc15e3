//! Each command prints what GNU's tool prints of the same tree at the same moment.

use super::{Tree, sorted};

#[track_caller]
fn same(tree: &Tree, line: &str) {
    let expected = tree.tool(line);
    let seen = tree.spyhole(line);
    assert_eq!(
        seen.stdout_text(),
        String::from_utf8_lossy(&expected.stdout),
        "{line}\n{seen}"
    );
}

/// Where the tool's order is that of the file system.
#[track_caller]
fn same_in_any_order(tree: &Tree, line: &str) {
    let expected = tree.tool(line);
    let seen = tree.spyhole(line);
    assert_eq!(
        sorted(&seen.stdout),
        sorted(&expected.stdout),
        "{line}\n{seen}"
    );
}

#[test]
fn ls_lists_as_ls_does() {
    let tree = Tree::new();
    for line in [
        "ls -la @/etc",
        "ls -lAi @/etc",
        "ls -ln @/etc/app.conf @/etc/link @/log",
        "ls -lh @/log",
        "ls -lS @/etc",
        "ls -lSr @/etc",
        "ls -1R @",
        "ls -laR @/etc",
        "ls -d @/etc @/etc/link",
        "ls @/etc @/log",
        "ls -A @/etc",
        "ls -li @/etc/sub",
        "ls -l /dev/null",
        "ls @/etc/sub/loop",
        "ls -l @/etc/sub/loop",
    ] {
        same(&tree, line);
    }
    let newest = tree.spyhole("ls -t @/etc").ended_with(0).stdout_text();
    assert_eq!(newest.lines().count(), 11, "{newest}");
    let missing = tree.spyhole("ls @/none @/log");
    assert_eq!(missing.code, Some(4));
    assert!(
        missing.stderr_text().contains("/none: not found"),
        "{missing}"
    );
    assert!(missing.stdout_text().contains("app.log"), "{missing}");
}

#[test]
fn every_byte_of_a_name_is_told_apart() {
    let tree = Tree::new();
    let names = tree.with_every_byte();
    let listed = tree.spyhole("ls @/names").ended_with(0).stdout_text();
    assert_eq!(listed.lines().count(), 254);
    assert!(
        listed.contains("x\\x1by") && listed.contains("x\\xffy"),
        "{listed}"
    );
    let zero = |output: Vec<u8>| {
        let mut names: Vec<Vec<u8>> = output
            .split(|byte| *byte == 0)
            .map(<[u8]>::to_vec)
            .collect();
        names.sort_unstable();
        names
    };
    let line = format!("find {names} -print0");
    let expected = zero(tree.tool(&line).stdout);
    assert_eq!(zero(tree.spyhole(&line).ended_with(0).stdout), expected);
    let document = tree.spyhole("ls -o json @/names").document();
    assert_eq!(document["files"].as_array().unwrap().len(), 254);
    assert_eq!(document["gaps"].as_array().unwrap().len(), 0);
}

#[test]
fn cat_head_and_tail_print_the_same_bytes() {
    let tree = Tree::new();
    for line in [
        "cat @/etc/app.conf @/etc/no-end @/etc/empty @/etc/words",
        "cat @/bin/data",
        "cat -n @/etc/no-end @/etc/words",
        "cat -A @/etc/words",
        "cat -bs @/etc/words",
        "head @/log/app.log",
        "head -n 5 @/log/app.log @/etc/words",
        "head -20 @/log/app.log",
        "head -n -2990 @/log/app.log",
        "head -c 100 @/log/app.log",
        "head -c 1K @/bin/data",
        "head -c -20000 @/log/app.log",
        "head -qn 1 @/log/app.log @/etc/words",
        "head -v -n 0 @/etc/words",
        "head -n 3 @/etc/no-end",
        "tail @/log/app.log",
        "tail -n 5 @/log/app.log @/etc/words",
        "tail -20 @/log/app.log",
        "tail -n +2995 @/log/app.log",
        "tail -c 100 @/log/app.log",
        "tail -c 5 @/bin/data",
        "tail -c +30000 @/log/app.log",
        "tail -n 1 @/etc/no-end",
        "tail -n 9999 @/log/app.log",
        "tail -n 0 @/log/app.log",
        "tail -v @/etc/empty",
        "sha256sum @/etc/app.conf @/bin/data @/etc/empty",
        "sha256sum -b @/log/app.log",
    ] {
        same(&tree, line);
    }
}

#[test]
fn stat_tells_what_stat_tells() {
    let tree = Tree::new();
    // Reading sets no access time; listing by the tool may.
    for line in [
        "stat -c %n|%s|%a|%A|%u|%U|%g|%G|%h|%i|%F|%b|%B|%d|%D|%f|%o|%t|%T @/etc/words @/etc/link @/etc @/etc/fifo @/etc/socket",
        "stat -c %y|%Y|%z|%Z|%w|%W|%.3Y @/etc/words",
        "stat -L -c %n~%F @/etc/link",
        "stat -c %10s|%-10s|%010s|%#a|%%|%N @/etc/words @/etc/link",
        "stat --printf %n\\t%s\\n @/etc/words",
        "stat -t @/etc/words",
        "stat @/etc/words @/etc/link @/etc",
    ] {
        same(&tree, line);
    }
    let document = tree.spyhole("stat -o json @/etc/words").document();
    let file = &document["files"][0];
    assert_eq!(
        (&file["mode"], &file["size_bytes"]),
        (&"4751".into(), &47.into()),
        "{document:#}"
    );
    assert_eq!(file["kind"], "file");
}

#[test]
fn find_finds_what_find_finds() {
    let tree = Tree::new();
    for expression in [
        "",
        "-name *.conf",
        "-iname APP*",
        "-name .*",
        "-path */sub/*",
        "-type f",
        "-type d,l",
        "-type p -o -type s",
        "-size +10k",
        "-size -1",
        "-size 1",
        "-size 0c",
        "-mtime 0",
        "-mmin -60",
        "-mtime +1",
        "-newer @/etc/app.conf",
        "-perm 644",
        "-perm -4000",
        "-perm /u=s,o=w",
        "-user root",
        "-group 0",
        "-nouser",
        "-maxdepth 1",
        "-mindepth 2 -maxdepth 3 -type f",
        "-empty",
        "-links 2 -type f",
        "! -type f -a -not -type d",
        "( -name a* -o -name w* ) -size -2",
        "-name sub -prune -o -print",
        "-lname app*",
        "-depth -type d",
        "-false -o -name words -print0",
    ] {
        same_in_any_order(&tree, format!("find @ {expression}").trim_end());
    }
    let inode = tree.tool("stat -c %i @/etc/words").stdout_text();
    same_in_any_order(&tree, &format!("find @ -inum {}", inode.trim()));
    let listed = tree
        .spyhole("find @/etc/words -ls")
        .ended_with(0)
        .stdout_text();
    let expected = tree.tool("find @/etc/words -ls").stdout_text();
    let words = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(words(&listed), words(&expected));
    let document = tree.spyhole("find @ -name words -o json").document();
    assert_eq!(document["files"][0]["path"], tree.path("etc/words"));
    for refused in ["-exec rm {} ;", "-delete", "-printf %p"] {
        let seen = tree.spyhole(&format!("find @ {refused}")).ended_with(2);
        assert!(
            seen.stderr_text().contains("not supported; nearest"),
            "{seen}"
        );
    }
}

#[test]
fn du_adds_up_as_du_does() {
    let tree = Tree::new();
    for line in [
        "du -ak @",
        "du @",
        "du -s @ @/etc",
        "du -d 1 @",
        "du -sc @/etc @/log",
        "du -sh @/log",
        "du -x @",
    ] {
        same_in_any_order(&tree, line);
    }
    // Since coreutils 9.2 the length of directories does not count.
    let lengths = tree.tool("find @ -printf %s+").stdout_text();
    let files = tree
        .tool("find @ -links 2 -type f -printf %s+")
        .stdout_text();
    let sum = |text: &str| {
        text.split_terminator('+')
            .map(|one| one.parse::<u64>().unwrap())
            .sum::<u64>()
    };
    // One file has two names.
    let expected = sum(&lengths) - sum(&files) / 2;
    let seen = tree.spyhole("du -sb @").ended_with(0).stdout_text();
    assert_eq!(seen.split('\t').next(), Some(expected.to_string().as_str()));
    let document = tree.spyhole("du -s -o json @").document();
    assert_eq!(document["space"][0]["apparent_bytes"], expected);
}

#[test]
fn grep_finds_what_grep_finds() {
    let tree = Tree::new();
    // With -R the tool reads a FIFO, and waits.
    tree.root.write("linked/x.conf", "listen\n");
    tree.root.write("linked/sub/y.conf", "listen\n");
    for (name, goal) in [
        ("linked/sub/loop", ".."),
        ("linked/other", "sub"),
        ("linked/file", "x.conf"),
    ] {
        std::os::unix::fs::symlink(goal, tree.root.path(name)).unwrap();
    }
    for arguments in [
        "listen @/etc/app.conf",
        "-n listen @/etc/app.conf @/etc/words",
        "-in LISTEN @/etc/app.conf",
        "-v listen @/etc/app.conf",
        "-c listen @/etc/app.conf @/etc/words",
        "-w foo @/etc/words",
        "-x foobar @/etc/words",
        "-l foo @/etc/words @/etc/app.conf",
        "-L foo @/etc/words @/etc/app.conf",
        "-H foo @/etc/words",
        "-hn foo @/etc/words @/etc/app.conf",
        "-o [a-z]*r @/etc/words",
        "-on o @/etc/words",
        "-E (foo|bar)+$ @/etc/words",
        "-oE foo|foobar @/etc/words",
        "foo\\|tab @/etc/words",
        "-F foo_bar @/etc/words",
        "-F . @/etc/words",
        "-e foo -e tab @/etc/words",
        "-A1 -n line~17$ @/log/app.log",
        "-B2 -n line~17$ @/log/app.log",
        "-C2 -n 99$ @/log/app.log",
        "-2 -n line~99. @/log/app.log",
        "-nC1 -v line~[0-9]*[1-9]$ @/log/app.log",
        "-m2 -n -A3 99$ @/log/app.log",
        "-m1 listen @/etc/app.conf @/etc/hard",
        "-n ^$ @/etc/words",
        "-vn . @/etc/words",
        "-c ^ @/etc/no-end @/etc/empty",
        "last @/etc/no-end",
        "-a -c listen @/bin/data",
        "-I listen @/bin/data",
        "listen @/bin/data",
        "-q listen @/etc/app.conf",
        "-q nothing @/etc/app.conf",
        "\\bfoo\\b @/etc/words",
        "\\<foo @/etc/words",
        "[[:upper:]] @/etc/words",
        "-x -v foobar @/etc/words",
        "--color=always -n foo @/etc/words",
        "fo\\{1,2\\}_ @/etc/words",
        "-E ^(foo|bar).?(bar|foo)$ @/etc/words",
        "a*b* @/etc/words",
    ] {
        let line = format!("grep {arguments}");
        same(&tree, &line);
        let (tool, seen) = (tree.tool(&line), tree.spyhole(&line));
        assert_eq!(seen.code, tool.code, "{line}\n{seen}");
    }
    for arguments in [
        "-rn listen @",
        "-r listen @/etc",
        "-Rl listen @/linked",
        "-Rc listen @/linked/sub",
        "-rc listen @/etc",
        "-rl --include=*.conf listen @",
        "-rl --exclude=*.conf listen @",
        "-rl --exclude-dir=sub listen @",
        "-rI listen @",
        "-rh listen @",
    ] {
        same_in_any_order(&tree, &format!("grep {arguments}"));
    }
    for (line, words) in [
        ("grep \\(a\\)\\1 @/etc/words", "back-references"),
        ("grep -P a @/etc/words", "not supported; nearest"),
        ("grep a", "a PATH of the target is missing"),
        ("grep [ @/etc/words", "unmatched ["),
    ] {
        let seen = tree.spyhole(line).ended_with(2);
        assert!(seen.stderr_text().contains(words), "{seen}");
    }
    let missing = tree.spyhole("grep -s listen @/none @/etc/app.conf");
    assert_eq!(
        (missing.code, missing.stderr_text()),
        (Some(4), String::new())
    );
}

#[test]
fn what_is_not_offered_is_refused_by_name() {
    let tree = Tree::new();
    for (line, words) in [
        (
            "ls --sort=size @",
            "ls --sort: not supported; nearest: spyhole ls -S",
        ),
        ("ls -Z @", "ls -Z: not supported; nearest"),
        (
            "cat --frob @",
            "cat --frob: not supported; nearest: spyhole cat --help",
        ),
        ("du --inodes @", "du --inodes: not supported"),
        (
            "tail --pid=3 --retry @",
            "tail --retry: not supported; nearest: spyhole tail -F",
        ),
        ("head -z @", "head -z: not supported"),
        ("stat -f @", "stat -f: not supported; nearest: spyhole df"),
        ("sha256sum -c @", "unexpected"),
        ("cat -o json @", "has no --output format"),
    ] {
        let seen = tree.spyhole(line);
        assert_ne!(seen.code, Some(0), "{line}\n{seen}");
        if words != "unexpected" {
            assert_eq!(seen.code, Some(2), "{line}\n{seen}");
            assert!(seen.stderr_text().contains(words), "{line}\n{seen}");
        }
    }
}
