//! JSON, indented as `serde_json` does it, written in large pieces.
//!
//! A document of 3,000 processes is half a million tokens: each goes into a buffer, by no call
//! through a table of functions, and the indentation of a line is one copy.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// So much is gathered before it is handed on.
const PIECE: usize = 64 << 10;
/// The break before a value of the deepest level that is written in one copy.
const BREAK: &[u8; 66] = b",\n                                                                ";
const INDENT: usize = 2;

/// Writes a value, and a line break at the end.
///
/// # Errors
/// Those of writing.
pub(super) fn write(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut pieces = Pieces {
        text: Vec::with_capacity(PIECE + (PIECE >> 3)),
        out,
    };
    let mut serializer = Serializer::with_formatter(&mut pieces, Indented::default());
    value.serialize(&mut serializer).map_err(io::Error::from)?;
    pieces.write_all(b"\n")?;
    pieces.hand_on()
}

/// A writer that gathers.
struct Pieces<'a> {
    text: Vec<u8>,
    out: &'a mut dyn Write,
}

impl Pieces<'_> {
    fn hand_on(&mut self) -> io::Result<()> {
        self.out.write_all(&self.text)?;
        self.text.clear();
        Ok(())
    }
}

impl Write for Pieces<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.text.extend_from_slice(bytes);
        if self.text.len() >= PIECE {
            self.hand_on()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_on()
    }
}

/// As `PrettyFormatter`.
#[derive(Default)]
struct Indented {
    level: usize,
    has_value: bool,
}

impl Indented {
    /// A line break with the indentation of the level, after a comma where `more`.
    #[inline]
    fn break_line<W: ?Sized + Write>(&self, writer: &mut W, more: bool) -> io::Result<()> {
        let end = 2 + INDENT * self.level;
        if let Some(line) = BREAK.get(usize::from(!more)..end) {
            return writer.write_all(line);
        }
        let whole = BREAK.get(usize::from(!more)..).unwrap_or_default();
        writer.write_all(whole)?;
        (BREAK.len()..end).try_for_each(|_| writer.write_all(b" "))
    }

    #[inline]
    fn begin<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.level += 1;
        self.has_value = false;
        writer.write_all(bracket)
    }

    #[inline]
    fn end<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.level = self.level.saturating_sub(1);
        if self.has_value {
            self.break_line(writer, false)?;
        }
        writer.write_all(bracket)
    }
}

impl Formatter for Indented {
    #[inline]
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"[")
    }

    #[inline]
    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"]")
    }

    #[inline]
    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.break_line(writer, !first)
    }

    #[inline]
    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    #[inline]
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"{")
    }

    #[inline]
    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"}")
    }

    #[inline]
    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.break_line(writer, !first)
    }

    #[inline]
    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    #[inline]
    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn it_is_what_serde_json_writes() {
        let mut deep = json!({"key \n\u{7f}": [null, true, 1.5e300, -7, "ä\"\\"]});
        for _ in 0..60 {
            deep = json!([deep, [], {}, [[]], {"a": {}}]);
        }
        let wide: Vec<Value> = (0..30_000)
            .map(|number| json!({"number": number}))
            .collect();
        for value in [deep, wide.into(), json!(7), json!([]), json!({})] {
            let mut written = Vec::new();
            write(&value, &mut written).unwrap();
            let expected = serde_json::to_string_pretty(&value).unwrap() + "\n";
            assert_eq!(String::from_utf8(written).unwrap(), expected);
        }
    }

    #[test]
    fn a_writer_that_fails_ends_it() {
        let mut none: &mut [u8] = &mut [];
        let error = write(&json!({"a": 1}), &mut none).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }
}
