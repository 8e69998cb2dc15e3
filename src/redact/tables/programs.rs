//! Where programs take passwords on their command lines.
//!
//! A pattern is a sequence of words, of which others may stand between:
//!
//! | word | stands for |
//! |---|---|
//! | `X` | the secret |
//! | `_` | any word that is no option |
//! | `N` | a word named like a secret |
//! | `-p X` | the option, with the secret as next word, or after `=` |
//! | `-pX` | the option with the secret attached |
//! | `-p? X` | either |
//! | `U:X` | a user and the secret, separated by `:`, `%`, `/` or `,` |
//! | `K=X` | any name, and the secret after `=` |
//! | `key=X` | this beginning, and the secret |
//! | `K=X...` | the same for every word that follows |
//! | `Y` | the secret, unless it is a number |
//! | `^X` | the secret, if it follows at once |
//! | `L:X` | the secret behind the last `:` |
//! | `,key=X` | the secret after this key in a list |
//! | `F` | a file or a name: shown, unless it looks like a password |
//! | `$X` | the last word |
//! | `a\|b` | one of both |

/// The programs, switches that may stand in front of a letter in one word (`-sSu`), patterns.
pub(in crate::redact) type Row = (&'static str, &'static str, &'static [&'static str]);

/// A trailing `*` in a program's name stands for any ending. `sh`, `env` and others that run
/// another program are in `RUNNERS`.
#[rustfmt::skip]
pub(in crate::redact) const PROGRAMS: &[Row] = &[
    // Databases.
    ("mysql* mariadb* mariabackup xtrabackup mytop mycli innobackupex mydumper myloader ndb_restore pt-*", "BbACEfGHiLNnoqrsTtvXw", &["-pX", "--password X", "--pass X", "--passw X"]),
    ("mysqladmin mariadb-admin", "", &["password X", "flush-password X"]),
    ("mysqld mysqld_safe mysqld_multi mariadbd mariadbd-safe", "", &["-pY"]),
    ("mydumper myloader pgloader mycli percona-toolkit pt-*", "", &["-p? X", "p=X"]),
    ("psql pgcli pg_dump pg_restore createdb pgbench pg_basebackup", "", &["-W? X"]),
    ("mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat mongotop mongofiles cqlsh cqlsh.py usql", "", &["-p? X"]),
    ("sqlcmd osql bcp isql tsql fisql isql-fb isql-v iusql dbmigrate go-sqlcmd mssql-cli bsqldb", "", &["-P? X"]),
    ("mssql-cli", "", &["-P? X"]),
    ("isql iusql", "", &["-p? X", "_ _ X"]),
    ("isql-fb gbak gsec gfix fbsvcmgr nbackup", "", &["-pas X", "-pass X", "-password X", "-pw X", "-p? X"]),
    ("isql", "", &["-pas X"]),
    ("sipp fs_cli asterisk pjsua baresip sipsak", "", &["-ap X", "-p? X", "-a X"]),
    ("sqlplus sqlcl sql exp imp expdp impdp sqlldr rman tnsping clpplus rmanconnect lsnrctl adrci orapwd tkprof sqoop dgmgrl", "", &["U/X", "connect U/X", "userid=U/X", "target U/X", "catalog U/X", "password=X"]),
    ("db2 db2cli db2batch db2look db2move", "", &["using X", "-p? X", "-w X", "-u _ -p X", "-a U/X"]),
    ("clickhouse clickhouse-client clickhouse-local vertica vsql nzsql hdbsql monetdb mclient exaplus exasol snowsql teradata bteq", "", &["--password X", "-w? X", "-pw X", "-p? X"]),
    ("influx influxd influx_inspect", "", &["-password X", "-t? X", "--token X", "-p? X", "-pass X"]),
    ("cypher-shell neo4j-admin neo4j neo4j-shell", "", &["-p? X", "set-initial-password X", "set-password X"]),
    ("redis-cli valkey-cli keydb-cli redis-benchmark valkey-benchmark redis-sentinel redis-server valkey-server keydb-server iredis memtier_benchmark redli", "", &["-a? X", "--pass X", "AUTH|auth X", "AUTH|auth _ X", "requirepass X", "masterauth X", "CONFIG|config SET|set requirepass|masterauth X", "auth-pass _ X", "auth-pass X", "ACL|acl SETUSER|setuser _ >X", "MIGRATE AUTH X", "HELLO _ AUTH _ X"]),
    ("redis-dump rdb redis-shake", "", &["-a? X", "-p? X"]),
    ("couchbase-cli cbbackup cbrestore cbbackupmgr cbimport cbexport cbq cbc couchdb", "", &["-p? X", "--password X"]),
    ("beeline hive hive2 spark-sql trino presto impala-shell phoenix sqlline ij", "", &["-p? X", "-w X", "--password X"]),
    ("elasticsearch-users elasticdump elasticsearch-reset-password opensearch-cli esrally", "", &["-p? X", "useradd _ -p X", "--password X"]),
    ("cockroach yugabyte ysqlsh ycqlsh surreal", "", &["-p? X", "--pass X", "--password X"]),
    ("pgbouncer odyssey odoo odoo-bin openerp-server", "", &["-w? X", "--db_password X", "--admin-passwd X"]),
    ("liquibase flyway dbmate goose migrate atlas sqitch", "", &["--password X", "-password X"]),
    // Queues and brokers.
    ("rabbitmqctl rabbitmq-diagnostics", "", &["change_password _ X", "add_user _ X", "authenticate_user _ X", "set_user_credentials _ X"]),
    ("rabbitmqadmin", "", &["-p X", "--password X", "declare user password=X"]),
    ("emqx_ctl emqx vmq-admin vmq-passwd hivemq-cli", "", &["admins passwd _ X", "admins add _ X", "users add _ X", "passwd _ X"]),
    ("ejabberdctl prosodyctl", "", &["register _ _ X", "change_password _ _ X", "adduser _ X", "passwd _ X"]),
    ("mosquitto_pub mosquitto_sub mosquitto_rr mqtt mqttx hivemq", "", &["-P? X", "-pw X", "--pw X"]),
    ("mosquitto_passwd mosquitto_ctrl", "bc", &["-P? X", "-b _ _ X", "$X"]),
    ("nats nats-server gnatsd", "", &["--pass X", "--password X", "--auth X", "--creds X", "--token X"]),
    ("kafka-configs kafka-configs.sh", "", &["password=X"]),
    ("activemq artemis amq-broker amqsput", "", &["--password X", "--pass X"]),
    ("pulsar-admin pulsar-client", "", &["--auth-params X"]),
    ("kcat kafkacat", "", &["sasl.password=X"]),
    // HTTP.
    ("curl curlie", "sSfLkvioIgGnNqaBj0146#", &["-u? U:X", "-U? U:X", "--user U:X", "--proxy-user U:X", "-b? K=X", "--cookie K=X", "--cert U:X", "-E? U:X", "--proxy-cert U:X", "--pass X", "--proxy-pass X", "--oauth2-bearer X", "--tlspassword X", "--proxy-tlspassword X", "--aws-sigv4-key X", "--proxy-key-passwd X"]),
    ("wget wget2 aria2c axel", "", &["--password X", "--http-password X", "--ftp-password X", "--proxy-password X", "--http-passwd X", "--ftp-passwd X", "--all-proxy-passwd X"]),
    ("ab http https xh hey siege wrk vegeta bombardier oha httpie", "", &["-a? U:X", "-A? U:X", "-P? U:X", "--auth U:X", "--proxy-auth U:X"]),
    ("ttyd gotty wetty", "", &["-c? U:X", "--credential U:X"]),
    ("lftp ncftp ncftpput ncftpget ncftpls ftp tnftp cadaver", "", &["-u? U,X", "-p? X", "-u _ -p X", "user _ X", "open -u U,X"]),
    ("swaks sendemail sendEmail ssmtp msmtp mailx s-nail mutt sendmail smtp-cli", "", &["-ap? X", "--auth-password X", "-xp X", "--passwordeval X", "-p X", "smtp-auth-password=X", "--pass X", "-pw X"]),
    ("htpasswd", "bnBcCmsdpDv5", &["-b $X"]),
    ("mkpasswd mkpasswd.pl grub-mkpasswd-pbkdf2 vncpasswd wpa_passphrase pwhash argon2 doveadm x11vnc tigervncpasswd", "", &["$X", "-p X", "-passwd X", "-storepasswd X"]),
    ("x11vnc Xvnc vncviewer tigervnc vncserver websockify vncdo vncdotool", "", &["-passwd X", "-p X", "-password X", "--password X"]),
    // Directories, files, terminals.
    ("ldapsearch ldapmodify ldapadd ldapdelete ldapwhoami ldappasswd ldapcompare ldapmodrdn ldapexop ldapvi ldapurl dsconf dsctl dsidm", "x", &["-w? X"]),
    ("ldappasswd", "", &["-s? X", "-a? X", "-w? X"]),
    ("slappasswd", "", &["-s? X"]),
    ("smbclient smbget", "", &["//* ^X"]),
    ("nxc cme netexec crackmapexec evil-winrm kerbrute certipy* bloodhound* ldapdomaindump enum4linux* smbexec.py ntlmrelayx.py", "", &["-p? X", "--password X", "-H X", "--hash X"]),
    ("smbclient rpcclient smbget wmic winexe net pth-* smbmap nmblookup smbcacls smbtree smbspool smbcquotas wmiexec.py psexec.py samba-tool", "", &["-U? U%X", "--user U%X", "--password X", "-p X", "--adminpass X", "setpassword _ --newpassword X", "user create _ X", "user add _ X", "--newpassword X"]),
    ("net net.exe net1", "/", &["user _ X", r"use _ \\* X", r"use \\* X", "password _ X", "accounts _ X"]),
    ("smbpasswd pdbedit", "", &["-s X", "$X", "-w? X", "-a _ X"]),
    ("cmdkey cmdkey.exe schtasks schtasks.exe psexec psexec.exe", "", &["/pass:X", "/rp X", "-p X", "/p X"]),
    ("xfreerdp* wlfreerdp* wfreerdp* rdesktop freerdp* sdl-freerdp* remmina mstsc*", "", &["/p:X", "/gp:X", "-p? X", "/pass:X", "/password:X", "/shadow-pass:X", "--password X", "/ph:X", "/pth:X", "/reconnect-cookie:X"]),
    ("plink pscp psftp putty kitty winscp", "", &["-pw X", "-passwordfrompipe X", "/passphrase X"]),
    ("sshpass", "", &["-p? X"]),
    ("ssh-keygen puttygen ssh-copy-id dropbearkey", "", &["-N? X", "-P? X", "--new-passphrase X", "--old-passphrase X"]),
    ("kadmin kadmin.local kinit ktutil kpasswd ipa realm adcli net-ads", "", &["-w? X", "-pw X", "--password X"]),
    ("radtest", "", &["_ X", "_ _ _ _ X"]),
    ("radclient radeapclient", "", &["auth|acct|status|coa|disconnect|auto X"]),
    ("onesixtyone", "", &["_ ^X"]),
    ("tacc tacacs_client", "", &["-p? X", "-k? X"]),
    ("sc sc.exe", "", &["password= X"]),
    ("p4 accurev cm tf tf.exe", "", &["-P? X", "login _ X", "/login:U,X"]),
    ("dig kdig nsupdate knsupdate knotc delv host drill ldns-update", "", &["-y? L:X", "--tsig L:X"]),
    ("pdnsutil pdns_control", "", &["import-tsig-key _ _ X", "set-account-secret _ X"]),
    ("rndc rndc-confgen", "", &["-y L:X"]),
    ("iscsiadm targetcli", "", &["-n N -v X", "--name N --value X", "set auth password=X"]),
    ("virsh virt-install virt-viewer", "", &["secret-set-value _ X", "secret-set-value --base64 X"]),
    ("qemu-* kvm", "", &["-object|--object ,data=X", "-spice ,password=X"]),
    ("mount.cifs mount.smb3", "", &["password=X", "pass=X"]),
    ("adduser", "", &["--disabled-password F", "--disabled-login F"]),
    ("docker podman nerdctl buildctl docker-compose buildah", "", &["--secret F"]),
    ("usermod useradd adduser chpasswd deluser groupmod luseradd", "m", &["-p? X", "--password X"]),
    ("passwd", "", &["--stdin X"]),
    ("ipmitool ipmi* racadm ipmiutil bmc-* redfishtool", "", &["-P? X", "-p X", "-r _ -u _ -p X", "user set password _ X", "set password _ X", "-K? X"]),
    ("snmpwalk snmpget snmpset snmpbulkwalk snmpbulkget snmptrap snmptable snmpgetnext snmpdelta snmpdf snmpinform snmpstatus snmptest snmpusm snmpvacm snmpcheck onesixtyone braa check_snmp snmpnetstat", "", &["-A? X", "-X? X", "-c? X", "-3m X", "-3M X", "-3k X", "-3K X", "-C X"]),
    ("nmcli", "", &["password X", "wifi-sec.psk X", "802-11-wireless-security.psk X", "vpn.secrets password=X", "802-1x.password X", "gsm.password X", "wep-key X"]),
    ("iwconfig iwpriv iw", "", &["key|enc s:X", "key|enc X", "keys 0:X"]),
    ("wpa_cli", "", &["set_network _ psk|password|wep_key0 X", "passphrase _ X", "password _ X"]),
    ("hydra medusa ncrack patator hashcat john crowbar", "", &["-p? X"]),
    ("ss-server ss-local ss-redir ss-tunnel sslocal ssserver ssmanager ssserver-rust trojan trojan-go v2ray xray sing-box shadowsocks* obfs-local hysteria brook gost kcptun server_linux client_linux", "", &["-k? X", "--password X", "-p X", "--key X"]),
    ("openvpn", "", &["--askpass X", "--auth-user-pass F", "--secret F"]),
    ("openconnect", "", &["--passwd X", "--cookie X", "-C? X", "--token-secret X"]),
    ("pppd chat", "", &["password X"]),
    ("stunnel openssl", "", &["-k X", "-K X", "-hmac X", "-psk X", "-pass X", "-passin X", "-passout X", "-password X", "-macopt key:X", "-macopt hexkey:X", "-srppass X", "-proxy_pass X", "-secret X", "-challenge X", "-p X", "passwd $X", "-pass_arg X", "-keyopt secret:X"]),
    ("gpg gpg2 gpgsm gpg-preset-passphrase age sops rage minisign signify", "", &["--passphrase X", "-p X", "--age X", "--pgp-passphrase X", "--preset X"]),
    ("keytool jarsigner apksigner", "", &["-storepass X", "-keypass X", "-srcstorepass X", "-deststorepass X", "-new X", "-destkeypass X", "-srckeypass X", "--ks-pass X", "--key-pass X"]),
    ("signtool signtool.exe osslsigncode", "", &["/p X", "-pass X"]),
    ("7z 7za 7zr 7zz rar unrar arj", "", &["-pX", "-hpX"]),
    ("zip unzip zipcloak funzip fcrackzip", "", &["-P? X", "--password X"]),
    ("qpdf", "", &["--encrypt _ X"]),
    ("qpdf pdftk pdftotext pdfinfo pdftoppm mutool", "", &["-upw X", "-opw X", "user_pw X", "owner_pw X", "input_pw X", "--password X", "-p X", "--encrypt X"]),
    ("cryptsetup veracrypt truecrypt ecryptfs-add-passphrase zuluCrypt-cli encfs gocryptfs securefs", "", &["-p X", "--password X", "--passphrase X", "-extpass X"]),
    ("restic", "", &["-p F"]),
    ("rclone", "", &["config create N X", "config update N X", "config password N X"]),
    ("borg duplicity rclone kopia duplicati* rdiff-backup", "", &["--password X", "--pass X", "-p X", "obscure X", "--sftp-pass X", "--encrypt-key X", "--passphrase X"]),
    // Clouds, platforms, delivery.
    ("aws awslocal aws-vault", "", &["--secret-id F", "--secret-name F", "configure set N X", "put-parameter --value X", "create-secret --secret-string X", "put-secret-value --secret-string X", "update-secret --secret-string X", "--secret-string X", "--master-user-password X", "--password X", "--temporary-password X", "--secret-access-key X", "--session-token X", "--auth-token X", "--user-pool-client-secret X", "create-login-profile --password X"]),
    ("az", "", &["login -p? X", "keyvault secret set --value X", "--admin-password X", "--account-key X", "--sas-token X", "--connection-string X", "-p? X", "ad sp create --password X", "webapp config appsettings set --settings K=X...", "functionapp config appsettings set --settings K=X..."]),
    ("gcloud gsutil bq", "", &["--secret F", "--key F", "--keyring F", "--access-token X", "--password X", "--root-password X", "users set-password --password X"]),
    ("docker podman nerdctl buildah skopeo helm crane oras regctl docker-compose finch img kaniko cosign", "", &["login -p? X", "--creds U:X", "--src-creds U:X", "--dest-creds U:X", "--registry-token X", "registry login -p? X", "repo add --password X", "--password X"]),
    ("kubectl oc microk8s k3s minikube kubeadm", "", &["create secret generic --from-literal K=X", "create secret docker-registry --docker-password X", "config set-credentials --password X", "login -p? X", "login --token X", "--token X", "config set N X", "--docker-password X"]),
    ("kubeadm", "", &["--token X", "--certificate-key X"]),
    ("fly flyctl", "", &["secrets set K=X...", "secrets import K=X", "-t? X", "--access-token X"]),
    ("heroku", "", &["config:set K=X...", "--api-key X"]),
    ("vercel netlify railway render surge now", "", &["-t? X", "--token X", "--auth X", "env:set _ X", "variables set K=X..."]),
    ("wrangler doctl hcloud linode-cli vultr-cli scw civo exo upctl ibmcloud oci bx cf", "", &["-t? X", "--access-token X", "--apikey X", "login -p? X", "-p? X", "auth _ X", "login _ X"]),
    ("gh glab tea hub", "", &["auth login -t? X", "--with-token X", "secret set -b? X", "secret set --body X", "variable set -b X", "--token X"]),
    ("git", "", &["config N X", "config credential.helper X", "http.extraheader=X", "http.extraHeader=X"]),
    ("npm yarn pnpm bun", "", &["config set N X", "--otp X", "set N X"]),
    ("pip twine poetry flit uv hatch", "", &["-p? X", "config N X", "http-basic.* _ X", "pypi-token.* X", "publish -p? X", "--password X", "--token X"]),
    ("cargo", "", &["login X", "--token X"]),
    ("composer", "", &["config http-basic.* _ X", "config github-oauth.* X", "config gitlab-token.* X", "config gitlab-oauth.* X", "config bearer.* X", "config bitbucket-oauth.* _ X"]),
    ("conan conda anaconda mamba spack", "", &["user -p? X", "remote login -p? X", "login --password X", "remote auth -p X"]),
    ("snyk shodan codecov coveralls censys semgrep fossa trivy wpscan", "", &["auth X", "init X", "-t? X", "--token X"]),
    ("pm2 balena particle expo eas firebase appcenter supabase sfdx travis circleci", "", &["link X", "plus X", "login -p? X", "login --token X", "login _ X", "-t X", "--token X", "setup X"]),
    ("gem bundle", "", &["config set _ X", "config _ U:X", "-k X"]),
    ("nuget dotnet", "", &["-Password X", "-p? X", "setapikey X", "setApiKey X", "-ApiKey X", "-k X", "--api-key X", "-ApiKey X", "nuget push -k X", "sources -Password X", "user-secrets set _ X"]),
    ("mvn mvnd gradle ant sbt", "", &["--encrypt-password X", "--encrypt-master-password X", "-ep X", "-emp X"]),
    ("vault bao openbao", "", &["kv put _ K=X...", "kv patch _ K=X...", "write secret/* K=X...", "write kv/* K=X...", "write cubbyhole/* K=X...", "write _ N=X", "operator unseal X", "unseal X", "unwrap X", "login X", "login _ K=X...", "token renew X", "token revoke X", "token lookup X", "lookup X", "operator rekey X", "operator generate-root X", "-dev-root-token-id X", "-otp X", "-decode X", "wrap K=X..."]),
    ("consul nomad serf consul-template envconsul", "", &["-encrypt X", "-http-auth U:X", "kv put N X", "kv put */password X", "-token X", "keyring -install X", "keygen X", "keys -install X", "-default-token X", "-vault-token X", "var put _ K=X...", "acl set-agent-token _ X"]),
    ("etcdctl", "", &["--user U:X", "--password X", "put N X", "set N X", "user add U:X", "user passwd _ X"]),
    ("chamber ssm-parameter credstash confd berglas summon aws-secrets secretctl sealed-secrets kubeseal passbolt gopass pass", "", &["write _ _ X", "put _ X", "create _ X"]),
    ("op", "", &["signin _ _ X", "--session X", "item create K=X...", "--password X"]),
    ("bw bws", "", &["login _ X", "unlock X", "--session X", "--code X", "login --apikey X", "--access-token X", "--password X"]),
    ("lpass doppler infisical akeyless dashlane keeper keepassxc-cli kpcli", "", &["secrets set K=X...", "--token X", "-t? X", "login _ X", "--access-key X", "--pw X"]),
    ("bore", "", &["-s? X"]),
    ("wstunnel", "", &["--http-upgrade-path-prefix X", "--http-upgrade-credentials U:X", "-P X"]),
    ("ngrok cloudflared frpc frps localtunnel bore inlets inlets-pro zrok tailscale headscale zerotier-cli netbird", "", &["authtoken X", "add-authtoken X", "--authtoken X", "--token X", "-t? X", "tunnel run --token X", "service install X", "--auth-key X", "--authkey X", "--setup-key X", "-k X", "enable X"]),
    ("mc mcli", "", &["alias set _ _ _ X", "config host add _ _ _ X", "admin user add _ _ X", "admin user svcacct add --secret-key X"]),
    ("minio s3cmd s4cmd s5cmd s3fs goofys rclone", "", &["--secret_key X", "--secret-key X", "--s3-secret-access-key X", "--access_token X"]),
    ("jenkins-cli java jenkins jenkins-jobs", "", &["-auth U:X", "-password X"]),
    ("argocd", "", &["login --password X", "--auth-token X", "account update-password --new-password X", "--current-password X", "--new-password X"]),
    ("ansible ansible-playbook ansible-vault", "", &["ansible_password=X", "ansible_become_pass=X", "encrypt_string X", "ansible_ssh_pass=X"]),
    ("terraform tofu pulumi terragrunt packer", "", &["config set --secret _ X", "config set N X", "login X"]),
    ("grafana-cli grafana grafana-server", "", &["reset-admin-password X", "admin reset-admin-password X"]),
    ("occ artisan wp drush drupal magento joomla.php moosh", "", &["--user_pass X", "--admin_password X", "--admin-password X", "--account-pass X", "--dbpass X", "--db-pass X", "user:password _ X", "user update --user_pass X", "upwd _ X", "--admin-pass X", "user:resetpassword X", "--prompt X"]),
    ("gitea gogs forgejo gitlab-rails gitlab-runner gitlab-runner-helper", "", &["--password X", "-p X", "-r? X", "--registration-token X", "--token X", "-t X", "change-password -p X"]),
    ("add-user add-user.sh jboss-cli jboss-cli.sh asadmin wsadmin kcadm kcadm.sh kc.sh wlst elytron-tool", "", &["-p? X", "--password X", "--new-password X", "--newpassword X", "set-password -p X", "-u _ X", "credential-store -p X", "-x X"]),
    ("zabbix_sender zabbix_get zabbix_proxy check_mysql check_http check_pgsql check_* nrpe", "", &["--tls-psk X", "-a? U:X", "-p? X"]),
    ("smbmount mount", "", &["password=X"]),
    ("ss5 microsocks 3proxy dante squid tinyproxy pproxy", "", &["-P? X", "-p? X"]),
    ("deluge-console", "", &["connect _ _ X"]),
    ("youtube-dl yt-dlp youtube-dlc gallery-dl you-get streamlink", "", &["-p? X", "--video-password X"]),
    ("turnserver coturn", "", &["-u? U:X"]),
    ("turnadmin turnutils_uclient", "", &["-p? X", "-w? X"]),
    ("rcon rcon-cli mcrcon", "", &["-p? X"]),
    ("steamcmd steamcmd.sh", "", &["+login _ X"]),
    ("xmrig cpuminer minerd ethminer cgminer bfgminer", "", &["-p? X", "-O U:X"]),
    ("airflow superset", "", &["users create -p? X", "fab create-admin --password X"]),
    ("nikto nikto.pl sqlmap wfuzz ffuf feroxbuster gobuster dirb", "", &["-id U:X", "-P X", "--auth-cred U:X", "--basic U:X"]),
    ("ConvertTo-SecureString", "", &["X", "-String X"]),
    ("ffmpeg ffprobe ffplay x264 x265", "", &["-pass F", "--pass F", "-decryption_key X"]),
    ("transmission-remote transmission-daemon deluge-console qbittorrent aria2rpc", "", &["-n? U:X", "--auth U:X", "-v? X"]),
    ("telegram-send irssi weechat ii sic", "", &["-k X", "-w? X", "--token X"]),
    ("certbot acme.sh lego step step-ca cfssl", "", &["--eab-hmac-key X", "--hmac X", "--password X", "--provisioner-password X", "--token X"]),
    ("coder code-server jupyter jupyter-lab jupyter-notebook rstudio-server", "", &["--token X", "--password X", "--NotebookApp.token=X", "--ServerApp.token=X", "--IdentityProvider.token=X"]),
    ("gunicorn celery flower", "", &["--basic_auth U:X", "--basic-auth U:X"]),
    ("nomad-pack boundary waypoint", "", &["-password X", "-token X"]),
    ("syncthing filebrowser caddy", "", &["--password X", "users add _ X", "hash-password --plaintext X", "--plaintext X"]),
    ("mailmerge imapsync offlineimap getmail fetchmail isync mbsync", "", &["--password1 X", "--password2 X", "--pass X"]),
    ("nordvpn protonvpn expressvpn mullvad", "", &["login -p? X", "account login X", "login --token X"]),
    ("wsl runas autologon autologon.exe", "", &["/password X", "_ _ X"]),
    ("sqlpackage sqlpackage.exe", "", &["/tp:X", "/sp:X", "/TargetPassword:X", "/SourcePassword:X"]),
    ("msdeploy msdeploy.exe msbuild", "", &["password=X", "/p:Password=X"]),
];

