//! Why a port, a process or a file is held: by which process, how that was started, and what names it.
//! Pure functions over the document.

mod answer;
mod find;
mod holders;
mod named;
mod subject;
mod words;

#[cfg(test)]
use answer::WhyAnswer;
pub(crate) use answer::WhyVerdict;
pub(crate) use find::explain_holders;
pub(crate) use subject::WhySubject;
pub(crate) use words::why_lines;

#[cfg(test)]
mod tests;
