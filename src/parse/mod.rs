//! Kernel and file formats: bytes → plain data. Nothing here opens anything.
