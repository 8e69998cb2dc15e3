//! Which sockets are asked for.

use super::SocketsQuery;
use crate::model::socket::{Family, Protocol, Socket, State};

/// The flags, resolved.
pub(super) struct Filter {
    /// Tables to read, in the order of the document.
    pub(super) tables: Vec<(Protocol, Family)>,
    states: Vec<State>,
    listening: bool,
    port: Option<u32>,
    /// Whether vsock was asked for by its name, and not among everything.
    pub(super) vsock_by_name: bool,
}

/// Every table there is.
const TABLES: [(Protocol, Family); 12] = [
    (Protocol::Tcp, Family::Inet),
    (Protocol::Tcp, Family::Inet6),
    (Protocol::Udp, Family::Inet),
    (Protocol::Udp, Family::Inet6),
    (Protocol::Raw, Family::Inet),
    (Protocol::Raw, Family::Inet6),
    (Protocol::Icmp, Family::Inet),
    (Protocol::Icmp, Family::Inet6),
    (Protocol::Unix, Family::Unix),
    (Protocol::Packet, Family::Packet),
    (Protocol::Vsock, Family::Vsock),
    (Protocol::Netlink, Family::Netlink),
];

/// What `ss` leaves out unless asked: connections that are half made or long over.
const HIDDEN: [State; 4] = [
    State::TimeWait,
    State::SynRecv,
    State::Close,
    State::BoundInactive,
];

impl Filter {
    pub(super) fn of(query: &SocketsQuery) -> Self {
        let named = [
            (query.tcp, Protocol::Tcp),
            (query.udp, Protocol::Udp),
            (query.raw, Protocol::Raw),
            (query.raw, Protocol::Icmp),
            (query.unix, Protocol::Unix),
            (query.packet, Protocol::Packet),
            (query.netlink, Protocol::Netlink),
            (query.vsock, Protocol::Vsock),
        ];
        let any = named.iter().any(|(asked, _)| *asked);
        let everything = query.whole || (query.summary && !query.ipv4 && !query.ipv6);
        let protocol = |protocol: Protocol| match (any, everything) {
            (true, _) => named.contains(&(true, protocol)),
            (false, true) => true,
            (false, false) => matches!(protocol, Protocol::Tcp | Protocol::Udp),
        };
        let family = |family: Family| match family {
            Family::Inet => query.ipv4 || !query.ipv6,
            Family::Inet6 => query.ipv6 || !query.ipv4,
            _ => true,
        };
        let mut tables = TABLES.to_vec();
        tables.retain(|(of, by)| protocol(*of) && family(*by));
        // Checked before: what is not a state does not come here.
        let named = states(&query.state).unwrap_or_default();
        let states = match (named.is_empty(), query.all_states) {
            (false, _) => named,
            (true, true) => State::ALL.to_vec(),
            (true, false) if query.whole || query.summary => State::ALL.to_vec(),
            (true, false) => State::ALL
                .into_iter()
                .filter(|state| !HIDDEN.contains(state))
                .collect(),
        };
        Self {
            tables,
            states,
            listening: query.listening,
            vsock_by_name: query.vsock,
            port: query.port.map(u32::from),
        }
    }

    /// Whether sockets in this state are asked for.
    pub(super) fn wants(&self, state: State) -> bool {
        let listens = matches!(state, State::Listen | State::Unconnected);
        self.states.contains(&state) && (listens || !self.listening)
    }

    /// The kernel's numbers of the states that are asked for, as bits.
    pub(super) fn state_bits(&self) -> u32 {
        let bits = |state: State| match state {
            State::Established => 1 << 1,
            State::SynSent => 1 << 2,
            // New ones have a number of their own inside of the kernel.
            State::SynRecv => 1 << 3 | 1 << 12,
            State::FinWait1 => 1 << 4,
            State::FinWait2 => 1 << 5,
            State::TimeWait => 1 << 6,
            State::Close | State::Unconnected => 1 << 7,
            State::CloseWait => 1 << 8,
            State::LastAck => 1 << 9,
            State::Listen => 1 << 10,
            State::Closing => 1 << 11,
            State::BoundInactive => 1 << 13,
        };
        State::ALL
            .into_iter()
            .filter(|state| self.wants(*state))
            .fold(0, |all, state| all | bits(state))
    }

