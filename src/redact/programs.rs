//! Short options that mean a password, in the programs where they do.
//!
//! `-p` is a password to `mysql` and a port to `docker run`, so nothing here holds for
//! programs in general.

use super::text::cut;

/// The program that the words at hand belong to, as far as its options matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Program {
    #[default]
    Other,
    /// Runs what is written in one argument.
    Shell,
    Mysql,
    Curl,
    Ab,
    Sshpass,
    Redis,
    Ldap,
    Mosquitto,
    /// Has a `login` subcommand; `-p` means something else before it.
    Registry,
    Login,
    Mongo,
    SevenZip,
    Zip,
    Sqlcmd,
    Plink,
    Snmp,
    Smb,
    Ipmi,
    Cqlsh,
    Openssl,
}

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Password,
    /// `user:password`, and what parts them.
    UserAnd(u8),
}

/// An option that takes a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opt {
    pub(super) takes: Takes,
    /// Where in the word the value starts; none: it is the next word.
    pub(super) attached: Option<usize>,
}

/// Whether `word` (a path, or a name) starts a program, or a subcommand, that is known here.
pub(super) fn program(before: Program, word: &[u8]) -> Option<Program> {
    let name = word.rsplit(|&b| b == b'/').next().unwrap_or_default();
    if name.len() > 16 {
        return None;
    }
    Some(match name {
        b"sh" | b"bash" | b"dash" | b"ash" | b"zsh" | b"ksh" | b"su" | b"runuser" => Program::Shell,
        b"mysql" | b"mariadb" | b"mysqldump" | b"mysqladmin" | b"mysqlimport" | b"mysqlshow"
        | b"mysqlcheck" | b"mysqlslap" | b"mysqlpump" | b"mysqlbinlog" | b"mariadb-dump"
        | b"mariadb-admin" | b"mariadb-backup" | b"mariabackup" | b"xtrabackup" | b"mytop" => {
            Program::Mysql
        }
        b"curl" => Program::Curl,
        b"ab" | b"http" | b"https" | b"xh" | b"hey" => Program::Ab,
        b"sshpass" => Program::Sshpass,
        b"redis-cli" | b"valkey-cli" | b"keydb-cli" => Program::Redis,
        b"ldapsearch" | b"ldapmodify" | b"ldapadd" | b"ldapdelete" | b"ldapwhoami"
        | b"ldappasswd" | b"ldapcompare" => Program::Ldap,
        b"mosquitto_pub" | b"mosquitto_sub" | b"mosquitto_rr" => Program::Mosquitto,
        b"docker" | b"podman" | b"nerdctl" | b"buildah" | b"skopeo" | b"helm" | b"oc" | b"az"
        | b"crane" | b"oras" => Program::Registry,
        b"login" if before == Program::Registry => Program::Login,
        b"mongo" | b"mongosh" | b"mongodump" | b"mongorestore" | b"mongoexport"
        | b"mongoimport" | b"mongostat" | b"mongotop" => Program::Mongo,
        b"7z" | b"7za" | b"7zr" | b"7zz" | b"rar" | b"unrar" => Program::SevenZip,
        b"zip" | b"unzip" => Program::Zip,
        b"sqlcmd" | b"bcp" => Program::Sqlcmd,
        b"plink" | b"pscp" | b"psftp" | b"putty" => Program::Plink,
        b"snmpwalk" | b"snmpget" | b"snmpset" | b"snmpbulkwalk" | b"snmptrap" => Program::Snmp,
        b"smbclient" | b"rpcclient" | b"smbget" | b"wmic" => Program::Smb,
        b"ipmitool" => Program::Ipmi,
        b"cqlsh" | b"cqlsh.py" => Program::Cqlsh,
        b"openssl" => Program::Openssl,
        _ => return None,
    })
}

/// Whether `word`, which starts with `-`, is an option of `program` that takes a password.
pub(super) fn option(program: Program, word: &[u8]) -> Option<Opt> {
    let password = |flags: &[&[u8]], attached: bool, separate: bool| {
        let flag = flags.iter().find(|flag| word.starts_with(flag))?;
        if word.len() == flag.len() {
            separate.then_some(Opt {
                takes: Takes::Password,
                attached: None,
            })
        } else {
            attached.then_some(Opt {
                takes: Takes::Password,
                attached: Some(flag.len()),
            })
        }
    };
    let user = |flags: &[&[u8]], between: u8| {
        let flag = flags.iter().find(|flag| word.starts_with(flag))?;
        let rest = cut(word, flag.len(), word.len());
        let long = flag.starts_with(b"--");
        let attached = match rest.first() {
            None => None,
            Some(b'=') if long => Some(flag.len() + 1),
            Some(_) if long => return None,
            Some(_) => Some(flag.len()),
        };
        Some(Opt {
            takes: Takes::UserAnd(between),
            attached,
        })
    };
    match program {
        Program::Other | Program::Shell | Program::Registry => None,
        Program::Mysql | Program::SevenZip => password(&[b"-p"], true, false),
        Program::Curl => user(&[b"-u", b"-U", b"--user", b"--proxy-user"], b':').or_else(|| {
            // `-sSu user:password`: several short options in one word.
            let cluster =
                word.len() <= 8 && cut(word, 1, word.len()).iter().all(u8::is_ascii_alphabetic);
            (cluster && matches!(word.last(), Some(b'u' | b'U'))).then_some(Opt {
                takes: Takes::UserAnd(b':'),
                attached: None,
            })
        }),
        Program::Ab => user(&[b"-a", b"-A", b"-P", b"--auth"], b':'),
        Program::Sshpass | Program::Login | Program::Mongo | Program::Cqlsh => {
            password(&[b"-p"], true, true)
        }
        Program::Redis => password(&[b"-a"], true, true),
        Program::Ldap => password(&[b"-w"], true, true),
        Program::Mosquitto | Program::Zip | Program::Sqlcmd | Program::Ipmi => {
            password(&[b"-P"], true, true)
        }
        Program::Plink => password(&[b"-pw"], false, true),
        Program::Snmp => password(&[b"-A", b"-X", b"-c"], true, true),
        Program::Smb => user(&[b"-U", b"--user"], b'%'),
        Program::Openssl => password(&[b"-k", b"-K"], false, true),
    }
}
