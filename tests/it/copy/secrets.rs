//! What is held back or replaced in an archive.

use super::*;

const PASSWORD: &str = "hunter2-and-more";

fn application() -> FakeRoot {
    let root = FakeRoot::new();
    root.write("app/.env", format!("DATABASE_PASSWORD={PASSWORD}\n"));
    root.write(
        "app/app.conf",
        format!("listen=80\npassword={PASSWORD}\nlog=info\n"),
    );
    // More than is held before its header is written.
    let lines = "the request was done in some time ".repeat(200) + "\n";
    let some = format!("password={PASSWORD}\n") + &lines.repeat(20);
    root.write("app/large.log", some.repeat(10));
    root.write("app/plain", "plain\n");
    root
}

fn holds(archive: &[u8], text: &str) -> bool {
    memchr::memmem::find(archive, text.as_bytes()).is_some()
}

#[test]
fn no_secret_is_in_an_archive_unasked() {
    let root = application();
    let here = Here::new();
    let app = root.path("app");
    let seen = here.tar(&[text(&app)]).ended_with(4);
    assert!(!holds(&seen.stdout, PASSWORD));
    let said = seen.stderr_text();
    assert!(said.contains("app/.env is held back"), "{said}");
    assert!(
        said.contains("app/app.conf: secrets in 1 line replaced"),
        "{said}"
    );
    assert!(
        said.contains("app/large.log: secrets in 10 lines replaced"),
        "{said}"
    );
    assert!(!said.contains(PASSWORD), "{said}");
    let out = FakeRoot::new();
    let into = [
        "-x",
        "-f",
        "-",
        "--strip-components=2",
        "-C",
        text(out.top()),
    ];
    gnu_tar(&seen.stdout, &into).ended_with(0);
    let conf = fs::read_to_string(out.path("app/app.conf")).unwrap();
    assert!(
        conf.starts_with("listen=80\n") && conf.ends_with("log=info\n"),
        "{conf}"
    );
    let log = fs::read_to_string(out.path("app/large.log")).unwrap();
    assert_eq!((log.lines().count(), log.len() > 1 << 20), (210, true));
    assert!(!out.path("app/.env").exists());
    // As cat shows it.
    let shown = here.spyhole(&["cat", text(&root.path("app/app.conf"))]);
    assert_eq!(shown.stdout_text(), conf);
}

#[test]
fn what_is_asked_for_is_in_it_byte_for_byte() {
    let root = application();
    let here = Here::new();
    let (app, env) = (root.path("app"), root.path("app/.env"));
    let reveal = format!("--reveal-file={}", text(&env));
    let one = here.tar(&[&reveal, text(&app)]).ended_with(4);
    assert!(holds(&one.stdout, "DATABASE_PASSWORD=hunter2"));
    assert!(!holds(&one.stdout, "\npassword=hunter2"));
    let out = FakeRoot::new();
    let all = here
        .tar(&["--reveal-all", "-C", text(root.top()), "app"])
        .ended_with(0);
    gnu_tar(&all.stdout, &["-xp", "-f", "-", "-C", text(out.top())]).ended_with(0);
    assert_eq!(seen(out.top()), seen(root.top()));
}

#[test]
fn a_copy_holds_no_secret_unasked_either() {
    let root = application();
    let here = Here::new();
    let out = FakeRoot::new();
    let (app, local) = (root.path("app"), out.path("copy"));
    let copied = here
        .spyhole(&["cp", text(&app), text(&local)])
        .ended_with(4);
    assert!(
        copied.stderr_text().contains(".env is held back"),
        "{copied}"
    );
    assert!(!local.join(".env").exists());
    for name in ["app.conf", "large.log"] {
        assert!(
            !holds(&fs::read(local.join(name)).unwrap(), PASSWORD),
            "{name}"
        );
    }
    assert_eq!(fs::read(local.join("plain")).unwrap(), b"plain\n");
    let env = root.path("app/.env");
    let held = here
        .spyhole(&["cp", text(&env), text(out.top())])
        .ended_with(4);
    assert!(held.stderr_text().contains("--reveal-file"), "{held}");
    assert!(!out.path(".env").exists());
    let reveal = [
        "cp",
        "--reveal-file",
        text(&env),
        text(&env),
        text(out.top()),
    ];
    here.spyhole(&reveal).ended_with(0);
    assert_eq!(fs::read(out.path(".env")).unwrap(), fs::read(&env).unwrap());
}
