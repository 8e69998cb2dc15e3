//! Who the program runs as: groups, uid, capability sets, `no_new_privs`.
#![allow(
    unsafe_code,
    reason = "capset and two prctl options have no wrapper in nix"
)]

use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

use crate::args::Inside;
use crate::caps::Caps;
use crate::{Done, Step};

/// Becomes what the container is to be; the rest follows from the kernel's
/// rules at exec (root gets its bounding set, others their ambient set).
pub(crate) fn become_user(inside: &Inside, in_userns: bool) -> Done<()> {
    let Caps(ambient) = inside.ambient;
    let bounding = inside.caps.0 | ambient;
    let (uid, gid) = (Uid::from_raw(inside.uid), Gid::from_raw(inside.gid()));
    prctl::set_keepcaps(true).step("keep capabilities over the change of uid")?;
    drop_bounding(bounding)?;
    // A user namespace with one mapped gid has no other group to give.
    if !in_userns {
        setgroups(&[]).step("drop supplementary groups")?;
    }
    setresgid(gid, gid, gid).step(&format!("become gid {gid}"))?;
    setresuid(uid, uid, uid).step(&format!("become uid {uid}"))?;
    capset(bounding, bounding, ambient).step_or(
        "set capabilities",
        "a capability was asked for that the caller of lab does not hold itself",
    )?;
    raise_ambient(ambient)?;
    if inside.no_new_privs {
        prctl::set_no_new_privs().step("set no_new_privs")?;
    }
    Ok(())
}

/// In a joined user namespace the caller may be nobody, who can own no file.
pub(crate) fn become_mapped(inside: &Inside) -> Done<()> {
    let (uid, gid) = (Uid::from_raw(inside.uid), Gid::from_raw(inside.gid()));
    setresgid(gid, gid, gid)
        .and_then(|()| setresuid(uid, uid, uid))
        .step_or(
            &format!("become {uid}:{gid} in the joined user namespace"),
            "--uid and --gid must be among those that its /proc/PID/uid_map and gid_map hold",
        )
}

fn bits(set: u64) -> impl Iterator<Item = libc::c_ulong> {
    (0..64).filter(move |bit| set & (1 << bit) != 0)
}

fn drop_bounding(keep: u64) -> Done<()> {
    for bit in bits(!keep) {
        // SAFETY: PR_CAPBSET_DROP takes one integer.
        match Errno::result(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, bit, 0, 0, 0) }) {
            Ok(_) => {}
            // The first number that this kernel has no capability for.
            Err(Errno::EINVAL) => break,
            Err(why) => return Err(why).step(&format!("drop capability {bit}")),
        }
    }
    Ok(())
}

fn raise_ambient(set: u64) -> Done<()> {
    for bit in bits(set) {
        // SAFETY: PR_CAP_AMBIENT takes integers only.
        Errno::result(unsafe {
            libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, bit, 0, 0)
        })
        .step(&format!("raise ambient capability {bit}"))?;
    }
    Ok(())
}

/// `_LINUX_CAPABILITY_VERSION_3`, linux/capability.h.
const VERSION_3: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

fn capset(effective: u64, permitted: u64, inheritable: u64) -> nix::Result<()> {
    let half = |shift: u32| Data {
        effective: word(effective, shift),
        permitted: word(permitted, shift),
        inheritable: word(inheritable, shift),
    };
    let header = Header {
        version: VERSION_3,
        pid: 0,
    };
    let data = [half(0), half(32)];
    // SAFETY: version 3 reads one header and two data structs, laid out as the kernel's.
    let done = unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) };
    Errno::result(done).map(drop)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "a half of the 64 bits is what is wanted"
)]
fn word(set: u64, shift: u32) -> u32 {
    (set >> shift) as u32
}
