//! A secret of a file reaches no output of any command, and no pattern confirms it.

use std::fs;

use super::Tree;

const PASSWORD: &str = "tr0ub4dor-Zx9q";

fn planted() -> Tree {
    let tree = Tree::new();
    let key = concat!("-----BEGIN PRIV", "ATE KEY-----\n");
    let end = concat!("-----END PRIV", "ATE KEY-----\n");
    let body = format!("{}\n", "MIIEvQIBADANBgkqhkiG9w0BAQEF".repeat(2)).repeat(20);
    tree.root
        .write("app/.env", format!("DB_PASSWORD={PASSWORD}\n"));
    tree.root.write("app/tls.key", format!("{key}{body}{end}"));
    tree.root.write(
        "app/app.yaml",
        format!("listen: 80\npassword: {PASSWORD}\nname: web\n"),
    );
    // Below its name, and far behind the beginning of a piece that is read.
    let lines = "  host: db\n".repeat(40_000);
    tree.root.write(
        "app/values.yaml",
        format!("db:\n{lines}  password: |-\n    {PASSWORD}\n"),
    );
    let log = format!("start\nlogin with password={PASSWORD} failed\n{key}{body}{end}");
    tree.root.write(
        "app/app.log",
        format!("{}{log}{}", "ok\n".repeat(30_000), "done\n".repeat(3)),
    );
    // A log that was truncated has NUL bytes at its beginning.
    tree.root.write(
        "app/cut.log",
        [
            &[0_u8; 4096][..],
            format!("\npassword: {PASSWORD}\n").as_bytes(),
        ]
        .concat(),
    );
    tree.root.write(
        "app/state.db",
        [
            &b"SQLite format 3\0\x10\0\x01\x01\0@"[..],
            &noise(300 << 10),
            format!("\0\x01DB_PASSWORD={PASSWORD}\0\x02\n{key}{body}{end}\x03").as_bytes(),
            &noise(300 << 10),
        ]
        .concat(),
    );
    tree.root
        .write("app/one-line", format!("password: {PASSWORD}"));
    let mut core = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x04\0>\0".to_vec();
    core.extend(format!("DB_PASSWORD={PASSWORD}\0").bytes());
    tree.root.write("app/core.7", core);
    tree
}

/// Bytes as those of a compressed or encrypted file, the same each time.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next)
        .take(bytes / 8)
        .flatten()
        .collect()
}

/// Each byte but those of the secrets is at its place, in whatever way the file leaves.
#[test]
fn of_a_binary_file_only_its_secrets_are_overwritten() {
    let tree = planted();
    let db = fs::read(tree.path("app/state.db")).unwrap();
    let shown = tree.spyhole("cat @/app/state.db").ended_with(0);
    assert!(shown.stderr_text().contains("secrets in 2 "), "{shown}");
    assert_eq!(shown.stdout.len(), db.len());
    let changed = db.iter().zip(&shown.stdout).filter(|(a, b)| a != b);
    assert!(changed.clone().all(|(_, shown)| *shown == b'*'));
    assert!((1000..1400).contains(&changed.count()));
    let archive = tree.spyhole("tar cf - @/app/state.db").ended_with(4);
    assert!(memchr::memmem::find(&archive.stdout, &shown.stdout).is_some());
    // What has no secret is what it is.
    tree.root.write("app/noise", noise(2 << 20));
    let noise = tree.spyhole("cat @/app/noise").ended_with(0);
    assert_eq!(noise.stdout, fs::read(tree.path("app/noise")).unwrap());
    let sum = tree.tool("sha256sum @/app/noise").stdout_text();
    assert_eq!(tree.spyhole("sha256sum @/app/noise").stdout_text(), sum);
}

#[test]
fn no_command_shows_a_secret() {
    let tree = planted();
    for line in [
        "cat @/app/.env @/app/tls.key @/app/app.yaml @/app/app.log @/app/cut.log @/app/one-line @/app/core.7 @/app/state.db",
        "cat -A @/app/app.yaml @/app/cut.log",
        "head -n 9999999 @/app/app.yaml @/app/app.log @/app/.env",
        "head -c 40 @/app/one-line",
        "tail @/app/app.log @/app/one-line",
        "tail -n 15 @/app/app.log",
        "tail -n 1 @/app/values.yaml",
        "tail -c 20 @/app/values.yaml",
        "head -n 9999999 @/app/values.yaml",
        "grep -n db @/app/values.yaml",
        "grep -rF Zx9q @/app",
        "grep -rE (Zx)+9q|host: @/app/values.yaml",
        "tail -c 10 @/app/one-line",
        "tail -c 500 @/app/app.log",
        "tail -c 307300 @/app/state.db",
        "head -c 307300 @/app/state.db",
        "tar cf - @/app/state.db @/app/app.log",
        "tail -c +12 @/app/one-line",
        "grep -ra . @/app",
        "grep -rv nothing @/app",
        "grep -ro [tT]r0.* @/app",
        "sha256sum @/app/.env @/app/app.yaml @/app/one-line",
        "ls -laR -o json @/app",
        "find @/app -ls",
        "stat @/app/.env",
    ] {
        let seen = tree.spyhole(line);
        let all = format!("{}{}", seen.stdout_text(), seen.stderr_text());
        for secret in [PASSWORD, "dor-Zx9q", "MIIEvQIBADAN"] {
            assert!(!all.contains(secret), "{line}: {secret}\n{all}");
        }
    }
}

