//! `help`, and the help by question: which command answers it.

use std::io::{self, Write};

use clap::{Arg, ArgMatches, Command};

use super::exit::{self, Exit};
use super::{Failure, written};
use crate::model::escape::escaped;

pub(super) const HELP: &str = "help";

/// The whole list of commands and flags, as clap prints it.
const COMMANDS: &str = "commands";

/// What `spyhole --help` prints.
pub(super) fn overview() -> String {
    format!(
        "Inspect a running container that has no shell

Usage: spyhole [OPTIONS] [COMMAND]

Look             overview  processes (ps)  sockets (ss)  environment (env)  mounts  df
                 resources  capabilities (caps)  certificates (certs)  network (ip)
                 open_files (lsof)  fds  fuser  program (ldd)  containers  access  dump
                 id  mount  pgrep  printenv  getpcaps  uptime
Explain          doctor  explain ID  why :PORT|PID|NAME|PATH  diff A B
                 audit IMAGE  spec
Files            ls  cat  stat  find  du  head  tail  grep  sha256sum  tar  cp
Ask the network  tls  dns (dig)  fetch (curl)  connect (nc)  check
Watch            top  shell  serve
Deliver          kubectl  docker  podman  install  run  image
About            help [COMMAND|TOPIC|QUESTION]  schema  completions  man

Without a command: overview on a terminal, else dump. Most used options:
  -c, --container NAME|ID  inspect this container     --pid N   inspect only this process
  -o, --output FORMAT      table, wide, json or yaml  --self    spyhole's own container
  --timeout DURATION       stop after this long       --strict  exit 4 if data is missing

spyhole help             which command answers which question
spyhole help commands    every command and option in one line
spyhole COMMAND --help   the options of one command

{}
",
        exit::HELP
    )
}

/// A question, the words that it is found by, and the answer.
struct Topic {
    name: &'static str,
    question: &'static str,
    answer: &'static str,
}

const TOPICS: &[Topic] = &[
    Topic {
        name: "ports",
        question: "who listens on this port?",
        answer: "spyhole why :8080             who holds it, and why it is there\n\
                 spyhole ss -tulpn             every listener with its process\n\
                 spyhole ss --port 8080        the sockets of one port\n\
                 spyhole fuser 8080/tcp        the processes that use it\n\
                 spyhole connect 127.0.0.1:8080  whether it accepts connections",
    },
    Topic {
        name: "killed",
        question: "why was it killed?",
        answer: "spyhole doctor                problems with their evidence, worst first\n\
                 spyhole resources             memory against its limit, OOM kills\n\
                 spyhole ps --sort=-rss        what uses the memory\n\
                 spyhole run --help            start it under spyhole, which reports why it ends",
    },
    Topic {
        name: "certificates",
        question: "which certificate?",
        answer: "spyhole tls api.internal:443  what a server shows, and whether the target trusts it\n\
                 spyhole certs                 certificates and keys in the target's files\n\
                 spyhole certs --served        what its own listeners show\n\
                 spyhole certs --verify        whether the target would accept them",
    },
    Topic {
        name: "dns",
        question: "which DNS?",
        answer: "spyhole dns api.default       how the target resolves a name, query by query\n\
                 spyhole network               its resolv.conf, hosts file and resolver\n\
                 spyhole check dns:api.default  yes or no, for a probe",
    },
    Topic {
        name: "files",
        question: "how do I get a file out?",
        answer: "kubectl spyhole POD cp /var/log/app.log .    from a pod\n\
                 spyhole podman NAME cp /etc/nginx nginx      from a container\n\
                 spyhole cat /etc/nginx/nginx.conf            print it\n\
                 spyhole find / -name '*.log'                 find it",
    },
    Topic {
        name: "reach",
        question: "can it reach that server?",
        answer: "spyhole connect db:5432       each address, with time and error\n\
                 spyhole fetch -v http://api/  a request with its resolver, proxies and trust store\n\
                 spyhole network               routes, addresses, counters",
    },
    Topic {
        name: "environment",
        question: "which settings was it started with?",
        answer: "spyhole env                   its environment, secrets redacted\n\
                 spyhole ps -f                 its command line\n\
                 spyhole env --all             each process against its parent",
    },
    Topic {
        name: "disk",
        question: "what fills the disk?",
        answer: "spyhole df -h                 space of its file systems\n\
                 spyhole du -xh -d 2 /         which directories\n\
                 spyhole lsof +L1              removed files that still take space",
    },
    Topic {
        name: "memory",
        question: "how much memory and CPU against the limit?",
        answer: "spyhole resources             use, limit, OOM kills, throttling\n\
                 spyhole ps --sort=-rss        which process uses the memory\n\
                 spyhole check 'memory:<90%'    yes or no, for a probe",
    },
    Topic {
        name: "permissions",
        question: "why is it not permitted?",
        answer: "spyhole caps                  user, capabilities, seccomp, security label\n\
                 spyhole mounts --writable     where it can write\n\
                 spyhole ls -ln /data          owners and modes\n\
                 spyhole access                what spyhole itself may read, and why not",
    },
];

