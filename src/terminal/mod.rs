//! What a person sees and types on a terminal: keys, the line that is edited, a pager. Written with a
//! handful of escape sequences that every terminal since the VT100 knows.

pub(crate) mod keys;
pub(crate) mod line_editor;
pub(crate) mod pager;
pub(crate) mod top;
