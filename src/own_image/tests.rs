//! The image of a small program, and registries that misbehave.
#![allow(
    clippy::disallowed_methods,
    reason = "a test is the registry that is asked"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::credentials::Login;
use super::push::push_as;
use super::{ImageError, ImageName, ImageProgram, OwnImage, PushRequest, RegistryFault, archive};

const PASSWORD: &str = "hunter2-of-the-test";

fn program(architecture: &'static str) -> ImageProgram {
    ImageProgram {
        bytes: architecture.repeat(9000).into_bytes(),
        architecture,
    }
}

fn image(name: &str) -> OwnImage {
    OwnImage::make(ImageName::parse(name).unwrap(), &program("amd64"), None).unwrap()
}

#[test]
fn an_index_does_not_depend_on_which_program_makes_it() {
    let make = |running, other| {
        let name = ImageName::parse("spyhole").unwrap();
        OwnImage::make(name, &program(running), Some(&program(other))).unwrap()
    };
    let (one, other) = (make("amd64", "arm64"), make("arm64", "amd64"));
    for (one, other) in one.variants.iter().zip(&other.variants) {
        assert_eq!(one.top.digest, other.top.digest);
        assert_eq!(one.manifests[0].digest, other.manifests[1].digest);
    }
    let alone = image("spyhole");
    assert_eq!(
        one.variants[0].manifests[0].digest,
        alone.variants[0].top.digest
    );
    assert_ne!(archive(&one), archive(&alone));
}

#[test]
fn a_tag_that_is_given_is_the_only_one() {
    let tags = |name| image(name).variants.map(|variant| variant.tags);
    assert_eq!(
        tags("a:1"),
        [vec!["1".to_owned()], vec!["1-root".to_owned()]]
    );
    let version = env!("CARGO_PKG_VERSION");
    let of_root = format!("{version}-root");
    let expected = [["latest", version], ["root", &of_root]];
    assert_eq!(
        tags("a"),
        expected.map(|tags| tags.map(str::to_owned).to_vec())
    );
}

/// A registry of the test: answers each request with what `answer` says to its first line and headers;
/// all that it was sent.
fn registry(answer: impl Fn(&str, SocketAddr) -> String + Send + 'static) -> (SocketAddr, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked: Asked = Arc::default();
    let kept = Arc::clone(&asked);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let head = head_of(&mut stream);
            // The handshake that comes before plain HTTP.
            if head.is_empty() {
                continue;
            }
            kept.lock().unwrap().push(head.clone());
            let _ = stream.write_all(answer(&head, address).as_bytes());
        }
    });
    (address, asked)
}

type Asked = Arc<Mutex<Vec<String>>>;

/// The head of a request, once its body has come too.
fn head_of(stream: &mut TcpStream) -> String {
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let (mut all, mut some) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut some).unwrap_or(0);
        all.extend_from_slice(&some[..read]);
        if read == 0 || all.first() == Some(&0x16) {
            return String::new();
        }
        let Some(end) = all.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8(all[..end].to_vec()).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        if all.len() >= end + 4 + length {
            return head;
        }
    }
}

