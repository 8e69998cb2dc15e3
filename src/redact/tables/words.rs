//! The words that names are judged by.

/// What a word says about the value that the name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::redact) enum Word {
    /// Says nothing, and parts what stands around it.
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
    /// Secret as the last word, where the value looks like a password.
    MaybeLast,
    /// A number may be shown.
    Seed,
    /// Secret, and often a path to it.
    Credentials,
    /// Secret, or the number of them.
    Tokens,
    /// Says nothing, and an algorithm may be shown.
    Hash,
    Session,
    Webhook,
    /// Lists of users, perhaps with their passwords.
    Users,
    Public,
    Root,
    Gpg,
    Connection,
    /// A whole connection string.
    Dsn,
    Text,
    File,
    Id,
    Url,
    Descriptor,
    /// Describes, but may hold the secret itself (`SECRET_REF`).
    Stand,
    Quantity,
    Switch,
    Service,
}

impl Word {
    /// Whether it makes a name a secret's.
    pub(in crate::redact) const fn is_telling(self) -> bool {
        matches!(
            self,
            Self::Strong
                | Self::Credentials
                | Self::Tokens
                | Self::Secret
                | Self::Key
                | Self::StrongLast
                | Self::WeakLast
                | Self::MaybeLast
                | Self::Dsn
                | Self::Webhook
        )
    }
}

