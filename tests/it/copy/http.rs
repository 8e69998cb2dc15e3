//! `/v1/files` and `/v1/files/content`.

use std::io::Write as _;
use std::net::TcpStream;

use super::*;
use crate::patience::eventually;
use crate::support::http::{Reply, dial_narrow, drain, request};
use crate::support::server::Server;

const PASSWORD: &str = "hunter2-and-more";
const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\x03";

fn server(here: &Here, flags: &[&str]) -> Server {
    let pid = here.0.id().to_string();
    Server::start(&[&["--pid", &pid], flags].concat())
}

fn part(server: &Server, path: &str, range: &str) -> Reply {
    let bearer = format!("Bearer {}", server.token());
    server.ask(path, &[("Authorization", &bearer), ("Range", range)])
}

#[test]
fn files_are_served_to_nobody_unasked() {
    let here = Here::new();
    let server = server(&here, &["--allow-reveal"]);
    for path in [
        "/v1/files?path=/",
        "/v1/files/content?path=/etc/hostname",
        "/v1/files/content?path=/etc/passwd&reveal_file=/etc/passwd",
    ] {
        let refused = server.get(path);
        assert_eq!(refused.status, 403, "{path}");
        assert!(refused.detail().contains("--allow-files"));
        assert_eq!(server.ask(path, &[]).status, 401, "{path}");
    }
    for path in ["/v1/tar?path=/etc", "/v1/grep", "/v1/find"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    server.ends_well();
}

#[test]
fn a_directory_is_listed_and_a_file_read_in_parts() {
    let root = FakeRoot::new();
    let content: Vec<u8> = [
        GZIP,
        &(0..100_000u32)
            .flat_map(u32::to_le_bytes)
            .collect::<Vec<_>>(),
    ]
    .concat();
    let file = root.write("dir/data.gz", &content);
    root.write("dir/hosts", "127.0.0.1 localhost\n");
    let here = Here::new();
    let server = server(&here, &["--allow-files"]);
    let dir = root.path("dir");
    let listed = server.get(&format!("/v1/files?path={}", text(&dir))).json();
    assert_eq!(listed["entry"]["kind"], "directory");
    let names: Vec<_> = listed["entries"].as_array().unwrap().iter().collect();
    assert_eq!(names.len(), 2, "{listed:#}");
    assert_eq!(names[0]["path"], text(&file));
    assert_eq!(names[0]["size_bytes"], content.len());
    let of = format!("/v1/files/content?path={}", text(&file));
    let whole = server.get(&of);
    assert_eq!(whole.status, 200);
    assert!(whole.body == content);
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=300000-300999", 300_000, 301_000),
        ("bytes=400000-", 400_000, 400_010),
        ("bytes=-5", 400_005, 400_010),
    ] {
        let reply = part(&server, &of, range);
        assert_eq!(reply.status, 206, "{range}: {}", reply.head);
        assert!(reply.body == content[from..to], "{range}");
        let says = format!("bytes {from}-{}/400010", to - 1);
        assert_eq!(reply.header("content-range"), Some(says.as_str()));
    }
    assert_eq!(part(&server, &of, "bytes=400010-").status, 416);
    assert_eq!(part(&server, &of, "bytes=1-2,4-5").status, 200);
    let bearer = format!("Authorization: Bearer {}\r\n", server.token());
    let head =
        format!("HEAD {of} HTTP/1.1\r\nHost: localhost\r\n{bearer}Connection: close\r\n\r\n");
    let head = String::from_utf8(server.send(head.as_bytes())).unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200") && head.contains("content-length: 400010"),
        "{head}"
    );
    for (path, status) in [
        ("/v1/files", 400),
        ("/v1/files?path=etc", 400),
        ("/v1/files?path=/etc&path=/", 400),
        ("/v1/files?path=/etc&depth=9", 400),
        ("/v1/files?path=/no/such/file", 404),
        ("/v1/files/content?path=/no/such/file", 404),
        ("/v1/files/content?path=/etc", 400),
        ("/v1/files/content?path=/proc/self/environ", 403),
        ("/v1/files/content?path=/dev/zero", 403),
        ("/v1/files/content?path=/etc/hostname&reveal_all", 403),
        ("/v1/files/content?path=/etc/hostname&output=json", 400),
    ] {
        let refused = server.get(path);
        assert_eq!(refused.status, status, "{path}: {}", refused.text());
        assert!(!refused.detail().is_empty());
    }
    server.ends_well();
}

