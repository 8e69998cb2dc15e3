//! `spyhole fetch` beside curl, on a real nginx.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::host::{run, spyhole};
use crate::lab::process::Process;
use crate::lab::{Lab, Output};
use crate::patience::eventually;
use crate::support::http;
use crate::support::idle::Idle;

/// nginx with HTTP and HTTPS, and the authority of its certificate.
struct Nginx {
    place: TempDir,
    plain: u16,
    tls: u16,
    _process: Process,
}

pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// An authority, and a certificate of it for localhost and 127.0.0.1.
pub(super) fn certificates(place: &Path) {
    let openssl = |line: &str| {
        let mut command = Command::new("openssl");
        command.args(line.split(' ')).current_dir(place);
        run(&mut command).ended_with(0);
    };
    openssl(
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=authority \
         -addext basicConstraints=critical,CA:TRUE",
    );
    openssl("req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=localhost");
    fs::write(
        place.join("extensions"),
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n",
    )
    .unwrap();
    openssl(
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days 20 \
         -extfile extensions",
    );
}

impl Nginx {
    fn start() -> Self {
        let place = tempfile::tempdir().unwrap();
        let at = place.path();
        certificates(at);
        fs::create_dir(at.join("www")).unwrap();
        fs::write(at.join("www/page.txt"), "spyhole\n".repeat(20_000)).unwrap();
        fs::write(at.join("www/empty"), "").unwrap();
        let (plain, tls) = (free_port(), free_port());
        let dir = at.display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = temporary.map(|name| format!("{name}_temp_path {dir}/{name};\n"));
        let temporary = temporary.concat();
        let conf = format!(
            "pid {dir}/pid; error_log stderr; worker_processes 1; daemon off; user root;
events {{}}
http {{
  access_log off; {temporary}
  gzip on; gzip_types text/plain; gzip_min_length 10; default_type text/plain;
  server {{
    listen 127.0.0.1:{plain}; root {dir}/www;
    location /moved {{ return 301 /page.txt; }}
    location /loop {{ return 302 /loop; }}
    location /busy {{ return 503 busy; }}
    location /cookie {{ add_header Set-Cookie sid=top-secret-cookie; return 200 ok; }}
    location /headers {{ return 200 \"auth=$http_authorization key=$http_x_key agent=$http_user_agent\\n\"; }}
    location /other {{ return 307 http://localhost:{plain}/headers; }}
    location /up {{ return 302 https://localhost:{tls}/page.txt; }}
  }}
  server {{
    listen 127.0.0.1:{tls} ssl; root {dir}/www;
    ssl_certificate {dir}/leaf.pem; ssl_certificate_key {dir}/leaf.key;
    ssl_verify_client optional; ssl_client_certificate {dir}/ca.pem;
    location /who {{ return 200 \"$ssl_client_verify $ssl_client_s_dn\\n\"; }}
    location /elsewhere {{ return 302 https://127.0.0.1:{tls}/who; }}
    location /down {{ return 302 http://127.0.0.1:{plain}/page.txt; }}
  }}
}}"
        );
        fs::write(at.join("nginx.conf"), conf).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-c").arg(at.join("nginx.conf"));
        let mut process = Process::start(&mut command, Signal::SIGTERM);
        eventually("nginx listens", || {
            assert!(process.runs(), "{}", process.stop());
            TcpStream::connect(("127.0.0.1", tls))
        });
        Self {
            place,
            plain,
            tls,
            _process: process,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.plain)
    }

    fn ca(&self) -> String {
        self.place.path().join("ca.pem").display().to_string()
    }
}

/// For a target of which everything is readable.
fn fetch(words: &[&str]) -> Output {
    let target = Idle::sleep();
    let pid = target.id().to_string();
    spyhole([&["--pid", &pid, "fetch"], words].concat())
}

#[needs(nginx, curl)]
fn bodies_headers_and_redirects_are_those_of_curl() {
    let nginx = Nginx::start();
    let ca = nginx.ca();
    let secured = format!("https://localhost:{}/page.txt", nginx.tls);
    for (flags, url) in [
        (&[][..], nginx.url("/page.txt")),
        (&[], nginx.url("/empty")),
        (&[], nginx.url("/none")),
        (&[], nginx.url("/moved")),
        (&["-L"], nginx.url("/moved")),
        (&["--compressed"], nginx.url("/page.txt")),
        (
            &["-H", "X-Key: 1", "-H", "User-Agent: x"],
            nginx.url("/headers"),
        ),
        (&["--cacert", &ca], secured.clone()),
        (&["-k"], secured.clone()),
        (&["-L", "--cacert", &ca], nginx.url("/up")),
        (&["-f"], nginx.url("/busy")),
        (&["-L"], nginx.url("/loop")),
        (&[], secured),
    ] {
        let curl = run(Command::new("curl").arg("-s").args(flags).arg(&url));
        let ours = fetch(&[flags, &[&url]].concat());
        assert!(ours.stdout == curl.stdout, "{flags:?} {url}: {ours}");
        assert_eq!(
            ours.code == Some(0),
            curl.code == Some(0),
            "{flags:?} {url}: {ours}"
        );
        let failed = ours.code != Some(0);
        assert_eq!(
            ours.stderr_text().starts_with("spyhole: fetch: "),
            failed,
            "{ours}"
        );
    }
    let url = nginx.url("/page.txt");
    let heads = [
        run(Command::new("curl").args(["-sI", &url])).ended_with(0),
        fetch(&["-I", &url]).ended_with(0),
    ];
    let heads = heads.map(|seen| {
        let text = seen.stdout_text().to_ascii_lowercase().replace('\r', "");
        let lines = text.lines().filter(|line| !line.starts_with("date:"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    });
    assert_eq!(heads[0], heads[1]);
    let file = nginx.place.path().join("saved");
    let saved = spyhole(
        ["--self", "curl", "-fsSL", "-o"]
            .map(str::to_owned)
            .into_iter()
            .chain([file.display().to_string(), nginx.url("/moved")]),
    );
    assert!(saved.ended_with(0).stdout.is_empty());
    assert_eq!(fs::read(&file).unwrap(), b"spyhole\n".repeat(20_000));
    let piped = spyhole(["--self", "wget", "-qO-", &nginx.url("/moved")]).ended_with(0);
    assert_eq!(piped.stdout, b"spyhole\n".repeat(20_000));
}

#[needs(nginx)]
fn credentials_stay_with_their_server_and_out_of_words() {
    let nginx = Nginx::start();
    let secret = "Authorization: Bearer abcdef-secret-0123";
    let seen = fetch(&["-v", "-i", "-H", secret, &nginx.url("/headers")]).ended_with(0);
    assert!(
        seen.stdout_text()
            .contains("auth=Bearer abcdef-secret-0123"),
        "{seen}"
    );
    assert!(!seen.stderr_text().contains("abcdef"), "{seen}");
    assert!(
        seen.stderr_text().contains("> authorization: ‹redacted "),
        "{seen}"
    );
    let token = "/headers?access_token=ghp_0123456789abcdefghijABCDEFGHIJ012345";
    let seen = fetch(&["-v", &nginx.url(token)]).ended_with(0);
    assert!(!seen.stderr_text().contains("ghp_0123"), "{seen}");
    let seen = fetch(&["-i", "-v", &nginx.url("/cookie")]).ended_with(0);
    let all = seen.stdout_text() + &seen.stderr_text();
    assert!(!all.contains("top-secret-cookie") && all.contains("set-cookie: ‹redacted "));
    // localhost is another server than 127.0.0.1.
    let words = [
        "-L",
        "-H",
        secret,
        "-H",
        "X-Key: k",
        "-H",
        "Accept: a/b",
        &nginx.url("/other"),
    ];
    let seen = fetch(&words).ended_with(0);
    assert!(
        seen.stdout_text().starts_with("auth= key= agent=spyhole/"),
        "{seen}"
    );
    let down = format!("https://127.0.0.1:{}/down", nginx.tls);
    let seen = fetch(&["-kL", &down]).ended_with(1);
    assert!(seen.stderr_text().contains("from https to http"), "{seen}");
    assert!(seen.stdout.is_empty(), "{seen}");
    for words in [&["-X", "DELETE"][..], &["-d", "a=b"]] {
        fetch(&[words, &[&nginx.url("/headers")]].concat()).ended_with(2);
    }
    fetch(&["-X", "DELETE", "--as-target", &nginx.url("/page.txt")]).ended_with(0);
    // The body goes to no other server.
    let words = [
        "-L",
        "-d",
        "password=1",
        "--as-target",
        &nginx.url("/other"),
    ];
    fetch(&words).ended_with(1);
}

#[needs(root)]
fn what_a_stranger_does_not_see_of_the_target_is_said() {
    let web = Lab::webapp()
        .uid(1000)
        .caps("none")
        .args(["--listen", "127.0.0.1:8080"])
        .start();
    let stranger = |words: &[&str]| {
        let seen = web.spyhole().uid(2000).caps("none").args(words).run();
        seen.stderr_text()
    };
    let said = stranger(&["fetch", "http://127.0.0.1:8080/"]);
    assert!(said.contains("proxy variables could not be read"), "{said}");
    let said = stranger(&["fetch", "-q", "http://127.0.0.1:8080/"]);
    assert!(!said.contains("proxy variables"), "{said}");
}

#[needs(nginx, python3)]
fn the_trust_store_and_the_proxies_are_those_of_the_target() {
    let nginx = Nginx::start();
    let ca = nginx.ca();
    let proxy = Proxy::start();
    let mut python = Command::new("/usr/bin/python3");
    python.args([
        "-c",
        "import ssl, time; print('ready', flush=True); time.sleep(600)",
    ]);
    python.env("SSL_CERT_FILE", &ca);
    python.env(
        "https_proxy",
        format!("http://me:p%40ss-word@127.0.0.1:{}", proxy.port),
    );
    python.env("no_proxy", "localhost");
    let mut python = Process::start(&mut python, Signal::SIGKILL);
    python.wait_for_line("ready");
    let pid = python.id().to_string();
    let at = |host: &str| format!("https://{host}:{}/page.txt", nginx.tls);
    let seen = spyhole(["--pid", &pid, "fetch", "-v", &at("localhost")]).ended_with(0);
    assert!(
        seen.stderr_text()
            .contains("trusted by the target's trust store"),
        "{seen}"
    );
    assert_eq!(proxy.asked(), Vec::<String>::new(), "{seen}");
    let seen = spyhole(["--pid", &pid, "fetch", "-v", &at("127.0.0.1")]).ended_with(0);
    assert_eq!(seen.stdout, b"spyhole\n".repeat(20_000));
    let asked = proxy.asked().join("\n");
    assert!(
        asked.starts_with(&format!("CONNECT 127.0.0.1:{} HTTP/1.1", nginx.tls)),
        "{asked}"
    );
    // me:p@ss-word
    assert!(
        asked.contains("proxy-authorization: Basic bWU6cEBzcy13b3Jk"),
        "{asked}"
    );
    let words = seen.stderr_text();
    assert!(
        !words.contains("ss-word") && !words.contains("bWU6"),
        "{words}"
    );
    // Without its variables nobody trusts that authority, and nothing is sent.
    let seen = fetch(&["-v", &at("localhost")]).ended_with(1);
    assert!(seen.stderr_text().contains("not trusted"), "{seen}");
    assert!(!seen.stderr_text().contains("> GET"), "{seen}");
    let through = format!("http://127.0.0.1:{}", proxy.port);
    let seen = fetch(&["-x", &through, &nginx.url("/headers")]).ended_with(0);
    assert!(seen.stdout_text().starts_with("auth="), "{seen}");
    let last = proxy.asked().join("\n");
    assert!(
        last.contains(&format!("GET {} HTTP/1.1", nginx.url("/headers"))),
        "{last}"
    );
    let seen = fetch(&["-x", "socks5://127.0.0.1:1", &nginx.url("/")]).ended_with(1);
    assert!(seen.stderr_text().contains("socks5"), "{seen}");
}

/// A proxy that writes down what it is asked.
struct Proxy {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start() -> Self {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let known = Arc::clone(&heads);
        let address = http::listen(move |client| {
            let mut reader = BufReader::new(client.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).unwrap() == 0 {
                    return;
                }
            }
            known
                .lock()
                .unwrap()
                .extend(head.lines().map(str::to_owned));
            let mut words = head.split_whitespace();
            let (method, goal) = (words.next().unwrap(), words.next().unwrap());
            let goal = goal.strip_prefix("http://").unwrap_or(goal);
            let goal = goal.split('/').next().unwrap();
            let mut server = TcpStream::connect(goal).unwrap();
            let mut client_out = client;
            if method == "CONNECT" {
                client_out
                    .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    .unwrap();
            } else {
                server.write_all(head.as_bytes()).unwrap();
            }
            let (mut there, mut back) = (server.try_clone().unwrap(), server);
            thread::spawn(move || drop(io::copy(&mut reader, &mut there)));
            thread::spawn(move || drop(io::copy(&mut back, &mut client_out)));
        });
        Self {
            port: address.port(),
            heads,
        }
    }

    fn asked(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

#[needs(nginx, curl)]
fn the_client_certificate_of_the_target_is_shown_to_a_server_that_asks() {
    let nginx = Nginx::start();
    let file = |name: &str| nginx.place.path().join(name).display().to_string();
    let (ca, cert, key) = (nginx.ca(), file("leaf.pem"), file("leaf.key"));
    let who = format!("https://localhost:{}/who", nginx.tls);
    let pair = ["--cacert", &ca, "--cert", &cert, "--key", &key, &who];
    let curl = run(Command::new("curl").arg("-s").args(pair)).ended_with(0);
    let ours = fetch(&[&["--as-target"], &pair[..]].concat()).ended_with(0);
    assert_eq!(ours.stdout, curl.stdout);
    assert_eq!(ours.stdout, b"SUCCESS CN=localhost\n");
    fetch(&pair).ended_with(2);
    let without = fetch(&["--cacert", &ca, &who]).ended_with(0);
    assert_eq!(without.stdout_text().split(' ').next(), Some("NONE"));

    // Another name is another server.
    let elsewhere = format!("https://localhost:{}/elsewhere", nginx.tls);
    let flags = [
        "-L",
        "--as-target",
        "--cacert",
        &ca,
        "--cert",
        &cert,
        "--key",
        &key,
    ];
    let away = fetch(&[&flags[..], &[&elsewhere]].concat()).ended_with(0);
    assert_eq!(away.stdout_text().split(' ').next(), Some("NONE"));

    for (cert, key, code, says) in [
        ("/none.pem", &key, 4, "--cert /none.pem: No such file"),
        (ca.as_str(), &key, 1, "is not the key of the certificate"),
    ] {
        let flags = ["--as-target", "--cert", cert, "--key", key, &who];
        let seen = fetch(&flags).ended_with(code);
        assert!(seen.stderr_text().contains(says), "{says}: {seen}");
    }
}
