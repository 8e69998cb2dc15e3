//! `fetch` beside curl on a real nginx and against hostile servers; `connect` to real listeners; `check grpc:`
//! beside the client of gRPC itself.

mod connect;
mod fetch;
mod grpc;
mod hostile;
mod json;
