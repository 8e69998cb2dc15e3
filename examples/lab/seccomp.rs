//! Small seccomp filters that refuse with an errno and never kill, as the
//! profiles of engines do.
#![allow(
    unsafe_code,
    reason = "loading a filter passes a pointer through prctl"
)]

use libc::{BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W};
use nix::errno::Errno;

use crate::args::Seccomp;
use crate::{Done, Step};

#[cfg(target_arch = "x86_64")]
const ARCH: u32 = 0xc000_003e; // AUDIT_ARCH_X86_64
#[cfg(target_arch = "aarch64")]
const ARCH: u32 = 0xc000_00b7; // AUDIT_ARCH_AARCH64
/// The x32 calls of x86-64 start here; no other machine has numbers as high.
const X32: u32 = 0x4000_0000;

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// What engines refuse to a container without further capabilities, in short.
const PRIVILEGED: [libc::c_long; 24] = [
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_init_module,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_mount,
    libc::SYS_move_mount,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pivot_root,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setns,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
];

/// Installs the filter; the caller still holds `CAP_SYS_ADMIN`, so that
/// `no_new_privs` stays the caller's own choice.
pub(crate) fn install(which: Seccomp) -> Done<()> {
    let refused: Vec<(libc::c_long, Errno)> = match which {
        Seccomp::None => return Ok(()),
        Seccomp::DenyOpenat2 => vec![(libc::SYS_openat2, Errno::EPERM)],
        Seccomp::NoOpenat2 => vec![(libc::SYS_openat2, Errno::ENOSYS)],
        Seccomp::DefaultLike => PRIVILEGED
            .iter()
            .map(|call| (*call, Errno::EPERM))
            .collect(),
    };
    load(&mut program(&refused)).step_or(
        "install the seccomp filter",
        "the kernel needs CONFIG_SECCOMP_FILTER; --seccomp none does without",
    )
}

fn program(refused: &[(libc::c_long, Errno)]) -> Vec<libc::sock_filter> {
    let mut code = vec![
        op(BPF_LD | BPF_W | BPF_ABS, 0, 0, ARCHITECTURE),
        op(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCH),
        op(BPF_RET | BPF_K, 0, 0, errno(Errno::EPERM)),
        op(BPF_LD | BPF_W | BPF_ABS, 0, 0, NUMBER),
        op(BPF_JMP | BPF_JGE | BPF_K, 0, 1, X32),
        op(BPF_RET | BPF_K, 0, 0, errno(Errno::ENOSYS)),
    ];
    for (call, answer) in refused {
        let number = u32::try_from(*call).unwrap_or(u32::MAX);
        code.push(op(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, number));
        code.push(op(BPF_RET | BPF_K, 0, 0, errno(*answer)));
    }
    code.push(op(BPF_RET | BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW));
    code
}

fn errno(errno: Errno) -> u32 {
    libc::SECCOMP_RET_ERRNO | (errno as i32).cast_unsigned()
}

/// `jt` and `jf`: how many instructions to skip when true, when false.
fn op(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: u16::try_from(code).unwrap_or_default(),
        jt,
        jf,
        k,
    }
}

fn load(program: &mut [libc::sock_filter]) -> nix::Result<()> {
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| Errno::E2BIG)?,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: `filter` and the program it points to outlive the call, which copies them.
    let done = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const filter,
            0,
            0,
        )
    };
    Errno::result(done).map(drop)
}
