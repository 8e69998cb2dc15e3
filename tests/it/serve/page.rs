//! The page: files that are public, what browsers may do with them, and that nothing else is.

use std::io::Read;

use data_encoding::HEXLOWER;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::client::{Reply, dial, exchange, request};
use super::server::Server;
use crate::host::CLOSED_PORT;
use crate::support::idle::Idle;

const HTML: (&str, &str) = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");
const GZIP: (&str, &str) = ("Accept-Encoding", "gzip, deflate, br, zstd");
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; \
    base-uri 'none'; require-trusted-types-for 'script'";

fn unpacked(reply: &Reply) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut decoder = GzDecoder::new(reply.body.as_slice());
    decoder.read_to_end(&mut bytes).unwrap();
    bytes
}

/// The files that the page itself names.
fn files(page: &str) -> Vec<String> {
    let quoted = page.split('"').skip(1).step_by(2);
    let own = quoted.filter(|text| text.starts_with("web/"));
    let own: Vec<_> = own.map(|name| format!("/{name}")).collect();
    assert!(own.len() >= 2, "{page}");
    own
}

#[test]
fn a_browser_gets_the_page_and_every_other_client_the_list_of_routes() {
    let server = Server::start(&[]);
    let page = server.ask("/", &[HTML]);
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(page.header("vary"), Some("Accept, Accept-Encoding"));
    // Below the path prefix of a proxy only relative links lead to their files.
    for absolute in [
        "\"/", "http:", "https:", "<script>", "<style", " style=", " on",
    ] {
        assert!(!page.text().contains(absolute), "{absolute}");
    }
    for accept in ["*/*", "text/plain", "application/json", "text/html;q=0", ""] {
        assert_eq!(
            server.ask("/", &[("Accept", accept)]).status,
            401,
            "{accept}"
        );
    }
    let routes = server.get("/");
    assert_eq!(
        routes.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert!(routes.text().contains("/v1/dump"), "{}", routes.text());

    for (path, kind) in files(&page.text()).iter().map(|path| {
        let kind = match path.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            _ => "image/svg+xml",
        };
        (path, kind)
    }) {
        let file = server.ask(path, &[]);
        assert_eq!(file.status, 200, "{path}");
        assert_eq!(file.header("content-type"), Some(kind), "{path}");
        assert_eq!(file.header("vary"), Some("Accept-Encoding"), "{path}");
    }
    server.ends_well();
}

#[test]
fn a_file_is_compressed_where_that_is_accepted_and_sent_once() {
    let server = Server::start(&[]);
    let page = server.ask("/", &[HTML]);
    let mut paths = files(&page.text());
    paths.push("/".to_owned());
    for path in &paths {
        let plain = server.ask(path, &[HTML]);
        let packed = server.ask(path, &[HTML, GZIP]);
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        assert_eq!(packed.header("content-encoding"), Some("gzip"), "{path}");
        assert_eq!(unpacked(&packed), plain.body, "{path}");
        for (reply, headers) in [(&plain, vec![HTML]), (&packed, vec![HTML, GZIP])] {
            let etag = reply.header("etag").unwrap();
            let digest = HEXLOWER.encode(&Sha256::digest(&reply.body));
            let tag = etag.trim_matches('"');
            assert!(tag.len() >= 16 && digest.starts_with(tag), "{path}: {etag}");
            let ask = |tag: &str| {
                let headers = [&headers[..], &[("If-None-Match", tag)]].concat();
                server.ask(path, &headers)
            };
            let again = ask(etag);
            assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
            for name in ["etag", "vary", "cache-control", "content-security-policy"] {
                assert_eq!(again.header(name), reply.header(name), "{path} {name}");
            }
            assert_eq!(ask("\"other\"").status, 200, "{path}");
        }
        assert_ne!(plain.header("etag"), packed.header("etag"), "{path}");
        for reply in [&plain, &packed] {
            for (name, value) in [
                ("cache-control", "no-cache"),
                ("content-security-policy", POLICY),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cross-origin-resource-policy", "same-origin"),
            ] {
                assert_eq!(reply.header(name), Some(value), "{path}: {}", reply.head);
            }
            for name in ["set-cookie", "access-control-allow-origin", "server"] {
                assert_eq!(reply.header(name), None, "{path}: {}", reply.head);
            }
        }
    }
    server.ends_well();
}

