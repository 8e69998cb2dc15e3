//! What a request must not be beside being without a token: of another name, of another site,
//! of another method; and what no answer and no log line ever holds.

use std::process::Command;

use super::client::{dial, exchange, request};
use super::server::Server;
use crate::support::idle::Idle;

fn with_host(server: &Server, host: &str) -> u16 {
    let request = request("/healthz", host, &[]);
    exchange(dial(server.address()), request.as_bytes()).status
}

#[test]
fn only_its_own_names_are_answered_to() {
    let server = Server::start(&["--allowed-host", "Spy.Example"]);
    for host in [
        "localhost",
        "LOCALHOST:7794",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.8.9.10:7794",
        "[::1]",
        "[::1]:7794",
        "[::ffff:127.0.0.1]:80",
        "spy.example",
        "SPY.example:443",
    ] {
        assert_eq!(with_host(&server, host), 200, "{host}");
    }
    for host in [
        "evil.example",
        "evil.example:7794",
        "localhost.evil.example",
        "xlocalhost",
        "spy.example.evil.example",
        "10.0.0.1",
        "0.0.0.0:7794",
        "0.0.0.0",
        "[::]",
        "2130706433",
        "0x7f.1",
        "127.1",
        "127.0.0.1.evil.example",
        "[::2]:7794",
        "[fe80::1%25eth0]",
        "localhost@evil.example",
        "localhost,evil.example",
    ] {
        assert_eq!(with_host(&server, host), 421, "{host}");
    }
    for host in [
        "",
        ":7794",
        "localhost:x",
        "localhost:",
        "localhost:+1",
        "localhost:1:2",
        "localhost:99999",
        "[::1",
        "[::1]x",
        "::1",
        "\u{1f5ff}",
    ] {
        assert_eq!(with_host(&server, host), 400, "{host:?}");
    }
    let twice =
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(
        exchange(dial(server.address()), twice.as_bytes()).status,
        400
    );
    server.ends_well();
}

#[test]
fn it_is_called_by_the_address_that_it_is_reached_at() {
    let own = own_address();
    let server = Server::run(Command::new(crate::lab::spyhole()).args([
        "serve",
        "--insecure-no-auth",
        "--listen",
        &format!("{own}:0"),
    ]));
    assert_eq!(with_host(&server, &server.host()), 200);
    assert_eq!(with_host(&server, "localhost"), 200);
    assert_eq!(with_host(&server, "10.255.255.254"), 421);
    server.ends_well();
}

/// An address of this machine that is not loopback, or another loopback one where it has none.
fn own_address() -> String {
    let addresses = nix::ifaddrs::getifaddrs().unwrap();
    let mut found = addresses.filter_map(|found| {
        let address = found.address?;
        let ip = address.as_sockaddr_in()?.ip();
        (!ip.is_loopback()).then(|| ip.to_string())
    });
    found.next().unwrap_or_else(|| "127.0.0.2".to_owned())
}

#[test]
fn another_site_gets_nothing_even_with_the_token() {
    let server = Server::start(&[]);
    let bearer = format!("Bearer {}", server.token());
    let own = format!("http://{}", server.host());
    for (header, value, status) in [
        ("Sec-Fetch-Site", "same-origin", 200),
        ("Sec-Fetch-Site", "none", 200),
        ("Origin", own.as_str(), 200),
        ("Sec-Fetch-Site", "cross-site", 403),
        ("Sec-Fetch-Site", "same-site", 403),
        ("Sec-Fetch-Site", "", 403),
        ("Origin", "http://evil.example", 403),
        ("Origin", "http://localhost", 403),
        ("Origin", "null", 403),
        ("Origin", "", 403),
    ] {
        for path in ["/healthz", "/"] {
            let headers = [("Authorization", bearer.as_str()), (header, value)];
            let reply = server.ask(path, &headers);
            assert_eq!(reply.status, status, "{path} {header}: {value}");
            assert_eq!(reply.header("access-control-allow-origin"), None);
        }
    }
    let two = [("Origin", own.as_str()), ("Origin", "http://evil.example")];
    assert_eq!(server.ask("/healthz", &two).status, 403);
    server.ends_well();
}

#[test]
fn every_answer_tells_browsers_to_keep_it_to_themselves() {
    let server = Server::start(&[]);
    let replies = [
        server.get("/"),
        server.get("/v1/containers"),
        server.get("/v1/containers?output=table"),
        server.get("/unknown"),
        server.ask("/healthz", &[]),
        server.ask("/v1/dump", &[]),
        server.ask("/", &[("Origin", "null")]),
    ];
    for reply in replies {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{}", reply.head);
        }
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert_eq!(reply.header("server"), None);
    }
    server.ends_well();
}

