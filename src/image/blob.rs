//! Stretches of a file, and what is compressed in them. Nothing is held but one buffer, and what a
//! decompressor needs.

use std::io::{self, Read};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use ring::digest::{Context, SHA256};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::error::ImageError;
use crate::sys::tree_entry::OpenedContent;

const BUFFER: usize = 64 << 10;
/// Windows of zstd that are held: what `--ultra` does not ask for has 8 MiB.
const WINDOW_BYTES: u64 = 8 << 20;
/// What decompresses to more than this and to more than [`RATIO`] times its size is a bomb. Real
/// layers shrink to a half or a tenth.
const FREE_BYTES: u64 = 256 << 20;
const RATIO: u64 = 200;

/// A part of a file.
#[derive(Debug, Clone)]
pub(super) struct Blob {
    content: Rc<OpenedContent>,
    offset: u64,
    /// How long it is.
    pub(super) size_bytes: u64,
}

impl Blob {
    /// All of a file.
    pub(super) fn whole(content: OpenedContent) -> Self {
        let size_bytes = content.size_bytes();
        Self {
            content: Rc::new(content),
            offset: 0,
            size_bytes,
        }
    }

    /// Which it is: two names may lead to one.
    pub(super) fn identity(&self) -> (usize, u64) {
        (Rc::as_ptr(&self.content).addr(), self.offset)
    }

    /// A part of it; `None` where it ends before.
    pub(super) fn part(&self, offset: u64, size_bytes: u64) -> Option<Self> {
        let fits = offset.checked_add(size_bytes)? <= self.size_bytes;
        fits.then(|| Self {
            content: Rc::clone(&self.content),
            offset: self.offset + offset,
            size_bytes,
        })
    }

    /// Reads it from its start.
    pub(super) fn reader(&self) -> BlobReader {
        BlobReader {
            blob: self.clone(),
            at: 0,
            buffer: Vec::new(),
            used: 0,
        }
    }

    /// All of it, where that is not long.
    pub(super) fn small(&self, what: &str, limit: u64) -> Result<Vec<u8>, ImageError> {
        if self.size_bytes > limit {
            return Err(ImageError::TooLarge {
                what: what.to_owned(),
                limit,
            });
        }
        let mut bytes = Vec::new();
        self.reader().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// `sha256:…` of it.
    pub(super) fn digest(&self) -> Result<String, ImageError> {
        let mut hashed = Hashed::new(self.reader());
        io::copy(&mut hashed, &mut io::sink())?;
        Ok(hashed.digest())
    }

    /// What is compressed in it, or itself.
    pub(super) fn decompressed(&self) -> Result<Decompressed, ImageError> {
        let mut start = Vec::new();
        self.reader().take(4).read_to_end(&mut start)?;
        let form = match start[..] {
            [0x1f, 0x8b, ..] => Form::Gzip(Box::new(MultiGzDecoder::new(self.reader()))),
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
                Form::Zstd(Box::new(Zstd::new(self.reader())))
            }
            [0xfd, b'7', b'z', b'X'] => return Err(ImageError::Compression("xz")),
            [b'B', b'Z', b'h', _] => return Err(ImageError::Compression("bzip2")),
            _ => Form::Plain(self.reader()),
        };
        Ok(Decompressed {
            form,
            produced_bytes: 0,
        })
    }
}

/// Reads a blob.
#[derive(Debug)]
pub(super) struct BlobReader {
    blob: Blob,
    at: u64,
    buffer: Vec<u8>,
    used: usize,
}

impl BlobReader {
    /// Bytes before the one that is read next.
    pub(super) fn position(&self) -> u64 {
        self.at - (self.buffer.len() - self.used) as u64
    }

    /// Goes on reading there.
    pub(super) fn seek(&mut self, position: u64) {
        self.at = position;
        self.buffer.clear();
        self.used = 0;
    }
}