#[test]
fn what_is_held_back_is_named_with_its_remedy() {
    let tree = planted();
    let env = tree.path("app/.env");
    for line in [
        "cat @/app/.env",
        "sha256sum @/app/.env",
        "sha256sum @/app/app.yaml",
        "cat @/app/core.7",
    ] {
        let seen = tree.spyhole(line).ended_with(4);
        assert_eq!(seen.stdout_text(), "", "{seen}");
        assert!(seen.stderr_text().contains("is held back: "), "{seen}");
        assert!(seen.stderr_text().contains("--reveal-file "), "{seen}");
    }
    let revealed = tree
        .spyhole(&format!("cat --reveal-file {env} @/app/.env"))
        .ended_with(0);
    assert_eq!(revealed.stdout, fs::read(&env).unwrap());
    tree.spyhole("cat --reveal-all @/app/.env @/app/tls.key")
        .ended_with(0);
    // Exact: another file stays hidden.
    let other = tree.spyhole(&format!("cat --reveal-file {env} @/app/tls.key"));
    assert_eq!((other.code, other.stdout_text()), (Some(4), String::new()));
    // Also by the name of a link that leads to it.
    std::os::unix::fs::symlink(".env", tree.root.path("app/plain")).unwrap();
    tree.spyhole("cat @/app/plain").ended_with(4);
    tree.spyhole(&format!("cat --reveal-file {env} @/app/plain"))
        .ended_with(0);
    let summed = tree
        .spyhole(&format!("sha256sum --reveal-file {env} @/app/.env"))
        .ended_with(0);
    let expected = tree.tool("sha256sum @/app/.env").stdout_text();
    assert_eq!(summed.stdout_text(), expected);
}

#[test]
fn no_pattern_confirms_a_secret() {
    let tree = planted();
    for pattern in [
        PASSWORD,
        "tr0",
        "password:~t",
        "-E password:~(tr0|x)",
        "-x password:~tr0.*",
        "-w tr0ub4dor",
    ] {
        for file in ["app.yaml", ".env", "one-line"] {
            let seen = tree.spyhole(&format!("grep -c {pattern} @/app/{file}"));
            assert_ne!(seen.code, Some(0), "{pattern} {file}\n{seen}");
            let count = seen.stdout_text();
            assert!(
                count.is_empty() || count == "0\n",
                "{pattern} {file}\n{seen}"
            );
        }
    }
    // The pattern that matches what is shown finds it, whether the rest of it fits the secret or not.
    for rest in ["tr0", "wrong"] {
        let line = format!("grep -cE password:~({rest}|.redacted) @/app/app.yaml");
        assert_eq!(tree.spyhole(&line).ended_with(0).stdout_text(), "1\n");
        let line = format!("grep -cvE password:~{rest} @/app/app.yaml");
        assert_eq!(tree.spyhole(&line).ended_with(0).stdout_text(), "3\n");
    }
}

/// Lines in which a pattern cannot be are counted, and what follows them is found and redacted.
#[test]
fn lines_that_cannot_match_have_their_numbers() {
    let tree = planted();
    let filler = "filler=1\n".repeat(5000);
    let lines = format!("{filler}needle 1\nx\npassword: {PASSWORD}\nneedle 2\n{filler}needle 3");
    tree.root.write("app/lines", lines);
    let seen = tree.spyhole("grep -nE ne+dle.[0-9]|zz[z]|pass(word|wd):.t @/app/lines");
    let expected = "5001:needle 1\n5004:needle 2\n10005:needle 3\n";
    assert_eq!(seen.ended_with(0).stdout_text(), expected);
    let seen = tree
        .spyhole("grep -niE PASS(word|wd): @/app/lines")
        .ended_with(0);
    assert_eq!(seen.stdout_text(), "5003:password: ‹redacted 14›\n");
}
