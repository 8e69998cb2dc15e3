//! A race: all contenders in turn, again and again.

use std::io::Write as _;

use crate::contender::{Contender, Sample};

/// A contender's samples, one for each round, or why there are none.
pub(crate) struct Lane {
    pub(crate) name: &'static str,
    pub(crate) samples: Result<Vec<Sample>, String>,
}

/// Warms each contender up, then lets all run in turn for that many rounds. One that fails is
/// out; the others go on.
pub(crate) fn run(contenders: &[Contender], rounds: usize) -> Vec<Lane> {
    let mut lanes: Vec<_> = contenders
        .iter()
        .map(|contender| Lane {
            name: contender.name,
            samples: contender.warm_up().map(|()| Vec::with_capacity(rounds)),
        })
        .collect();
    for round in 1..=rounds {
        progress(&format!("round {round} of {rounds}"));
        for (contender, lane) in contenders.iter().zip(&mut lanes) {
            let Ok(samples) = &mut lane.samples else {
                continue;
            };
            match contender.measure() {
                Ok(sample) => samples.push(sample),
                Err(error) => lane.samples = Err(error),
            }
        }
    }
    progress("");
    lanes
}

fn progress(words: &str) {
    use std::io::IsTerminal as _;
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        let _ = write!(stderr, "\r\x1b[K{words}");
    }
}