impl Read for BlobReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.used == self.buffer.len() {
            let left = self.blob.size_bytes.saturating_sub(self.at);
            let most = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
            self.buffer.clear();
            self.used = 0;
            if most == 0 {
                return Ok(0);
            }
            let from = self.blob.offset + self.at;
            let count = self
                .blob
                .content
                .read_at(from, &mut self.buffer, most)
                .map_err(io::Error::from)?;
            // The allocator may give more room than was asked for.
            self.buffer.truncate(most);
            self.at += count.min(most) as u64;
        }
        let ready = self.buffer.get(self.used..).unwrap_or_default();
        let count = ready.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), ready.get(..count)) {
            to.copy_from_slice(from);
        }
        self.used += count;
        Ok(count)
    }
}

/// What a blob holds without its compression.
pub(super) struct Decompressed {
    form: Form,
    produced_bytes: u64,
}

enum Form {
    Plain(BlobReader),
    Gzip(Box<MultiGzDecoder<BlobReader>>),
    Zstd(Box<Zstd>),
}

impl Decompressed {
    /// Whether the blob is compressed at all.
    pub(super) fn is_compressed(&self) -> bool {
        !matches!(self.form, Form::Plain(_))
    }

    fn consumed_bytes(&self) -> u64 {
        match &self.form {
            Form::Plain(reader) => reader.at,
            Form::Gzip(decoder) => decoder.get_ref().at,
            Form::Zstd(decoder) => decoder.source.at,
        }
    }
}

impl Read for Decompressed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.form {
            Form::Plain(reader) => return reader.read(out),
            Form::Gzip(decoder) => decoder.read(out)?,
            Form::Zstd(decoder) => decoder.read(out)?,
        };
        self.produced_bytes += count as u64;
        let allowed = self.consumed_bytes().saturating_mul(RATIO).max(FREE_BYTES);
        if self.produced_bytes > allowed {
            return Err(io::Error::other(ImageError::Bomb {
                compressed_bytes: self.consumed_bytes(),
                limit: allowed,
            }));
        }
        Ok(count)
    }
}

/// Frames of zstd, one after the other.
struct Zstd {
    source: BlobReader,
    decoder: FrameDecoder,
    begun: bool,
}

impl Zstd {
    fn new(source: BlobReader) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW_BYTES);
        Self {
            source,
            decoder,
            begun: false,
        }
    }

    /// Begins the next frame; false at the end.
    fn begin(&mut self) -> io::Result<bool> {
        loop {
            if self.source.position() == self.source.blob.size_bytes {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.source) {
                Ok(()) => {
                    self.begun = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let next = self.source.position() + u64::from(length);
                    if next > self.source.blob.size_bytes {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    self.source.seek(next);
                }
                Err(FrameDecoderError::WindowSizeTooBig { .. }) => {
                    return Err(io::Error::other(ImageError::TooLarge {
                        what: "the window of zstd".to_owned(),
                        limit: WINDOW_BYTES,
                    }));
                }
                Err(error) => return Err(io::Error::other(ImageError::Zstd(error.to_string()))),
            }
        }
    }
}

impl Read for Zstd {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.begun && self.decoder.can_collect() > 0 {
                return Read::read(&mut self.decoder, out);
            }
            if !self.begun || self.decoder.is_finished() {
                if !self.begin()? {
                    return Ok(0);
                }
                continue;
            }
            self.decoder
                .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(|error| io::Error::other(ImageError::Zstd(error.to_string())))?;
        }
    }
}

/// Computes the SHA-256 of what is read through it.
pub(super) struct Hashed<R> {
    source: R,
    context: Context,
}

impl<R: Read> Hashed<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            context: Context::new(&SHA256),
        }
    }

    pub(super) fn digest(self) -> String {
        let digest = self.context.finish();
        format!("sha256:{}", data_encoding::HEXLOWER.encode(digest.as_ref()))
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(out)?;
        self.context.update(out.get(..count).unwrap_or_default());
        Ok(count)
    }
}
