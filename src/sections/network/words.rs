//! The kernel's numbers of interfaces, addresses and routes as ip(8) names them.

/// `ARPHRD_…`
pub(super) fn link_type(number: u16) -> String {
    let word = match number {
        1 => "ether",
        32 => "infiniband",
        512 => "ppp",
        768 => "ipip",
        769 => "tunnel6",
        772 => "loopback",
        776 => "sit",
        778 => "gre",
        823 => "ip6gre",
        65534 => "none",
        other => return other.to_string(),
    };
    word.to_owned()
}

/// `IF_OPER_…`, RFC 2863.
pub(super) fn operational_state(number: u8) -> String {
    let word = match number {
        0 => "unknown",
        1 => "not_present",
        2 => "down",
        3 => "lower_layer_down",
        4 => "testing",
        5 => "dormant",
        6 => "up",
        other => return other.to_string(),
    };
    word.to_owned()
}

/// `IFF_…`
pub(super) fn link_flags(flags: u32) -> Vec<String> {
    const WORDS: [(u32, &str); 18] = [
        (1 << 3, "loopback"),
        (1 << 1, "broadcast"),
        (1 << 4, "pointopoint"),
        (1 << 12, "multicast"),
        (1 << 7, "noarp"),
        (1 << 9, "allmulti"),
        (1 << 8, "promisc"),
        (1 << 10, "master"),
        (1 << 11, "slave"),
        (1 << 2, "debug"),
        (1 << 15, "dynamic"),
        (1 << 14, "automedia"),
        (1 << 13, "portsel"),
        (1 << 5, "notrailers"),
        (1 << 0, "up"),
        (1 << 16, "lower_up"),
        (1 << 17, "dormant"),
        (1 << 18, "echo"),
    ];
    const UP: u32 = 1;
    const RUNNING: u32 = 1 << 6;
    let mut words = of_bits(flags, &WORDS);
    if flags & (UP | RUNNING) == UP {
        words.insert(0, "no_carrier".to_owned());
    }
    words
}

/// `IFA_F_…`
pub(super) fn address_flags(flags: u32) -> Vec<String> {
    const WORDS: [(u32, &str); 10] = [
        (0x01, "secondary"),
        (0x02, "nodad"),
        (0x04, "optimistic"),
        (0x08, "dadfailed"),
        (0x20, "deprecated"),
        (0x40, "tentative"),
        (0x80, "permanent"),
        (0x100, "mngtmpaddr"),
        (0x200, "noprefixroute"),
        (0x800, "stable_privacy"),
    ];
    of_bits(flags, &WORDS)
}

/// `RTNH_F_…`
pub(super) fn hop_flags(flags: u32) -> Vec<String> {
    const WORDS: [(u32, &str); 5] = [
        (0x01, "dead"),
        (0x02, "pervasive"),
        (0x04, "onlink"),
        (0x08, "offload"),
        (0x10, "linkdown"),
    ];
    of_bits(flags, &WORDS)
}

fn of_bits(bits: u32, words: &[(u32, &str)]) -> Vec<String> {
    let set = words.iter().filter(|(bit, _)| bits & bit != 0);
    set.map(|(_, word)| (*word).to_owned()).collect()
}

/// `RT_SCOPE_…`
pub(super) fn scope(number: u8) -> String {
    let word = match number {
        0 => "global",
        200 => "site",
        253 => "link",
        254 => "host",
        255 => "nowhere",
        other => return other.to_string(),
    };
    word.to_owned()
}

/// `RTN_…`
pub(super) fn route_kind(number: u8) -> String {
    let word = match number {
        0 => "unspecified",
        1 => "unicast",
        2 => "local",
        3 => "broadcast",
        4 => "anycast",
        5 => "multicast",
        6 => "blackhole",
        7 => "unreachable",
        8 => "prohibit",
        9 => "throw",
        10 => "nat",
        other => return other.to_string(),
    };
    word.to_owned()
}

/// `RTPROT_…`, as in `rt_protos`.
pub(super) fn route_protocol(number: u8) -> String {
    let word = match number {
        0 => "unspecified",
        1 => "redirect",
        2 => "kernel",
        3 => "boot",
        4 => "static",
        8 => "gated",
        9 => "ra",
        10 => "mrt",
        11 => "zebra",
        12 => "bird",
        13 => "dnrouted",
        14 => "xorp",
        15 => "ntk",
        16 => "dhcp",
        18 => "keepalived",
        42 => "babel",
        186 => "bgp",
        187 => "isis",
        188 => "ospf",
        189 => "rip",
        192 => "eigrp",
        other => return other.to_string(),
    };
    word.to_owned()
}

/// `RT_TABLE_…`; names of `/etc/iproute2/rt_tables` are the target's affair.
pub(super) fn table(number: u32) -> String {
    let word = match number {
        253 => "default",
        254 => "main",
        255 => "local",
        other => return other.to_string(),
    };
    word.to_owned()
}

/// `FR_ACT_…`
pub(super) fn rule_action(number: u8) -> String {
    let word = match number {
        1 => "table",
        2 => "goto",
        3 => "nop",
        6 => "blackhole",
        7 => "unreachable",
        8 => "prohibit",
        other => return other.to_string(),
    };
    word.to_owned()
}

/// `NUD_…`
pub(super) fn neighbour_state(bits: u16) -> String {
    let word = match bits {
        0 => "none",
        0x01 => "incomplete",
        0x02 => "reachable",
        0x04 => "stale",
        0x08 => "delay",
        0x10 => "probe",
        0x20 => "failed",
        0x40 => "noarp",
        0x80 => "permanent",
        other => return format!("0x{other:x}"),
    };
    word.to_owned()
}

/// A link-layer address in pairs of hexadecimal digits.
pub(super) fn mac(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(":")
}
