//! As PID 1 of a container.

use nix::sys::signal::Signal;

use crate::lab::Lab;

#[needs(root)]
fn as_pid_1_it_ends_with_the_code_of_the_application() {
    let own = Lab::bare()
        .args(["run", "--", "/spyhole", "--version"])
        .run()
        .ended_with(0);
    assert!(own.stdout_text().starts_with("spyhole "), "{own}");
    let own = Lab::bare()
        .args(["run", "--", "/spyhole", "nonsense"])
        .run()
        .ended_with(2);
    assert!(
        own.stderr_text()
            .contains("/spyhole ended with exit code 2"),
        "{own}"
    );
}

/// Runs sh as the child of spyhole, which is PID 1 of a PID namespace of its own.
fn below_pid_1(script: &str) -> crate::lab::Output {
    let namespace = ["--pid", "--fork", "--kill-child", "--mount-proc"];
    crate::host::run(
        std::process::Command::new("unshare")
            .args(namespace)
            .arg(crate::lab::spyhole())
            .args(["run", "--", "sh", "-c", script]),
    )
}

#[needs(root)]
fn as_pid_1_it_reaps_a_hundred_orphans() {
    let script = "for i in $(seq 100); do (sleep 3600 &); done; \
                  ps -e -o ppid=,comm= | grep -c '^ *1 sleep'; \
                  kill $(ps -e -o pid=,comm= | sed -n 's/ sleep$//p'); \
                  while ps -e -o comm= | grep -q '^sleep'; do :; done; \
                  ps -e -o stat= | grep -c Z; ps -e -o comm= | grep -c sleep; \
                  ps -e -o pid=,comm= | head -1; exit 8";
    let own = below_pid_1(script).ended_with(8);
    let text = own.stdout_text();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let [orphans, zombies, left, first] = lines.as_slice() else {
        panic!("{own}")
    };
    assert_eq!(
        (*orphans, *zombies, *left, *first),
        ("100", "0", "0", "1 spyhole"),
        "{own}"
    );
}

#[needs(root)]
fn as_pid_1_it_does_not_wait_for_orphans() {
    // Longer than this test waits. The streams go with it, or it would wait for them.
    below_pid_1("sleep 3000 </dev/null >/dev/null 2>&1 & exit 4").ended_with(4);
}

#[needs(root)]
fn as_pid_1_a_signal_without_a_handler_ends_the_application() {
    // As PID 1 itself the application would never get it.
    let mut web = Lab::bare()
        .copy(&crate::lab::example("webapp"), "/app")
        .ready("ready ")
        .args(["run", "--", "/app", "--no-sigterm-handler"])
        .start();
    web.signal(Signal::SIGTERM);
    let own = web.wait();
    assert_eq!(own.code, Some(143), "{own}");
    assert!(own.stderr_text().contains("was killed by SIGTERM"), "{own}");
}
