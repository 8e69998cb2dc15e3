mod page;

use clap::Args;

use super::super::global::Global;
use super::super::section_commands::SectionCommand;
use super::*;

fn line(text: &str) -> Vec<OsString> {
    std::iter::once("spyhole")
        .chain(text.split(' '))
        .map(OsString::from)
        .collect()
}

fn ours(text: &str) -> Result<String, String> {
    let words = line(text);
    let done = in_our_words(&words).map_err(|refused| refused.to_string())?;
    let done: Vec<_> = done
        .iter()
        .skip(1)
        .map(|word| word.to_str().unwrap())
        .collect();
    Ok(done.join(" "))
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_line_becomes_one_that_spyhole_takes() {
    for (typed, expected) in [
        ("ps", "ps"),
        ("ps aux", "ps"),
        ("ps auxww", "ps --no-trunc"),
        ("ps -aux", "ps"),
        ("ps ax", "ps"),
        ("ps auxf", "ps --tree"),
        ("ps axo pid,comm", "ps --columns=pid,comm"),
        ("ps -axo pid,comm", "ps --columns=pid,comm"),
        ("ps axopid,comm k -rss", "ps --columns=pid,comm --sort=-rss"),
        ("ps -ef", "ps --all -f"),
        ("ps -e -A", "ps --all"),
        ("ps -eLf", "ps --all --threads -f"),
        ("ps -eH", "ps --all --tree"),
        (
            "ps -ejH",
            "ps --all --columns=pid,pgid,sid,tty,time,comm --tree",
        ),
        ("ps --forest", "ps --tree"),
        ("ps -eo pid,comm", "ps --all --columns=pid,comm"),
        ("ps -eopid,comm", "ps --all --columns=pid,comm"),
        (
            "ps -o pid,rss --sort=-rss",
            "ps --columns=pid,rss --sort=-rss",
        ),
        ("ps -o pid --sort -rss", "ps --columns=pid --sort=-rss"),
        (
            "ps -o pid= -o comm=",
            "ps --columns=pid --no-headers --columns=comm",
        ),
        ("ps -o user:20,pid", "ps --columns=user,pid"),
        ("ps -o json", "ps --output=json"),
        ("ps -o wide -c web", "ps --output=wide --container=web"),
        ("ps -c web", "ps --container=web"),
        ("-c web ps aux", "-c web ps"),
        ("-qc web ps -e", "-qc web ps --all"),
        ("--pid 1 ps -ef", "--pid 1 ps --all -f"),
        (
            "--pid=1 --no-connect ps h",
            "--pid=1 --no-connect ps --no-headers",
        ),
        ("ps -q 1,2", "ps --pids=1,2"),
        ("ps -q", "ps --quiet"),
        ("ps 1 2", "ps --pids=1 --pids=2"),
        ("ps -p 1,2", "ps -p1,2"),
        ("ps -fp 1", "ps -f -p1"),
        ("ps p 7", "ps --pids=7"),
        ("ps -C nginx -u app", "ps --name=nginx --user=app"),
        ("ps -A --no-headers -- x", "ps --all --no-headers -- x"),
        ("processes -eo pid", "processes --all --columns=pid"),
        ("ss -tulpn", "ss -t -u -l -p -n"),
        ("ss -tanp", "ss -t -a -n -p"),
        ("ss -s", "ss -s"),
        ("ss -tno", "ss -t -n --output=wide"),
        (
            "ss -ton state established",
            "ss -t --output=wide -n --state=established",
        ),
        ("ss -o json", "ss --output=json"),
        ("ss -tlnH", "ss -t -l -n --no-headers"),
        ("ss -A tcp,udp", "ss --tcp --udp"),
        ("ss -A", "ss --all"),
        ("ss -f unix", "ss --unix"),
        ("ss state listening", "ss --state=listening"),
        ("ss state fin-wait-1", "ss --state=fin-wait-1"),
        ("netstat -tlnp", "netstat -t -l -n -p"),
        ("netstat -plant", "netstat -p -l -a -n -t"),
        ("netstat -an", "netstat -a -n"),
        ("netstat -c web", "netstat --container=web"),
        ("df -h", "df -h"),
        ("df -hT /data", "df -h -T /data"),
        ("df -i", "df -i"),
        ("df -BM", "df -BM"),
        ("df -m", "df --block-size=1M"),
        ("df -t ext4", "df -text4"),
        ("df -o json", "df --output=json"),
        ("findmnt -t ext4,tmpfs", "findmnt -text4,tmpfs"),
        ("findmnt -o wide", "findmnt --output=wide"),
        ("findmnt -J", "findmnt --output=json"),
        ("findmnt -nl -T /data", "findmnt --no-headers /data"),
        ("findmnt --timeout 5s", "findmnt --timeout=5s"),
        ("env", "env"),
        ("env HOME PATH", "env HOME PATH"),
        ("env -A", "env -A"),
        ("ip a", "ip --addresses"),
        ("ip -br -c a", "ip --addresses"),
        ("ip addr show eth0", "ip --addresses eth0"),
        ("ip a s dev eth0", "ip --addresses eth0"),
        ("ip -s link", "ip --interfaces"),
        ("ip -4 r", "ip -4 --routes"),
        ("ip -6 route show", "ip -6 --routes"),
        ("ip -j neigh", "ip --output=json --neighbours"),
        ("ip -d rule", "ip --output=wide --rules"),
        ("ip -o addr", "ip --addresses"),
        ("ip -o json addr", "ip --output=json --addresses"),
        ("ip -c web a", "ip --container=web --addresses"),
        ("ip -family inet6 a", "ip --ipv6 --addresses"),
        ("ifconfig", "ifconfig --interfaces --addresses"),
        ("ifconfig -a", "ifconfig --interfaces --addresses"),
        ("ifconfig eth0", "ifconfig --interfaces --addresses eth0"),
        ("route -n", "route --routes"),
        ("nstat -az", "nstat --counters"),
        ("netstat -rn", "network --routes"),
        ("netstat -s", "network --counters"),
        ("netstat -i", "network --interfaces"),
        // Other commands are left alone, whatever follows them.
        ("run -- ps -Z", "run -- ps -Z"),
        ("mounts -i", "mounts -i"),
        ("dump -o json", "dump -o json"),
        ("kubectl web -- ps -Z", "kubectl web -- ps -Z"),
        ("--help", "--help"),
        ("-- ps -Z", "-- ps -Z"),
    ] {
        let done = ours(typed);
        assert_eq!(done.as_deref(), Ok(expected), "{typed}");
    }
}

#[test]
fn lines_of_lsof() {
    for (typed, expected) in [
        (
            "lsof -nP -iTCP -sTCP:LISTEN",
            "lsof --internet=TCP --state=LISTEN",
        ),
        ("lsof -i :8080", "lsof --internet=:8080"),
        ("lsof -i /data", "lsof --internet= /data"),
        ("lsof -ni4 -a -p 1,2", "lsof --internet=4 -a --pids=1,2"),
        ("lsof -p 1", "lsof --pids=1"),
        ("lsof -c nginx -u app", "lsof --name=nginx --user=app"),
        ("lsof +L1", "lsof --deleted"),
        ("lsof +aL1 /tmp", "lsof --deleted --and /tmp"),
        ("lsof +D /data", "lsof --under=/data"),
        ("lsof -s /data", "lsof /data"),
        ("lsof -t -i :8080", "lsof -t --internet=:8080"),
        ("lsof -ti:8080", "lsof -t --internet=:8080"),
        ("lsof -u root,^app", "lsof --user=root --not-user=app"),
        ("lsof -p ^1", "lsof --not-pids=1"),
        ("lsof -c ^nginx", "lsof --not-name=nginx"),
        ("lsof -d cwd,0-2", "lsof --fds=cwd,0-2"),
        ("lsof -d ^mem", "lsof --fds=^mem"),
        ("lsof +d /data", "lsof --within=/data"),
        ("lsof +c 0 -E", "lsof -E"),
        ("lsof +E -p 1", "lsof --ends --pids=1"),
        ("fuser -v 8080/tcp", "fuser 8080/tcp"),
        ("fuser -vm /data", "fuser -m /data"),
        ("fuser -n tcp 8080", "fuser -ntcp 8080"),
        ("lsof -o json", "lsof --output=json"),
        ("lsof 1 /data", "lsof 1 /data"),
    ] {
        assert_eq!(ours(typed).as_deref(), Ok(expected), "{typed}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_is_not_offered_is_refused_by_name() {
    for (typed, expected) in [
        ("ps -Z", "ps -Z: not supported; nearest: spyhole caps --all"),
        (
            "ps -efZ",
            "ps -Z: not supported; nearest: spyhole caps --all",
        ),
        ("ps auxe", "ps e: not supported; nearest: spyhole env --all"),
        ("ps -l", "ps -l: not supported; nearest: spyhole ps -o wide"),
        (
            "ps -e -c",
            "ps -c: not supported; nearest: spyhole ps --columns ni,pid,command",
        ),
        ("ps -X", "ps -X: not supported; nearest: spyhole ps --help"),
        (
            "ps --ppid 1",
            "ps --ppid: not supported; nearest: spyhole ps --tree",
        ),
        (
            "ps nginx",
            "ps \"nginx\": not supported; nearest: spyhole ps -p PIDS, -C NAME or -u USER",
        ),
        (
            "ps postgres",
            "ps \"postgres\": not supported; nearest: spyhole ps -p PIDS, -C NAME or -u USER",
        ),
        (
            "ps -u root,app",
            "ps -u root,app: not supported; nearest: spyhole ps --user ONE",
        ),
        (
            "ps -o pid=ID,comm",
            "ps -o pid=ID,comm: not supported; nearest: spyhole ps --columns=pid,comm",
        ),
        ("ss -K", "ss -K: not supported; nearest: spyhole ss --help"),
        ("ss -tm", "ss -m: not supported; nearest: spyhole ss -e"),
        (
            "ss sport = :80",
            "ss sport: not supported; nearest: spyhole ss --port N, which is either end",
        ),
        (
            "netstat -st",
            "netstat -t: not supported; nearest: spyhole network --counters",
        ),
        (
            "ip route add default",
            "ip add: not supported; nearest: spyhole network",
        ),
        (
            "ip -n ns a",
            "ip -n: not supported; nearest: spyhole network --container NAME",
        ),
        (
            "ip xfrm state",
            "ip xfrm: not supported; nearest: spyhole network",
        ),
        (
            "ifconfig eth0 10.0.0.1",
            "ifconfig 10.0.0.1: not supported; nearest: spyhole network",
        ),
        (
            "route add default",
            "route add: not supported; nearest: spyhole network --routes",
        ),
        (
            "nstat -r",
            "nstat -r: not supported; nearest: spyhole network --counters",
        ),
        (
            "netstat -c",
            "netstat -c: not supported; nearest: spyhole netstat",
        ),
        (
            "df --output=source,pcent",
            "df -o source,pcent: not supported; nearest: spyhole df -o wide",
        ),
        (
            "df -x tmpfs",
            "df -x: not supported; nearest: spyhole df -t LIST",
        ),
        (
            "df --total",
            "df --total: not supported; nearest: spyhole df",
        ),
        (
            "findmnt -o TARGET",
            "findmnt -o TARGET: not supported; nearest: spyhole findmnt -o wide",
        ),
        (
            "findmnt -i",
            "findmnt -i: not supported; nearest: spyhole findmnt -t LIST",
        ),
        (
            "env -i",
            "env -i: not supported; nearest: spyhole env, which runs no program",
        ),
        (
            "env A=b",
            "env A=b: not supported; nearest: spyhole env, which runs no program",
        ),
    ] {
        assert_eq!(ours(typed), Err(expected.to_owned()), "{typed}");
    }
}

/// Flags that clap knows must not be lost in the stage, nor their values be taken for words.
#[test]
fn every_flag_of_a_command_is_in_the_table_of_its_tool() {
    let of_global = Global::augment_args(clap::Command::new(""));
    for tool in TOOLS {
        for name in tool.names {
            // The flags of the others are those of their tools alone.
            let Some(look) = SectionCommand::named(name.as_ref()) else {
                continue;
            };
            let mut command = look.command();
            command.build();
            for arg in command.get_arguments().chain(of_global.get_arguments()) {
                if arg.is_positional() {
                    continue;
                }
                let takes = arg.get_action().takes_values();
                let short = arg.get_short().map(|short| format!("-{short}"));
                let long = arg.get_long().map(|long| format!("--{long}"));
                for flag in short.iter().chain(long.iter().filter(|_| takes)) {
                    let becomes = find(tool.flags, flag).or_else(|| find(GLOBAL, flag));
                    let becomes = becomes.unwrap_or_else(|| panic!("{name} {flag} is in no table"));
                    let consumes = matches!(
                        becomes,
                        Becomes::SameWith | Becomes::Value(_) | Becomes::Decide(_)
                    );
                    let refused = matches!(becomes, Becomes::Refused(_));
                    assert!(consumes || refused || !takes, "{name} {flag} takes a value");
                }
            }
        }
    }
}

/// Each row leads to words that clap takes, or that are refused.
#[test]
fn what_a_flag_becomes_is_there() {
    for tool in TOOLS {
        let bsd: &[Flag] = match tool.words {
            Words::Bsd(flags) => flags,
            _ => &[],
        };
        for flag in tool.flags.iter().chain(bsd) {
            let Becomes::Words(words) = flag.1 else {
                continue;
            };
            let name = tool.names[0];
            let required = match name {
                "wget" | "curl" => &["http://a/"][..],
                "openssl s_client" => &["a:1"],
                "dig" => &["a"],
                _ => &[],
            };
            let ours = ask::renamed(name, &[]).unwrap_or(name);
            let words = words.iter().chain(required).copied();
            let all: Vec<&str> = ["spyhole", ours].into_iter().chain(words).collect();
            let command = super::super::command();
            command.try_get_matches_from(&all).unwrap();
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_words_are_taken_or_refused(
        tool in proptest::sample::select(vec![
            "ps", "ss", "netstat", "df", "findmnt", "env", "ip", "ifconfig", "route", "nstat", "nc",
            "dig", "nslookup", "curl", "wget", "openssl s_client", "openssl x509", "openssl verify",
            "step certificate inspect", "id", "mount", "free", "uptime", "pgrep", "printenv",
            "getpcaps", "capsh",
        ]),
        words in proptest::collection::vec("[-a-zA-Z0-9,=:/ é]{0,8}", 0..6),
    ) {
        let all: Vec<OsString> = std::iter::once("spyhole")
            .chain(tool.split(' '))
            .map(OsString::from)
            .chain(words.iter().map(OsString::from))
            .collect();
        if let Err(refused) = in_our_words(&all) {
            let text = refused.to_string();
            proptest::prop_assert!(text.starts_with(tool) && text.contains("nearest: "), "{}", text);
        }
    }
}