#[test]
fn nothing_but_the_files_of_the_page_is_public() {
    let server = Server::start(&[]);
    for path in [
        "/web/",
        "/web/index.html",
        "/web/../v1/dump",
        "/web/%2e%2e/v1/dump",
        "/web/..%2fv1%2fdump",
        "/web/../../etc/passwd",
        "/web//etc/passwd",
        "/web/./app.js",
        "/web/%61pp.js",
        "/web/app.js/",
        "/web/app.js%00",
        "/web/APP.JS",
        "/web/Cargo.toml",
    ] {
        let reply = server.ask(path, &[HTML]);
        assert_eq!(reply.status, 404, "{path}: {}", reply.text());
        assert!(reply.body.len() < 300, "{path}: {}", reply.text());
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
    }
    for path in [
        "/web",
        "/Web/app.js",
        "//web/app.js",
        "/index.html",
        "/v1/dump",
        "/favicon.ico",
    ] {
        assert_eq!(server.ask(path, &[HTML]).status, 401, "{path}");
    }
    // A query is the reader's own, but a token is refused wherever it stands.
    assert_eq!(server.ask("/?pid=x&tab=1", &[HTML]).status, 200);
    assert_eq!(server.ask("/?token=guess-guess-guess", &[HTML]).status, 400);
    let with_method = |method: &str, path: &str| {
        let get = request(path, "localhost", &[HTML]);
        let request = get.replacen("GET", method, 1);
        exchange(dial(server.address()), request.as_bytes())
    };
    for path in ["/", "/web/app.js"] {
        let (get, head) = (with_method("GET", path), with_method("HEAD", path));
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for name in ["content-length", "etag", "content-type"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            assert_eq!(with_method(method, path).status, 405, "{method} {path}");
        }
    }
    server.ends_well();
}

#[test]
fn a_link_of_another_site_leads_to_the_page_and_nowhere_else() {
    let server = Server::start(&[]);
    let bearer = format!("Bearer {}", server.token());
    let token = ("Authorization", bearer.as_str());
    let (link, document) = (
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Dest", "document"),
    );
    let ask = |path: &str, site: &str, headers: &[(&str, &str)]| {
        let headers = [&[token, ("Sec-Fetch-Site", site)], headers].concat();
        server.ask(path, &headers).status
    };
    for site in ["cross-site", "same-site"] {
        assert_eq!(ask("/", site, &[HTML, link, document]), 200, "{site}");
        for (path, headers) in [
            ("/", &[HTML, document][..]),
            ("/", &[HTML, link]),
            ("/", &[link, document]),
            ("/", &[HTML, link, ("Sec-Fetch-Dest", "iframe")]),
            ("/", &[HTML, link, ("Sec-Fetch-Dest", "object")]),
            ("/", &[HTML, link, document, ("Sec-Fetch-Dest", "iframe")]),
            ("/", &[HTML, ("Sec-Fetch-Mode", "no-cors"), document]),
            (
                "/",
                &[
                    HTML,
                    ("Sec-Fetch-Mode", "cors"),
                    ("Sec-Fetch-Dest", "empty"),
                ],
            ),
            (
                "/",
                &[HTML, link, document, ("Origin", "http://evil.example")],
            ),
            ("/", &[HTML, link, document, ("Origin", "null")]),
            ("/web/app.js", &[link, document]),
            (
                "/web/app.js",
                &[("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "script")],
            ),
            ("/web/nothing", &[HTML, link, document]),
            ("/healthz", &[HTML, link, document]),
            ("/v1/dump", &[HTML, link, document]),
            ("/openapi.json", &[HTML, link, document]),
        ] {
            assert_eq!(ask(path, site, headers), 403, "{site} {path} {headers:?}");
        }
    }
    // What the page loads and asks then is of this site.
    for path in ["/", "/web/app.js", "/v1/containers"] {
        assert_eq!(ask(path, "same-origin", &[]), 200, "{path}");
    }
    // Another name for this machine stays refused.
    let rebound = request("/", "evil.example", &[HTML, link, document]);
    assert_eq!(
        exchange(dial(server.address()), rebound.as_bytes()).status,
        421
    );
    server.ends_well();
}

#[test]
fn a_token_made_for_this_run_is_offered_as_a_link_and_one_of_a_file_never() {
    let server = Server::start(&[]);
    let token = server.token();
    let link = format!("{}#token={token}", server.url);
    let said = server.wait_for("#token=");
    assert!(said.contains(&link), "{said}");
    let greeting = server.said();
    server.get("/v1/containers");
    server.ask("/", &[HTML]);
    server.ask("/web/app.js", &[("Referer", &link)]);
    server.ask("/last", &[]);
    server.wait_for("/last");
    let log = server.said().split_off(greeting.len());
    assert!(log.contains("GET /web/app.js 200"), "{log}");
    assert!(!log.contains(&token) && !log.contains("token="), "{log}");
    server.ends_well();

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let own = "the-token-of-the-file-93d1";
    std::fs::write(&file, own).unwrap();
    let server = Server::start(&["--token-file", file.to_str().unwrap()]);
    let bearer = format!("Bearer {own}");
    let reply = server.ask("/v1/containers", &[("Authorization", &bearer)]);
    assert_eq!(reply.status, 200);
    server.wait_for("/v1/containers");
    let said = server.said();
    assert!(!said.contains(own) && !said.contains("token="), "{said}");
    assert_eq!(server.ask("/", &[HTML]).status, 200);
    server.ends_well();
}

#[test]
fn tokens_come_by_stdin_also_later_and_are_named_by_their_digests() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("tokens");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // For reading too, so that neither side waits for the other.
    let mut options = std::fs::OpenOptions::new();
    let mut tokens = options.read(true).write(true).open(&fifo).unwrap();
    let words = ["sh", "-c", "exec \"$@\" < \"$0\"", fifo.to_str().unwrap()];
    let server = Server::wrapped(&words, &["--token-stdin", "--access-log", "off"]);
    let ask = |token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str())];
        server.ask("/v1/containers", &headers).status
    };
    let (first, second) = ("the-first-of-the-tokens-1", "the-second-of-the-tokens-2");
    assert_eq!(ask(first), 401);
    let mark = |token: &str| {
        let digits = HEXLOWER.encode(&Sha256::digest(token.as_bytes()));
        format!("accepts the token with SHA-256 {}", &digits[..8])
    };
    std::io::Write::write_all(&mut tokens, format!("{first}\nshort\n").as_bytes()).unwrap();
    server.wait_for(&mark(first));
    server.wait_for("--token-stdin: expected at least 16 printable characters");
    assert_eq!((ask(first), ask("short"), ask(second)), (200, 401, 401));
    std::io::Write::write_all(&mut tokens, format!("{second}\n").as_bytes()).unwrap();
    server.wait_for(&mark(second));
    assert_eq!((ask(first), ask(second)), (200, 200));
    let said = server.said();
    assert!(!said.contains(first) && !said.contains(second), "{said}");
    assert!(!said.contains("the token for this run"), "{said}");
    server.ends_well();
}

