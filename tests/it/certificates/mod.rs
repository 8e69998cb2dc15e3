//! The section `certificates`: files found and read, keys beside them, what listeners serve.

mod files;
mod hostile;
mod house;
