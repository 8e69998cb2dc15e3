//! `/tmp/hsperfdata_USER/PID`: what the `HotSpot` JVM writes of itself for jstat(1) and jcmd(1), a file
//! of counters that it maps and keeps up to date (`perfMemory.hpp`, version 2.0).

use std::collections::HashMap;

use super::Malformed;

/// Counters that are read; a JVM has about 300.
const ENTRIES: usize = 8192;
/// Of a text; the longest that is wanted is a version.
const TEXT: usize = 1024;
const MAGIC: [u8; 4] = [0xca, 0xfe, 0xc0, 0xc0];
const PROLOGUE: usize = 32;
const ENTRY: usize = 20;

/// The counters of one JVM, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PerfData {
    numbers: HashMap<String, i64>,
    texts: HashMap<String, String>,
}

impl PerfData {
    /// Reads the content of the file; `None` while the JVM is still filling it.
    ///
    /// # Errors
    /// If it is another file, of another version, or an entry is not where it should be.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let malformed = |expected| Malformed {
            what: "hsperfdata",
            expected,
        };
        let file = Reader::of(bytes).ok_or(malformed("the magic number and a byte order"))?;
        let version = bytes.get(5).copied();
        if version != Some(2) {
            return Err(malformed("version 2"));
        }
        match bytes.get(7) {
            Some(0) => return Ok(None),
            Some(_) => {}
            None => return Err(malformed("a prologue")),
        }
        let (Some(offset), Some(count)) = (file.u32(24), file.u32(28)) else {
            return Err(malformed("a prologue"));
        };
        let mut at = usize::try_from(offset).unwrap_or(usize::MAX);
        if at < PROLOGUE {
            return Err(malformed("entries behind the prologue"));
        }
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let mut data = Self::default();
        for _ in 0..count.min(ENTRIES) {
            let length = data.entry(&file, at);
            at += length.ok_or(malformed("an entry within the file"))?;
        }
        Ok(Some(data))
    }

    /// Takes the entry that begins there, and gives its length.
    fn entry(&mut self, file: &Reader<'_>, at: usize) -> Option<usize> {
        let field = |offset: usize| usize::try_from(file.u32(at.checked_add(offset)?)?).ok();
        let length = field(0)?;
        let entry = file.bytes.get(at..at.checked_add(length)?)?;
        if length < ENTRY {
            return None;
        }
        let (name, vector, data) = (field(4)?, field(8)?, field(16)?);
        let name = text(entry.get(name..)?)?;
        match (*entry.get(12)?, vector) {
            (b'J', 0) => {
                let value = file.i64(at.checked_add(data)?)?;
                self.numbers.insert(name, value);
            }
            (b'B', _) => {
                let end = data.checked_add(vector)?;
                // A text that is not UTF-8 is none that is wanted.
                if let Some(value) = text(entry.get(data..end)?) {
                    self.texts.insert(name, value);
                }
            }
            _ => {}
        }
        Some(length)
    }

    /// A number; `None` where the JVM does not have it, and for what is below zero.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.numbers
            .get(name)
            .and_then(|value| u64::try_from(*value).ok())
    }

    /// A text; `None` where the JVM does not have it.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// The sum of a counter of all spaces of the heap: the generations but for the permanent one of
    /// JDK 7 and before.
    pub(crate) fn heap(&self, counter: &str) -> Option<u64> {
        let mut sum: Option<u64> = None;
        for generation in 0..2 {
            for space in 0..8 {
                let name = format!("sun.gc.generation.{generation}.space.{space}.{counter}");
                if let Some(value) = self.number(&name) {
                    sum = Some(sum.unwrap_or(0).saturating_add(value));
                }
            }
        }
        sum
    }

    /// Seconds of a time in ticks.
    #[expect(clippy::cast_precision_loss, reason = "as seconds are written")]
    pub(crate) fn seconds(&self, name: &str) -> Option<f64> {
        let frequency = self
            .number("sun.os.hrt.frequency")
            .filter(|hertz| *hertz > 0)?;
        Some(self.number(name)? as f64 / frequency as f64)
    }
}

/// Numbers in the byte order of the file.
struct Reader<'a> {
    bytes: &'a [u8],
    is_little: bool,
}

impl<'a> Reader<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        bytes.strip_prefix(&MAGIC)?;
        let is_little = match bytes.get(4)? {
            0 => false,
            1 => true,
            _ => return None,
        };
        Some(Self { bytes, is_little })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = self.bytes.get(at..)?.first_chunk()?;
        Some(if self.is_little {
            u32::from_le_bytes(*bytes)
        } else {
            u32::from_be_bytes(*bytes)
        })
    }

    fn i64(&self, at: usize) -> Option<i64> {
        let bytes = self.bytes.get(at..)?.first_chunk()?;
        Some(if self.is_little {
            i64::from_le_bytes(*bytes)
        } else {
            i64::from_be_bytes(*bytes)
        })
    }
}

