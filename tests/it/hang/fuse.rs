//! A FUSE server whose requests hang on purpose: it takes one and never answers. Such a request
//! cannot be interrupted, not even by SIGKILL, until the server is dropped.

#![allow(
    unsafe_code,
    reason = "the target is a fork of this process that never calls exec"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_ptr_alignment,
    clippy::cast_sign_loss,
    reason = "numbers of the kernel's protocol, and an address as a number"
)]

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};
use tempfile::TempDir;

use crate::patience::eventually;

/// Kinds of requests, by their numbers in the kernel's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    Lookup = 1,
    GetAttr = 3,
    ReadLink = 5,
    Open = 14,
    Read = 15,
    StatFs = 17,
    GetXAttr = 22,
    ReadDir = 28,
}

/// What the server does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Behavior {
    /// Never answers requests of this kind.
    Hang(Request),
    /// Answers all requests of this kind so much later.
    Slow(Request, Duration),
    /// Answers everything.
    Well,
}

/// How the target stands to the mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// It is mounted somewhere in its root.
    Mounted,
    /// It is its root.
    Root,
    /// A page of its memory is in a file there, and is being read.
    Pages,
}

/// A target in a mount namespace of its own, with the server's file system in it.
pub(crate) struct Target {
    pub(crate) pid: i32,
    /// Where the file system is mounted, unless it is the root.
    pub(crate) mount_point: String,
    server: Option<Server>,
    _directory: TempDir,
}

