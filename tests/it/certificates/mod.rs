//! The section `certificates` and the judge of served chains, beside `openssl`.

mod matrix;