/// What a server may hold while a page polls it, in KiB.
const HELD_KIB: u64 = 6 << 10;

#[test]
fn a_page_that_polls_is_told_what_is_allowed_and_fills_no_memory() {
    let target = Idle::start(std::process::Command::new("sleep").arg("1000"));
    let pid = target.id().to_string();
    let secret = "q9-secret-in-a-check-7Zw";
    let down = format!("down=http://127.0.0.1:{CLOSED_PORT}/?api_key={secret}");
    let flags = [
        "--pid",
        &pid,
        "--cache",
        "0s",
        "--allow-files",
        "--probe",
        &down,
    ];
    let server = Server::start(&[&flags[..], &["--ready-on", "down"]].concat());
    let about = server.get("/v1/server").json();
    assert_eq!(about["allow_files"], true, "{about}");
    assert_eq!(about["allow_reveal"], false, "{about}");
    let probe = &about["probes"][0];
    assert_eq!(probe["name"], "down", "{about}");
    assert_eq!(
        (&probe["gates_ready"], probe["last"].is_null()),
        (&true.into(), true)
    );
    server.ask("/probe/down", &[]);
    let text = server.get("/v1/server").text();
    assert!(
        text.contains("\"passes\":false") && text.contains("refused"),
        "{text}"
    );
    assert!(!text.contains(secret), "{text}");
    assert_eq!(server.get("/v1/server?x=1").status, 400);
    let mut paths = files(&server.ask("/", &[HTML]).text());
    let polled = [
        "/v1/resources",
        "/v1/network?interfaces=true",
        "/v1/processes",
        "/v1/sockets",
    ];
    paths.extend(["/", "/v1/mounts", "/v1/doctor", "/v1/server"].map(str::to_owned));
    let bearer = format!("Bearer {}", server.token());
    let headers = [HTML, GZIP, ("Authorization", bearer.as_str())];
    for path in paths.iter().map(String::as_str).chain([polled; 6].concat()) {
        assert_eq!(server.ask(path, &headers).status, 200, "{path}");
        let held = server.cost().memory_kib;
        assert!(held <= HELD_KIB, "{path}: {held} KiB");
    }
    server.ends_well();
}