/// Words, joined where several make one: `PASS_WORD`, `passWord` and `PASSWORD` are all found
/// under `password`. Lower case; separated by spaces.
#[rustfmt::skip]
pub(in crate::redact) const WORDS: &[(Word, &str)] = &[
    // English, its abbreviations and common misspellings.
    (Word::Strong, "password passwords pwrd passwd passwds passw passwo passwor passwrd pasword passowrd passward paswd pswd pswrd psswd psswrd pword \
        passphrase passphrases passcode passcodes passkey passkeys pwd pwds pw psw userpw rootpw adminpw bindpw userpwd userpass passin passout pgpass \
        passwordeval passwordcommand token tok bearer cookie cookies jwt mnemonic requirepass masterauth \
        proxyauth basicauth httpauth dockerconfigjson dockercfg htpasswd netrc npmrc pypirc psk presharedkey preshared kek dek mek aeskey \
        pincode pinnumber pukcode accesscode activationcode recoverycode recoverycodes recoverykey recoveryphrase backupcode backupcodes scratchcodes \
        seedphrase seedwords walletseed secretphrase securitycode securityanswer securityphrase devicecode authcode authorizationcode \
        verificationcode confirmationcode unlockcode resetcode invitecode otpcode mfacode totpsecret otpseed puk cvv cvc cvv2 \
        ssn iban cardnumber creditcard unsealkey unsealkeys bootstraptoken joinkey authstring authpass userauth secretdata privatedata \
        privatepem keypass storepass keystorepass truststorepass apitoken hmacencoded hmackey wepkey wpakey"),
    // German, Dutch, Afrikaans, the Scandinavian languages, Finnish, Estonian, Icelandic.
    (Word::Strong, "passwort passwörter passwoerter passworte kennwort kennwörter kennwoerter losungswort zugangscode zugangsdaten geheimnis geheim geheimzahl \
        wachtwoord wachtwoorden wagwoord toegangscode pincode geheimen lösenord losenord loesenord lösenordet losen passord passordet adgangskode \
        adgangskoder kodeord kodeordet hemlighet hemmelighet salasana salasanat salasanan tunnussana salaisuus salasõna salasona parool lykilorð lykilord aðgangsorð"),
    // French, Spanish, Catalan, Portuguese, Italian, Romanian, Basque, Esperanto.
    (Word::Strong, "motdepasse motsdepasse motpasse mdp mdpasse codesecret jeton jetons contraseña contraseñas contrasena contrasenas contrasenia contrasenya \
        contrasinal clave claves claveacceso clavesecreta secreto palabraclave palabrapaso senha senhas palavrapasse palavrachave segredo segredos \
        parola parole parolă parolachiave parolaordine passparola segreto segreti pasahitza pasvorto"),
    // Polish, Czech, Slovak, Croatian, Serbian, Slovenian, Hungarian, the Baltic languages, Russian, Ukrainian, Bulgarian, Greek, Turkish.
    (Word::Strong, "hasło haslo hasła hasla heslo hesla přístupovéheslo tajemstvi tajemství lozinka lozinke zaporka geslo jelszó jelszo jelszavak \
        slaptažodis slaptazodis пароль пароли parol paroli секрет гасло парола лозинка шифра sifra sifre şifre şıfre şifresi sifresi parolası parolasi gizlianahtar κωδικός κωδικόσ κωδικοσ κωδικος kodikos \
        συνθηματικό συνθηματικο"),
    // Japanese, Chinese, Korean, Vietnamese, Indonesian, Malay, Thai, Arabic, Hebrew, Hindi, Persian.
    (Word::Strong, "パスワード 暗証番号 秘密 秘密鍵 合言葉 pasuwado 密码 密碼 口令 密钥 密鑰 私钥 令牌 mima kouling 비밀번호 암호 비밀 bimilbeonho matkhau mậtkhẩu katasandi \
        sandi katalaluan kunci รหัสผ่าน كلمةالمرور كلمةالسر סיסמה סיסמא sisma पासवर्ड رمزعبور گذرواژه"),
    (Word::StrongLast, "authorization salt pepper pass passe pin pins otp totp sas pat pats sk mdphash verifier communitystring rocommunity rwcommunity \
        keymaterial keydata privatekeydata hmacsecret pem p12 pfx lösen"),
    (Word::Credentials, "credential credentials creds cred"),
    (Word::Tokens, "tokens"),
    (Word::Hash, "hash hashed hashes"),
    (Word::Secret, "secret secrets secretstring"),
    (Word::Key, "key keys apikey apikeys keyapi authkey secretkey secretkeys privatekey privatekeys privkey accesskey masterkey signingkey encryptionkey decryptionkey \
        licensekey licencekey appkey accountkey sshkey signkey sharedkey adminkey hmackey cryptkey cryptokey cipherkey enckey rsakey eckey sessionkey \
        ikey skey integrationkey ingestkey writekey readkey instrumentationkey subscriptionkey deploykey hostkey storagekey secretkeybase keybase \
        cle clé clés cles clefs schlüssel schluessel sleutel nyckel nøkkel nokkel nøgle noegle avain clef chave chaves chiave chiavi klucz klíč klic kľúč kluc ključ kljuc kulcs anahtar ключ κλειδί kleidi llave llaves 鍵 キー 钥匙 열쇠 apischluessel"),
    (Word::WeakLast, "auth community private license licence sig signature hmac aes keyring keytab sessioncookie csrfcookie authcookie cookiesession"),
    (Word::MaybeLast, "login logins serial serialnumber nonce challenge answer identity hexed encrypted ciphertext"),
    (Word::Seed, "seed seeds"),
    (Word::Session, "session"),
    (Word::Webhook, "webhook webhooks hook"),
    (Word::Users, "users user accounts account logins userlist userdb members admins"),
    (Word::Public, "public pub publishable pk site recv receive list search send trusted authorized known primary foreign sort partition row routing cache hot index shard label annotation object idempotency ordering sorting message \
        translation lookup dedup deduplication natural composite surrogate i18n locale registry ssh_host range answer anon map"),
    (Word::Root, "root"),
    (Word::Gpg, "gpg pgp"),
    (Word::Connection, "connection conn connect"),
    (Word::Dsn, "dsn connstr connectionstring connectionstrings connectstring connstring dbconnection dbconn alchemyconn sqlalchemyconn databaseconnection sqlconnection"),
    (Word::Text, "string strings str"),
    (Word::File, "file files path paths dir directory folder filename location keyfile"),
    (Word::Id, "id ids"),
    (Word::Url, "url urls uri uris endpoint endpoints link href"),
    (Word::Stand, "ref refs reference policy policies rule rules profile"),
    (Word::Descriptor, "host hosts hostname name names username issuer audience type types alg algo algorithm algorithms header headers prefix suffix scope scopes \
        format field fields column columns provider providers method methods mode modes backend backends store stores domain domains samesite httponly secure region arn arns namespace version \
        class classes selector enabled disabled required strategy kind driver drivers source sources sock socket board space spaces addr address proto tcp udp stdin encryption \
        server servers manager managers through parallelism separator usage exchange subject role roles rotation event events claim claims map frame algs vault vaults bucket buckets \
        table tables hasher hashers complexity strength encoder encoders encoding validator validators validation schema topic topics queue queues cluster group groups label labels \
        title description hint hints placeholder template templates regex pattern charset alphabet storage storageclass engine plugin plugins handler middleware factory \
        resolver adapter status state level model models tokenizer owner project zone realm charsets cipher ciphers hashing hash_algo digest checksum fingerprint thumbprint \
        keyspace keyserver keystore truststore keyboard keymap keyword keywords agent aliases alias attribute attributes property properties category currency symbol contract mint standard \
        generator scheme schemes helper helpers permission permissions kid every schedule frequency mapping mappings loader parser mapper converter extractor renewer refresher rotator \
        injector operator controller sidecar reviewer grant grants callback redirect page pages form route routes scanner detector filter filters service_name sender policyname expression order pair pairs lang language country city tenant tier vendor"),
    (Word::Quantity, "ttl count max min limit limits timeout size length len port ports days hours minutes seconds secs sec ms expiry expires expire expiration age lifetime \
        interval duration rounds iterations cost bits bytes chars retries attempts refresh budget rate burst num number depth window period delay threshold validity leeway skew \
        per total supply quota usage_count cents price history"),
    (Word::Switch, "enable disable no use skip allow require with without ask locked ignore generate insecure is has show print check verify"),
    (Word::Service, "service"),
    (Word::Transparent, "prod production dev development staging stage test old new default backup live current previous next b64 base64 encoded hex enc plain plaintext raw value val txt text json"),
    (Word::Plain, "projectkey newkey publickey pubkey bypass compass encompass overpass underpass trespass surpass singlepass passport passthrough authority authoritative monkey turkey hockey"),
];

