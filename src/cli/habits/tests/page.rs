//! docs/habits.md: command lines that people know, and what becomes of each.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::super::*;
use crate::cli::ask::AskCommand;
use crate::cli::section_commands::SectionCommand;

const HEAD: &str = "# Command lines of other tools

Type `spyhole` before them, or link spyhole under the tool's name. Each line below is answered by the command
beside it, in the tool's columns where it has such, or refused by name with the nearest command and exit code 2;
none is accepted and ignored. Names and files are those of the target.

This page is made of the tables that spyhole uses: `BLESS=1 cargo test --lib habits`.

- A tool's own short flags win over spyhole's: `ps -o pid,comm` are columns, `ps -o json` is the format of the
  output. `-c NAME` is the container where the tool has no `-c`; `--container` is it everywhere.
- `dig` and `nslookup` use the target's search list; a name that ends with a dot is not completed.
- `nc` sends nothing: `-z` is required. `wget` writes to a file only with `-O FILE`.
- `top -b -n 1`, `top -bn1`, `top -H`, `top -d 2` and `top -o %MEM` are as in top, the keys as in htop: [top](top.md).
- `free` is the memory of the target's cgroup against its limit, `uptime` that of its main process.

| typed | answered by |
|---|---|
";

const LINES: &[&str] = &[
    "ps",
    "ps aux",
    "ps auxww",
    "ps auxf",
    "ps ax",
    "ps -ef",
    "ps -e",
    "ps -eLf",
    "ps -eH",
    "ps --forest",
    "ps axo pid,comm",
    "ps -eo pid,ppid,user,stat,etime,cmd --sort=-rss",
    "ps -o pid= -o comm=",
    "ps -p 1",
    "ps 1",
    "ps -C nginx",
    "ps -u app",
    "ps -Z",
    "ps auxe",
    "ps --ppid 1",
    "pgrep nginx",
    "pgrep -l nginx",
    "pgrep -af java",
    "pgrep -x sh",
    "pgrep -c nginx",
    "pgrep -u app nginx",
    "pgrep -n nginx",
    "pgrep -P 1",
    "ss",
    "ss -tulpn",
    "ss -tanp",
    "ss -tlnp",
    "ss -s",
    "ss -to",
    "ss -ti",
    "ss -x",
    "ss -tan state established",
    "ss -A tcp,udp",
    "ss -H",
    "ss -K",
    "ss -m",
    "ss -r",
    "netstat -tlnp",
    "netstat -an",
    "netstat -plant",
    "netstat -rn",
    "netstat -s",
    "netstat -i",
    "netstat -g",
    "lsof",
    "lsof -p 1",
    "lsof -i",
    "lsof -i :8080",
    "lsof -nP -iTCP -sTCP:LISTEN",
    "lsof +L1",
    "lsof -c web",
    "lsof -u root",
    "lsof /",
    "lsof -r",
    "fuser 8080/tcp",
    "fuser /var/log",
    "fuser -k 8080/tcp",
    "findmnt",
    "findmnt -t proc",
    "findmnt -J",
    "findmnt -T /tmp",
    "findmnt -D",
    "findmnt -o TARGET",
    "findmnt -R /",
    "df",
    "df -h",
    "df -i",
    "df -hT /",
    "df -k",
    "df --total",
    "df -x tmpfs",
    "mount",
    "mount -t tmpfs",
    "mount -a",
    "mount /dev/sda1 /mnt",
    "free",
    "free -h",
    "free -m",
    "uptime",
    "uptime -s",
    "uptime -p",
    "ip a",
    "ip addr show eth0",
    "ip -br a",
    "ip r",
    "ip -6 route",
    "ip neigh",
    "ip rule",
    "ip -s link",
    "ip xfrm",
    "ip link set eth0 up",
    "ifconfig",
    "ifconfig eth0",
    "route -n",
    "route add",
    "nstat -az",
    "ls -la /etc",
    "ls -lt /var/log",
    "ls -1",
    "ls -lahR /app",
    "cat /etc/os-release",
    "cat -n /etc/hosts",
    "head -20 /etc/services",
    "head -c 100 /etc/services",
    "tail -n 50 /var/log/app.log",
    "tail -f /var/log/app.log",
    "tail -F /var/log/app.log",
    "stat -c %U:%G /app",
    "du -sh /var",
    "du -xh -d 1 /",
    "sha256sum /app/server",
    "find / -name '*.log'",
    "find /data -size +100M",
    "find /tmp -mtime -1 -type f",
    "find / -perm -4000",
    "grep -rn listen /etc/nginx",
    "grep -i error /var/log/app.log",
    "grep -c '' /etc/passwd",
    "grep -P x /etc/hosts",
    "tar cf - /etc",
    "tar czf - /etc",
    "tar tf x.tar",
    "nslookup api",
    "nslookup api 10.96.0.10",
    "nslookup -type=mx example.com",
    "nslookup -debug api",
    "dig api",
    "dig +short api",
    "dig @10.96.0.10 api",
    "dig example.com MX",
    "dig -t SRV _web._tcp.test",
    "dig -x 10.96.0.10",
    "dig +trace example.com",
    "dig MX example.com",
    "dig -p 5353 @10.96.0.10 api",
    "dig -p 5353 api",
    "dig +noall +answer api",
    "curl http://app:8080/health",
    "curl -I http://app/",
    "curl -fsSL http://app/",
    "curl -sk https://app/",
    "curl -v https://app/",
    "curl -o page.html http://app/",
    "curl --output page.html http://app/",
    "curl -H Accept:text/plain http://app/",
    "curl -m 5 http://app/",
    "curl -x http://proxy:3128 http://app/",
    "curl --compressed http://app/",
    "curl --cacert ca.pem https://app/",
    "curl -w '%{http_code}' http://app/",
    "curl -u me:pass http://app/",
    "curl -A probe http://app/",
    "curl -E tls.crt https://app/",
    "curl --unix-socket /run/app.sock http://app/",
    "curl -X POST http://app/",
    "curl -O http://app/x",
    "curl -F a=b http://app/",
    "curl --http2 https://app/",
    "wget -qO- http://app/",
    "wget -O page.html http://app/",
    "wget --spider http://app/",
    "wget http://app/x",
    "wget -r http://app/",
    "wget -T 5 -qO- http://app/",
    "nc -zv db 5432",
    "nc -z -w 3 db 5432",
    "nc -zU /run/app.sock",
    "nc -nzv 10.96.0.10 5432",
    "nc -nzv db 5432",
    "nc -zv db 5432 5433",
    "nc -zv db 5432-5440",
    "nc db 5432",
    "nc -l 8080",
    "nc -zu dns 53",
    "id",
    "id -u",
    "id -un",
    "id -Gn",
    "id app",
    "env",
    "env PATH",
    "env -i",
    "env A=b",
    "printenv",
    "printenv PATH",
    "printenv -0",
    "getpcaps 1",
    "getpcaps --legacy 1",
    "capsh --print",
    "capsh --decode=00000000a80425fb",
    "capsh --drop=all",
    "openssl s_client -connect db:5432 -starttls postgres",
    "openssl s_client -connect app:443 -servername app -showcerts",
    "openssl s_client -connect app:443 -CAfile ca.pem",
    "openssl s_client -connect app:443 -tls1_2",
    "openssl x509 -in /etc/tls/tls.crt -noout -text",
    "openssl x509 -in /etc/tls/tls.crt -noout -enddate",
    "openssl x509 -in /etc/tls/tls.crt -noout -dates -subject -issuer -ext subjectAltName",
    "openssl x509 -in /etc/tls/tls.crt -checkend 86400",
    "openssl verify /etc/tls/tls.crt",
    "openssl verify -CAfile ca.pem /etc/tls/tls.crt",
    "openssl genrsa 2048",
    "step certificate inspect /etc/tls/tls.crt",
    "step certificate inspect https://app",
    "step certificate inspect --roots ca.pem https://app",
];

