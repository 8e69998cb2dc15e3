//! `spyhole network` beside ip(8), nstat(8) and ss(8), in a network namespace that the test makes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::host::{bytes, list, only, run, spyhole};
use crate::lab::{Lab, Output};
use crate::patience::eventually;
use crate::support::fake_root::FakeRoot;

/// Addresses, routes of every kind, rules and neighbours of both families.
const SETUP: &str = "\
ip link set lo up
ip link add v0 type veth peer name v1
ip link add b0 type bridge
ip link set v1 master b0
ip addr add 10.9.0.5/24 dev v0
ip addr add 10.9.0.6/24 dev v0
ip addr add 10.8.0.1 peer 10.8.0.2/32 dev v0
ip addr add 2001:db8::5/64 dev v0 nodad
ip link set v0 up mtu 1400
ip link set v1 up
ip link set b0 up
ip route add default via 10.9.0.1 metric 100
ip route add 10.77.0.0/16 via 10.9.0.1 proto static src 10.9.0.6
ip route add blackhole 10.78.0.0/16
ip route add unreachable 10.79.0.0/16
ip route add 10.81.0.0/16 dev v0 table 1000
ip -6 route add default via 2001:db8::1
ip -6 route add 2001:db8:7::/48 via 2001:db8::1 mtu 1300
ip -6 route add prohibit 2001:db8:8::/48
ip rule add from 10.1.0.0/16 table 100 priority 500
ip rule add fwmark 0x10/0xff iif v0 table 1000 priority 501
ip rule add to 10.2.0.0/16 prohibit priority 502
ip -6 rule add from 2001:db8:9::/48 ipproto tcp dport 80-90 table 7 priority 503
ip neigh add 10.9.0.7 lladdr 02:00:00:00:00:07 dev v0
ip neigh add 2001:db8::7 lladdr 02:00:00:00:00:08 dev v0
";

/// A process in a network namespace of its own.
struct Namespace(Child);

impl Namespace {
    fn new(setup: &str) -> Self {
        Self::of(&["sleep", "1000"], setup)
    }

    fn of(program: &[&str], setup: &str) -> Self {
        let own = fs::read_link("/proc/self/ns/net").unwrap();
        let mut command = Command::new("unshare");
        let child = command.arg("--net").args(program).stdin(Stdio::null());
        let namespace = Self(child.spawn().unwrap());
        let link = format!("/proc/{}/ns/net", namespace.pid());
        eventually("it is in its namespace", || {
            fs::read_link(&link).unwrap() != own
        });
        namespace.inside(&["sh", "-ec", setup]).ended_with(0);
        namespace
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }

    /// Runs a command in it.
    fn inside(&self, command: &[&str]) -> Output {
        let target = self.pid();
        run(Command::new("nsenter")
            .args(["--net", "--target", &target, "--"])
            .args(command))
    }

    fn json(&self, command: &[&str]) -> Vec<Value> {
        let shown = self.inside(command).ended_with(0).json();
        let rows = shown.as_array().unwrap().iter();
        rows.filter(|row| row.as_object().is_some_and(|row| !row.is_empty()))
            .cloned()
            .collect()
    }

    /// spyhole in it: rtnetlink serves.
    fn by_netlink(&self, flags: &[&str]) -> Value {
        let spyhole = crate::lab::spyhole();
        let pid = self.pid();
        let mut words = vec![spyhole.to_str().unwrap(), "network", "--pid", &pid];
        words.extend(["-o", "json"]);
        words.extend(flags);
        let document = self.inside(&words).document();
        assert_eq!(document["network"]["source"], "netlink");
        document
    }

