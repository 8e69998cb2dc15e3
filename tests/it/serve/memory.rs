//! What answers took goes back with the last of them, and an idle server holds little.

use std::thread;

use super::server::Server;
use crate::patience::eventually;

/// What a server may keep of its own beyond what it began with, in KiB: a fifth of it is the
/// description of its routes. Without giving back it is four times as much.
const KEPT_KIB: u64 = 1536;

#[test]
fn what_all_routes_took_goes_back() {
    let server = Server::start(&["--self", "--cache", "0s", "--access-log", "off"]);
    server.answers();
    let begin = server.cost().memory_kib;
    let routes = [
        "/v1/processes",
        "/v1/sockets",
        "/v1/certificates",
        "/v1/dump",
        "/v1/dump?output=yaml",
        "/metrics",
        "/openapi.json",
    ];
    thread::scope(|scope| {
        for first in 0..4 {
            let server = &server;
            scope.spawn(move || {
                for path in routes.iter().cycle().skip(first).take(2 * routes.len()) {
                    // Where two looks are under way others wait, and may be told to come again.
                    let status = server.get(path).status;
                    assert!([200, 503].contains(&status), "{path}: {status}");
                }
            });
        }
    });
    // Nothing is asked any more.
    eventually("memory that went back", || {
        let cost = server.cost();
        let is_little = cost.memory_kib <= begin + KEPT_KIB;
        is_little
            .then_some(())
            .ok_or(format!("{begin} KiB, then {cost:?}"))
    });
    server.ends_well();
}