    /// Whether every TCP socket that is asked for is one that `net/sockstat` counts: it leaves
    /// out connections that are half made, and sockets that are merely bound.
    pub(super) fn are_counted(&self) -> bool {
        !self.wants(State::SynRecv) && !self.wants(State::BoundInactive)
    }

    /// Whether the ports decide too.
    pub(super) fn by_port(&self) -> bool {
        self.port.is_some()
    }

    /// Whether a socket that was read is asked for.
    pub(super) fn keeps(&self, socket: &Socket) -> bool {
        let port = self
            .port
            .is_none_or(|port| [socket.local_port, socket.peer_port].contains(&Some(port)));
        port && self.wants(socket.state)
    }
}

/// Whether a word is that of a table.
pub(super) fn is_table(word: &str) -> bool {
    TABLES.iter().any(|(of, family)| of.word(*family) == word)
}

/// States by their names: with `-` or `_`, as `ss` and as `netstat` call them.
///
/// # Errors
/// A sentence that names the word and what there is.
pub(super) fn states(names: &[String]) -> Result<Vec<State>, String> {
    names.iter().map(|name| state(name)).collect()
}

fn state(name: &str) -> Result<State, String> {
    let word = name.to_ascii_lowercase().replace('-', "_");
    let word = match word.as_str() {
        "listening" => "listen",
        "estab" | "connected" => "established",
        "timewait" => "time_wait",
        "closewait" => "close_wait",
        "unconn" => "unconnected",
        "closed" => "close",
        "fin_wait_1" => "fin_wait1",
        "fin_wait_2" => "fin_wait2",
        other => other,
    };
    let found = State::ALL.into_iter().find(|state| state.as_str() == word);
    found.ok_or_else(|| {
        let all = State::ALL.map(State::as_str).join(", ");
        format!("unknown state {name:?}; valid states: {all}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args as _, Command, FromArgMatches as _};

    fn filter(words: &[&str]) -> Filter {
        let command = SocketsQuery::augment_args(Command::new("ss").no_binary_name(true));
        let matches = command.try_get_matches_from(words).unwrap();
        Filter::of(&SocketsQuery::from_arg_matches(&matches).unwrap())
    }

    fn words(filter: &Filter) -> Vec<&'static str> {
        let tables = filter.tables.iter();
        tables.map(|(of, family)| of.word(*family)).collect()
    }

    #[test]
    fn what_fingers_know() {
        assert_eq!(words(&filter(&["-tulpn"])), ["tcp", "tcp6", "udp", "udp6"]);
        assert_eq!(words(&filter(&["-tlnp"])), ["tcp", "tcp6"]);
        assert_eq!(words(&filter(&["-tanpe"])), ["tcp", "tcp6"]);
        assert_eq!(words(&filter(&["-x"])), ["unix"]);
        assert_eq!(words(&filter(&["-4"])), ["tcp", "udp"]);
        assert_eq!(words(&filter(&["-6", "-w"])), ["raw6", "icmp6"]);
        assert_eq!(filter(&["-s"]).tables.len(), TABLES.len());
        assert_eq!(words(&filter(&[])), ["tcp", "tcp6", "udp", "udp6"]);
    }

    #[test]
    fn states_as_ss_shows_them() {
        let usual = filter(&[]);
        assert!(usual.wants(State::Listen) && usual.wants(State::CloseWait));
        assert!(!usual.wants(State::TimeWait));
        assert!(filter(&["-a"]).wants(State::TimeWait));
        let listening = filter(&["-l"]);
        assert!(listening.wants(State::Unconnected) && !listening.wants(State::Established));
        assert_eq!(listening.state_bits(), 1 << 7 | 1 << 10);
        let named = filter(&["--state", "TIME-WAIT,estab"]);
        assert_eq!(named.state_bits(), 1 << 1 | 1 << 6);
        assert!(states(&["nonsense".to_owned()]).is_err());
    }

    #[test]
    fn dump_asks_for_everything() {
        let whole = Filter::of(&<SocketsQuery as crate::sections::section::Request>::whole());
        assert_eq!(whole.tables.len(), TABLES.len());
        assert!(State::ALL.into_iter().all(|state| whole.wants(state)));
    }
}
