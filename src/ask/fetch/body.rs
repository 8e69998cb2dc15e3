//! A body on its way: unpacked where it is packed, and bounded.

use std::io::Write;

use flate2::write::MultiGzDecoder;

/// Bytes of packed content that are unpacked at a time: a piece of them is at most a thousand times
/// as long.
const PIECE: usize = 4 << 10;

/// What becomes of the pieces of a body.
pub(super) struct Decoder {
    gzip: Option<Box<MultiGzDecoder<Vec<u8>>>>,
    left: u64,
    limit: u64,
}

/// Where the pieces go.
type Out<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), String>;

impl Decoder {
    /// For a body that is taken as it is, at most so long.
    pub(super) fn plain(limit: u64) -> Self {
        Self {
            gzip: None,
            left: limit,
            limit,
        }
    }

    /// For one that is packed; the limit is that of what comes out.
    pub(super) fn gzip(limit: u64) -> Self {
        Self {
            gzip: Some(Box::new(MultiGzDecoder::new(Vec::new()))),
            ..Self::plain(limit)
        }
    }

    /// Takes a piece.
    ///
    /// # Errors
    /// That the body is too long or no gzip, or what the output says.
    pub(super) fn take(&mut self, piece: &[u8], out: Out<'_>) -> Result<(), String> {
        if self.gzip.is_none() {
            return self.pass_on(piece, out);
        }
        for part in piece.chunks(PIECE) {
            let Some(gzip) = &mut self.gzip else { break };
            gzip.write_all(part).map_err(|error| wrong(&error))?;
            let unpacked = std::mem::take(gzip.get_mut());
            self.pass_on(&unpacked, out)?;
        }
        Ok(())
    }

    /// The body has ended.
    ///
    /// # Errors
    /// That it is not whole.
    pub(super) fn end(&mut self, out: Out<'_>) -> Result<(), String> {
        let Some(mut gzip) = self.gzip.take() else {
            return Ok(());
        };
        gzip.try_finish().map_err(|error| wrong(&error))?;
        let rest = std::mem::take(gzip.get_mut());
        self.pass_on(&rest, out)
    }

    fn pass_on(&mut self, piece: &[u8], out: Out<'_>) -> Result<(), String> {
        let length = piece.len() as u64;
        if length <= self.left {
            self.left -= length;
            return if piece.is_empty() { Ok(()) } else { out(piece) };
        }
        let room = usize::try_from(self.left).unwrap_or(usize::MAX);
        self.left = 0;
        if let Some(fits @ [_, ..]) = piece.get(..room) {
            out(fits)?;
        }
        Err(format!(
            "the body is longer than {} bytes: the rest was not read (see --max-bytes)",
            self.limit
        ))
    }
}

fn wrong(error: &std::io::Error) -> String {
    format!("the body is not valid gzip: {error}")
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(pieces: &[&[u8]], limit: u64) -> (Vec<u8>, Result<(), String>) {
        let (mut decoder, mut all) = (Decoder::gzip(limit), Vec::new());
        let mut out = |piece: &[u8]| {
            all.extend_from_slice(piece);
            Ok(())
        };
        let mut taken = pieces
            .iter()
            .try_for_each(|piece| decoder.take(piece, &mut out));
        if taken.is_ok() {
            taken = decoder.end(&mut out);
        }
        (all, taken)
    }

    #[test]
    fn gzip_comes_out_whole_in_any_pieces() {
        let content = "spyhole ".repeat(50_000);
        let packed = [packed(content.as_bytes()), packed(b"end")].concat();
        let pieces: Vec<&[u8]> = packed.chunks(7).collect();
        let (all, ended) = unpack(&pieces, 1 << 20);
        assert_eq!(ended, Ok(()));
        assert_eq!(all, [content.as_bytes(), b"end"].concat());
    }

    #[test]
    fn what_swells_or_breaks_off_ends() {
        let packed = packed(&vec![0; 64 << 20]);
        let (all, ended) = unpack(&[&packed], 1 << 20);
        assert_eq!(all.len(), 1 << 20);
        assert!(ended.unwrap_err().contains("longer than 1048576 bytes"));
        for broken in [&packed[..packed.len() / 2], b"no gzip at all"] {
            let (_, ended) = unpack(&[broken], u64::MAX);
            assert!(ended.is_err());
        }
    }
}
