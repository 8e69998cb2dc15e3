//! `fetch` beside curl on a real nginx and against hostile servers; `connect` to real listeners.

mod connect;
mod fetch;
mod hostile;
