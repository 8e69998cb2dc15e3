use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::model::certificate::{
    Certificate, CertificateDer, CertificateFile, Certificates, KeyAlgorithm, PublicKey,
    RevocationList,
};
use crate::model::gap::{Gaps, Reason, Refusal};
use crate::model::network::Network;
use crate::model::open_files::{DeletedFiles, OpenFiles};
use crate::model::process::{Limit, LimitPair, Process};
use crate::model::process_group::groups;
use crate::model::resources::{CpuLimit, Resources};
use crate::model::seen::Seen;
use crate::model::server_stats::ProbeFigure;
use crate::model::socket::{Family as AddressFamily, Protocol, Socket, SocketSum, State};
use crate::model::target::ChosenBy;
use crate::model::tls::{ClientCertificate, TlsLook, Took};
use crate::model::trust_store::TrustStore;
use crate::model::verdict::{Authorities, Judgement, Verdict};

const DOCUMENTATION: &str = include_str!("../../../docs/metrics.md");

fn at(seconds: u64) -> Timestamp {
    Timestamp(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

fn own() -> ServerStats {
    ServerStats {
        started_at: at(1),
        cpu_seconds: Some(0.25),
        resident_bytes: Some(4_096),
        look_seconds: 0.002,
        requests: [0, 7, 0, 1, 0],
        connections_open: 1,
        connections_accepted: 2,
        connections_evicted: 0,
        auth_failures: 3,
        certificates_read_at: Some(at(90)),
        probes: vec![
            ProbeFigure {
                name: "db".to_owned(),
                success: Some(false),
                seconds: 0.5,
            },
            ProbeFigure {
                name: "cert".to_owned(),
                success: None,
                seconds: 0.1,
            },
        ],
    }
}

fn text_of(report: Option<&Report>, form: Form) -> String {
    let processes = report.and_then(|report| report.processes.as_deref());
    let (groups, groups_folded) = groups(processes.unwrap_or_default(), 50);
    let figures = Figures {
        report,
        groups: &groups,
        groups_folded,
        cpu_seconds: &|_| Some((1.5, 0.5)),
        own: &own(),
        findings: Some(&FindingFigures {
            found: vec![("SPY-RES-001", "problem")],
            not_judged: 3,
        }),
        sections: &[
            processes::collect,
            sockets::collect,
            mounts::collect,
            certificates::collect,
            resources::collect,
            network::collect,
            open_files::collect,
        ],
    };
    metrics(&figures, form).unwrap()
}

fn text(report: &Report) -> String {
    text_of(Some(report), Form::Text)
}

fn certificate(subject: &str, not_after: u64) -> Certificate {
    Certificate {
        subject: Seen::Value(subject.to_owned()),
        issuer: Seen::Value("CN=ca".to_owned()),
        subject_alternative_names: Vec::new(),
        serial: Seen::Value("1".to_owned()),
        version: Seen::Value(3),
        not_before: Seen::Value(at(5)),
        not_after: Seen::Value(at(not_after)),
        seconds_left: Seen::Value(0),
        public_key: Seen::Value(PublicKey {
            algorithm: KeyAlgorithm::Ed25519,
            bits: None,
            curve: None,
            spki_pin_sha256: String::new(),
        }),
        signature_algorithm: String::new(),
        is_ca: Seen::Value(false),
        path_length: None,
        key_usages: None,
        extended_key_usages: None,
        fingerprint_sha256: String::new(),
        self_signed: false,
        chain_position: None,
        faults: Vec::new(),
        der: CertificateDer::default(),
    }
}

fn file(path: &str, certificates: Seen<Vec<Certificate>>) -> CertificateFile {
    CertificateFile {
        path: path.into(),
        resolved_path: None,
        found_by: Vec::new(),
        form: None,
        size_bytes: 0,
        modified_at: at(0),
        uid: 0,
        gid: 0,
        mode: "0644".to_owned(),
        readable_by_target: Seen::Value(true),
        certificates,
        private_keys: Vec::new(),
        private_key: None,
        faults: Vec::new(),
        revocation_lists: Vec::new(),
        verdicts: None,
    }
}

fn verdict(authorities: Authorities, judgement: Judgement) -> Verdict {
    Verdict {
        authorities,
        judgement,
        path: Vec::new(),
        findings: Vec::new(),
        runtime: None,
    }
}

fn tls(verdicts: Vec<Verdict>) -> TlsLook {
    TlsLook {
        endpoint: "api:443".to_owned(),
        server_name: Some("api".to_owned()),
        starttls: None,
        from_target_network: Seen::Value(true),
        resolution: None,
        dialled: None,
        took: Took::default(),
        session: None,
        failure: None,
        client_certificate: ClientCertificate::NotAsked,
        chain: vec![certificate("CN=api", 400)],
        ocsp_staple: None,
        sni: None,
        trust_store: None,
        min_days: None,
        verdicts,
    }
}

fn process(pid: i32, comm: &[u8]) -> Process {
    let limit = LimitPair {
        soft: Limit::Value(1_000),
        hard: Limit::Unlimited,
    };
    Process {
        rss_bytes: 1 << 20,
        container: Some("web".to_owned()),
        fd_count: Some(Seen::Value(10)),
        fd_limit: Some(Seen::Value(limit)),
        ..Process::bare(pid, comm, at(10))
    }
}

fn listener(port: u32, waiting: u32, most: Seen<u32>) -> Socket {
    Socket {
        local_address: Some([127, 0, 0, 1].into()),
        local_port: Some(port),
        accept_queue: Some(Seen::Value(waiting)),
        accept_queue_limit: Some(most),
        ..Socket::bare(Protocol::Tcp, AddressFamily::Inet, State::Listen)
    }
}

fn sum(state: State, local_port: Option<u32>, count: u64) -> SocketSum {
    SocketSum {
        net_namespace_of: None,
        protocol: Protocol::Tcp,
        family: AddressFamily::Inet,
        state,
        local_port,
        count,
    }
}

/// A report in which everything is there that has a metric.
/// A cgroup of version 2 with every limit.
fn limited() -> Resources {
    let resources = serde_json::json!({
        "pid": 1,
        "memory": {
            "cgroup": "/sys/fs/cgroup", "cgroup_version": 2,
            "current_bytes": 5_000, "working_set_bytes": 4_000, "peak_bytes": 6_000,
            "limit_bytes": 8_000, "swap_current_bytes": 0, "anonymous_bytes": 3_000,
            "cache_bytes": 1_000, "oom_kills": 2
        },
        "cpu": {
            "cgroup": "/sys/fs/cgroup", "cgroup_version": 2, "usage_seconds": 1.5,
            "user_seconds": 1.0, "system_seconds": 0.5, "limit_cores": 0.5,
            "periods": 10, "throttled_periods": 3, "throttled_seconds": 0.25
        },
        "pids": {"cgroup": "/sys/fs/cgroup", "cgroup_version": 2, "current": 7, "limit": 9},
        "limits": []
    });
    serde_json::from_value(resources).unwrap()
}

/// A namespace of two interfaces with every counter that has a metric.
fn connected() -> Network {
    let traffic =
        |bytes: u64| serde_json::json!({"bytes": bytes, "packets": 2, "errors": 1, "dropped": 3});
    let interface = |name: &str, bytes: u64| {
        serde_json::json!({
            "index": 1, "name": name, "link_type": "ether", "state": "up", "flags": [],
            "mtu_bytes": 1500, "received": traffic(bytes), "sent": traffic(bytes + 1)
        })
    };
    let tcp = [
        "retransmitted_segments",
        "listen_overflows",
        "listen_drops",
        "resets_sent",
        "established_resets",
    ];
    let udp = ["receive_errors", "receive_buffer_errors"];
    let counted = |names: &[&str]| -> serde_json::Value {
        names
            .iter()
            .map(|name| ((*name).to_owned(), 7.into()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let network = serde_json::json!({
        "pid": 1, "source": "netlink",
        "interfaces": [interface("eth0", 10), interface("x\"\n", 20)],
        "counters": {
            "tcp": counted(&tcp), "udp": counted(&udp), "udp6": counted(&udp), "ip": {}, "ip6": {}
        },
        "conntrack": {"entries": 5, "limit": 10},
        "ephemeral_ports": {"first": 1, "last": 10, "tcp_used": 4}
    });
    serde_json::from_value(network).unwrap()
}

fn full() -> Report {
    let mut gaps = Gaps::default();
    gaps.section("processes")
        .record("exe", 7, &Refusal::of(Reason::Uid));
    gaps.section("processes")
        .record("cwd", 7, &Refusal::of(Reason::Uid));
    let mut report = Report::begin(at(100));
    report.target = Some(Target {
        pid: 1,
        comm: "server".into(),
        exe: None,
        uid: 0,
        gid: 0,
        container: Some("web".to_owned()),
        container_id: None,
        pod_uid: None,
        pod: None,
        namespace: None,
        chosen_by: ChosenBy::FirstProcess,
        wrappers: Vec::new(),
    });
    report.processes = Some(vec![process(1, b"server"), process(2, b"server")]);
    report.socket_sums = Some(vec![
        sum(State::Listen, Some(80), 1),
        sum(State::Established, Some(80), 4),
        sum(State::Established, None, 2),
    ]);
    report.sockets = Some(vec![listener(80, 3, Seen::Value(128))]);
    report.mounts = Some(Seen::Value(vec![mount("/data")]));
    report.resources = Some(limited());
    report.network = Some(connected());
    report.open_files = Some(opened());
    report.certificates = Some(Certificates {
        files: Seen::Value(vec![CertificateFile {
            revocation_lists: vec![RevocationList {
                issuer: "CN=ca".to_owned(),
                this_update: Some(at(50)),
                next_update: Some(at(500)),
                seconds_left: Some(400),
                entries: 2,
            }],
            ..file(
                "/tls/tls.crt",
                Seen::Value(vec![certificate("CN=web", 300)]),
            )
        }]),
        files_left_out: 0,
        missing: Vec::new(),
        trust_store: unseen(&mut gaps),
        served: None,
    });
    report.tls = Some(tls(vec![
        verdict(Authorities::Target, Judgement::Refused),
        verdict(Authorities::Mozilla, Judgement::Verified),
        verdict(Authorities::Given, Judgement::CannotVerify),
    ]));
    report.gaps = gaps.as_slice().to_vec();
    report
}

fn unseen(gaps: &mut Gaps) -> Seen<TrustStore> {
    Seen::Unseen(
        gaps.section("certificates")
            .record("trust_store", "/", &Refusal::of(Reason::Uid)),
    )
}

fn mount(point: &str) -> crate::model::mount::Mount {
    use crate::model::mount::{Counts, Mount, Propagation, Space};
    let counts = Counts {
        block_bytes: 4_096,
        blocks: 100,
        blocks_free: 40,
        blocks_available: 30,
        inodes: 10,
        inodes_free: 4,
    };
    Mount {
        mount_point: point.into(),
        source: "/dev/vda".into(),
        fstype: "ext4".into(),
        root: "/".into(),
        mount_options: "rw".into(),
        super_options: "rw".into(),
        redacted: Vec::new(),
        mount_id: 1,
        parent_id: 0,
        major: 8,
        minor: 1,
        propagation: Propagation::Private,
        peer_group: None,
        master_group: None,
        writable: true,
        noexec: false,
        nosuid: false,
        nodev: false,
        hidden: false,
        stale: false,
        masked: false,
        volume: None,
        space: Space::of(&counts).map(Seen::Value),
        writable_by_target: None,
        writable_because: None,
        usual_directories: Vec::new(),
        token_issued_at: None,
        token_expires_at: None,
        empty: None,
    }
}

#[track_caller]
fn has(text: &str, sample: &str) {
    assert!(
        text.lines().any(|line| line == sample),
        "no {sample} in\n{text}"
    );
}

fn names(text: &str) -> BTreeSet<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect()
}

#[test]
fn each_thing_that_was_seen_has_its_sample() {
    let text = text(&full());
    for sample in [
        "spyhole_look_success 1",
        "spyhole_look_timestamp_seconds 100",
        "spyhole_target_info{container=\"web\",name=\"server\"} 1",
        "spyhole_processes{container=\"web\",state=\"sleeping\"} 2",
        "spyhole_process_group_processes{container=\"web\",name=\"server\"} 2",
        "spyhole_process_group_threads{container=\"web\",name=\"server\"} 2",
        "spyhole_process_group_cpu_seconds_total{container=\"web\",name=\"server\",mode=\"user\"} 1.5",
        "spyhole_process_group_resident_memory_bytes{container=\"web\",name=\"server\"} 2097152",
        "spyhole_process_group_open_fds{container=\"web\",name=\"server\"} 20",
        "spyhole_process_group_worst_fd_ratio{container=\"web\",name=\"server\"} 0.01",
        "spyhole_process_group_oldest_start_time_seconds{container=\"web\",name=\"server\"} 10",
        "spyhole_sockets{protocol=\"tcp\",family=\"inet\",state=\"established\"} 6",
        "spyhole_listening_port_sockets{port=\"80\",state=\"established\"} 4",
        "spyhole_listening_port_accept_queue_connections{address=\"127.0.0.1\",port=\"80\"} 3",
        "spyhole_listening_port_accept_queue_limit_connections{address=\"127.0.0.1\",port=\"80\"} 128",
        "spyhole_mount_size_bytes{mount_point=\"/data\",fstype=\"ext4\"} 409600",
        "spyhole_mount_available_bytes{mount_point=\"/data\",fstype=\"ext4\"} 122880",
        "spyhole_mount_inodes_used{mount_point=\"/data\",fstype=\"ext4\"} 6",
        "spyhole_mount_read_only{mount_point=\"/data\",fstype=\"ext4\"} 0",
        "spyhole_certificate_not_after_timestamp_seconds{path=\"/tls/tls.crt\",position=\"0\",subject=\"CN=web\"} 300",
        "spyhole_certificate_verified{endpoint=\"api:443\",server_name=\"api\",authorities=\"target\"} 0",
        "spyhole_certificate_verified{endpoint=\"api:443\",server_name=\"api\",authorities=\"mozilla\"} 1",
        "spyhole_gaps{section=\"processes\",reason=\"uid\"} 2",
        "spyhole_gaps{section=\"certificates\",reason=\"uid\"} 1",
        "spyhole_folded{what=\"process_groups\"} 0",
        "spyhole_http_requests_total{code=\"2xx\"} 7",
        "spyhole_http_auth_failures_total 3",
        "spyhole_cpu_seconds_total 0.25",
        "spyhole_probe_success{probe=\"db\"} 0",
    ] {
        has(&text, sample);
    }
}

#[test]
fn what_could_not_be_judged_or_read_has_none() {
    let text_ = text(&full());
    assert!(!text_.contains("authorities=\"given\""));
    assert!(!text_.contains("spyhole_probe_success{probe=\"cert\"}"));

    let mut gaps = Gaps::default();
    let refusal = Refusal::of(Reason::Uid);
    let mut report = full();
    for process in report.processes.as_mut().unwrap() {
        process.fd_count = Some(Seen::Unseen(
            gaps.section("processes").record("fd_count", 1, &refusal),
        ));
    }
    report.sockets = Some(vec![listener(
        80,
        3,
        Seen::Unseen(
            gaps.section("sockets")
                .record("accept_queue_limit", 1, &refusal),
        ),
    )]);
    let no_space = gaps.section("mounts").record("space", "/data", &refusal);
    if let Some(Seen::Value(mounts)) = &mut report.mounts {
        mounts[0].space = Some(Seen::Unseen(no_space));
    }
    let hidden = gaps
        .section("certificates")
        .record("certificates", "/tls/tls.crt", &refusal);
    report.certificates.as_mut().unwrap().files =
        Seen::Value(vec![file("/tls/tls.crt", Seen::Unseen(hidden))]);
    report.gaps = gaps.as_slice().to_vec();
    let text_ = text(&report);
    for absent in [
        "spyhole_process_group_open_fds",
        "spyhole_process_group_worst_fd_ratio",
        "accept_queue_limit",
        "spyhole_mount_size_bytes",
        "/tls/tls.crt",
    ] {
        assert!(!text_.contains(absent), "{absent} in\n{text_}");
    }
    has(
        &text_,
        "spyhole_gaps{section=\"processes\",reason=\"uid\"} 2",
    );
    has(&text_, "spyhole_gaps{section=\"mounts\",reason=\"uid\"} 1");
}

#[test]
fn where_there_is_nothing_to_look_at_the_server_tells_of_itself() {
    let text = text_of(None, Form::Text);
    has(&text, "spyhole_look_success 0");
    assert!(!text.contains("spyhole_processes"));
}

#[test]
fn hostile_names_stay_values_of_labels() {
    let mut report = Report::begin(at(100));
    let names: [&[u8]; 5] = [
        b"a\nspyhole_fake 1",
        b"\"} 1\nx{y=\"",
        b"\xff\xfe\\",
        b"other",
        "\u{202e}exe".as_bytes(),
    ];
    report.processes = Some(
        names
            .iter()
            .zip(1..)
            .map(|(name, pid)| process(pid, name))
            .collect(),
    );
    for form in [Form::Text, Form::OpenMetrics] {
        let text = text_of(Some(&report), form);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        for line in lines {
            assert!(line.starts_with("spyhole_"), "{line}");
            assert!(!line.starts_with("spyhole_fake"), "{line}");
        }
        assert!(text.contains(r#"name="a\\nspyhole_fake 1""#), "{text}");
        assert!(text.contains(r#"name="\"} 1\\nx{y=\"""#), "{text}");
        assert!(text.contains(r#"name="\\xff\\xfe\\\\""#), "{text}");
    }
}

#[test]
fn no_two_samples_have_the_same_labels() {
    let mut report = full();
    let list = report.processes.as_mut().unwrap();
    list.extend((10..210).map(|pid| process(pid, format!("{}-{pid}", "x".repeat(200)).as_bytes())));
    if let Some(Seen::Value(mounts)) = &mut report.mounts {
        mounts.extend([mount("/data"), mount("/data")]);
    }
    let text = text(&report);
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (sample, _) = line.rsplit_once(' ').unwrap();
        assert!(seen.insert(sample), "twice: {sample}");
    }
}

#[test]
fn too_much_of_anything_is_folded_and_counted() {
    let mut report = full();
    report.processes = Some(
        (0..200)
            .map(|pid| process(pid, format!("worker-{pid}").as_bytes()))
            .collect(),
    );
    report.sockets = Some(
        (1..=150)
            .map(|port| listener(port, 1, Seen::Value(2)))
            .collect(),
    );
    report.mounts = Some(Seen::Value(
        (0..130).map(|at| mount(&format!("/{at}"))).collect(),
    ));
    let many = (0..300).map(|at| certificate("CN=x", 1_000 - at)).collect();
    report.certificates.as_mut().unwrap().files =
        Seen::Value(vec![file("/ca.pem", Seen::Value(many))]);
    let text = text(&report);
    has(&text, "spyhole_folded{what=\"process_groups\"} 150");
    has(&text, "spyhole_folded{what=\"listening_ports\"} 50");
    has(&text, "spyhole_folded{what=\"mounts\"} 30");
    has(&text, "spyhole_folded{what=\"certificates\"} 201");
    has(&text, "spyhole_process_group_processes{name=\"other\"} 150");
    has(
        &text,
        "spyhole_listening_port_accept_queue_connections{port=\"other\"} 50",
    );
    let groups = text
        .lines()
        .filter(|line| line.starts_with("spyhole_process_group_threads"));
    assert_eq!(groups.count(), 51);
    // Those that end first are the ones that are shown.
    assert!(text.contains("position=\"299\"") && !text.contains("position=\"5\""));
}

fn opened() -> OpenFiles {
    OpenFiles {
        processes: Vec::new(),
        deleted: DeletedFiles {
            files: 2,
            disk_bytes: 4_096,
            memory_bytes: 8_192,
        },
        inotify_instance_limit: None,
        files: None,
    }
}

#[test]
fn removed_files_have_no_sample_where_a_process_was_not_read() {
    let mut report = Report::begin(at(100));
    report.open_files = Some(opened());
    let text = text_of(Some(&report), Form::Text);
    assert!(
        text.contains("spyhole_deleted_open_disk_bytes 4096"),
        "{text}"
    );
    let mut gaps = Gaps::default();
    let mut section = gaps.section("open_files");
    section.record("processes.fd_types", 1, &Refusal::of(Reason::Uid));
    report.gaps = gaps.as_slice().to_vec();
    let text = text_of(Some(&report), Form::Text);
    assert!(!text.contains("spyhole_deleted_open"), "{text}");
}

#[test]
fn resources_have_no_sample_without_a_limit() {
    let mut report = full();
    let limited = text(&report);
    has(&limited, "spyhole_memory_limit_bytes 8000");
    has(&limited, "spyhole_oom_kills_total 2");
    has(&limited, "spyhole_cpu_limit_cores 0.5");
    has(&limited, "spyhole_cpu_cfs_throttled_periods_total 3");
    let resources = report.resources.as_mut().unwrap();
    if let Seen::Value(memory) = &mut resources.memory {
        memory.limit_bytes = Seen::Value(Limit::Unlimited);
    }
    if let Seen::Value(cpu) = &mut resources.cpu {
        cpu.limit_cores = Seen::Value(CpuLimit::Unlimited);
    }
    let unlimited = text(&report);
    assert!(!unlimited.contains("\nspyhole_memory_limit_bytes "));
    assert!(!unlimited.contains("\nspyhole_cpu_limit_cores "));
}

#[test]
fn traffic_is_told_by_interface_and_counters_by_family() {
    let shown = text(&full());
    has(
        &shown,
        "spyhole_network_receive_bytes_total{interface=\"eth0\"} 10",
    );
    has(
        &shown,
        "spyhole_network_transmit_bytes_total{interface=\"eth0\"} 11",
    );
    has(&shown, "spyhole_network_tcp_listen_overflows_total 7");
    has(
        &shown,
        "spyhole_network_udp_receive_errors_total{family=\"inet6\"} 7",
    );
    has(&shown, "spyhole_network_conntrack_entries_limit 10");
    has(&shown, "spyhole_network_ephemeral_ports_limit 10");
}

#[test]
fn the_documentation_tells_of_every_metric_and_of_no_other() {
    let text = text(&full());
    let metrics = names(&text);
    let told: BTreeSet<&str> = DOCUMENTATION
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| name.starts_with("spyhole_"))
        .collect();
    assert_eq!(metrics, told);
}

#[test]
fn equal_names_of_containers_in_two_pods_are_two_series() {
    let of_pod = |pid, pod: &str| Process {
        namespace: Some("shop".to_owned()),
        pod: Some(pod.to_owned()),
        ..process(pid, b"server")
    };
    let report = Report {
        processes: Some(vec![
            of_pod(1, "web-1"),
            of_pod(2, "web-2"),
            of_pod(3, "web-2"),
        ]),
        ..Report::begin(at(100))
    };
    let text = text(&report);
    for line in [
        r#"spyhole_processes{namespace="shop",pod="web-1",container="web",state="sleeping"} 1"#,
        r#"spyhole_processes{namespace="shop",pod="web-2",container="web",state="sleeping"} 2"#,
        r#"spyhole_process_group_processes{namespace="shop",pod="web-2",container="web",name="server"} 2"#,
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
}

#[test]
fn every_label_is_in_the_documentation() {
    let mut report = full();
    for process in report.processes.iter_mut().flatten() {
        process.pod_uid = Some("3c1f7a5e".to_owned());
    }
    let text = text(&report);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, rest)) = line.split_once('{') else {
            continue;
        };
        let row = DOCUMENTATION
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}`")))
            .unwrap();
        for pair in rest.split("\",") {
            let label = pair.split('=').next().unwrap();
            assert!(
                row.contains(&format!("`{label}`")),
                "{label} of {name}: {row}"
            );
        }
    }
}
