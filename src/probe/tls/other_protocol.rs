//! What a server speaks that does not speak TLS, and what to ask it with.

/// The advice for a server that said this in place of TLS.
pub(super) fn advice(said: &[u8]) -> Option<&'static str> {
    let starts = |word: &str| said.starts_with(word.as_bytes());
    let holds = |word: &str| {
        said.windows(word.len())
            .any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
    };
    Some(match said {
        _ if starts("HTTP/") => "it speaks HTTP without TLS",
        _ if starts("SSH-") => "it speaks SSH",
        _ if starts("RFB ") => "it speaks VNC",
        _ if starts("AMQP") => "it speaks AMQP without TLS",
        _ if starts("* OK") || starts("* PREAUTH") || starts("* BYE") => {
            "it speaks IMAP: try --starttls imap"
        }
        _ if starts("+OK") => "it speaks POP3: try --starttls pop3",
        _ if starts("-ERR") => "it speaks Redis or POP3",
        _ if starts("220") && (holds("smtp") || holds("mail")) => {
            "it speaks SMTP: try --starttls smtp"
        }
        _ if starts("220") && holds("ftp") => "it speaks FTP: try --starttls ftp",
        _ if starts("220") => "it speaks SMTP or FTP: try --starttls smtp or --starttls ftp",
        _ if starts("<?xml") || starts("<stream") => "it may speak XMPP: try --starttls xmpp",
        // A packet of less than 64 KiB, the first one, of protocol version 10, or an error.
        [_, _, 0, 0, 10 | 0xff, ..] => "it speaks MySQL: try --starttls mysql",
        [0x30, ..] => "it may speak LDAP: try --starttls ldap",
        _ => return None,
    })
}

/// The advice for a server that said nothing, by the port it listens on.
pub(super) fn advice_by_port(port: u16) -> Option<&'static str> {
    Some(match port {
        21 => "--starttls ftp",
        25 | 587 | 2525 => "--starttls smtp",
        110 => "--starttls pop3",
        143 => "--starttls imap",
        389 | 3268 => "--starttls ldap",
        3306 => "--starttls mysql",
        5222 | 5269 => "--starttls xmpp",
        5432 | 6432 => "--starttls postgres",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greetings_name_the_flag_to_ask_with() {
        let cases: [(&[u8], &str); 7] = [
            (b"HTTP/1.1 400 Bad Request\r\n", "HTTP"),
            (b"SSH-2.0-OpenSSH_9.2", "SSH"),
            (b"220 mx.example ESMTP Exim", "--starttls smtp"),
            (b"220 (vsFTPd 3.0.3)", "--starttls ftp"),
            (b"* OK IMAP4rev1", "--starttls imap"),
            (b"+OK ready", "--starttls pop3"),
            (b"J\0\0\0\x0a8.0.36\0", "--starttls mysql"),
        ];
        for (said, word) in cases {
            assert!(
                advice(said).is_some_and(|advice| advice.contains(word)),
                "{word}"
            );
        }
        assert_eq!(advice(b"hello"), None);
    }
}
