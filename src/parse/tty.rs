//! `tty_nr` of `/proc/PID/stat`: which controlling terminal.
//!
//! The number is taken apart without `/proc/tty/drivers` or a look at `/dev`: those would be the
//! reader's, and the target's are its own to forge.

/// The terminal as ps shows it, without `/dev/`: `pts/0`, `tty1`, `ttyS0`. `None` for none.
///
/// A terminal of a driver not known here is `major:minor`, since it has one all the same.
#[must_use]
pub(crate) fn name(tty_nr: i32) -> Option<String> {
    let (major, minor) = device(tty_nr);
    let name = match (major, minor) {
        (0, 0) => return None,
        (4, 0..64) => format!("tty{minor}"),
        (4, _) => format!("ttyS{}", minor.saturating_sub(64)),
        (5, 0) => "tty".to_owned(),
        (5, 1) => "console".to_owned(),
        (5, 2) => "ptmx".to_owned(),
        (136..=143, _) => {
            // Eight majors of 256 each before Linux 2.6, and one with large minors since.
            let before = major.saturating_sub(136).saturating_mul(256);
            format!("pts/{}", before.saturating_add(minor))
        }
        (166, _) => format!("ttyACM{minor}"),
        (188, _) => format!("ttyUSB{minor}"),
        (204, 64..80) => format!("ttyAMA{}", minor.saturating_sub(64)),
        (229, _) => format!("hvc{minor}"),
        _ => format!("{major}:{minor}"),
    };
    Some(name)
}

/// Major and minor: the minor is in bits 31 to 20 and 7 to 0, the major in 15 to 8 (proc(5)).
/// The kernel's `new_encode_dev` gives the major bits up to 19.
fn device(tty_nr: i32) -> (u32, u32) {
    let bits = tty_nr.cast_unsigned();
    let major = (bits >> 8) & 0xfff;
    let minor = (bits & 0xff) | ((bits >> 12) & 0xf_ff00);
    (major, minor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(major: u32, minor: u32) -> Option<String> {
        let bits = (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12);
        name(bits.cast_signed())
    }

    #[test]
    fn numbers_as_stat_prints_them() {
        assert_eq!(name(0), None);
        assert_eq!(name(34816).as_deref(), Some("pts/0"));
        assert_eq!(name(1025).as_deref(), Some("tty1"));
        assert_eq!(name(1088).as_deref(), Some("ttyS0"));
    }

    #[test]
    fn drivers_by_major_and_minor() {
        for (major, minor, expected) in [
            (4, 63, "tty63"),
            (5, 1, "console"),
            (136, 255, "pts/255"),
            (136, 256, "pts/256"),
            (136, 1_048_575, "pts/1048575"),
            (137, 1, "pts/257"),
            (188, 3, "ttyUSB3"),
            (204, 64, "ttyAMA0"),
            (229, 0, "hvc0"),
            (5, 3, "5:3"),
            (250, 7, "250:7"),
        ] {
            assert_eq!(named(major, minor).as_deref(), Some(expected));
        }
        assert_eq!(name(-1).as_deref(), Some("4095:1048575"));
    }

    proptest! {
        #[test]
        fn never_panics(tty_nr: i32) {
            prop_assert_eq!(name(tty_nr).is_none(), device(tty_nr) == (0, 0));
        }
    }
}
