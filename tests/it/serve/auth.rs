//! Who is let in: every route of the registry, with and without the token.

use std::time::{Duration, Instant};

use spyhole::api::{Access, routes};

use super::client::dial;
use super::server::Server;

/// Every path that there is, a name behind those that take one.
fn paths() -> Vec<(String, Access)> {
    let named = |(path, access): (String, Access)| match path.as_str() {
        "/probe/" => ("/probe/any".to_owned(), access),
        _ => (path, access),
    };
    let all: Vec<_> = routes().map(named).collect();
    assert!(all.len() > 8, "{all:?}");
    all
}

#[test]
fn without_a_token_nothing_is_answered_but_pass_and_fail() {
    let server = Server::start(&[]);
    let public = ["/healthz", "/readyz", "/probe/any", "/web/"];
    for (path, access) in paths() {
        let reply = server.ask(&path, &[]);
        assert_eq!(
            access == Access::Public,
            public.contains(&path.as_str()),
            "{path} is on the public list"
        );
        if access == Access::Public {
            assert_ne!(reply.status, 401, "{path}");
            continue;
        }
        assert_eq!(reply.status, 401, "{path}: {}", reply.text());
        let challenge = reply.header("www-authenticate");
        assert_eq!(challenge, Some("Bearer realm=\"spyhole\""), "{path}");
        assert!(reply.body.len() < 300, "{path}: {}", reply.text());
    }
    for path in [
        "/unknown",
        "/v1",
        "/v1/",
        "/v1/unknown",
        "/v1/dump/",
        "/V1/DUMP",
        "/probe/",
        "/probe/a/b",
        "/healthz/",
        "/healthz/x",
        "/metrics/",
        "/.env",
        "/index.html",
    ] {
        let reply = server.ask(path, &[]);
        assert_eq!(reply.status, 401, "{path}: {}", reply.text());
    }
    server.ends_well();
}

#[test]
fn with_the_token_every_guarded_route_answers() {
    let server = Server::start(&[]);
    for (path, access) in paths() {
        if access != Access::Public {
            let reply = server.get(&path);
            assert_ne!(reply.status, 401, "{path}: {}", reply.text());
        }
    }
    let reply = server.get("/unknown");
    assert_eq!(reply.status, 404);
    assert!(reply.detail().contains("not found"));
    server.ends_well();
}

#[test]
fn only_the_whole_token_as_a_bearer_counts() {
    let server = Server::start(&[]);
    let token = server.token();
    let status = |values: &[&str]| {
        let headers: Vec<_> = values
            .iter()
            .map(|value| ("Authorization", *value))
            .collect();
        server.ask("/", &headers).status
    };
    assert_eq!(status(&[&format!("Bearer {token}")]), 200);
    // RFC 9110: the name of a scheme has no case.
    assert_eq!(status(&[&format!("bEARER {token}")]), 200);
    let basic = data_encoding::BASE64.encode(format!("x:{token}").as_bytes());
    let cut = &token[..token.len() - 1];
    for wrong in [
        token.clone(),
        format!("Bearer {cut}"),
        format!("Bearer {token}x"),
        format!("Bearer {token} {token}"),
        format!("Bearer \"{token}\""),
        format!("Bearer{token}"),
        format!("Bearer={token}"),
        format!("Bearer {}", token.to_uppercase()),
        "Bearer ".to_owned(),
        "Bearer".to_owned(),
        format!("Basic {basic}"),
        format!("Basic {token}"),
        format!("Digest {token}"),
    ] {
        assert_eq!(status(&[&wrong]), 401, "{wrong}");
    }
    let right = format!("Bearer {token}");
    assert_eq!(status(&[&right, "Bearer wrong"]), 401);
    assert_eq!(status(&["Bearer wrong", &right]), 401);
    assert_eq!(status(&[&right, &right]), 401);
    server.ends_well();
}

#[test]
fn a_token_in_a_url_is_refused_even_if_it_is_right() {
    let server = Server::start(&[]);
    let token = server.token();
    for name in ["token", "access_token", "Token", "authorization", "bearer"] {
        for reply in [
            server.ask(&format!("/?{name}={token}"), &[]),
            server.get(&format!("/?a=b&{name}={token}")),
            server.ask(&format!("/healthz?{name}={token}"), &[]),
        ] {
            assert_eq!(reply.status, 400, "{name}: {}", reply.text());
            assert!(reply.detail().contains("Authorization: Bearer"));
            assert!(!reply.text().contains(&token));
        }
    }
    server.ends_well();
}

#[test]
fn failed_logins_are_slowed_and_nobody_else_is() {
    let server = Server::start(&[]);
    let wrong = [("Authorization", "Bearer wrong-wrong-wrong-wrong")];
    let begun = Instant::now();
    for _ in 0..12 {
        assert_eq!(server.ask("/", &wrong).status, 401);
    }
    // 20 ms more each time: 20 + 40 + … + 240.
    assert!(begun.elapsed() >= Duration::from_millis(1_400));
    let begun = Instant::now();
    assert_eq!(server.ask("/", &wrong).status, 401);
    assert!(begun.elapsed() >= Duration::from_millis(250));
    // The right one, none and a probe are not kept waiting.
    server.answers();
    assert_eq!(server.get("/").status, 200);
    assert_eq!(server.ask("/", &[]).status, 401);
    server.ends_well();
}

#[test]
fn a_guess_that_waits_is_answered_with_a_bound() {
    let server = Server::start(&[]);
    let wrong = "GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer w\r\n\r\n";
    let mut guesses: Vec<_> = (0..200).map(|_| dial(server.address())).collect();
    for guess in &mut guesses {
        std::io::Write::write_all(guess, wrong.as_bytes()).unwrap();
    }
    server.answers();
    let last = server.ask("/", &[("Authorization", "Bearer w")]);
    assert_eq!(last.status, 401);
    server.ends_well();
}