/// Words that are typed, and the topic or the sentence that answers them.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "bash",
        "there is no shell to start: spyhole itself looks; see spyhole help",
    ),
    ("date", "spyhole uptime"),
    ("dmesg", "spyhole doctor, spyhole help killed"),
    ("echo", "spyhole printenv NAME"),
    ("file", "spyhole program PATH"),
    (
        "gdb",
        "spyhole ps --details; spyhole attaches to no process",
    ),
    ("host", "spyhole dns NAME"),
    ("hostname", "spyhole cat /etc/hostname"),
    ("iostat", "spyhole resources"),
    (
        "iptables",
        "spyhole network; rules of the firewall are not read",
    ),
    ("journalctl", "kubectl logs, or spyhole tail -f PATH"),
    (
        "kill",
        "no signal is ever sent; spyhole ps shows the process",
    ),
    ("less", "spyhole cat PATH | less"),
    ("lsns", "spyhole ps --details"),
    ("md5sum", "spyhole sha256sum PATH"),
    ("more", "spyhole cat PATH | more"),
    ("nmap", "spyhole connect HOST:PORT"),
    (
        "nsenter",
        "nothing is run in the target; spyhole help lists what can be asked",
    ),
    ("pidof", "spyhole pgrep -x NAME"),
    (
        "ping",
        "spyhole connect HOST:PORT; ICMP needs a capability and says less",
    ),
    ("pmap", "spyhole program --pid N"),
    ("prlimit", "spyhole limits"),
    ("pstree", "spyhole ps --tree"),
    ("readlink", "spyhole stat PATH"),
    (
        "sh",
        "there is no shell to start: spyhole itself looks; see spyhole help",
    ),
    (
        "strace",
        "spyhole ps --details; spyhole attaches to no process",
    ),
    ("systemctl", "spyhole ps --tree"),
    (
        "tcpdump",
        "spyhole ss -ti, spyhole network --counters; no packets are captured",
    ),
    ("telnet", "spyhole connect HOST:PORT"),
    ("traceroute", "spyhole connect HOST:PORT, spyhole network"),
    ("tree", "spyhole find PATH"),
    ("ulimit", "spyhole limits"),
    ("uname", "spyhole access"),
    ("vmstat", "spyhole resources"),
    ("wc", "spyhole grep -c '' PATH"),
    ("which", "spyhole find / -name NAME"),
    ("whoami", "spyhole id -un"),
];

/// Its subcommand.
pub(super) fn command() -> Command {
    Command::new(HELP)
        .about("Show which command answers a question, or the help of a command")
        .after_help(
            "Examples:\n  spyhole help\n  spyhole help 'who listens on this port?'\n  \
             spyhole help dns",
        )
        .arg(
            Arg::new("topic")
                .value_name("COMMAND|TOPIC|QUESTION")
                .num_args(0..),
        )
}

/// Prints it.
pub(super) fn run(own: &ArgMatches) -> Result<Exit, Failure> {
    let words: Vec<&String> = own.get_many("topic").into_iter().flatten().collect();
    let text = match words.as_slice() {
        [] => topics(),
        [one] if *one == COMMANDS => super::listing().render_help().to_string(),
        [one] => help_of_command(one)
            .or_else(|| topic(one))
            .ok_or_else(|| unknown(one))?,
        several => {
            let question: Vec<&str> = several.iter().map(|word| word.as_str()).collect();
            let question = question.join(" ");
            topic(&question).ok_or_else(|| unknown(&question))?
        }
    };
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => Ok(Exit::Done),
        Err(error) => written(&error),
    }
}