#[test]
fn a_secret_file_is_served_by_its_exact_path_alone() {
    let root = FakeRoot::new();
    let env = root.write("app/.env", format!("DATABASE_PASSWORD={PASSWORD}\n"));
    let conf = root.write("app/conf", format!("a=b\npassword={PASSWORD}\nz=9\n"));
    let here = Here::new();
    let env = format!("/v1/files/content?path={0}", text(&env));
    let conf_of = format!("/v1/files/content?path={0}", text(&conf));
    let reveal = format!("{conf_of}&reveal_file={}", text(&conf));
    let plain = server(&here, &["--allow-files"]);
    assert_eq!(plain.get(&env).status, 403);
    assert_eq!(plain.get(&reveal).status, 403);
    let shown = plain.get(&conf_of);
    assert_eq!(shown.status, 200);
    assert!(shown.text().starts_with("a=b\n") && shown.text().ends_with("z=9\n"));
    assert!(!shown.text().contains(PASSWORD), "{}", shown.text());
    assert_eq!(shown.header("spyhole-redacted"), Some("1"));
    // Of what is shown, not of the file.
    let last = part(&plain, &conf_of, "bytes=4-");
    assert_eq!(last.body, shown.body[4..]);
    plain.ends_well();
    let both = server(&here, &["--allow-files", "--allow-reveal"]);
    assert_eq!(both.get(&env).status, 403);
    assert_eq!(
        both.get(&format!("{env}&reveal_file=/etc/passwd")).status,
        403
    );
    assert!(!both.get(&conf_of).text().contains(PASSWORD));
    assert!(both.get(&reveal).text().contains(PASSWORD));
    assert_eq!(both.get(&env).status, 403);
    both.ends_well();
}

fn begin(server: &Server, path: &str) -> TcpStream {
    let mut stream = dial_narrow(server.address());
    let bearer = format!("Bearer {}", server.token());
    let ask = request(path, "localhost", &[("Authorization", &bearer)]);
    stream.write_all(ask.as_bytes()).unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    stream
}

#[test]
fn slow_readers_of_files_take_little_and_nobody_elses_place() {
    const SIZE: usize = 48 << 20;
    let root = FakeRoot::new();
    let content = [GZIP, &vec![7; SIZE]].concat();
    let file = root.write("large.gz", &content);
    let here = Here::new();
    let flags = [
        "--allow-files",
        "--write-timeout",
        "10m",
        "--connection-lifetime",
        "10m",
    ];
    let server = server(&here, &flags);
    let of = format!("/v1/files/content?path={}", text(&file));
    server.get(&format!("{of}&self=false"));
    let start = server.cost();
    let mut slow: Vec<_> = (0..4).map(|_| begin(&server, &of)).collect();
    let cost = server.cost();
    assert!(
        cost.memory_kib < start.memory_kib + 64 * 1024,
        "{start:?} {cost:?}"
    );
    // Documents and probes have other places.
    server.answers();
    assert_eq!(server.get("/v1/processes").status, 200);
    let whole = drain(&mut slow.pop().unwrap());
    assert!(whole.ends_with(&content[content.len() - 1000..]));
    // Those that leave give their places back.
    drop(slow);
    for _ in 0..5 {
        assert_eq!(part(&server, &of, "bytes=0-9").body, GZIP);
    }
    eventually("readers and workers have ended", || {
        server.cost().threads <= start.threads
    });
    server.ends_well();
}