    /// spyhole outside.
    fn by_text(&self, flags: &[&str]) -> Value {
        let pid = self.pid();
        let words = ["network", "--pid", &pid, "-o", "json"];
        let document = spyhole(words.iter().chain(flags)).document();
        assert_eq!(document["network"]["source"], "proc");
        document
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn part<'a>(document: &'a Value, name: &str) -> &'a Vec<Value> {
    list(&document["network"], name)
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// Lower case, for what ip(8) shouts.
fn words(list: &Value) -> BTreeSet<String> {
    let words = list.as_array().unwrap().iter();
    words
        .map(|word| word.as_str().unwrap().to_lowercase().replace('-', "_"))
        .collect()
}

#[needs(root)]
fn interfaces_and_addresses_are_those_of_ip() {
    let namespace = Namespace::new(SETUP);
    let ours = namespace.by_netlink(&[]);
    assert_eq!(ours["gaps"], json!([]), "{ours:#}");
    let theirs = namespace.json(&["ip", "-j", "-d", "-s", "addr"]);
    assert_eq!(part(&ours, "interfaces").len(), theirs.len());
    let mut addresses = Vec::new();
    for link in &theirs {
        let one = only(part(&ours, "interfaces"), |one| {
            one["index"] == link["ifindex"]
        });
        assert_eq!(one["name"], link["ifname"]);
        assert_eq!(one["mtu_bytes"], link["mtu"]);
        assert_eq!(one["link_type"], link["link_type"]);
        assert_eq!(one["mac_address"], link["address"]);
        assert_eq!(one["kind"], link["linkinfo"]["info_kind"]);
        let state = link["operstate"].as_str().unwrap().to_lowercase();
        assert_eq!(one["state"].as_str().unwrap().replace('_', ""), state);
        // ip adds words for the link's state.
        let flags: BTreeSet<_> = words(&link["flags"])
            .into_iter()
            .filter(|word| word != "m_down")
            .collect();
        assert_eq!(words(&one["flags"]), flags, "{one:#}");
        for (ours, theirs) in [("received", "rx"), ("sent", "tx")] {
            let theirs = &link["stats64"][theirs];
            for key in ["bytes", "packets", "errors", "dropped"] {
                // Packets may pass meanwhile.
                assert!(one[ours][key].as_u64() <= theirs[key].as_u64(), "{key}");
            }
        }
        for address in list(link, "addr_info") {
            let name = if address["address"].is_string() {
                format!("{} peer {}", address["local"], address["address"])
            } else {
                address["local"].to_string()
            };
            let (prefix, scope) = (&address["prefixlen"], &address["scope"]);
            addresses.push(format!("{} {name}/{prefix} {scope}", link["ifname"]));
        }
    }
    let name = |one: &Value| match &one["peer"] {
        Value::Null => one["address"].to_string(),
        peer => format!("{} peer {peer}", one["address"]),
    };
    let shown = part(&ours, "addresses").iter().map(|one| {
        let (prefix, scope) = (&one["prefix_length"], &one["scope"]);
        format!("{} {}/{prefix} {scope}", one["interface"], name(one))
    });
    assert_eq!(sorted(shown.collect()), sorted(addresses));
}

/// As ip(8) writes a network.
fn network(address: &Value, prefix_length: &Value) -> String {
    let address = address.as_str().unwrap();
    let whole = if address.contains(':') { 128 } else { 32 };
    match prefix_length.as_u64().unwrap() {
        0 => "default".to_owned(),
        length if length == whole => address.to_owned(),
        length => format!("{address}/{length}"),
    }
}

fn or<'a>(value: &'a Value, default: &'a str) -> String {
    match value {
        Value::Null => default.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[needs(root)]
fn routes_of_every_table_but_local_are_those_of_ip() {
    let namespace = Namespace::new(SETUP);
    for family in ["-4", "-6"] {
        let command = ["ip", family, "-j", "-d", "route", "show", "table", "all"];
        let theirs = namespace.json(&command);
        let theirs = theirs.iter().filter(|route| route["table"] != "local");
        let theirs = theirs.map(|route| {
            format!(
                "{} {} {} {} {} {} {} {} {} {}",
                or(&route["dst"], ""),
                or(&route["type"], "unicast"),
                or(&route["gateway"], "-"),
                or(&route["dev"], "-"),
                or(&route["metric"], "0"),
                or(&route["protocol"], "?"),
                or(&route["scope"], "global"),
                or(&route["table"], "main"),
                or(&route["prefsrc"], "-"),
                or(&route["metrics"][0]["mtu"], "-"),
            )
        });
        let ours = namespace.by_netlink(&["--routes", family]);
        let shown = part(&ours, "routes").iter().map(|route| {
            let hop = &route["next_hops"][0];
            format!(
                "{} {} {} {} {} {} {} {} {} {}",
                network(&route["destination"], &route["prefix_length"]),
                or(&route["kind"], "?"),
                or(&hop["gateway"], "-"),
                or(&hop["interface"], "-"),
                route["metric"],
                or(&route["protocol"], "?"),
                or(&route["scope"], "?"),
                or(&route["table"], "?"),
                or(&route["preferred_source"], "-"),
                or(&route["mtu_bytes"], "-"),
            )
        });
        let (theirs, shown) = (sorted(theirs.collect()), sorted(shown.collect()));
        assert!(theirs.len() > 3, "{theirs:?}");
        assert_eq!(shown, theirs);
    }
}

#[needs(root)]
fn a_route_of_several_hops_has_them_all() {
    let hops =
        "ip route add 10.80.0.0/16 nexthop via 10.9.0.1 weight 1 nexthop via 10.9.0.2 weight 7";
    let namespace = Namespace::new(&format!("{SETUP}{hops}"));
    let ours = namespace.by_netlink(&["--routes"]);
    let route = only(part(&ours, "routes"), |one| {
        one["destination"] == "10.80.0.0"
    });
    let theirs = namespace.json(&["ip", "-j", "route", "show", "10.80.0.0/16"]);
    let hops = list(&theirs[0], "nexthops");
    assert_eq!(list(route, "next_hops").len(), hops.len());
    for (ours, theirs) in list(route, "next_hops").iter().zip(hops) {
        assert_eq!(ours["gateway"], theirs["gateway"]);
        assert_eq!(ours["interface"], theirs["dev"]);
        assert_eq!(ours["weight"], theirs["weight"]);
    }
}

#[needs(root)]
fn rules_and_neighbours_are_those_of_ip() {
    let namespace = Namespace::new(SETUP);
    for family in ["-4", "-6"] {
        let theirs = namespace.json(&["ip", family, "-j", "rule"]);
        let ours = namespace.by_netlink(&["--rules", family]);
        assert_eq!(part(&ours, "rules").len(), theirs.len(), "{ours:#}");
        for rule in &theirs {
            let one = only(part(&ours, "rules"), |one| {
                one["priority"] == rule["priority"]
            });
            let prefix = |address: &Value, length: &Value| match address {
                Value::Null => "default".to_owned(),
                all if all == "all" => "default".to_owned(),
                address => network(address, length),
            };
            let source = prefix(&rule["src"], &rule["srclen"]);
            assert_eq!(
                network(&one["source"], &one["source_prefix_length"]),
                source
            );
            let destination = prefix(&rule["dst"], &rule["dstlen"]);
            let shown = network(&one["destination"], &one["destination_prefix_length"]);
            assert_eq!(shown, destination);
            match &rule["table"] {
                Value::Null => assert_eq!(one["action"], rule["action"], "{rule}"),
                table => assert_eq!(one["table"], *table),
            }
        }
        let theirs = namespace.json(&["ip", family, "-j", "neigh", "show", "nud", "all"]);
        let ours = namespace.by_netlink(&["--neighbours", family]);
        let shown = part(&ours, "neighbours").iter().map(|one| {
            let mac = or(&one["mac_address"], "-");
            format!(
                "{} {} {mac} {}",
                one["address"], one["interface"], one["state"]
            )
        });
        let theirs = theirs.iter().map(|one| {
            let state = one["state"][0].as_str().unwrap().to_lowercase();
            let mac = or(&one["lladdr"], "-");
            format!("{} {} {mac} {state:?}", one["dst"], one["dev"])
        });
        let (shown, theirs) = (sorted(shown.collect()), sorted(theirs.collect()));
        assert!(!theirs.is_empty());
        assert_eq!(shown, theirs);
    }
    let ours = namespace.by_netlink(&["--rules"]);
    let conditions = |priority: u32| {
        let rule = only(part(&ours, "rules"), |one| one["priority"] == priority);
        rule["conditions"].clone()
    };
    assert_eq!(conditions(501), json!(["fwmark 0x10/0xff", "iif v0"]));
    assert_eq!(conditions(503), json!(["ipproto tcp", "dport 80-90"]));
}

/// Fields that the text files do not say, and lists that they have a part of.
const ONLY_NETLINK: &[&str] = &[
    "addresses.flags",
    "addresses.interface",
    "addresses.peer",
    "addresses.prefix_length",
    "addresses.scope",
    "conntrack.limit",
    "ephemeral_ports",
    "interfaces.flags",
    "interfaces.kind",
    "interfaces.link_type",
    "interfaces.lower_index",
    "interfaces.mac_address",
    "interfaces.master_index",
    "interfaces.mtu_bytes",
    "interfaces.state",
    "neighbours.inet6",
    "routes.kind",
    "routes.mtu_bytes",
    "routes.next_hops",
    "routes.other_tables",
    "routes.preferred_source",
    "routes.protocol",
    "routes.scope",
    "routes.table",
    "rules",
];

#[needs(root)]
fn both_sources_agree_and_what_text_does_not_say_is_a_gap() {
    let namespace = Namespace::new(SETUP);
    let (netlink, text) = (namespace.by_netlink(&[]), namespace.by_text(&[]));
    let mut fields = BTreeSet::new();
    for gap in list(&text, "gaps") {
        assert_eq!(gap["reason"], "unsupported", "{gap}");
        let needs = gap["needs"].as_str().unwrap();
        assert!(needs.contains("network namespace"), "{gap}");
        fields.insert(gap["field"].as_str().unwrap());
    }
    let expected: BTreeSet<&str> = ONLY_NETLINK.iter().copied().collect();
    let conntrack = text["network"]["conntrack"].is_object();
    let expected: BTreeSet<&str> = expected
        .into_iter()
        .filter(|field| conntrack || *field != "conntrack.limit")
        .collect();
    assert_eq!(fields, expected);

    let address = |one: &Value| one["address"].to_string();
    let all = |document: &Value| -> Vec<String> {
        let all = part(document, "addresses").iter().map(address);
        sorted(all.collect())
    };
    assert_eq!(all(&netlink), all(&text));
    for one in part(&text, "addresses") {
        let same = only(part(&netlink, "addresses"), |other| {
            address(other) == address(one) && agree(one, other)
        });
        assert_eq!(same["address"], one["address"]);
    }
    let of_main = |one: &&Value| one["table"] == "main" || one["destination"] == "::";
    let in_main: Vec<&Value> = part(&netlink, "routes").iter().filter(of_main).collect();
    assert_eq!(part(&text, "routes").len(), in_main.len(), "{text:#}");
    for one in part(&text, "routes") {
        assert!(in_main.iter().any(|other| agree(one, other)), "{one:#}");
    }
    let v4: Vec<&Value> = part(&netlink, "neighbours")
        .iter()
        // The file leaves out those of groups.
        .filter(|one| !address(one).contains(':') && one["state"] != "noarp")
        .collect();
    assert_eq!(part(&text, "neighbours").len(), v4.len());
    for one in part(&text, "neighbours") {
        assert!(v4.iter().any(|other| agree(one, other)), "{one:#}");
    }
    for one in part(&text, "interfaces") {
        let other = only(part(&netlink, "interfaces"), |other| {
            other["name"] == one["name"]
        });
        for key in ["received", "sent"] {
            // Multicast may pass meanwhile.
            let packets = |one: &Value| one[key]["packets"].as_u64().unwrap();
            assert!(packets(one) >= packets(other), "{key}");
        }
    }
}

/// Whether what the text says is what rtnetlink says.
fn agree(text: &Value, netlink: &Value) -> bool {
    match (text, netlink) {
        (Value::Null, _) => true,
        (Value::Object(text), netlink) => text.iter().all(|(key, value)| {
            // Of permanent neighbours alone.
            agree(value, &netlink[key])
        }),
        (Value::Array(text), Value::Array(netlink)) => {
            // Text of a refusing IPv6 route names no hop that counts.
            text.len() == netlink.len() && text.iter().zip(netlink).all(|(a, b)| agree(a, b))
        }
        (text, netlink) => text == netlink,
    }
}

#[needs(root)]
fn names_of_interfaces_are_bytes() {
    let setup = "ip link set lo up\nip link add \"$(printf 'x\\377:y' | tr -d :)\" type bridge";
    let namespace = Namespace::new(setup);
    for document in [namespace.by_netlink(&[]), namespace.by_text(&[])] {
        let named = |one: &Value| bytes(&one["name"]) == b"x\xffy";
        only(part(&document, "interfaces"), named);
    }
}

#[needs(root)]
fn counters_are_those_of_nstat() {
    const TRAFFIC: &str = "
import socket
for _ in range(5):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(b'x', ('127.0.0.1', 9))
    try: socket.create_connection(('127.0.0.1', 9))
    except OSError: pass
listener = socket.create_server(('127.0.0.1', 0), backlog=0)
held = []
for _ in range(6):
    client = socket.socket()
    client.setblocking(False)
    try: client.connect(listener.getsockname())
    except OSError: pass
    held.append(client)
";
    let namespace = Namespace::new("ip link set lo up");
    namespace.inside(&["python3", "-c", TRAFFIC]).ended_with(0);
    let theirs = || -> BTreeMap<String, u64> {
        let seen = namespace.inside(&["nstat", "-a", "-z", "-s"]).ended_with(0);
        let text = seen.stdout_text();
        let row = |line: &str| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
        };
        text.lines().filter_map(row).collect()
    };
    eventually("the counters stand still", || {
        let before = theirs();
        let ours = namespace.by_netlink(&["--counters"]);
        if before != theirs() {
            return Err("traffic".to_owned());
        }
        let all = ours["network"]["kernel_counters"].as_object().unwrap();
        let mut compared = 0;
        for (name, value) in &before {
            let Some(shown) = all.get(name) else { continue };
            assert_eq!(shown.as_u64(), Some(*value), "{name}");
            compared += 1;
        }
        assert!(compared > 200, "{compared}");
        let missing: Vec<_> = before
            .keys()
            .filter(|name| !all.contains_key(*name))
            .collect();
        assert!(missing.len() < 7, "{missing:?}");
        let tcp = &ours["network"]["counters"]["tcp"];
        for (ours, theirs) in [
            ("resets_sent", "TcpOutRsts"),
            ("listen_overflows", "TcpExtListenOverflows"),
            ("retransmitted_segments", "TcpRetransSegs"),
            ("failed_attempts", "TcpAttemptFails"),
        ] {
            assert_eq!(tcp[ours], before[theirs], "{ours}");
        }
        assert!(tcp["resets_sent"].as_u64().unwrap() >= 5, "{tcp}");
        assert!(tcp["listen_overflows"].as_u64().unwrap() >= 1, "{tcp}");
        let udp = &ours["network"]["counters"]["udp"];
        assert_eq!(udp["no_listener"], before["UdpNoPorts"]);
        Ok(())
    });
}

#[needs(root)]
fn ephemeral_ports_are_counted_against_their_range() {
    const HOLD: &str = "
import socket, time
listener = socket.create_server(('127.0.0.1', 80), backlog=64)
six = socket.create_server(('::1', 81), family=socket.AF_INET6, backlog=64)
held = [socket.create_connection(('127.0.0.1', 80)) for _ in range(20)]
held += [socket.create_connection(('::1', 81)) for _ in range(5)]
print('ready', flush=True)
time.sleep(1000)
";
    let setup = "ip link set lo up\necho 40000 40099 > /proc/sys/net/ipv4/ip_local_port_range";
    let namespace = Namespace::new(setup);
    let pid = namespace.pid();
    let mut holder = Command::new("nsenter")
        .args(["--net", "--target", &pid, "python3", "-c", HOLD])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let ss = || {
        let seen = namespace.inside(&["ss", "-tanH"]).ended_with(0);
        let text = seen.stdout_text();
        let port = |line: &str| {
            let local = line.split_whitespace().nth(3)?;
            local.rsplit(':').next()?.parse::<u16>().ok()
        };
        let ports: BTreeSet<u16> = text.lines().filter_map(port).collect();
        ports.range(40000..=40099).count()
    };
    eventually("connections", || ss() > 20);
    eventually("the number stands still", || {
        let before = ss();
        let document = namespace.by_netlink(&["--counters"]);
        let ports = &document["network"]["ephemeral_ports"];
        assert_eq!(
            (&ports["first"], &ports["last"]),
            (&json!(40000), &json!(40099))
        );
        (before == ss()).then(|| {
            assert_eq!(ports["tcp_used"], before);
            let percent = ports["used_percent"].as_f64().unwrap();
            assert!(percent >= 20.0, "{percent}");
        })
    });
    holder.kill().unwrap();
    holder.wait().unwrap();
}

#[needs(root)]
fn how_names_are_looked_up_is_shown_to_those_who_may_see_the_files() {
    let files = FakeRoot::new();
    let resolv = "nameserver 10.96.0.10\nnameserver fe80::1%eth0\nsearch a.local b.local\n\
        options ndots:5 rotate\n";
    let resolv = files.write("resolv.conf", resolv);
    let hosts = files.write("hosts", "127.0.0.1 localhost\n10.1.2.3 db db.local # x\n");
    let nsswitch = files.write("nsswitch.conf", "hosts: files [NOTFOUND=return] dns\n");
    let web = Lab::webapp()
        .uid(1000)
        .copy(&resolv, "/etc/resolv.conf")
        .copy(&hosts, "/etc/hosts")
        .copy(&nsswitch, "/etc/nsswitch.conf")
        .start();
    let flags = ["network", "--dns", "--addresses", "-o", "json"];
    let ptrace = web.spyhole().uid(0).caps("+sys_ptrace");
    let same = web.spyhole().uid(1000).caps("none");
    for setup in [ptrace, same] {
        let document = setup.args(flags).run().document();
        let dns = &document["network"]["dns"];
        let file = &dns["resolv_conf"];
        assert_eq!(file["name_servers"], json!(["10.96.0.10", "fe80::1%eth0"]));
        assert_eq!(file["search"], json!(["a.local", "b.local"]));
        assert_eq!(
            (&file["ndots"], &file["options"]),
            (&json!(5), &json!(["rotate"]))
        );
        assert_eq!(
            dns["nsswitch_hosts"],
            json!(["files", "[NOTFOUND=return]", "dns"])
        );
        assert_eq!(dns["hosts"][1]["names"], json!(["db", "db.local"]));
        assert_eq!(dns.get("host_conf"), None);
        assert!(!dns["resolver"].is_null());
    }
    let stranger = web.spyhole().uid(65532).caps("none");
    let document = stranger.args(flags).run().document();
    let dns = &document["network"]["dns"];
    for field in [
        "resolv_conf",
        "hosts",
        "nsswitch_hosts",
        "host_conf",
        "resolver",
    ] {
        assert_eq!(dns.get(field), Some(&Value::Null), "{field}");
        let field = format!("dns.{field}");
        let gap = only(list(&document, "gaps"), |gap| gap["field"] == field);
        assert_eq!(gap["reason"], "uid", "{gap}");
    }
    // The rest takes no right.
    assert_eq!(document["network"]["source"], "netlink");
    assert!(!part(&document, "addresses").is_empty());
}

#[needs(root)]
fn an_interface_that_is_not_there_is_said_so() {
    let namespace = Namespace::new(SETUP);
    let pid = namespace.pid();
    let seen = spyhole(["network", "--interfaces", "--pid", &pid, "nope0"]).ended_with(1);
    assert!(
        seen.stderr_text().contains("no interface named \"nope0\""),
        "{seen}"
    );
    let document = namespace.by_netlink(&["v0"]);
    let names: Vec<_> = part(&document, "interfaces")
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["v0"]);
    let all = part(&document, "addresses");
    assert!(all.iter().all(|one| one["interface"] == "v0") && all.len() >= 4);
}
