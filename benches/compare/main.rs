//! Compares spyhole with the tools it stands in for.
fn main() {}
