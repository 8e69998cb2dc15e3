//! How hashes of passwords begin.

/// With a dollar sign, as `crypt` has them.
#[rustfmt::skip]
pub(in crate::redact) const HASHES: &[&str] = &[
    "$1$", "$2a$", "$2b$", "$2x$", "$2y$", "$5$", "$6$", "$7$", "$y$", "$gy$", "$sm3$", "$md5$", "$md5,", "$sha1$", "$sha256$", "$sha512$", "$apr1$", "$argon2", "$scrypt$",
    "$pbkdf2", "$P$", "$H$", "$S$", "$C$", "$U$", "$3$", "$NT$", "$bcrypt-sha256$", "$8$", "$9$", "$14$", "$ml$", "$krb5", "$DCC2$", "$keepass$", "$ecryptfs$", "$office$", "$pdf$", "$zip2$",
];

/// With a scheme in braces, as LDAP, Dovecot and Spring have them.
#[rustfmt::skip]
pub(in crate::redact) const SCHEMES: &[&str] = &[
    "{SHA", "{SSHA", "{MD5", "{SMD5", "{CRYPT", "{PBKDF2", "{ARGON2", "{BLF-CRYPT", "{PLAIN", "{CLEAR", "{SCRAM", "{CRAM", "{NTLM", "{LANMAN", "{x-", "{bcrypt}", "{noop}", "{ssha", "{sha", "{crypt",
    "{cipher}", "{scrypt", "{argon2", "{pbkdf2", "{ldap}", "{MD4}", "{md5",
];

/// With a word, as frameworks have them.
#[rustfmt::skip]
pub(in crate::redact) const NAMED_HASHES: &[&str] = &[
    "pbkdf2_sha256$", "pbkdf2_sha1$", "pbkdf2:sha256:", "pbkdf2:sha512:", "pbkdf2:sha1:", "scrypt:", "scrypt$", "bcrypt$", "bcrypt_sha256$", "argon2$", "argon2id$", "SCRAM-SHA-256$", "SCRAM-SHA-1$",
    "SCRAM-SHA-512$", "sha1$", "sha256$", "sha512$", "md5$", "hmac:sha", "grub.pbkdf2.sha512.",
];
