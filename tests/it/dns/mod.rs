//! Names: beside `dig` and `getent` with a real name server, and with servers that are hostile.

mod files;
mod hostile;
mod real;
mod server;