/// The words of a line, of which some stand between quotes.
fn words_of(line: &str) -> Vec<OsString> {
    let parts = line.split('\'').enumerate();
    let words = parts.flat_map(|(at, part)| match at % 2 {
        0 => part.split_whitespace().collect::<Vec<_>>(),
        _ => vec![part],
    });
    std::iter::once("spyhole")
        .chain(words)
        .map(OsString::from)
        .collect()
}

/// The words that clap gets, as they are typed.
fn shown(words: &[OsString]) -> String {
    let word = |word: &OsString| {
        let text = word.to_str().unwrap();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@%+".contains(c);
        if !text.is_empty() && text.chars().all(plain) {
            text.to_owned()
        } else {
            format!("'{text}'")
        }
    };
    let words: Vec<String> = words.iter().map(word).collect();
    words.join(" ")
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "a document of the repository, which this makes"
)]
fn each_line_of_the_page_is_taken_or_refused_by_name() {
    let mut page = HEAD.to_owned();
    let (mut taken, mut refused) = (0, 0);
    for line in LINES {
        let words = words_of(line);
        let becomes = match crate::cli::parse(&words) {
            Ok(_) => {
                taken += 1;
                let mut done = in_our_words(&words).unwrap().into_owned();
                // Under the name of the tool its flags would be taken once more.
                if let Some(name) = done.get_mut(1)
                    && let Some(command) = AskCommand::named(name)
                {
                    *name = command.name.into();
                }
                if crate::cli::parse(&done).is_err()
                    && let Some(name) = done.get_mut(1)
                    && let Some(command) = SectionCommand::named(name)
                {
                    *name = command.name().into();
                }
                assert!(crate::cli::parse(&done).is_ok(), "{line}: {done:?}");
                format!("`{}`", shown(&done))
            }
            Err(error) => {
                refused += 1;
                let text = error.to_string();
                let first = text.lines().find(|line| !line.trim().is_empty()).unwrap();
                assert!(error.use_stderr(), "{line}: {text}");
                let first = first.trim_start_matches("error: ").trim();
                let tool = line.split(' ').next().unwrap();
                assert!(first.starts_with(tool), "{line}: {text}");
                let says = match first.split_once("nearest: ") {
                    Some((_, nearest)) => format!("nearest: {nearest}"),
                    None => first.to_owned(),
                };
                format!("refused; {}", says.replace('|', "\\|"))
            }
        };
        writeln!(page, "| `{line}` | {becomes} |").unwrap();
    }
    assert!(taken > 110 && refused > 40, "{taken} {refused}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/habits.md");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap();
    assert!(
        there == page,
        "docs/habits.md is not as made: BLESS=1 cargo test --lib habits"
    );
}
