//! Waiting. How long a thing takes on a busy machine proves nothing, so no test judges by a clock:
//! it waits for what has to come, with one bound that is there only for what never comes.

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

/// After so long, what a test waits for is taken for never: many times what a busy machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_mins(10);

/// Waits until the condition holds and gives what it brought; panics with what it said last.
#[track_caller]
pub(crate) fn eventually<C: Condition>(
    what: impl Display,
    mut condition: impl FnMut() -> C,
) -> C::Brings {
    let until = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(2);
    loop {
        // Asked before the clock: whoever was kept from running has one more look.
        let over = Instant::now() >= until;
        match condition().holds() {
            Ok(brought) => return brought,
            Err(why) if over => panic!("{what}: not in {PATIENCE:?}: {why}"),
            Err(_) => thread::sleep(pause),
        }
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// What may hold or not yet: `true`, `Some`, `Ok`.
pub(crate) trait Condition {
    type Brings;
    fn holds(self) -> Result<Self::Brings, String>;
}

impl Condition for bool {
    type Brings = ();
    fn holds(self) -> Result<(), String> {
        self.then_some(())
            .ok_or_else(|| "it does not hold".to_owned())
    }
}

impl<T> Condition for Option<T> {
    type Brings = T;
    fn holds(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing is there".to_owned())
    }
}

impl<T, E: Display> Condition for Result<T, E> {
    type Brings = T;
    fn holds(self) -> Result<T, String> {
        self.map_err(|why| why.to_string())
    }
}
