//! `--serve`: a server beside the target, its token, the port and the page.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::fake::{FakeKubectl, Level, fixture};
use crate::lab::process::Process;
use crate::patience::eventually;

/// What a server does with a line on its stdin: it says so in its log.
const TAKES_A_TOKEN: &str = r#"
IFS= read -r line
printf '%s' "$line" > "$dir/token"
mark=$(printf '%s' "$line" | sha256sum | cut -c1-8)
printf 'spyhole: listening on http://127.0.0.1:7794/\n' >> "$dir/logs"
printf 'spyhole: accepts the token with SHA-256 %s\n' "$mark" >> "$dir/logs"
while :; do sleep 0.1; done
"#;

fn serving(pod: &str) -> FakeKubectl {
    let kubectl = FakeKubectl::with(pod, Level::Labelled("restricted"));
    kubectl.answer("attach.runs", TAKES_A_TOKEN);
    kubectl
}

fn token(kubectl: &FakeKubectl) -> String {
    let token = kubectl.kept("token");
    assert_eq!(token.len(), 64, "{token:?}");
    assert!(
        token.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{token:?}"
    );
    token
}

#[test]
fn the_token_goes_in_by_stdin_and_is_shown_with_the_page() {
    let kubectl = serving("spyhole-there");
    let seen = kubectl.spyhole(["web", "--serve"]).ended_with(0);
    let (words, token) = (seen.stderr_text(), token(&kubectl));
    for expected in [
        "http://127.0.0.1:7794/ while this runs".to_owned(),
        format!("Bearer {token}'"),
        format!("in a browser: http://127.0.0.1:7794/#token={token}\n"),
    ] {
        assert!(words.contains(&expected), "{expected}: {words}");
    }
    let calls = kubectl.calls();
    assert!(!calls.contains("debug"), "{calls}");
    assert!(!calls.contains(&token) && !kubectl.kept("logs").contains(&token));
    let forwarded = "port-forward --namespace=shop pod/web 7794:7794\n";
    assert!(calls.contains(forwarded), "{calls}");
    let left = "spyhole-7xk2q still serves in the pod: it ends after 15 minutes without a request, at \
        the latest 1 hour after its start. kubectl spyhole --namespace=shop web --serve forwards";
    assert!(words.contains(left), "{words}");
    // Another run has a token of its own.
    let first = token;
    kubectl.spyhole(["web", "--serve"]).ended_with(0);
    assert_ne!(first, self::token(&kubectl));
}

#[test]
fn no_token_is_in_what_is_added_to_the_pod() {
    let kubectl = serving("non-root");
    let mut pod: Value = serde_json::from_str(&fixture("non-root")).unwrap();
    pod["status"]["ephemeralContainerStatuses"] =
        json!([{"name": "SPYHOLE", "state": {"running": {}}}]);
    for read in 2..5 {
        kubectl.answer(&format!("get-pod.{read}"), &pod.to_string());
    }
    let words = ["web", "--serve", "--", "serve", "--allow-files"];
    let seen = kubectl.spyhole(words).ended_with(0);
    let token = token(&kubectl);
    assert!(seen.stderr_text().contains(&token), "{seen}");
    let (calls, custom) = (kubectl.calls(), kubectl.kept("custom"));
    assert!(
        calls.contains("-- serve --token-stdin --allow-files --lifetime=1h --idle-exit=15m\n"),
        "{calls}"
    );
    assert!(
        !calls.contains(&token) && !custom.contains(&token),
        "{calls}"
    );
}

/// The interrupt ends kubectl, and the plugin says what it leaves. The browser gets the page by a
/// file of this user, which is gone afterwards.
#[test]
fn the_page_opens_in_a_browser_and_an_interrupt_ends_the_forwarding_with_words() {
    let kubectl = serving("spyhole-there");
    let forwards = "echo 'Forwarding from 127.0.0.1:7794 -> 7794'\nwhile :; do sleep 0.1; done";
    kubectl.answer("port-forward.runs", forwards);
    kubectl.browser();
    let mut command = kubectl.command();
    let mut served = Process::start(command.args(["web", "--serve", "--open"]), Signal::SIGINT);
    eventually("the browser is started", || {
        kubectl.kept("shown").contains("#token=")
    });
    let (opened, token) = (kubectl.kept("opened"), token(&kubectl));
    assert!(!opened.contains(&token), "{opened}");
    let (path, mode) = opened.trim().split_once(' ').unwrap();
    assert_eq!(mode, "600", "{opened}");
    let link = format!("url=http://127.0.0.1:7794/#token={token}\"");
    assert!(
        kubectl.kept("shown").contains(&link),
        "{}",
        kubectl.kept("shown")
    );
    served.signal(Signal::SIGINT);
    let seen = served.wait();
    assert_eq!(seen.code, Some(0), "{seen}");
    assert!(
        seen.stdout_text()
            .contains("Forwarding from 127.0.0.1:7794"),
        "{seen}"
    );
    assert!(
        seen.stderr_text().contains("still serves in the pod"),
        "{seen}"
    );
    assert!(!std::path::Path::new(path).exists(), "{path}");
}

