//! `spyhole audit`: images that do not run yet.

mod contents;
mod hostile;
mod images;
mod starts;
