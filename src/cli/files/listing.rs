//! How tools write modes, sizes and times of files.

use time::OffsetDateTime;

use crate::sys::tree_entry::{EntryKind, FileStat, FileTime};

/// `-rw-r--r--`.
pub(super) fn mode_string(stat: &FileStat) -> String {
    let mode = stat.mode;
    let letter = kind_letter(stat.kind);
    let bit = |bit: u32, letter: char| if mode & bit == 0 { '-' } else { letter };
    let execute =
        |execute: u32, special: u32, letter: char| match (mode & execute != 0, mode & special != 0)
        {
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        };
    [
        letter,
        bit(0o400, 'r'),
        bit(0o200, 'w'),
        execute(0o100, 0o4000, 's'),
        bit(0o040, 'r'),
        bit(0o020, 'w'),
        execute(0o010, 0o2000, 's'),
        bit(0o004, 'r'),
        bit(0o002, 'w'),
        execute(0o001, 0o1000, 't'),
    ]
    .iter()
    .collect()
}

/// The first letter of a mode.
pub(super) fn kind_letter(kind: EntryKind) -> char {
    match kind {
        EntryKind::File => '-',
        EntryKind::Directory => 'd',
        EntryKind::Link => 'l',
        EntryKind::Fifo => 'p',
        EntryKind::Socket => 's',
        EntryKind::CharDevice => 'c',
        EntryKind::BlockDevice => 'b',
        EntryKind::Unknown => '?',
    }
}

/// `4.0K`, `12M`: rounded up, one digit behind the point below ten.
pub(super) fn human(bytes: u64) -> String {
    const UNITS: [char; 6] = ['K', 'M', 'G', 'T', 'P', 'E'];
    if bytes < 1024 {
        return bytes.to_string();
    }
    let mut unit = 1024_u64;
    let mut index = 0;
    while index + 1 < UNITS.len() && bytes.div_ceil(unit) >= 1024 && bytes / unit >= 1023 {
        // 1023.1K is rounded up to 1024K, which is 1.0M.
        if bytes.div_ceil(unit) < 1024 {
            break;
        }
        unit = unit.saturating_mul(1024);
        index += 1;
    }
    let letter = UNITS.get(index).copied().unwrap_or('?');
    let tenths = u128::from(bytes).saturating_mul(10).div_ceil(unit.into());
    if tenths < 100 {
        format!("{}.{}{letter}", tenths / 10, tenths % 10)
    } else {
        format!("{}{letter}", bytes.div_ceil(unit))
    }
}

/// A moment in UTC; the epoch where no calendar has it.
pub(super) fn moment(time: FileTime) -> OffsetDateTime {
    let moment = OffsetDateTime::from_unix_timestamp(time.seconds);
    let moment = moment.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment
        .replace_nanosecond(time.nanoseconds)
        .unwrap_or(moment)
}

/// As `ls -l` writes it in the C locale, in UTC: with the time of day where it is not older than half
/// a year, and not in the future.
pub(super) fn ls_time(time: FileTime, now: OffsetDateTime) -> String {
    /// Half of a Gregorian year.
    const HALF_A_YEAR: i64 = 31_556_952 / 2;
    let then = moment(time);
    let month = month_name(then.month().into());
    let age = now.unix_timestamp() - time.seconds;
    if (0..HALF_A_YEAR).contains(&age) {
        format!(
            "{month} {:>2} {:02}:{:02}",
            then.day(),
            then.hour(),
            then.minute()
        )
    } else {
        format!("{month} {:>2}  {}", then.day(), then.year())
    }
}

/// `2026-11-28 22:40:00.123456789 +0000`, as `stat` writes it.
pub(super) fn stat_time(time: FileTime) -> String {
    let then = moment(time);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:09} +0000",
        then.year(),
        u8::from(then.month()),
        then.day(),
        then.hour(),
        then.minute(),
        then.second(),
        time.nanoseconds
    )
}

/// `Nov`.
pub(super) fn month_name(month: u8) -> &'static str {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let index = usize::from(month).wrapping_sub(1);
    MONTHS.get(index).copied().unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_up_as_by_ls() {
        // ls -lh of files of these sizes.
        for (bytes, text) in [
            (0, "0"),
            (1023, "1023"),
            (1024, "1.0K"),
            (1025, "1.1K"),
            (10_137, "9.9K"),
            (10_138, "10K"),
            (10_240, "10K"),
            (10_241, "11K"),
            (1_047_552, "1023K"),
            (1_047_553, "1.0M"),
            (1_048_576, "1.0M"),
            (5 << 30, "5.0G"),
            (u64::MAX, "16E"),
        ] {
            assert_eq!(human(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn old_and_future_times_have_their_year() {
        let now = OffsetDateTime::from_unix_timestamp(1_795_905_600).unwrap();
        let at = |seconds| FileTime {
            seconds,
            nanoseconds: 5,
        };
        assert_eq!(ls_time(at(1_795_905_540), now), "Nov 28 22:39");
        assert_eq!(ls_time(at(1_795_905_601), now), "Nov 28  2026");
        assert_eq!(ls_time(at(0), now), "Jan  1  1970");
        assert_eq!(stat_time(at(-1)), "1969-12-31 23:59:59.000000005 +0000");
    }
}
