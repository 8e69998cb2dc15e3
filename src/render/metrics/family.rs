//! A metric with its samples, and the two forms in which Prometheus reads it.
//!
//! The crate writes OpenMetrics. The older text format has the same lines but for the name
//! behind `# HELP` and `# TYPE`, which is that of the sample, and for the types that it does
//! not know. So there each metric is handed to the same encoder as what stands there literally.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

/// How metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// The text format of Prometheus, 0.0.4.
    Text,
}

impl Form {
    /// Its media type.
    #[must_use]
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// What the values of a metric are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// They go up and down.
    Gauge,
    /// They only go up until the server is started anew; the name ends in `_total`.
    Counter,
    /// Always 1, the labels tell; the name ends in `_info`.
    Info,
}

/// What two samples with the same labels make: labels are cut and folded, so that may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Merge {
    Sum,
    Least,
    Greatest,
}

/// Names and values; names are the program's own, values may be anybody's.
pub(super) type Labels = Vec<(&'static str, String)>;

/// One metric.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: &'static str,
    kind: Kind,
    merge: Merge,
    help: &'static str,
    samples: BTreeMap<Labels, f64>,
}

impl Family {
    /// Something that is counted and summed up.
    pub(super) fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::of(name, Kind::Gauge, Merge::Sum, help)
    }

    /// A counter.
    pub(super) fn counter(name: &'static str, help: &'static str) -> Self {
        Self::of(name, Kind::Counter, Merge::Sum, help)
    }

    /// Words.
    pub(super) fn info(name: &'static str, help: &'static str) -> Self {
        Self::of(name, Kind::Info, Merge::Greatest, help)
    }

    /// The same, with another rule for samples of the same labels.
    pub(super) fn merging(self, merge: Merge) -> Self {
        Self { merge, ..self }
    }

    fn of(name: &'static str, kind: Kind, merge: Merge, help: &'static str) -> Self {
        Self {
            name,
            kind,
            merge,
            help,
            samples: BTreeMap::new(),
        }
    }

    /// Adds a sample. A value that is no number is left out.
    pub(super) fn add<const N: usize>(&mut self, labels: [(&'static str, String); N], value: f64) {
        self.add_labels(labels.into(), value);
    }

    /// Adds a sample whose labels vary.
    pub(super) fn add_labels(&mut self, mut labels: Labels, value: f64) {
        if !value.is_finite() {
            return;
        }
        // To Prometheus a label without a value is none.
        labels.retain(|(_, value)| !value.is_empty());
        let merge = self.merge;
        self.samples
            .entry(labels)
            .and_modify(|known| {
                *known = match merge {
                    Merge::Sum => *known + value,
                    Merge::Least => known.min(value),
                    Merge::Greatest => known.max(value),
                };
            })
            .or_insert(value);
    }

    /// A single value, if there is one.
    pub(super) fn with(mut self, value: Option<f64>) -> Self {
        if let Some(value) = value {
            self.add([], value);
        }
        self
    }

    fn encode(&self, form: Form, encoder: &mut DescriptorEncoder) -> fmt::Result {
        if self.samples.is_empty() {
            return Ok(());
        }
        let (name, kind, unit) = match form {
            Form::OpenMetrics => {
                let (name, kind) = match self.kind {
                    Kind::Gauge => (self.name, MetricType::Gauge),
                    Kind::Counter => (without(self.name, "_total"), MetricType::Counter),
                    Kind::Info => (without(self.name, "_info"), MetricType::Info),
                };
                let unit = unit(name);
                let name = unit
                    .as_ref()
                    .map_or(name, |unit| without(without(name, unit.as_str()), "_"));
                (name, kind, unit)
            }
            Form::Text => match self.kind {
                Kind::Counter => (self.name, MetricType::Counter, None),
                // There is no other type for it in this form.
                Kind::Gauge | Kind::Info => (self.name, MetricType::Gauge, None),
            },
        };
        let mut metric = encoder.encode_descriptor(name, self.help, unit.as_ref(), kind)?;
        for (labels, value) in &self.samples {
            let pairs: Vec<_> = labels
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            match (form, self.kind) {
                (Form::OpenMetrics, Kind::Info) => metric.encode_info(&pairs)?,
                _ if pairs.is_empty() => self.sample(form, *value, &mut metric)?,
                _ => self.sample(form, *value, &mut metric.encode_family(&pairs)?)?,
            }
        }
        Ok(())
    }

    fn sample(&self, form: Form, value: f64, metric: &mut MetricEncoder) -> fmt::Result {
        match (form, self.kind, whole(value)) {
            // The encoder appends `_total`, which in the older form is part of the name.
            (Form::OpenMetrics, Kind::Counter, Some(whole)) => {
                metric.encode_counter::<[(&str, &str); 0], _, f64>(&whole, None)
            }
            (Form::OpenMetrics, Kind::Counter, None) => {
                metric.encode_counter::<[(&str, &str); 0], _, f64>(&value, None)
            }
            (_, _, Some(whole)) => metric.encode_gauge(&whole),
            (_, _, None) => metric.encode_gauge(&value),
        }
    }
}

/// A value that is a whole number, which is shorter to write.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "whether it comes back the same is the question"
)]
fn whole(value: f64) -> Option<u64> {
    let whole = value as u64;
    (whole as f64 == value && whole < 1 << 53).then_some(whole)
}