fn reply(status: u16, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

const BASIC: &str = "WWW-Authenticate: Basic realm=\"r\"\r\n";

/// Whether a request carries the password of the test.
fn is_logged_in(head: &str) -> bool {
    head.to_ascii_lowercase().contains("authorization: basic")
}

/// Pushes to it as a user with a password: how that ends, as the error and its sentence.
fn pushed(address: SocketAddr) -> Result<(), (RegistryFault, String)> {
    let image = image(&format!("{address}/team/spyhole:1"));
    let request = PushRequest {
        image: &image,
        ca: None,
        time: Duration::from_secs(20),
    };
    end_of(&request)
}

fn end_of(request: &PushRequest<'_>) -> Result<(), (RegistryFault, String)> {
    let login = |_: &str, _: &str| {
        Ok(Some(Login::Password {
            user: "jane".to_owned(),
            password: PASSWORD.to_owned(),
        }))
    };
    match push_as(request, &login) {
        Ok(_) => Ok(()),
        Err(error) => {
            let says = error.to_string();
            assert!(!says.contains(PASSWORD), "{says}");
            match error {
                ImageError::Registry { fault, .. } => Err((fault, says)),
                other => panic!("{other}"),
            }
        }
    }
}

/// A registry that does as it should, in one place: an upload's begin, or the end of one.
fn good(head: &str, address: SocketAddr) -> String {
    if head.starts_with("GET /v2/ ") {
        return reply(401, BASIC, "");
    }
    if !is_logged_in(head) {
        return reply(401, BASIC, "");
    }
    match head.split(' ').next() {
        Some("HEAD") => "HTTP/1.1 404 X\r\nConnection: close\r\n\r\n".to_owned(),
        Some("POST") => reply(
            202,
            &format!("Location: http://{address}/up?state=s\r\n"),
            "",
        ),
        _ => reply(201, "", ""),
    }
}

#[test]
fn content_goes_before_the_manifest_that_names_it() {
    let (address, asked) = registry(good);
    pushed(address).unwrap();
    let asked = asked.lock().unwrap();
    let lines = asked.iter().map(|head| head.lines().next().unwrap());
    let lines: Vec<&str> = lines.collect();
    let puts: Vec<&&str> = lines
        .iter()
        .filter(|line| line.starts_with("PUT "))
        .collect();
    assert_eq!(puts.len(), 5, "{lines:#?}");
    assert!(
        puts[0].starts_with("PUT /up?state=s&digest=sha256%3A"),
        "{lines:#?}"
    );
    assert!(
        puts[2].starts_with("PUT /v2/team/spyhole/manifests/1 "),
        "{lines:#?}"
    );
    assert!(
        puts[4].starts_with("PUT /v2/team/spyhole/manifests/1-root "),
        "{lines:#?}"
    );
    assert!(asked.iter().skip(1).all(|head| is_logged_in(head)));
}

#[test]
fn a_registry_that_never_accepts_the_login_is_asked_once() {
    let (address, asked) = registry(|_, _| reply(401, BASIC, ""));
    let (fault, says) = pushed(address).unwrap_err();
    assert!(matches!(fault, RegistryFault::LoginRefused), "{says}");
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[test]
fn a_token_that_is_refused_is_renewed_once() {
    let (address, asked) = registry(|head, address| {
        if head.starts_with("GET /token?service=s&scope=repository%3Ateam") {
            return reply(200, "", "{\"token\": \"abc\"}");
        }
        let realm = format!("Bearer realm=\"http://{address}/token\",service=\"s\"");
        reply(401, &format!("WWW-Authenticate: {realm}\r\n"), "")
    });
    let (fault, says) = pushed(address).unwrap_err();
    assert!(matches!(fault, RegistryFault::LoginRefused), "{says}");
    let asked = asked.lock().unwrap();
    let tokens = asked.iter().filter(|head| head.starts_with("GET /token"));
    assert!(tokens.clone().all(|head| is_logged_in(head)));
    assert_eq!((tokens.count(), asked.len()), (2, 5), "{asked:#?}");
}

#[test]
fn a_login_goes_to_no_other_host() {
    let (other, heard) = registry(|head, address| match head.split(' ').next() {
        Some("PUT") => reply(403, "", ""),
        _ => reply(307, &format!("Location: http://{address}/more\r\n"), ""),
    });
    // An upload that is to go elsewhere goes there without the login.
    let (address, _) = registry(move |head, address| match head.split(' ').next() {
        Some("POST") => reply(202, &format!("Location: http://{other}/up\r\n"), ""),
        _ => good(head, address),
    });
    let (fault, says) = pushed(address).unwrap_err();
    assert!(matches!(fault, RegistryFault::Denied { .. }), "{says}");
    let heard = heard.lock().unwrap();
    assert!(
        heard.len() == 1 && heard[0].starts_with("PUT /up?digest="),
        "{heard:#?}"
    );
    assert!(
        !heard[0].to_ascii_lowercase().contains("authorization"),
        "{heard:#?}"
    );
    // A redirect of what was sent is not followed.
    let (address, asked) = registry(move |head, address| match head.split(' ').next() {
        Some("POST") => reply(307, &format!("Location: http://{other}/up\r\n"), ""),
        _ => good(head, address),
    });
    let (fault, says) = pushed(address).unwrap_err();
    assert!(matches!(fault, RegistryFault::Redirected { .. }), "{says}");
    assert!(says.contains(&other.to_string()), "{says}");
    assert_eq!(asked.lock().unwrap().len(), 3);
}

#[test]
fn another_digest_than_that_of_the_content_is_an_error() {
    let (address, _) = registry(|head, address| match head.split(' ').next() {
        Some("PUT") => reply(201, "Docker-Content-Digest: sha256:0bad\r\n", ""),
        _ => good(head, address),
    });
    let (fault, says) = pushed(address).unwrap_err();
    assert!(matches!(fault, RegistryFault::WrongDigest { .. }), "{says}");
    assert!(says.contains("sha256:0bad"), "{says}");
}

#[test]
fn a_refusal_that_repeats_the_password_is_not_shown() {
    for (body, shown) in [
        (
            "{\"errors\": [{\"message\": \"quota\\u001b[31m\"}]}",
            r"quota\x1b[31m",
        ),
        (
            "{\"errors\": [{\"message\": \"hunter2-of-the-test is wrong\"}]}",
            "not shown",
        ),
        ("<html>", "status 507"),
    ] {
        let (address, _) = registry(move |head, address| match head.split(' ').next() {
            Some("PUT") => reply(507, "", body),
            _ => good(head, address),
        });
        let (fault, says) = pushed(address).unwrap_err();
        assert!(
            matches!(fault, RegistryFault::Refused { status: 507, .. }),
            "{says}"
        );
        assert!(says.contains(shown), "{says}");
    }
}

#[test]
fn a_response_without_end_and_one_that_never_comes_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            if head_of(&mut stream).is_empty() {
                continue;
            }
            let _ = stream.write_all(b"HTTP/1.1 500 X\r\nConnection: close\r\n\r\n");
            while stream.write_all(&[b'x'; 4096]).is_ok() {}
        }
    });
    let (fault, says) = pushed(address).unwrap_err();
    assert!(matches!(fault, RegistryFault::TooLong { .. }), "{says}");

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let image = image(&format!("{}/x:1", silent.local_addr().unwrap()));
    let request = PushRequest {
        image: &image,
        ca: None,
        time: Duration::from_millis(300),
    };
    let (fault, says) = end_of(&request).unwrap_err();
    assert!(matches!(fault, RegistryFault::TimedOut { .. }), "{says}");
}

#[test]
fn what_is_no_registry_and_what_wants_another_login_is_said() {
    for (answer, says) in [
        (reply(404, "", ""), "status 404"),
        (reply(401, "", ""), "kind of login"),
        (
            reply(401, "WWW-Authenticate: Negotiate\r\n", ""),
            "kind of login",
        ),
        (
            reply(
                401,
                "WWW-Authenticate: Bearer realm=\"http://192.0.2.1/t\"\r\n",
                "",
            ),
            "plain HTTP",
        ),
        ("nonsense\r\n\r\n".to_owned(), "HTTP/1"),
    ] {
        let (address, _) = registry(move |_, _| answer.clone());
        let (_, said) = pushed(address).unwrap_err();
        assert!(said.contains(says), "{says}: {said}");
    }
}