struct Server {
    device: Arc<File>,
    hung: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Target {
    pub(crate) fn start(behavior: Behavior, shape: Shape) -> Self {
        let directory = TempDir::new().unwrap();
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/fuse")
            .unwrap();
        let armed = Arc::new(AtomicBool::new(false));
        let mount_point = directory.path().to_owned();
        // SAFETY: the child makes system calls alone, on what was prepared before.
        let options = CString::new(format!(
            "fd={},rootmode=40000,user_id=0,group_id=0,allow_other",
            device.as_raw_fd()
        ))
        .unwrap();
        let path = CString::new(mount_point.as_os_str().as_bytes()).unwrap();
        let file = CString::new(mount_point.join("file").as_os_str().as_bytes()).unwrap();
        let (ready, told) = nix::unistd::pipe().unwrap();
        let (goes, go) = nix::unistd::pipe().unwrap();
        let pid = match unsafe { fork() }.unwrap() {
            ForkResult::Child => {
                let done = set_up(&path, &options, &file, shape);
                let _ = nix::unistd::write(&told, &[u8::from(done.is_some())]);
                let _ = nix::unistd::read(&goes, &mut [0]);
                // Whoever waits for the end of the server's device must not wait for this.
                unsafe { libc::syscall(libc::SYS_close_range, 0, u32::MAX, 0) };
                match done {
                    Some(page) if page != 0 => keep_memory_lock(page),
                    _ => loop {
                        nix::unistd::pause();
                    },
                }
            }
            ForkResult::Parent { child } => child,
        };
        let server = Server::start(device, behavior, Arc::clone(&armed));
        let mut byte = [0];
        assert_eq!(nix::unistd::read(&ready, &mut byte), Ok(1));
        assert_eq!(byte, [1], "the target could not be set up");
        armed.store(true, Ordering::Relaxed);
        nix::unistd::write(&go, &[1]).unwrap();
        let target = Self {
            pid: pid.as_raw(),
            mount_point: mount_point.to_str().unwrap().to_owned(),
            server: Some(server),
            _directory: directory,
        };
        if shape == Shape::Pages && matches!(behavior, Behavior::Hang(_)) {
            eventually("it waits for its memory lock", || {
                let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
                target.hangs() && stat.contains(") D ")
            });
        }
        target
    }

    /// Whether a request hangs now.
    pub(crate) fn hangs(&self) -> bool {
        let server = self.server.as_ref();
        server.is_some_and(|server| server.hung.load(Ordering::Relaxed) > 0)
    }

    /// Ends the server: every request that hangs or comes is answered with ENOTCONN.
    pub(crate) fn end_server(&mut self) {
        drop(self.server.take());
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.end_server();
        let pid = Pid::from_raw(self.pid);
        let _ = kill(pid, Signal::SIGKILL);
        let _ = waitpid(pid, None);
    }
}

/// Keeps the memory lock of this process busy: another one reads a page of it that does not come,
/// and this one waits for the lock meanwhile, so that every reader after it waits too.
fn keep_memory_lock(page: i64) -> ! {
    let memory = CString::new(format!("/proc/{}/mem", std::process::id())).unwrap();
    // SAFETY: plain calls; the mapping is removed again.
    unsafe {
        if libc::fork() == 0 {
            let mut byte = 0_u8;
            let fd = libc::open(memory.as_ptr(), libc::O_RDONLY);
            libc::pread(fd, (&raw mut byte).cast(), 1, page);
            libc::_exit(0);
        }
        loop {
            let mapped = libc::mmap(
                std::ptr::null_mut(),
                PAGE,
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            libc::munmap(mapped, PAGE);
            libc::usleep(1000);
        }
    }
}

const PAGE: usize = 4096;

fn set_up(path: &CString, options: &CString, file: &CString, shape: Shape) -> Option<i64> {
    unshare(CloneFlags::CLONE_NEWNS).ok()?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).ok()?;
    let options = options.as_c_str();
    let fstype = Some(c"fuse.hang");
    mount(
        Some(c"hang"),
        path.as_c_str(),
        fstype,
        MsFlags::empty(),
        Some(options),
    )
    .ok()?;
    match shape {
        Shape::Mounted => {}
        Shape::Root => {
            nix::unistd::chroot(path.as_c_str()).ok()?;
            nix::unistd::chdir(c"/").ok()?;
        }
        // SAFETY: the mapping is new.
        Shape::Pages => unsafe {
            let fd = libc::open(file.as_ptr(), libc::O_RDONLY);
            let page = libc::mmap(
                std::ptr::null_mut(),
                PAGE,
                libc::PROT_READ,
                libc::MAP_PRIVATE,
                fd,
                0,
            );
            if page == libc::MAP_FAILED {
                return None;
            }
            return Some(page as i64);
        },
    }
    Some(0)
}

impl Server {
    fn start(device: File, behavior: Behavior, armed: Arc<AtomicBool>) -> Self {
        let device = Arc::new(device);
        let (hung, over) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (reading, count) = (Arc::downgrade(&device), Arc::clone(&hung));
        let ends = Arc::clone(&over);
        // Never waits in the device with a reference of its own that would keep it open.
        let fd = device.as_raw_fd();
        nix::fcntl::fcntl(
            &*device,
            nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK),
        )
        .unwrap();
        thread::spawn(move || {
            let mut request = vec![0; 1 << 20];
            while !ends.load(Ordering::Relaxed) {
                let mut at = libc::pollfd {
                    fd,
                    events: libc::POLLIN,
                    revents: 0,
                };
                // SAFETY: one descriptor, which the server keeps open until it is over.
                unsafe { libc::poll(&raw mut at, 1, 20) };
                let Some(device) = reading.upgrade() else {
                    return;
                };
                let Ok(length) = (&*device).read(&mut request) else {
                    continue;
                };
                let kind = number(&request, 4);
                let behavior = if armed.load(Ordering::Relaxed) {
                    behavior
                } else {
                    Behavior::Well
                };
                match behavior {
                    Behavior::Hang(what) if kind == what as u32 => {
                        count.fetch_add(1, Ordering::Relaxed);
                        continue;
                    }
                    Behavior::Slow(what, late) if kind == what as u32 => thread::sleep(late),
                    _ => {}
                }
                if let Some(answer) = answer(&request[..length]) {
                    // A request that was interrupted meanwhile.
                    drop((&*device).write(&answer));
                }
            }
        });
        Self { device, hung, over }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        eventually("the server has let go", || {
            Arc::strong_count(&self.device) == 1
        });
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())
}

