//! `check grpc:` beside the client of gRPC itself, at its server and behind nginx.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::process::Command;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::fetch::{certificates, free_port};
use crate::host::spyhole;
use crate::lab::Output;
use crate::lab::process::Process;
use crate::patience::eventually;
use crate::support::http;
use crate::support::needs::prepared;

/// Serves health on two ports, a port of TLS and a socket, and no health on a third; prints each, and
/// what its own client is answered for each service.
const SERVER: &str = r#"
import sys, threading, grpc
from concurrent.futures import ThreadPoolExecutor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

place = sys.argv[1]

class Slow(health_pb2_grpc.HealthServicer):
    def Check(self, request, context):
        threading.Event().wait(60)

def serve(servicer, port, credentials=None):
    server = grpc.server(ThreadPoolExecutor(4))
    if servicer:
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    if credentials:
        bound = server.add_secure_port(port, credentials)
    else:
        bound = server.add_insecure_port(port)
    server.start()
    return server, bound

states = health_pb2.HealthCheckResponse
of_all = health.HealthServicer()
for name, status in [("", states.SERVING), ("app.Ready", states.SERVING), ("app.Down", states.NOT_SERVING),
                     ("app.Unset", states.UNKNOWN)]:
    of_all.set(name, status)
read = lambda name: open(f"{place}/{name}", "rb").read()
pair = grpc.ssl_server_credentials([(read("leaf.key"), read("leaf.pem"))])
local = "127.0.0.1:0"
unix = f"unix:{place}/grpc.sock"
servers = [serve(of_all, local), serve(of_all, local, pair), serve(None, local), serve(Slow(), local),
           serve(of_all, unix)]
print(*(bound for _, bound in servers), flush=True)

def ask(channel, service):
    try:
        request = health_pb2.HealthCheckRequest(service=service)
        answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=20)
        return states.ServingStatus.Name(answer.status)
    except grpc.RpcError as error:
        return error.code().name

plain = grpc.insecure_channel(f"127.0.0.1:{servers[0][1]}")
for service in ["", "app.Ready", "app.Down", "app.Unset", "app.None"]:
    print(ask(plain, service), flush=True)
print(ask(grpc.insecure_channel(f"127.0.0.1:{servers[2][1]}"), ""), flush=True)
threading.Event().wait()
"#;

struct Servers {
    place: TempDir,
    plain: String,
    secure: String,
    without_health: String,
    slow: String,
    process: Process,
}

impl Servers {
    fn start() -> Self {
        let place = tempfile::tempdir().unwrap();
        certificates(place.path());
        let mut command = Command::new(prepared("bin/python"));
        command.arg("-c").arg(SERVER).arg(place.path());
        let mut process = Process::start(&mut command, Signal::SIGTERM);
        let ports = process.wait_for_line("");
        let mut ports = ports.split_whitespace();
        let mut next = || format!("127.0.0.1:{}", ports.next().unwrap());
        Self {
            plain: next(),
            secure: next(),
            without_health: next(),
            slow: next(),
            place,
            process,
        }
    }

    /// nginx before the server of health: the address of TLS, and that without.
    fn behind_nginx(&self) -> (Process, String, String) {
        let (plain, tls) = (free_port(), free_port());
        let dir = self.place.path().display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = temporary.map(|name| format!("{name}_temp_path {dir}/{name};\n"));
        let conf = format!(
            "pid {dir}/pid; error_log stderr; worker_processes 1; daemon off; user root;
events {{}}
http {{
  access_log off; {}
  server {{
    listen 127.0.0.1:{tls} ssl http2; listen 127.0.0.1:{plain};
    ssl_certificate {dir}/leaf.pem; ssl_certificate_key {dir}/leaf.key;
    location /grpc.health.v1.Health/ {{ grpc_pass grpc://{}; }}
  }}
}}",
            temporary.concat(),
            self.plain
        );
        let file = self.place.path().join("nginx.conf");
        fs::write(&file, conf).unwrap();
        let mut nginx = Process::start(Command::new("nginx").arg("-c").arg(file), Signal::SIGTERM);
        eventually("nginx listens", || {
            assert!(nginx.runs(), "{}", nginx.stop());
            TcpStream::connect(("127.0.0.1", tls))
        });
        (
            nginx,
            format!("127.0.0.1:{tls}"),
            format!("127.0.0.1:{plain}"),
        )
    }
}

fn check(spec: &str) -> Output {
    spyhole(["--self", "check", &format!("{spec},timeout=20s")])
}

#[track_caller]
fn fails(spec: &str, says: &str) {
    let seen = check(spec).ended_with(1);
    assert!(seen.stdout_text().contains(says), "{says}: {seen}");
}

#[needs(grpc, nginx)]
fn the_health_of_a_server_is_what_its_own_client_is_told() {
    let mut servers = Servers::start();
    let plain = servers.plain.clone();
    for service in ["", "app.Ready", "app.Down", "app.Unset", "app.None"] {
        let told = servers.process.wait_for_line("");
        let spec = match service {
            "" => format!("grpc:{plain}"),
            service => format!("grpc:{plain},service={service}"),
        };
        let code = i32::from(told.trim() != "SERVING");
        let seen = check(&spec).ended_with(code);
        let words = seen.stdout_text();
        let mut words = words.split([' ', '(', ')', '\n']);
        assert!(words.any(|word| word == told.trim()), "{told}: {seen}");
    }
    let told = servers.process.wait_for_line("");
    assert_eq!(told.trim(), "UNIMPLEMENTED");
    fails(&format!("grpc:{}", servers.without_health), "UNIMPLEMENTED");
    let socket = servers.place.path().join("grpc.sock");
    check(&format!("grpc:unix:{}", socket.display())).ended_with(0);

    // The certificate is not judged; what speaks TLS is not taken for what does not.
    let secure = &servers.secure;
    check(&format!("grpcs:{secure}")).ended_with(0);
    fails(&format!("grpcs:{secure},service=app.Down"), "NOT_SERVING");
    check(&format!("grpc:{secure}")).ended_with(1);
    check(&format!("grpcs:{plain}")).ended_with(1);

    // nginx packs its headers, and has an HTTP/1 without.
    let (_nginx, tls, http1) = servers.behind_nginx();
    check(&format!("grpcs:{tls}")).ended_with(0);
    fails(&format!("grpcs:{tls},service=app.None"), "NOT_FOUND");
    fails(&format!("grpc:{http1}"), "does not speak HTTP/2");
    let slow = spyhole([
        "--self",
        "check",
        &format!("grpc:{},timeout=1s", servers.slow),
    ]);
    assert!(slow.stdout_text().contains("timed out"), "{slow}");
    slow.ended_with(1);
    let denied = spyhole(["--self", "--no-connect", "check", &format!("grpc:{plain}")]);
    denied.ended_with(4);
}

/// Frames without end, each of which is in order.
#[test]
fn a_server_that_never_answers_but_always_sends_is_left() {
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let ping = [&[0, 0, 8, 6, 0, 0, 0, 0, 0][..], &[1; 8]].concat();
    let address = http::listen(move |mut stream| {
        let _ = stream.write_all(&settings);
        while stream.write_all(&ping).is_ok() {}
    });
    fails(&format!("grpc:{address}"), "sent more than");
}
