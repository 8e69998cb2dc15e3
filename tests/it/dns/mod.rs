//! Names: beside `dig`, `getent`, musl and Go with a real name server, and with servers that are hostile.

mod command;
mod files;
mod hostile;
mod real;
mod server;
