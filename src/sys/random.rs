//! Randomness from the kernel.

/// A key that nobody can guess, made anew in each run.
///
/// # Errors
/// Where the kernel has no randomness to give, which no supported kernel does
/// once it is up.
pub fn key() -> Result<[u8; 32], getrandom::Error> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)?;
    Ok(key)
}
