//! Which names announce a secret: of environment variables, flags, headers, JSON members.
//!
//! A name is cut into words at `_`, `-`, `.` and where `camelCase` changes. The words decide
//! together: `API_KEY` is secret, `PUBLIC_KEY` is not, `TOKEN_URL` only describes a token.

/// Longer names are judged by their end, where the telling word stands.
const LOOKED_AT: usize = 256;
/// No word of the lists is longer.
const LONGEST_WORD: usize = 24;

/// A name that announces a secret, and what would still make its value harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SecretName {
    pub(super) weight: Weight,
    /// Ends in FILE, PATH or DIR: a path may be shown.
    pub(super) file: bool,
    /// Counts or times something (TTL, MAX…): a number may be shown.
    pub(super) quantity: bool,
    /// Turns something on or off (ENABLE…): takes no value of its own as a flag.
    pub(super) switch: bool,
}

/// How much a name says about its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Password, token, secret: anything but a switch is hidden.
    Strong,
    /// A key: often a path to one.
    Key,
    /// Session, auth, licence: a plain word may be shown.
    Weak,
    /// A webhook: its URL is the credential.
    Webhook,
    /// `GPG_KEY` in official images: the fingerprint of a public key.
    Gpg,
}

/// None: the name does not announce a secret.
pub(super) fn judge(name: &[u8]) -> Option<SecretName> {
    // The working directory, which every shell exports.
    if matches!(name, b"PWD" | b"OLDPWD" | b"CWD") {
        return None;
    }
    let name = name
        .get(name.len().saturating_sub(LOOKED_AT)..)
        .unwrap_or(name);
    let mut judge = Judge::default();
    let mut start = 0;
    let mut previous = b'_';
    for (at, &byte) in name.iter().enumerate() {
        if !byte.is_ascii_alphanumeric() {
            judge.segment(name.get(start..at).unwrap_or_default());
            start = at + 1;
        } else if byte.is_ascii_uppercase() && at > start {
            let next_is_lower = name.get(at + 1).is_some_and(u8::is_ascii_lowercase);
            let after_acronym = previous.is_ascii_uppercase() && next_is_lower;
            if previous.is_ascii_lowercase()
                || previous.is_ascii_digit() && next_is_lower
                || after_acronym
            {
                judge.segment(name.get(start..at).unwrap_or_default());
                start = at;
            }
        }
        previous = byte;
    }
    judge.segment(name.get(start..).unwrap_or_default());
    judge.verdict()
}

/// Query parameters that are secret in a URL only: elsewhere these words mean many things.
pub(super) fn is_query_secret(name: &[u8]) -> bool {
    [
        &b"sig"[..],
        b"signature",
        b"sas",
        b"auth",
        b"code",
        b"pw",
        b"x-amz-signature",
        b"x-goog-signature",
    ]
    .iter()
    .any(|word| name.eq_ignore_ascii_case(word))
}

