//! Why a value was hidden: one word for scripts, one phrase for people.

#[cfg(test)]
use std::borrow::Cow;

#[cfg(test)]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a value is treated as a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// The variable, flag or field is named like a secret.
    Name,
    /// A URL or DSN that carries a password.
    UrlPassword,
    /// A query parameter such as `token=` or `sig=`.
    UrlParameter,
    /// A URL whose path is the credential (Slack, Discord, Teams).
    WebhookUrl,
    /// A password among the `key=value` pairs of a connection string.
    ConnectionString,
    /// A JSON member named like a secret.
    JsonField,
    /// What follows `Authorization:`, `Bearer` or `Basic`.
    Authorization,
    /// The password option of a known program, such as `mysql -p`.
    PasswordOption,
    /// The hash of a password: crypt, htpasswd, LDAP.
    PasswordHash,
    /// A secret in base64 or hexadecimal.
    Encoded,
    /// A private key: PEM, base64 DER, age.
    PrivateKey,
    /// A JSON web token.
    Jwt,
    /// An AWS access key id.
    AwsKey,
    /// A Google API key or OAuth secret.
    GcpKey,
    /// An Azure storage key or client secret.
    AzureKey,
    /// A GitHub token.
    GithubToken,
    /// A GitLab token.
    GitlabToken,
    /// A Slack token.
    SlackToken,
    /// A Stripe key.
    StripeKey,
    /// A token that another vendor marks with a prefix of its own.
    VendorToken,
    /// A long string that looks random.
    HighEntropy,
}

impl SecretKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 21] = [
        Self::Name,
        Self::UrlPassword,
        Self::UrlParameter,
        Self::WebhookUrl,
        Self::ConnectionString,
        Self::JsonField,
        Self::Authorization,
        Self::PasswordOption,
        Self::PasswordHash,
        Self::Encoded,
        Self::PrivateKey,
        Self::Jwt,
        Self::AwsKey,
        Self::GcpKey,
        Self::AzureKey,
        Self::GithubToken,
        Self::GitlabToken,
        Self::SlackToken,
        Self::StripeKey,
        Self::VendorToken,
        Self::HighEntropy,
    ];

    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.words().0
    }

    /// The phrase for people.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        self.words().1
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Name => ("name", "named like a secret"),
            Self::UrlPassword => ("url_password", "URL with a password"),
            Self::UrlParameter => ("url_parameter", "URL with a secret parameter"),
            Self::WebhookUrl => ("webhook_url", "webhook URL"),
            Self::ConnectionString => ("connection_string", "connection string with a password"),
            Self::JsonField => ("json_field", "JSON with a secret member"),
            Self::Authorization => ("authorization", "authorization header"),
            Self::PasswordOption => ("password_option", "password option of the program"),
            Self::PasswordHash => ("password_hash", "hash of a password"),
            Self::Encoded => ("encoded", "secret in base64 or hexadecimal"),
            Self::PrivateKey => ("private_key", "private key"),
            Self::Jwt => ("jwt", "JSON web token"),
            Self::AwsKey => ("aws_key", "AWS access key"),
            Self::GcpKey => ("gcp_key", "Google API key"),
            Self::AzureKey => ("azure_key", "Azure key"),
            Self::GithubToken => ("github_token", "GitHub token"),
            Self::GitlabToken => ("gitlab_token", "GitLab token"),
            Self::SlackToken => ("slack_token", "Slack token"),
            Self::StripeKey => ("stripe_key", "Stripe key"),
            Self::VendorToken => ("vendor_token", "token with a vendor's prefix"),
            Self::HighEntropy => ("high_entropy", "looks random"),
        }
    }
}

impl Serialize for SecretKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SecretKind {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let word = String::deserialize(source)?;
        let kind = Self::ALL.into_iter().find(|kind| kind.as_str() == word);
        kind.ok_or_else(|| D::Error::custom("unknown kind, expected a kind of secret"))
    }
}

// By hand, so that the words of the schema can never differ from `as_str`.
#[cfg(test)]
impl JsonSchema for SecretKind {
    fn schema_name() -> Cow<'static, str> {
        "SecretKind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Why a value is treated as a secret.",
            "type": "string",
            "enum": Self::ALL.map(Self::as_str),
        })
    }
}
