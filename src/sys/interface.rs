//! Network interfaces by their names.

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;

/// The number of an interface of the network namespace that spyhole is in; a name that is a number
/// already counts as one.
///
/// # Errors
/// The errno of the kernel: `ENODEV` where there is no such interface.
pub(crate) fn index(name: &str) -> Result<u32, Errno> {
    name.parse().or_else(|_| if_nametoindex(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_has_a_number_and_a_number_is_one() {
        assert!(index("lo").unwrap() >= 1);
        assert_eq!(index("7"), Ok(7));
        assert_eq!(index("no-such-if"), Err(Errno::ENODEV));
    }
}