#[test]
fn a_token_that_may_not_be_given_is_an_error_with_its_remedy() {
    let kubectl = serving("spyhole-there");
    kubectl.answer(
        "attach.refused",
        "Error from server (Forbidden): pods \"web\" is forbidden: User \"jane\" cannot create \
         resource \"pods/attach\" in API group \"\" in the namespace \"shop\"\n",
    );
    let seen = kubectl.spyhole(["web", "--serve"]).ended_with(3);
    let words = seen.stderr_text();
    assert!(
        words.contains("not allowed to create pods/attach"),
        "{words}"
    );
    assert!(
        !kubectl.calls().contains("port-forward"),
        "{}",
        kubectl.calls()
    );
}

/// A server that allows more, or less, is another one.
#[test]
fn only_a_server_of_the_same_flags_is_used_again() {
    let is_used = |there: Value, words: &[&str]| {
        let mut pod: Value = serde_json::from_str(&fixture("spyhole-there")).unwrap();
        pod["spec"]["ephemeralContainers"][0]["args"] = there;
        let kubectl = FakeKubectl::with("spyhole-there", Level::Labelled("restricted"));
        kubectl.answer("get-pod", &pod.to_string());
        let words = [&["web", "--dry-run"], words].concat();
        let seen = kubectl.spyhole(words).ended_with(0).stdout_text();
        !seen.contains("kubectl debug")
    };
    let limits = ["--lifetime=1h", "--idle-exit=15m"];
    let args = |words: &[&str]| json!([words, &limits[..]].concat());
    let usual = args(&["serve", "--token-stdin"]);
    let files = args(&["serve", "--token-stdin", "--allow-files"]);
    let revealing = args(&["--reveal-all", "serve", "--token-stdin"]);
    let serve = ["--serve", "--", "serve", "--allow-files"];
    assert!(is_used(usual.clone(), &["--serve"]));
    assert!(is_used(usual.clone(), &["--serve", "--", "serve"]));
    assert!(!is_used(usual.clone(), &serve));
    assert!(is_used(files.clone(), &serve));
    assert!(!is_used(files.clone(), &["--serve"]));
    assert!(!is_used(revealing.clone(), &["--serve"]));
    assert!(is_used(revealing, &["--reveal-all", "--serve"]));
    // Whatever a server allows, a command that is run beside it is one of its own.
    assert!(is_used(files, &["--", "ps"]));
    // Where it listens is no matter, as long as the port leads there.
    let elsewhere = json!([
        "serve",
        "--token-stdin",
        "--lifetime=1h",
        "--idle-exit=15m",
        "--listen=127.0.0.1:7799"
    ]);
    assert!(is_used(elsewhere, &["--serve"]));
    let socket = json!([
        "serve",
        "--token-stdin",
        "--lifetime=1h",
        "--idle-exit=15m",
        "--listen=unix:/s"
    ]);
    assert!(!is_used(socket, &["--serve"]));
}

/// kubectl itself notices neither before somebody uses the port.
#[test]
fn the_forwarding_ends_with_the_pod_or_the_server() {
    let forwards = "echo 'Forwarding from 127.0.0.1:7794 -> 7794'\nwhile :; do sleep 0.1; done";
    let with = |answers: &dyn Fn(&FakeKubectl)| {
        let kubectl = serving("spyhole-there");
        kubectl.answer("port-forward.runs", forwards);
        answers(&kubectl);
        kubectl.spyhole(["web", "--serve"])
    };
    let gone = "if [ $count -gt 1 ]; then\n\
        echo 'Error from server (NotFound): pods \"web\" not found' >&2; exit 1\nfi\n";
    let seen = with(&|kubectl| kubectl.answer("get-pod.runs", gone)).ended_with(3);
    let words = "the pod shop/web was deleted, and spyhole ended with it";
    assert!(seen.stderr_text().contains(words), "{seen}");
    let mut other: Value = serde_json::from_str(&fixture("spyhole-there")).unwrap();
    other["metadata"]["uid"] = "another".into();
    let seen = with(&|kubectl| {
        for read in 2..4 {
            kubectl.answer(&format!("get-pod.{read}"), &other.to_string());
        }
    });
    let seen = seen.ended_with(3);
    assert!(seen.stderr_text().contains(words), "{seen}");
    let mut ended: Value = serde_json::from_str(&fixture("spyhole-there")).unwrap();
    ended["status"]["ephemeralContainerStatuses"][0]["state"] =
        json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
    let seen = with(&|kubectl| {
        for read in 2..5 {
            kubectl.answer(&format!("get-pod.{read}"), &ended.to_string());
        }
    });
    let words = "spyhole-7xk2q has ended (exit code 0)";
    assert!(seen.ended_with(0).stderr_text().contains(words));
}
