//! Sockets of every kind, held by this process and by a child that inherited one.

use std::any::Any;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{self as unix, UnixDatagram, UnixListener, UnixStream};
use std::process::{Command, Stdio};

use nix::sys::socket::sockopt::{KeepAlive, ReusePort};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, getsockname, listen, setsockopt,
    socket,
};
use nix::sys::stat::fstat;

use crate::support::idle::Idle;

/// The crowd; dropping it closes all and ends the child.
pub(crate) struct Crowd {
    /// What each is, by its inode.
    pub(crate) inodes: BTreeMap<u64, &'static str>,
    /// Holds the listener that was there first too.
    pub(crate) child: Idle,
    /// The inode of that listener.
    pub(crate) shared: u64,
    kept: Vec<Box<dyn Any>>,
    folder: Option<tempfile::TempDir>,
}

impl Crowd {
    pub(crate) fn gather() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shared = TcpListener::bind("127.0.0.1:0").unwrap();
        let inherited = OwnedFd::from(shared.try_clone().unwrap());
        let mut sleep = Command::new("sleep");
        let child = Idle::start(sleep.arg("600").stdin(Stdio::from(inherited)));
        let mut crowd = Self {
            inodes: BTreeMap::new(),
            child,
            shared: inode(&shared),
            kept: Vec::new(),
            folder: None,
        };
        let address = shared.local_addr().unwrap();
        crowd.keep("listener shared with a child", shared);
        crowd.pair("established on IPv4", address);
        crowd.internet(address);
        crowd.unix(&folder.path().join("a socket  with blanks"));
        crowd.folder = Some(folder);
        crowd
    }

    fn internet(&mut self, v4: SocketAddr) {
        let v6 = TcpListener::bind("[::1]:0").unwrap();
        let address = v6.local_addr().unwrap();
        self.keep("listener on IPv6", v6);
        self.pair("established on IPv6", address);
        let any = TcpListener::bind("[::]:0").unwrap();
        let port = any.local_addr().unwrap().port();
        let mapped: Ipv6Addr = "::ffff:127.0.0.1".parse().unwrap();
        let client = TcpStream::connect((mapped, port)).unwrap();
        let (server, _) = any.accept().unwrap();
        self.keep("dual-stack listener", any);
        self.keep("client, v4-mapped", client);
        self.keep("server, v4-mapped", server);
        let waiting = TcpStream::connect(v4).unwrap();
        self.keep("client that is not accepted", waiting);
        let mut port = 0;
        for name in ["first on a shared port", "second on a shared port"] {
            let flags = SockFlag::SOCK_CLOEXEC;
            let fd = socket(AddressFamily::Inet, SockType::Stream, flags, None).unwrap();
            setsockopt(&fd, ReusePort, &true).unwrap();
            bind(fd.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port)).unwrap();
            listen(&fd, Backlog::new(7).unwrap()).unwrap();
            port = getsockname::<SockaddrIn>(fd.as_raw_fd()).unwrap().port();
            self.keep(name, fd);
        }
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.connect(udp.local_addr().unwrap()).unwrap();
        sender.send(b"seven..").unwrap();
        self.keep("UDP with a datagram to read", udp);
        self.keep("UDP, connected", sender);
        self.keep("UDP on IPv6", UdpSocket::bind("[::]:0").unwrap());
    }

    fn unix(&mut self, path: &std::path::Path) {
        let listener = UnixListener::bind(path).unwrap();
        let client = UnixStream::connect(path).unwrap();
        let (server, _) = listener.accept().unwrap();
        let waiting = UnixStream::connect(path).unwrap();
        self.keep("unix listener", listener);
        self.keep("unix client", client);
        self.keep("unix server", server);
        self.keep("unix client that is not accepted", waiting);
        // Two crowds may stand in this process at once.
        let name = format!("spyhole-test-{}-{}", std::process::id(), self.shared);
        let address = unix::SocketAddr::from_abstract_name(name).unwrap();
        self.keep("abstract", UnixListener::bind_addr(&address).unwrap());
        let (mut one, other) = UnixStream::pair().unwrap();
        one.write_all(b"eleven bytes"[..11].as_ref()).unwrap();
        self.keep("unnamed, one end", one);
        self.keep("unnamed, other end", other);
        self.keep("datagrams", UnixDatagram::unbound().unwrap());
    }

    fn pair(&mut self, name: &'static str, address: SocketAddr) {
        let listener = TcpListener::bind((address.ip(), 0)).unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        client.write_all(b"five!").unwrap();
        setsockopt(&client, KeepAlive, &true).unwrap();
        self.keep(name, client);
        self.keep(name, server);
        self.keep(name, listener);
    }

    fn keep(&mut self, name: &'static str, socket: impl AsFd + Any) {
        self.inodes.insert(inode(&socket), name);
        self.kept.push(Box::new(socket));
    }
}

fn inode(socket: &impl AsFd) -> u64 {
    fstat(socket).unwrap().st_ino
}
