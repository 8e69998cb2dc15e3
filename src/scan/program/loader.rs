//! What a loader tells of the image that a program was built for.

/// Which C library brings a program that loads others, and what to do without it.
pub(crate) fn whose_loader(interpreter: &[u8]) -> &'static str {
    let name = interpreter.rsplit(|byte| *byte == b'/').next();
    let name = name.unwrap_or_default();
    if name.starts_with(b"ld-musl-") {
        "it was linked against musl, as on Alpine: use an Alpine image, or link it statically"
    } else if interpreter.starts_with(b"/nix/") {
        "it was linked against Nix libraries: copy its closure too, or link it statically"
    } else if name.starts_with(b"ld-linux") || name.starts_with(b"ld64.so") || name == b"ld.so.1" {
        "it was linked against glibc, which scratch, distroless/static and Alpine do not have: \
         link it statically (CGO_ENABLED=0, a musl target), or use an image with glibc such as \
         distroless/base"
    } else {
        "link it statically, or use the image that it was built in"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loaders_name_their_library() {
        for (path, word) in [
            ("/lib/ld-musl-x86_64.so.1", "musl"),
            ("/lib64/ld-linux-x86-64.so.2", "glibc"),
            ("/lib/ld-linux-aarch64.so.1", "glibc"),
            ("/nix/store/x-glibc/lib/ld-linux-x86-64.so.2", "Nix"),
            ("/opt/own-loader", "static"),
        ] {
            assert!(whose_loader(path.as_bytes()).contains(word), "{path}");
        }
    }
}