/// Programs whose arguments are another command: the next word that is no option may be a program.
#[rustfmt::skip]
pub(in crate::redact) const RUNNERS: &str = "env timeout nice nohup sudo doas exec xargs tini dumb-init catatonit busybox gosu su-exec setpriv chroot unshare nsenter time strace \
    ltrace watch setsid stdbuf ionice taskset flock script faketime s6-setuidgid s6-svwait chpst runuser su entrypoint.sh docker-entrypoint.sh docker-init command builtin cmd cmd.exe then do else ! with-contenv";

/// Programs that run what is written in one argument after an option that ends in `c` or `e`.
#[rustfmt::skip]
pub(in crate::redact) const SHELLS: &str = "sh bash dash ash zsh ksh mksh fish su runuser pwsh powershell powershell.exe cmd cmd.exe busybox python python2 python3 perl ruby node php expect tclsh lua osascript";

/// What reads a password from its standard input: `echo X | docker login --password-stdin`.
#[rustfmt::skip]
pub(in crate::redact) const READERS: &str = "--password-stdin --passwd-stdin --stdin -stdin --with-token --pass-stdin --passphrase-fd --token-stdin --pinentry-mode passwd chpasswd smbpasswd \
    htpasswd sudo openssl cryptsetup gpg kinit sshpass vncpasswd mkpasswd su login ssh-add ldappasswd slappasswd --password-file=- --key-file=-";
