//! Files that hold secrets, by their places, names and first bytes.

/// Directories whose files are secrets.
#[rustfmt::skip]
pub(in crate::redact) const DIRECTORIES: &[&[u8]] = &[
    b"/run/secrets/", b"/var/run/secrets/", b"/etc/secrets/", b"/vault/secrets/", b"/mnt/secrets-store/", b"/etc/ssl/private/", b"/etc/letsencrypt/live/", b"/.gnupg/",
    b"/.password-store/", b"/private-keys-v1.d/", b"/run/credentials/", b"/etc/credstore/", b"/.vault-token", b"/etc/wireguard/", b"/etc/ipsec.d/private/",
];

/// Names of files that hold secrets.
#[rustfmt::skip]
pub(in crate::redact) const NAMES: &[&[u8]] = &[
    b".env", b".netrc", b"_netrc", b".pgpass", b"pgpass.conf", b".my.cnf", b".mylogin.cnf", b".npmrc", b".yarnrc.yml", b".pypirc", b".htpasswd", b"htpasswd",
    b".dockercfg", b".dockerconfigjson", b".git-credentials", b"shadow", b"gshadow", b"shadow-", b"sudo.key", b"krb5.keytab", b"id_rsa", b"id_dsa", b"id_ecdsa",
    b"id_ed25519", b"id_ecdsa_sk", b"id_ed25519_sk", b"ssh_host_rsa_key", b"ssh_host_ecdsa_key", b"ssh_host_ed25519_key", b"kubeconfig", b"admin.conf",
    b"super-admin.conf", b"controller-manager.conf", b"scheduler.conf", b"kubelet.conf", b"application_default_credentials.json", b"service-account.json",
    b"serviceaccount.json", b"accessTokens.json", b"azureProfile.json", b"msal_token_cache.json", b"msal_token_cache.bin", b"service_principal_entries.json", b".s3cfg",
    b".boto", b"credentials.tfrc.json", b"terraform.tfstate", b"terraform.tfvars", b".vault-token", b".vault_pass", b"vault_pass", b"wp-config.php", b"database.yml",
    b"secrets.yml", b"secrets.yaml", b"credentials.yml.enc", b"master.key", b"hosts.yml", b".rabbitmq.erlang.cookie", b".erlang.cookie", b"passwd.client", b"sasl_passwd",
    b"rclone.conf", b"wpa_supplicant.conf", b"chap-secrets", b"pap-secrets", b"keystore.properties", b"gradle.properties", b"settings-security.xml", b"token", b"ca.key",
    b"tls.key", b"client.key", b"server.key", b"password", b"passwords", b"secret", b"secrets", b"secrets.json", b"client_secret.json", b"auth.json",
    b".cargo-credentials", b".Renviron", b".irbrc_history", b".bash_history", b".mysql_history", b".psql_history", b".rediscli_history", b"pkcs11.txt", b"key4.db",
    b"logins.json",
];

/// Endings of such names.
#[rustfmt::skip]
pub(in crate::redact) const ENDINGS: &[&[u8]] = &[
    b".key", b".p12", b".pfx", b".jks", b".jceks", b".keystore", b".bks", b".kdb", b".kdbx", b".keytab", b".ppk", b".pkcs12", b".p8", b".asc.key", b".agekey", b".ovpn",
    b".tfstate", b".tfvars", b"_rsa", b"_ed25519", b"_ecdsa", b".htpasswd", b".pgpass", b".env", b".netrc", b".kubeconfig", b".wallet",
];

/// Ends of paths: of files whose names alone say little.
#[rustfmt::skip]
pub(in crate::redact) const PATHS: &[&[u8]] = &[
    b"/.docker/config.json", b"/.kube/config", b"/.aws/credentials", b"/.aws/config", b"/containers/auth.json", b"/gcloud/credentials.db", b"/gcloud/access_tokens.db",
    b"/.config/gh/hosts.yml", b"/.m2/settings.xml", b"/.gem/credentials", b"/.cargo/credentials", b"/.cargo/credentials.toml", b"/.config/doctl/config.yaml",
    b"/.oci/config", b"/.bluemix/config.json", b"/.terraform.d/credentials.tfrc.json", b"/.composer/auth.json", b"/.nuget/NuGet.Config",
    b"/.config/helm/repositories.yaml", b"/.fly/config.yml", b"/.netlify/config.json", b"/.azure/config", b"/.ssh/config.key", b"/proc/self/environ", b"/environ",
    b"/.config/op/config", b"/.databricks/token-cache.json", b"/.databrickscfg", b"/.snowsql/config", b"/.dbt/profiles.yml", b"/.config/rclone/rclone.conf",
    b"/.config/sops/age/keys.txt", b"/.local/share/keyrings/login.keyring",
];

/// First bytes of keystores and of other containers of keys.
#[rustfmt::skip]
pub(in crate::redact) const MAGIC: &[&[u8]] = &[
    &[0xFE, 0xED, 0xFE, 0xED], &[0xCE, 0xCE, 0xCE, 0xCE], &[0x05, 0x02], &[0x03, 0xD9, 0xA2, 0x9A], b"openssh-key-v1\0", b"PuTTY-User-Key-File", b"SQLite format 3\0key",
    b"age-encryption.org/v1",
];
