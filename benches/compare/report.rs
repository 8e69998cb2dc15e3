//! What the samples say: the table, the ratios, the goals.

#![allow(
    clippy::cast_precision_loss,
    reason = "byte counts are shown as MiB with one digit"
)]

use crate::Outcome;
use crate::contender::Sample;
use crate::race::Lane;
use crate::record;

/// What is compared.
#[derive(Clone, Copy)]
pub(crate) enum Measure {
    Wall,
    Cpu,
    PeakRss,
}

/// What a figure is set against: what another contender needed in the same round.
#[derive(Clone, Copy)]
pub(crate) enum Against {
    /// It stands by itself.
    Nothing,
    /// As a multiple of the other's.
    Times(&'static str),
    /// As a multiple of what two others need together.
    TimesBoth(&'static str, &'static str),
    /// What it needs more than the other.
    Minus(&'static str),
}

/// A figure to be told, judged if it has a limit.
pub(crate) struct Figure {
    pub(crate) of: &'static str,
    pub(crate) measure: Measure,
    pub(crate) against: Against,
    pub(crate) at_most: Option<f64>,
}

/// Prints it all and says whether the goals were reached.
pub(crate) fn print(lanes: &[Lane], figures: &[Figure]) -> Outcome {
    println!(
        "{:<20}{:>24}{:>24}{:>21}{:>11}",
        "", "wall ms", "user+sys ms", "peak RSS MiB", "output"
    );
    println!(
        "{:<20}{:>24}{:>24}{:>21}{:>11}",
        "", "min   median   max", "min   median   max", "min median   max", "KiB"
    );
    for lane in lanes {
        print_lane(lane);
    }
    record_lanes(lanes);
    println!(
        "(a peak RSS below the harness's own, {:.1} MiB, may show as up to that)",
        own_peak_mib()
    );
    println!();
    figures
        .iter()
        .map(|figure| print_figure(figure, lanes))
        .max()
        .unwrap_or(Outcome::Reached)
}

/// One line that says where the numbers come from. To be printed before a crowd is gathered,
/// whose start is itself a load.
pub(crate) fn print_machine(runs: usize) {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let first_word = |path| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.split_whitespace().next().unwrap_or("?").to_owned()
    };
    let words = format!(
        "{runs} rounds after one to warm up, interleaved; {cpus} CPUs, Linux {}, load {}",
        first_word("/proc/sys/kernel/osrelease"),
        first_word("/proc/loadavg"),
    );
    println!("{words}");
    record::note(&words);
}

fn record_lanes(lanes: &[Lane]) {
    let mut rows = vec![vec![
        String::new(),
        "wall ms".to_owned(),
        "CPU ms".to_owned(),
        "peak RSS MiB".to_owned(),
    ]];
    for lane in lanes {
        let mut row = vec![lane.name.to_owned()];
        match &lane.samples {
            Ok(samples) => {
                for measure in [Measure::Wall, Measure::Cpu, Measure::PeakRss] {
                    let values = samples.iter().map(|sample| measure.value(sample)).collect();
                    row.push(format!("{:.1}", spread(values).1));
                }
            }
            Err(error) => row.extend([
                format!("not measured: {error}"),
                String::new(),
                String::new(),
            ]),
        }
        rows.push(row);
    }
    record::table(&rows);
}

fn print_lane(lane: &Lane) {
    let samples = match &lane.samples {
        Ok(samples) => samples,
        Err(error) => return println!("{:<20}not measured: {error}", lane.name),
    };
    print!("{:<20}", lane.name);
    for (measure, digits) in [(Measure::Wall, 2), (Measure::Cpu, 2), (Measure::PeakRss, 1)] {
        let (min, median, max) =
            spread(samples.iter().map(|sample| measure.value(sample)).collect());
        let width = 6 + digits;
        print!("{min:>width$.digits$}{median:>width$.digits$}{max:>width$.digits$}");
    }
    let (_, output, _) = spread(
        samples
            .iter()
            .map(|sample| sample.output_bytes as f64 / 1024.0)
            .collect(),
    );
    println!("{output:>11.0}");
}

/// Prints measures that were taken once a round, a row for each contender.
pub(crate) fn print_rows<const N: usize>(
    measures: &[&str; N],
    rows: &[(&'static str, [Vec<f64>; N])],
) {
    let line = |name: &str, cells: &mut dyn Iterator<Item = String>| {
        println!("{name:<20}{}", cells.collect::<String>());
    };
    line("", &mut measures.iter().map(|name| format!("{name:>30}")));
    let heads = measures
        .iter()
        .map(|_| format!("{:>30}", "min    median       max"));
    line("", &mut heads.into_iter());
    let head = std::iter::once(String::new()).chain(measures.iter().map(|name| (*name).to_owned()));
    let mut table = vec![head.collect::<Vec<_>>()];
    for (name, samples) in rows {
        let cells = samples.iter().map(|samples| {
            let (min, median, max) = spread(samples.clone());
            format!("{min:>10.2}{median:>10.2}{max:>10.2}")
        });
        line(name, &mut cells.into_iter());
        let medians = samples
            .iter()
            .map(|samples| format!("{:.2}", spread(samples.clone()).1));
        let mut row = vec![(*name).to_owned()];
        row.extend(medians);
        table.push(row);
    }
    record::table(&table);
}

fn print_figure(figure: &Figure, lanes: &[Lane]) -> Outcome {
    let Figure {
        of,
        measure,
        against,
        at_most,
    } = figure;
    let what = format!("{of}: {}", measure.name());
    let unit = match against {
        Against::Nothing => measure.unit().to_owned(),
        Against::Times(other) => format!(" × {other}"),
        Against::TimesBoth(one, other) => format!(" × ({one} + {other})"),
        Against::Minus(other) => format!("{} more than {other}", measure.unit()),
    };
    let values = match values(figure, lanes) {
        Ok(values) => values,
        Err(name) => {
            println!("{what}: not judged, {name} was not measured");
            return Outcome::Failed;
        }
    };
    let goal = at_most.map_or(Goal::None, Goal::AtMost);
    judge(&what, goal, &unit, values)
}

/// What the median of a figure has to be.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    None,
}

/// Prints a figure that was taken once a round, and says whether its goal was reached.
pub(crate) fn judge(what: &str, goal: Goal, unit: &str, values: Vec<f64>) -> Outcome {
    let (min, median, max) = spread(values);
    let found = format!("{median:.2} ({min:.2} to {max:.2})");
    let (limit, reached) = match goal {
        Goal::AtMost(limit) => (format!("≤ {limit}"), median <= limit),
        Goal::AtLeast(limit) => (format!("≥ {limit}"), median >= limit),
        Goal::None => {
            println!("also {what}: {found}{unit}");
            record::goal(what, "", &format!("{found}{unit}"), "");
            return Outcome::Reached;
        }
    };
    let (outcome, verdict) = if reached {
        (Outcome::Reached, "reached")
    } else {
        (Outcome::Missed, "missed")
    };
    println!("goal {what} {limit}{unit}: {found} {verdict}");
    record::goal(what, &format!("{limit}{unit}"), &found, verdict);
    outcome
}

/// The figure of each round, or the name of the contender that has none.
fn values(figure: &Figure, lanes: &[Lane]) -> Result<Vec<f64>, &'static str> {
    let of = samples(lanes, figure.of)?
        .iter()
        .map(|sample| figure.measure.value(sample));
    let others = |name| {
        let samples = samples(lanes, name)?.iter();
        Ok(samples.map(|sample| figure.measure.value(sample)))
    };
    Ok(match figure.against {
        Against::Nothing => of.collect(),
        Against::Times(name) => of
            .zip(others(name)?)
            .map(|(own, other)| own / other)
            .collect(),
        Against::TimesBoth(one, other) => of
            .zip(others(one)?.zip(others(other)?))
            .map(|(own, (one, other))| own / (one + other))
            .collect(),
        Against::Minus(name) => of
            .zip(others(name)?)
            .map(|(own, other)| own - other)
            .collect(),
    })
}

fn samples<'a>(lanes: &'a [Lane], name: &'static str) -> Result<&'a [Sample], &'static str> {
    lanes
        .iter()
        .find(|lane| lane.name == name)
        .and_then(|lane| lane.samples.as_deref().ok())
        .ok_or(name)
}

impl Measure {
    fn value(self, sample: &Sample) -> f64 {
        match self {
            Self::Wall => sample.wall.as_secs_f64() * 1e3,
            Self::Cpu => sample.cpu.as_secs_f64() * 1e3,
            Self::PeakRss => sample.peak_rss_bytes as f64 / f64::from(1 << 20),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Wall => "wall",
            Self::Cpu => "cpu",
            Self::PeakRss => "peak RSS",
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Wall | Self::Cpu => " ms",
            Self::PeakRss => " MiB",
        }
    }
}

/// Least, middle and greatest.
pub(crate) fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    let last = values.len().saturating_sub(1);
    (
        at(0),
        f64::midpoint(at(last / 2), at(last.div_ceil(2))),
        at(last),
    )
}

/// A child starts in the memory of the harness (vfork), and the kernel carries that peak over
/// into the child's.
fn own_peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1024.0)
}