/// Directives of configuration files that no sentence has: the next word is the secret.
pub(in crate::redact) const DIRECTIVES: &str = "requirepass masterauth primaryauth rootpw bindpw bindcredentials ldapbindpassword auth-pass sentinel-pass replica-password";

/// Words of more than one meaning that say nothing alone, but may stand in front of a telling
/// word without a separator: `bindpw`, `cryptokey`.
#[rustfmt::skip]
pub(in crate::redact) const FILLERS: &str = "my our the sa db database pg pgsql sql mysql maria mariadb postgres postgresql oracle mssql redis mongo mongodb cassandra rabbit rabbitmq amqp mqtt kafka \
    nats ldap ad smb samba cifs nfs ftp sftp ssh ssl tls vpn wifi wlan wpa wep snmp smtp imap pop mail email mailer http https api app apps web site admin administrator root user usr \
    master main super su sudo sys system svc srv client node worker bot ci cd git github gitlab gh gl hub docker repo aws azure az gcp gcs s3 cloud bind base crypto crypt \
    encrypt encryption decrypt cipher sign signing aes des rsa ec hmac hash data store key private secret access session login auth oauth oauth2 sso saml oidc \
    jwt csrf xsrf account acct acc customer consumer shared global temp tmp initial init first second replica repl replication cluster restore vault consul \
    nomad etcd zk zookeeper elastic es kibana grafana prometheus influx sentry slack stripe paypal twilio sendgrid mailgun discord telegram openai anthropic hf proxy remote local \
    device bearer refresh id deploy release publish upload download read write rw ro run job task cron file config conf cfg env var internal external public guest demo \
    service server host port name url x id java spring django rails laravel wp wordpress drupal magento ghost jenkins nexus sonar artifactory harbor argocd keycloak minio \
    neo4j couch couchdb couchbase clickhouse timescale cockroach snowflake bigquery redshift databricks dev prod test stage staging old new backup cert ca keystore truststore storepass pop3 sip xmpp irc matrix radius tacacs ipmi ilo idrac bmc switch router cisco \
    join gossip erlang flask wallet recovery device otp mfa totp two factor unlock reset seed stream video payment pay";