const FILE: u64 = 2;
const DIRECTORY: u64 = 3;
const LINK: u64 = 4;
const NAMES: [(&str, u64); 6] = [
    ("file", FILE),
    ("etc", DIRECTORY),
    ("passwd", FILE),
    ("group", FILE),
    ("tls.crt", FILE),
    ("link", LINK),
];
const CONTENT: &[u8] = b"root:x:0:0::/:\n";

fn answer(request: &[u8]) -> Option<Vec<u8>> {
    let (kind, unique, node) = (number(request, 4), long(request, 8), long(request, 16));
    let words = |numbers: &[u32]| -> Vec<u8> {
        numbers
            .iter()
            .flat_map(|number| number.to_ne_bytes())
            .collect()
    };
    let body: Result<Vec<u8>, i32> = match kind {
        1 => {
            let name = request[40..].split(|byte| *byte == 0).next().unwrap();
            let known = NAMES.iter().find(|(known, _)| known.as_bytes() == name);
            known.map_or(Err(libc::ENOENT), |(_, node)| {
                let head = [*node, 0, 0, 0, 0].map(u64::to_ne_bytes).concat();
                Ok([head, attributes(*node)].concat())
            })
        }
        2 | 36 | 42 => return None,
        3 => Ok([[0; 16].to_vec(), attributes(node)].concat()),
        5 => Ok(b"file".to_vec()),
        14 | 27 => Ok(vec![0; 16]),
        15 => {
            let (offset, size) = (long(request, 48) as usize, number(request, 56) as usize);
            let rest = CONTENT.get(offset..).unwrap_or_default();
            Ok(rest[..rest.len().min(size)].to_vec())
        }
        17 => Ok([
            [1000_u64, 500, 500, 100, 50].map(u64::to_ne_bytes).concat(),
            words(&[4096, 255, 4096, 0, 0, 0, 0, 0, 0, 0]),
        ]
        .concat()),
        18 | 25 | 29 | 34 => Ok(Vec::new()),
        22 => Err(libc::ENODATA),
        26 => Ok(words(&[
            7,
            31,
            65536,
            0,
            0xc | (9 << 16),
            1 << 17,
            1,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ])),
        28 => Ok(if long(request, 48) == 0 {
            listing()
        } else {
            Vec::new()
        }),
        _ => Err(libc::ENOSYS),
    };
    let (error, body) = match body {
        Ok(body) => (0, body),
        Err(error) => (-error, Vec::new()),
    };
    let length = u32::try_from(16 + body.len()).unwrap();
    let head = [
        &length.to_ne_bytes()[..],
        &error.to_ne_bytes(),
        &unique.to_ne_bytes(),
    ]
    .concat();
    Some([head, body].concat())
}

fn attributes(node: u64) -> Vec<u8> {
    let (mode, size) = match node {
        FILE => (libc::S_IFREG | 0o644, CONTENT.len() as u64),
        LINK => (libc::S_IFLNK | 0o777, 4),
        _ => (libc::S_IFDIR | 0o755, 0),
    };
    let longs = [node, size, 1, 0, 0, 0].map(u64::to_ne_bytes).concat();
    let numbers = [0, 0, 0, mode, 1, 0, 0, 0, 4096, 0].map(u32::to_ne_bytes);
    [longs, numbers.concat()].concat()
}

fn listing() -> Vec<u8> {
    let mut listing = Vec::new();
    for (number, (name, node)) in NAMES.iter().enumerate() {
        listing.extend(node.to_ne_bytes());
        listing.extend((number as u64 + 1).to_ne_bytes());
        listing.extend(u32::try_from(name.len()).unwrap().to_ne_bytes());
        let kind = if *node == LINK {
            libc::DT_LNK
        } else {
            libc::DT_REG
        };
        listing.extend(u32::from(kind).to_ne_bytes());
        listing.extend(name.as_bytes());
        listing.resize(listing.len().next_multiple_of(8), 0);
    }
    listing
}

/// The path of a file below the mount point, as the target sees it.
pub(crate) fn below(target: &Target, shape: Shape, name: &str) -> String {
    if shape == Shape::Root {
        format!("/{name}")
    } else {
        Path::new(&target.mount_point)
            .join(name)
            .to_str()
            .unwrap()
            .to_owned()
    }
}