/// Up to the first zero.
fn text(bytes: &[u8]) -> Option<String> {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    let text = bytes.get(..end.min(TEXT))?;
    std::str::from_utf8(text).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::parse::mutate;

    /// What a JVM wrote, and what jcmd(1) and jstat(1) read in it: `scripts/record-hsperfdata`.
    macro_rules! recorded {
        ($name:literal) => {
            (
                include_bytes!(concat!(
                    "../../tests/fixtures/hsperfdata/",
                    $name,
                    ".base64"
                )),
                include_str!(concat!("../../tests/fixtures/hsperfdata/", $name, ".jcmd")),
                include_str!(concat!("../../tests/fixtures/hsperfdata/", $name, ".jstat")),
            )
        };
    }

    const ENCODED: [(&[u8], &str, &str); 3] = [
        recorded!("jdk17-g1"),
        recorded!("jdk17-serial"),
        recorded!("jdk25-zgc"),
    ];

    static RECORDED: LazyLock<Vec<(Vec<u8>, &str, &str)>> = LazyLock::new(|| {
        let decoded = |file| {
            let lines = <[u8]>::split(file, |byte| *byte == b'\n');
            data_encoding::BASE64.decode(&lines.collect::<Vec<_>>().concat())
        };
        let all = ENCODED.iter();
        all.map(|(file, jcmd, jstat)| (decoded(*file).unwrap(), *jcmd, *jstat))
            .collect()
    });

    #[test]
    fn every_counter_is_what_jcmd_prints() {
        for (file, jcmd, _) in RECORDED.iter() {
            let data = PerfData::parse(file).unwrap().unwrap();
            for line in jcmd.lines() {
                let (name, value) = line.split_once('=').unwrap();
                if let Some(text) = value
                    .strip_prefix('"')
                    .and_then(|rest| rest.strip_suffix('"'))
                {
                    assert_eq!(data.text(name), Some(text), "{name}");
                } else {
                    let number = value.parse::<u64>().unwrap();
                    assert_eq!(data.number(name), Some(number), "{name}");
                }
            }
        }
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "kibibytes as jstat prints them")]
    fn the_heap_is_what_jstat_prints() {
        for (file, _, jstat) in RECORDED.iter() {
            let data = PerfData::parse(file).unwrap().unwrap();
            let mut lines = jstat.lines().map(str::split_whitespace);
            let columns: HashMap<_, _> = lines.next().unwrap().zip(lines.next().unwrap()).collect();
            let sum = |names: &[&str]| -> f64 {
                names
                    .iter()
                    .filter_map(|name| columns[name].parse::<f64>().ok())
                    .sum()
            };
            for (ours, theirs) in [
                (data.heap("capacity"), sum(&["S0C", "S1C", "EC", "OC"])),
                (data.heap("used"), sum(&["S0U", "S1U", "EU", "OU"])),
                (data.number("sun.gc.metaspace.used"), sum(&["MU"])),
            ] {
                let difference = ours.unwrap() as f64 / 1024.0 - theirs;
                assert!(difference.abs() < 0.2, "{ours:?} {theirs}\n{jstat}");
            }
            let collections = (0..8).filter_map(|number| {
                data.number(&format!("sun.gc.collector.{number}.invocations"))
            });
            let theirs = sum(&["YGC", "FGC", "CGC"]);
            assert!((collections.sum::<u64>() as f64 - theirs).abs() < 0.1);
        }
    }

    #[test]
    fn other_files_are_malformed() {
        let (file, ..) = &RECORDED[0];
        assert!(PerfData::parse(b"").is_err());
        assert!(PerfData::parse(&file[..31]).is_err());
        assert!(PerfData::parse(&file[..file.len() - 1]).is_err());
        let with = |at: usize, byte: u8| {
            let mut bytes = file.clone();
            bytes[at] = byte;
            PerfData::parse(&bytes)
        };
        assert!(with(0, 0).is_err() && with(4, 2).is_err() && with(5, 1).is_err());
        assert_eq!(with(7, 0), Ok(None));
        // An entry of no length, which would be read for ever.
        assert!(with(32, 0).is_err() && with(24, 0).is_err());
    }

    #[test]
    fn big_endian_is_the_same() {
        let long = |name: &[u8], value: i64| {
            let mut entry = [24 + 8 + 8, 20, 0_u32].map(u32::to_be_bytes).concat();
            entry.extend([b'J', 0, 1, 1]);
            entry.extend(32_u32.to_be_bytes());
            entry.extend(name);
            entry.resize(32, 0);
            entry.extend(value.to_be_bytes());
            entry
        };
        let mut bytes = MAGIC.to_vec();
        bytes.extend([0, 2, 0, 1]);
        bytes.resize(24, 0);
        bytes.extend([32_u32, 2].map(u32::to_be_bytes).concat());
        bytes.extend(long(b"some.name", 7));
        bytes.extend(long(b"below", -1));
        let data = PerfData::parse(&bytes).unwrap().unwrap();
        assert_eq!(data.number("some.name"), Some(7));
        assert_eq!(data.number("below"), None);
    }

    #[test]
    fn damage_is_no_panic() {
        let (file, ..) = &RECORDED[2];
        // The prologue and some entries: all of the file would take minutes.
        mutate::survives(&file[..400], |bytes| {
            let _ = PerfData::parse(bytes);
        });
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, at in 0_usize..9000, more: [u8; 4]) {
            let _ = PerfData::parse(&bytes);
            let mut file = RECORDED[2].0.clone();
            file[at..at + 4].copy_from_slice(&more);
            let _ = PerfData::parse(&file);
        }
    }
}