fn without<'a>(name: &'a str, ending: &str) -> &'a str {
    name.strip_suffix(ending).unwrap_or(name)
}

/// The unit that a name ends in.
fn unit(name: &str) -> Option<Unit> {
    match name.rsplit('_').next()? {
        "seconds" => Some(Unit::Seconds),
        "bytes" => Some(Unit::Bytes),
        "ratio" => Some(Unit::Other("ratio".to_owned())),
        _ => None,
    }
}

/// Metrics in one of the forms.
#[derive(Debug)]
struct Exposition {
    families: Vec<Family>,
    form: Form,
}

impl Collector for Exposition {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        self.families
            .iter()
            .try_for_each(|family| family.encode(self.form, &mut encoder))
    }
}

/// Writes metrics.
///
/// # Errors
/// None that is known: writing to a string does not fail.
pub(super) fn write(families: Vec<Family>, form: Form) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Exposition { families, form }));
    let mut out = String::with_capacity(8 << 10);
    text::encode_registry(&mut out, &registry)?;
    if form == Form::OpenMetrics {
        text::encode_eof(&mut out)?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<Family> {
        let mut counter = Family::counter("spyhole_x_cpu_seconds_total", "Time.");
        counter.add([("name", "a\"b\\c\nd".to_owned())], 1.5);
        let mut gauge = Family::gauge("spyhole_x_threads", "Threads.");
        gauge.add([], 3.0);
        gauge.add([("name", String::new())], 4.0);
        let mut info = Family::info("spyhole_x_info", "Words.");
        info.add([("version", "1".to_owned())], 1.0);
        let nothing = Family::gauge("spyhole_nothing", "None.");
        vec![counter, gauge, info, nothing]
    }

    #[test]
    fn openmetrics_names_families_without_their_endings() {
        let text = write(some(), Form::OpenMetrics).unwrap();
        let expected = "\
# HELP spyhole_x_cpu_seconds Time.
# TYPE spyhole_x_cpu_seconds counter
# UNIT spyhole_x_cpu_seconds seconds
spyhole_x_cpu_seconds_total{name=\"a\\\"b\\\\c\\nd\"} 1.5
# HELP spyhole_x_threads Threads.
# TYPE spyhole_x_threads gauge
spyhole_x_threads 7
# HELP spyhole_x Words.
# TYPE spyhole_x info
spyhole_x_info{version=\"1\"} 1
# EOF
";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_text_format_names_what_stands_below() {
        let text = write(some(), Form::Text).unwrap();
        let expected = "\
# HELP spyhole_x_cpu_seconds_total Time.
# TYPE spyhole_x_cpu_seconds_total counter
spyhole_x_cpu_seconds_total{name=\"a\\\"b\\\\c\\nd\"} 1.5
# HELP spyhole_x_threads Threads.
# TYPE spyhole_x_threads gauge
spyhole_x_threads 7
# HELP spyhole_x_info Words.
# TYPE spyhole_x_info gauge
spyhole_x_info{version=\"1\"} 1
";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_no_number_is_no_sample() {
        let mut gauge = Family::gauge("spyhole_x", "X.");
        gauge.add([], f64::NAN);
        gauge.add([], f64::INFINITY);
        assert_eq!(write(vec![gauge], Form::Text).unwrap(), "");
    }

    #[test]
    fn whole_numbers_are_written_so() {
        assert_eq!(whole(1e15), Some(1_000_000_000_000_000));
        assert_eq!(whole(0.0), Some(0));
        assert_eq!((whole(-1.0), whole(0.5), whole(1e20)), (None, None, None));
    }
}