fn help_of_command(name: &str) -> Option<String> {
    let mut whole = super::command();
    whole.build();
    let found = whole.find_subcommand_mut(name)?;
    let mut text = found.render_help().to_string();
    // Both a command and a question.
    if let Some(answer) = TOPICS.iter().find(|topic| topic.name == name) {
        text.push('\n');
        text.push_str(&section(answer));
    }
    Some(text)
}

fn topics() -> String {
    let mut text = "Questions, and the commands that answer them:\n".to_owned();
    for topic in TOPICS {
        text.push('\n');
        text.push_str(&section(topic));
    }
    text.push_str(
        "\nspyhole help COMMAND shows the help of one command, spyhole help commands all.\n",
    );
    text
}

fn section(topic: &Topic) -> String {
    let lines = topic.answer.lines().map(|line| format!("  {line}\n"));
    format!(
        "{} (help {})\n{}",
        topic.question,
        topic.name,
        lines.collect::<String>()
    )
}

/// The topic of this name, or whose question has most of these words.
fn topic(asked: &str) -> Option<String> {
    if let Some(topic) = TOPICS.iter().find(|topic| topic.name == asked) {
        return Some(section(topic));
    }
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric());
        let words = words.filter(|word| word.len() > 2 && !FILLERS.contains(word));
        words.map(str::to_ascii_lowercase).collect()
    };
    let asked = words(asked);
    let score = |topic: &Topic| {
        let known = words(&format!("{} {}", topic.question, topic.name));
        asked.iter().filter(|word| known.contains(word)).count()
    };
    let best = TOPICS.iter().max_by_key(|topic| score(topic))?;
    (score(best) > 0).then(|| section(best))
}

/// Words that every question has.
const FILLERS: &[&str] = &[
    "who", "why", "was", "the", "this", "that", "how", "get", "can", "what", "which", "with",
    "does",
];

fn unknown(asked: &str) -> Failure {
    let asked = escaped(asked.as_bytes());
    let names: Vec<&str> = TOPICS.iter().map(|topic| topic.name).collect();
    Failure::usage(format!(
        "no command or topic {asked:.100}; topics: {}; spyhole help lists the questions",
        names.join(", ")
    ))
}

/// What is said of a command that there is not: what stands in for it.
pub(super) fn instead_of(name: &str) -> Option<String> {
    let found = ELSEWHERE.iter().find(|(known, _)| *known == name)?;
    Some(found.1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overview_is_short_and_names_every_command() {
        let text = overview();
        assert!(text.lines().count() <= 36, "{text}");
        assert!(text.lines().all(|line| line.len() <= 92), "{text}");
        for command in super::super::command().get_subcommands() {
            let name = command.get_name();
            assert!(text.contains(name), "{name}");
        }
    }

    #[test]
    fn questions_are_found_by_their_words() {
        for (asked, name) in [
            ("who listens on this port?", "ports"),
            ("who listens on port 80", "ports"),
            ("why was it killed?", "killed"),
            ("how do I get a file out?", "files"),
            ("disk", "disk"),
            ("which certificate?", "certificates"),
        ] {
            let found = topic(asked).unwrap();
            assert!(
                found.contains(&format!("(help {name})")),
                "{asked}: {found}"
            );
        }
        assert_eq!(topic("the weather"), None);
    }

    #[test]
    fn lines_of_answers_are_lines_that_parse() {
        let answers = TOPICS.iter().flat_map(|topic| topic.answer.lines());
        for line in answers {
            let typed = line.split("  ").next().unwrap();
            let words = typed.split(' ').map(|word| word.trim_matches('\''));
            let words: Vec<std::ffi::OsString> = words.map(Into::into).collect();
            let words = match words.first().unwrap().to_str() {
                // As the plugin it is called so.
                Some("kubectl") => [&["spyhole".into(), "kubectl".into()], &words[2..]].concat(),
                _ => words,
            };
            let parsed = super::super::parse(&words);
            let is_help = |error: &clap::Error| error.kind() == clap::error::ErrorKind::DisplayHelp;
            assert!(
                parsed.as_ref().err().is_none_or(is_help),
                "{typed}: {parsed:?}",
                parsed = parsed.err()
            );
        }
    }
}