#[test]
fn only_reading_methods_are_answered() {
    let server = Server::start(&[]);
    let ask = |method: &str, path: &str| {
        let bearer = format!("Bearer {}", server.token());
        let get = request(path, "localhost", &[("Authorization", &bearer)]);
        let request = get.replacen("GET", method, 1);
        exchange(dial(server.address()), request.as_bytes())
    };
    for method in [
        "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get",
    ] {
        let reply = ask(method, "/healthz");
        assert_eq!(reply.status, 405, "{method}");
        assert_eq!(reply.header("allow"), Some("GET, HEAD"), "{method}");
    }
    let get = ask("GET", "/v1/containers");
    let head = ask("HEAD", "/v1/containers");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), get.header("content-length"));
    assert_eq!(head.header("content-type"), get.header("content-type"));
    server.ends_well();
}

#[test]
fn an_unknown_parameter_is_named() {
    let server = Server::start(&[]);
    for (path, name) in [
        ("/v1/processes?thread", "thread"),
        ("/v1/processes?threads=maybe", "threads"),
        ("/v1/processes?pid=1&sort=", "sort"),
        ("/v1/processes?pid=-3", "pid"),
        ("/v1/processes?pid=1e9", "pid"),
        ("/v1/processes?pid=", "pid"),
        ("/v1/dump?threads", "threads"),
        ("/v1/dump?output=xml", "output"),
        ("/v1/dump?proc=/etc", "proc"),
        ("/v1/sockets?%3Cscript%3E=1", "<script>"),
        ("/v1/mounts?timeout=9999h", "timeout"),
    ] {
        let reply = server.get(path);
        assert_eq!(reply.status, 400, "{path}: {}", reply.text());
        let detail = reply.detail();
        assert!(detail.starts_with(&format!("{name}:")), "{path}: {detail}");
    }
    server.ends_well();
}

const SECRET: &str = "q9-secret-of-the-target-7Zw";

#[test]
fn a_secret_of_the_target_leaves_with_leave_only() {
    let mut sleep = Command::new("sleep");
    sleep.arg("1000").env("DB_PASSWORD", SECRET);
    let target = Idle::start(&mut sleep);
    let pid = target.id().to_string();
    let server = Server::start(&["--access-log", "json", "--pid", &pid]);
    for (path, _) in spyhole::api::routes() {
        for output in ["", "?output=table", "?output=wide", "?output=yaml"] {
            let reply = server.get(&format!("{path}{output}"));
            let said = reply.head.clone() + &reply.text();
            assert!(!said.contains(SECRET), "{path}{output}: {said}");
        }
    }
    let seen = server.get("/v1/environment");
    assert!(seen.text().contains("DB_PASSWORD"), "{}", seen.text());
    for ask in ["reveal_all", "reveal-all=true", "reveal=DB_PASSWORD"] {
        let refused = server.get(&format!("/v1/environment?{ask}"));
        assert_eq!(refused.status, 403, "{ask}");
        assert!(refused.detail().contains("--allow-reveal"));
    }
    assert!(!server.said().contains(SECRET));
    server.ends_well();

    let server = Server::start(&["--access-log", "json", "--pid", &pid, "--allow-reveal"]);
    assert!(!server.get("/v1/environment").text().contains(SECRET));
    let seen = server.get("/v1/environment?reveal=DB_PASSWORD");
    assert!(seen.text().contains(SECRET), "{}", seen.text());
    assert!(!server.get("/v1/environment").text().contains(SECRET));
    server.wait_for("/v1/environment");
    assert!(!server.said().contains(SECRET));
    server.ends_well();
}

#[test]
fn the_access_log_holds_no_token_and_no_query() {
    for form in ["text", "json"] {
        let server = Server::start(&["--access-log", form]);
        let token = server.token();
        let greeting = server.said();
        server.get("/v1/containers?output=json&reveal=PASSWORD_NAME");
        server.ask("/", &[("Authorization", "Bearer guess-guess-guess")]);
        server.ask("/?token=guess-guess-guess", &[]);
        server.ask("/%0aspyhole:%20forged", &[]);
        server.ask(&format!("/{}", "long".repeat(1000)), &[]);
        server.ask("/last", &[]);
        server.wait_for("/last");
        let said = server.said();
        let log = said.strip_prefix(greeting.as_str()).unwrap();
        assert_eq!(log.lines().count(), 6, "{log}");
        for secret in [token.as_str(), "guess", "PASSWORD_NAME", "output=", "?"] {
            assert!(!log.contains(secret), "{secret}: {log}");
        }
        assert!(log.lines().all(|line| line.len() < 500), "{log}");
        for line in log.lines().filter(|_| form == "json") {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            for key in [
                "time", "peer", "method", "path", "status", "bytes", "seconds",
            ] {
                assert!(!entry[key].is_null(), "{key}: {line}");
            }
        }
        server.ends_well();
    }
    let server = Server::start(&["--access-log", "off"]);
    let greeting = server.said();
    server.token();
    server.get("/");
    assert!(server.said().starts_with(&greeting));
    assert!(!server.said().contains(" GET "));
    server.ends_well();
}
