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
        calls.contains("-- serve --token-stdin --allow-files\n"),
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
