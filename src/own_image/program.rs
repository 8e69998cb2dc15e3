//! The programs that an image is made of.

use std::path::Path;

use memchr::memmem;

use super::ImageError;
use crate::sys::own_file;

/// No spyhole is longer.
const PROGRAM_BYTES: u64 = 256 << 20;
/// What each spyhole of this version holds: what it calls itself in requests.
const MARK: &str = concat!("spyhole/", env!("CARGO_PKG_VERSION"));

/// A program with the architecture that its own header says.
#[derive(Debug)]
pub(crate) struct ImageProgram {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// As images name it.
    pub architecture: &'static str,
}

impl ImageProgram {
    /// The running one, also where its file was removed.
    ///
    /// # Errors
    /// [`ImageError`]: it cannot be read, or needs shared libraries.
    pub(crate) fn running() -> Result<Self, ImageError> {
        if !cfg!(target_feature = "crt-static") {
            return Err(ImageError::NotStatic);
        }
        Self::read(Path::new("/proc/self/exe"))
    }

    /// The same version for another architecture.
    ///
    /// # Errors
    /// [`ImageError`]: it cannot be read, or is no such program.
    pub(crate) fn other(&self, path: &Path) -> Result<Self, ImageError> {
        let other = Self::read(path)?;
        let path = path.to_owned();
        if memmem::find(&other.bytes, MARK.as_bytes()).is_none() {
            let expected = concat!("spyhole ", env!("CARGO_PKG_VERSION"));
            return Err(ImageError::NotSpyhole { path, expected });
        }
        if other.architecture == self.architecture {
            return Err(ImageError::SameArchitecture {
                path,
                architecture: self.architecture,
            });
        }
        Ok(other)
    }

    fn read(path: &Path) -> Result<Self, ImageError> {
        let bytes = own_file::contents(path, PROGRAM_BYTES);
        let bytes = bytes.map_err(|source| ImageError::Program {
            path: path.to_owned(),
            source,
        })?;
        let architecture = architecture(&bytes).ok_or_else(|| ImageError::NotSpyhole {
            path: path.to_owned(),
            expected: "a program for amd64 or arm64",
        })?;
        Ok(Self {
            bytes,
            architecture,
        })
    }
}

/// What the header of a 64-bit ELF program says that it runs on.
fn architecture(bytes: &[u8]) -> Option<&'static str> {
    // 64 bits, little-endian.
    bytes.strip_prefix(b"\x7fELF\x02\x01")?;
    match bytes.get(18..20)? {
        [62, 0] => Some("amd64"),
        [183, 0] => Some("arm64"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_architecture_is_that_of_the_header() {
        let mut header = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0".to_vec();
        assert_eq!(architecture(&header), Some("amd64"));
        header[18] = 183;
        assert_eq!(architecture(&header), Some("arm64"));
        header[18] = 243;
        assert_eq!(architecture(&header), None);
        header[18] = 62;
        header[4] = 1;
        assert_eq!(architecture(&header), None);
        assert_eq!(architecture(b"#!/bin/sh\n"), None);
    }
}
