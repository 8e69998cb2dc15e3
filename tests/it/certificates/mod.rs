//! The section `certificates`: files found and read, keys beside them, what listeners serve,
//! and the judge of served chains beside `openssl`.

mod bad;
mod files;
mod hostile;
mod house;
mod keys;
mod matrix;
mod revocation_lists;
mod served;
mod verify;