/// `CLUSTER_ID`, `GIT_SHA`: named as an identifier, so a random look is no sign of a secret.
pub(super) fn is_identifier(name: &[u8]) -> bool {
    let tail = name
        .rsplit(|&b| matches!(b, b'_' | b'-' | b'.'))
        .next()
        .unwrap_or_default();
    [
        &b"id"[..],
        b"uid",
        b"uuid",
        b"guid",
        b"sha",
        b"sha1",
        b"sha256",
        b"sha512",
        b"digest",
        b"checksum",
        b"commit",
        b"revision",
        b"etag",
        b"fingerprint",
    ]
    .iter()
    .any(|word| tail.eq_ignore_ascii_case(word))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Word {
    #[default]
    Plain,
    /// Says nothing: a number, an environment's name.
    Transparent,
    Strong,
    Secret,
    Key,
    /// Secret only as the last word.
    StrongLast,
    WeakLast,
    Session,
    Webhook,
    Public,
    Root,
    Gpg,
    Connection,
    Text,
    File,
    Id,
    Url,
    Descriptor,
    Quantity,
    Switch,
    Service,
}

// Each is a word that was met somewhere in the name.
#[allow(clippy::struct_excessive_bools)]
#[derive(Default)]
struct Judge {
    last: Word,
    before_last: Word,
    strongest: Option<Weight>,
    secret: bool,
    webhook: bool,
    session: bool,
    quantity: bool,
    switch: bool,
    service: bool,
}

impl Judge {
    fn segment(&mut self, segment: &[u8]) {
        let digits = segment
            .iter()
            .rev()
            .take_while(|b| b.is_ascii_digit())
            .count();
        let segment = segment.get(..segment.len() - digits).unwrap_or_default();
        if segment.is_empty() {
            return;
        }
        let word = match classify(segment) {
            // Vault's dev server: `-dev-root-token-id` is the token, not its name.
            Word::Strong if self.last == Word::Root => Word::Secret,
            word => word,
        };
        match word {
            Word::Transparent => return,
            Word::Strong => self.strongest = Some(Weight::Strong),
            Word::Secret => {
                self.strongest = Some(Weight::Strong);
                self.secret = true;
            }
            Word::Key if self.last == Word::Gpg => {
                self.strongest = self.strongest.or(Some(Weight::Gpg));
            }
            Word::Key if self.last != Word::Public && self.strongest.is_none() => {
                self.strongest = Some(Weight::Key);
            }
            Word::Text if self.last == Word::Connection => self.strongest = Some(Weight::Strong),
            Word::Webhook => self.webhook = true,
            Word::Session => self.session = true,
            Word::Quantity => self.quantity = true,
            Word::Switch => self.switch = true,
            Word::Service => self.service = true,
            _ => {}
        }
        self.before_last = self.last;
        self.last = word;
    }

    fn verdict(&self) -> Option<SecretName> {
        let weight = match self.last {
            Word::Webhook => Some(Weight::Webhook),
            Word::Url if self.webhook => Some(Weight::Webhook),
            // Vault's SECRET_ID is a password; a session's id is its cookie.
            Word::Id if self.before_last == Word::Secret => Some(Weight::Strong),
            Word::Id if self.before_last == Word::Session => Some(Weight::Weak),
            Word::Id | Word::Url | Word::Descriptor => None,
            // Links to a Service that happens to be called "token".
            Word::Quantity if self.service => None,
            Word::StrongLast => Some(Weight::Strong),
            Word::WeakLast | Word::Session => self.strongest.or(Some(Weight::Weak)),
            _ => self.strongest,
        }?;
        Some(SecretName {
            weight,
            file: self.last == Word::File,
            // A session's id may be a mere number, as logind counts them.
            quantity: self.quantity || self.last == Word::Id && weight == Weight::Weak,
            switch: self.switch,
        })
    }
}

fn classify(segment: &[u8]) -> Word {
    let mut buffer = [0; LONGEST_WORD];
    // Of a long word only the end can be one of ours ("…password").
    let tail = segment
        .get(segment.len().saturating_sub(LONGEST_WORD)..)
        .unwrap_or(segment);
    for (to, from) in buffer.iter_mut().zip(tail) {
        *to = from.to_ascii_lowercase();
    }
    let word = buffer.get(..tail.len()).unwrap_or_default();
    match word {
        b"token" | b"tokens" | b"password" | b"passwords" | b"passwd" | b"passphrase"
        | b"passcode" | b"passkey" | b"credential" | b"credentials" | b"creds" | b"cred"
        | b"bearer" | b"cookie" | b"cookies" | b"jwt" | b"mnemonic" | b"requirepass"
        | b"masterauth" | b"passin" | b"passout" | b"pgpass" | b"pwd" | b"pw"
        | b"dockerconfigjson" | b"connectionstring" | b"connectionstrings" | b"connstr" => {
            Word::Strong
        }
        b"authorization" | b"dsn" | b"salt" | b"pass" | b"pin" | b"otp" | b"totp" | b"sas" => {
            Word::StrongLast
        }
        b"secret" | b"secrets" => Word::Secret,
        b"key" | b"keys" | b"apikey" | b"apikeys" | b"authkey" | b"secretkey" | b"privatekey"
        | b"privkey" | b"accesskey" | b"masterkey" | b"signingkey" | b"encryptionkey"
        | b"licensekey" | b"appkey" | b"accountkey" | b"sshkey" | b"signkey" | b"sharedkey"
        | b"adminkey" | b"hmackey" | b"cryptkey" => Word::Key,
        b"auth" | b"private" | b"license" | b"licence" | b"seed" | b"sig" | b"signature" => {
            Word::WeakLast
        }
        b"session" => Word::Session,
        b"webhook" | b"webhooks" | b"hook" => Word::Webhook,
        b"public" | b"pub" | b"primary" | b"foreign" | b"sort" | b"partition" | b"row"
        | b"routing" | b"cache" | b"hot" | b"index" | b"shard" | b"label" | b"annotation" => {
            Word::Public
        }
        b"root" => Word::Root,
        b"gpg" | b"pgp" => Word::Gpg,
        b"connection" | b"conn" => Word::Connection,
        b"string" | b"strings" | b"str" => Word::Text,
        b"file" | b"files" | b"path" | b"paths" | b"dir" | b"directory" | b"folder"
        | b"filename" | b"location" => Word::File,
        b"id" | b"ids" => Word::Id,
        b"url" | b"urls" | b"uri" | b"uris" | b"endpoint" => Word::Url,
        b"host" | b"hosts" | b"name" | b"names" | b"username" | b"user" | b"users" | b"issuer"
        | b"audience" | b"type" | b"types" | b"alg" | b"algo" | b"algorithm" | b"algorithms"
        | b"header" | b"headers" | b"prefix" | b"suffix" | b"scope" | b"scopes" | b"format"
        | b"field" | b"column" | b"provider" | b"method" | b"methods" | b"mode" | b"backend"
        | b"store" | b"domain" | b"samesite" | b"httponly" | b"secure" | b"region" | b"arn"
        | b"namespace" | b"version" | b"class" | b"selector" | b"enabled" | b"disabled"
        | b"required" | b"policy" | b"strategy" | b"kind" | b"ref" | b"driver" | b"source"
        | b"sock" | b"socket" | b"board" | b"space" | b"spaces" | b"addr" | b"address"
        | b"proto" | b"tcp" | b"udp" | b"stdin" | b"encryption" | b"server" | b"servers"
        | b"manager" | b"through" | b"parallelism" | b"separator" | b"usage" | b"exchange"
        | b"subject" | b"role" | b"rotation" | b"event" | b"events" | b"claim" | b"claims"
        | b"map" | b"frame" | b"algs" => Word::Descriptor,
        b"ttl" | b"count" | b"max" | b"min" | b"limit" | b"timeout" | b"size" | b"length"
        | b"len" | b"port" | b"ports" | b"days" | b"hours" | b"minutes" | b"seconds" | b"secs"
        | b"sec" | b"ms" | b"expiry" | b"expires" | b"expire" | b"expiration" | b"age"
        | b"lifetime" | b"interval" | b"duration" | b"rounds" | b"iterations" | b"cost"
        | b"bits" | b"retries" | b"refresh" | b"budget" | b"rate" | b"burst" | b"num"
        | b"number" | b"depth" | b"window" | b"period" | b"delay" | b"threshold" | b"validity"
        | b"leeway" | b"skew" | b"per" => Word::Quantity,
        b"enable" | b"disable" | b"no" | b"use" | b"skip" | b"allow" | b"require" | b"with"
        | b"without" | b"ask" | b"insecure" | b"is" | b"has" | b"show" | b"print" | b"check"
        | b"verify" => Word::Switch,
        b"service" => Word::Service,
        b"prod" | b"production" | b"dev" | b"development" | b"staging" | b"stage" | b"test"
        | b"old" | b"new" | b"default" | b"backup" | b"live" | b"current" | b"previous"
        | b"next" => Word::Transparent,
        b"publickey" | b"pubkey" => Word::Plain,
        _ => by_ending(word),
    }
}

/// Words written together: `pgpassword`, `authtoken`, `dbpass`.
fn by_ending(word: &[u8]) -> Word {
    const STRONG: [&[u8]; 9] = [
        b"password",
        b"passwd",
        b"passphrase",
        b"secret",
        b"token",
        b"credential",
        b"credentials",
        b"cookie",
        b"pwd",
    ];
    const KEYS: [&[u8]; 8] = [
        b"apikey",
        b"secretkey",
        b"privatekey",
        b"accesskey",
        b"authkey",
        b"sharedkey",
        b"masterkey",
        b"licensekey",
    ];
    // Words of the dictionary that end in "pass".
    const PASSES: [&[u8]; 8] = [
        b"bypass",
        b"compass",
        b"encompass",
        b"overpass",
        b"underpass",
        b"trespass",
        b"surpass",
        b"singlepass",
    ];
    if word.len() < 5 {
        Word::Plain
    } else if STRONG.iter().any(|ending| word.ends_with(ending)) {
        Word::Strong
    } else if KEYS.iter().any(|ending| word.ends_with(ending)) {
        Word::Key
    } else if word.ends_with(b"pass") && !PASSES.contains(&word) {
        Word::StrongLast
    } else {
        Word::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn names_that_announce_a_secret() {
        for name in [
            "TOKEN",
            "GITHUB_TOKEN",
            "DB_PASSWORD",
            "dbPassword",
            "db.password",
            "db-password",
            "PGPASSWORD",
            "MYSQL_PWD",
            "REDIS_PASS",
            "DB_PASS_1",
            "DB_PASS_PROD",
            "API_KEY",
            "APIKEY",
            "apiKey",
            "x-api-key",
            "API_KEY_2",
            "AWS_SECRET_ACCESS_KEY",
            "PRIVATE_KEY",
            "SIGNING_KEY",
            "SECRET_KEY_BASE",
            "LICENSE_KEY",
            "CREDENTIALS",
            "AWS_CREDENTIAL",
            "BASIC_AUTH",
            "SENTRY_DSN",
            "ConnectionStrings__Default",
            "CONNECTION_STRING",
            "PASSWORD_SALT",
            "ERLANG_COOKIE",
            "SESSION",
            "BEARER",
            "PASSPHRASE",
            "PRIVATE",
            "SLACK_WEBHOOK",
            "SLACK_WEBHOOK_URL",
            "VAULT_SECRET_ID",
            "VAULT_DEV_ROOT_TOKEN_ID",
            "MYSQL_ROOT_PASSWORD",
            "VAULT_TOKEN",
            "keyStorePassword",
            "clientSecret",
            "OAuth2Token",
            "PRIVATE-TOKEN",
            "Authorization",
            "Cookie",
            "Set-Cookie",
            "PIN",
            "SharedAccessKey",
            "AccountKey",
            "requirepass",
            "storepass",
            "dbpass",
            "authToken",
            "sshpass",
            "HTTPPassword",
            "password1",
            "DJANGO_SECRET_KEY",
            "_auth",
            "_authToken",
            "NPM_CONFIG__AUTH",
        ] {
            assert!(judge(name.as_bytes()).is_some(), "{name}");
        }
    }

    #[test]
    fn names_that_do_not() {
        for name in [
            "PWD",
            "OLDPWD",
            "PATH",
            "HOME",
            "AUTHOR",
            "AUTH_URL",
            "SSH_AUTH_SOCK",
            "KEYBOARD",
            "KEYMAP",
            "PUBLIC_KEY",
            "SSH_PUBLIC_KEY",
            "pubkey",
            "TOKEN_URL",
            "TOKENIZERS_PARALLELISM",
            "COOKIE_NAME",
            "SECRET_NAME",
            "XDG_SESSION_TYPE",
            "DBUS_SESSION_BUS_ADDRESS",
            "SESSION_MANAGER",
            "PASS_THROUGH",
            "BYPASS",
            "SSL_CERT_FILE",
            "TLS_CERT",
            "AUTH_TOKEN_SERVICE_HOST",
            "AUTH_TOKEN_SERVICE_PORT",
            "AUTH_TOKEN_PORT_80_TCP",
            "AUTH_TOKEN_PORT_80_TCP_ADDR",
            "MONKEY",
            "TURKEY",
            "sort-key",
            "PRIMARY_KEY",
            "partitionKey",
            "AWS_ACCESS_KEY_ID",
            "KEY_ID",
            "PRIVATE_IP",
            "authorization-mode",
            "keyStore",
            "password-stdin",
            "COMPASS",
            "WEBHOOK_PORT",
            "JWT_ISSUER",
            "key-prefix",
            "OAUTH_SCOPES",
            "HOSTNAME",
        ] {
            assert!(judge(name.as_bytes()).is_none(), "{name}");
        }
    }
}
