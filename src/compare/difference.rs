//! Two trees side by side.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::side::Side;
use super::treatment::{Treatment, by_unit, treatment};
use super::tree::{Tree, plain};
use crate::model::reason::Reason;

/// A difference between two documents.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Change {
    pub(crate) section: String,
    /// Keys of the document and entries of its lists, in the order in which they lead to it.
    pub(crate) path: Vec<String>,
    /// Of these the last entry of a list, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entry: Option<String>,
    /// The keys after that entry; empty where one of the two alone has the entry.
    pub(crate) field: String,
    /// Absent where the first document does not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Value>,
    /// Absent where the second one does not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<Value>,
    /// Of a counter: how much it grew a second, where the two documents show the same run of the same
    /// process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) per_second: Option<f64>,
}

/// What was not seen in one of the two, or in both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct NotComparable {
    pub(crate) section: String,
    /// Empty: the section as a whole.
    pub(crate) field: String,
    /// Why the first document does not have it; `null` where it does.
    pub(crate) before: Option<&'static str>,
    pub(crate) after: Option<&'static str>,
}

/// How long the counters of two documents have run.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spans {
    /// Seconds since the start of the target.
    before: f64,
    after: f64,
    /// Seconds between the two, where they show the same run of the same process.
    between: Option<f64>,
}

impl Spans {
    pub(super) fn of(before: &Side<'_>, after: &Side<'_>) -> Self {
        let run = |side: &Side<'_>| {
            let started_at = side.started_at.unwrap_or(side.taken_at);
            started_at.until(side.taken_at).as_secs_f64()
        };
        let is_same_run = before.started_at.is_some()
            && before.started_at == after.started_at
            && before.main_pid == after.main_pid;
        let between = before.taken_at.until(after.taken_at).as_secs_f64();
        Self {
            before: run(before),
            after: run(after),
            between: Some(between).filter(|seconds| is_same_run && *seconds > 0.0),
        }
    }
}

/// A counter differs when something happens as many times as often.
const OFTEN: f64 = 10.0;

/// Compares two documents.
pub(super) struct Comparer<'a> {
    pub(super) before: &'a Side<'a>,
    pub(super) after: &'a Side<'a>,
    pub(super) spans: Spans,
    /// Fingerprints were made with the same key.
    pub(super) same_key: bool,
    pub(super) changes: Vec<Change>,
    /// Values that differ and say nothing.
    pub(super) folded: u64,
    pub(super) not_comparable: BTreeSet<NotComparable>,
    /// Values that both documents have.
    pub(super) compared: u64,
}

/// Where in the trees it is.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    section: &'a str,
    steps: &'a [Step<'a>],
    treatment: Option<Treatment>,
}

/// A key of the document, or an entry of a list.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Field(&'a str),
    Entry(&'a str),
}

impl<'a> Step<'a> {
    fn word(self) -> &'a str {
        match self {
            Self::Field(word) | Self::Entry(word) => word,
        }
    }

    fn field(self) -> Option<&'a str> {
        match self {
            Self::Field(name) => Some(name),
            Self::Entry(_) => None,
        }
    }
}

impl<'a> Place<'a> {
    fn field_name(&self) -> &'a str {
        let mut fields = self.steps.iter().rev().filter_map(|step| step.field());
        fields.next().unwrap_or(self.section)
    }

    fn is_entry(&self) -> bool {
        matches!(self.steps.last(), Some(Step::Entry(_)))
    }
}

impl Comparer<'_> {
    /// Compares every section.
    pub(super) fn sections(&mut self) {
        let (before, after) = (self.before, self.after);
        for (section, of_before, of_after) in both(&before.sections, &after.sections) {
            let place = Place {
                section,
                steps: &[],
                treatment: treatment("", section, None),
            };
            if let (Some(of_before), Some(of_after)) = (of_before, of_after) {
                self.trees(of_before, of_after, place);
            } else {
                let lacking = |there: bool| (!there).then_some("not in the document");
                self.not_comparable.insert(NotComparable {
                    section: section.to_owned(),
                    field: String::new(),
                    before: lacking(of_before.is_some()),
                    after: lacking(of_after.is_some()),
                });
            }
        }
    }

    fn trees(&mut self, before: &Tree, after: &Tree, place: Place<'_>) {
        let unseen = |tree: &Tree| *tree == Tree::Leaf(Value::Null);
        if place.treatment == Some(Treatment::Fold) {
            self.folded += u64::from(before != after);
            return;
        }
        match (before, after) {
            _ if unseen(before) || unseen(after) => {
                self.unseen(place, unseen(before), unseen(after));
            }
            (Tree::Fields(before), Tree::Fields(after)) => {
                for (name, of_before, of_after) in both(before, after) {
                    let steps = [place.steps, &[Step::Field(name)]].concat();
                    let inherited = place.treatment;
                    let place = Place {
                        steps: &steps,
                        treatment: treatment(place.field_name(), name, inherited),
                        ..place
                    };
                    self.one_or_both(of_before, of_after, place);
                }
            }
            (Tree::Items(before), Tree::Items(after)) => self.items(before, after, place),
            // An empty list has no entries to key it by.
            (Tree::Items(before), Tree::Leaf(Value::Array(_))) => {
                self.items(before, &BTreeMap::new(), place);
            }
            (Tree::Leaf(Value::Array(_)), Tree::Items(after)) => {
                self.items(&BTreeMap::new(), after, place);
            }
            (Tree::Leaf(before), Tree::Leaf(after)) => self.leaves(before, after, place),
            _ => self.change(place, Some(summary(before)), Some(summary(after))),
        }
    }

    fn items(
        &mut self,
        before: &BTreeMap<String, Tree>,
        after: &BTreeMap<String, Tree>,
        place: Place<'_>,
    ) {
        // Of the main process alone, whatever it is called.
        let only = |items: &BTreeMap<String, Tree>| match items.len() {
            1 if OF_MAIN_PROCESS.contains(&place.section) && place.steps.is_empty() => {
                items.values().next().cloned()
            }
            _ => None,
        };
        if let (Some(before), Some(after)) = (only(before), only(after)) {
            return self.trees(&before, &after, place);
        }
        for (key, of_before, of_after) in both(before, after) {
            let steps = [place.steps, &[Step::Entry(key)]].concat();
            let place = Place {
                steps: &steps,
                ..place
            };
            self.one_or_both(of_before, of_after, place);
        }
    }

    fn one_or_both(&mut self, before: Option<&Tree>, after: Option<&Tree>, place: Place<'_>) {
        let there = match (before, after) {
            (Some(before), Some(after)) => return self.trees(before, after, place),
            (Some(there), None) | (None, Some(there)) => there,
            (None, None) => return,
        };
        if place.treatment == Some(Treatment::Fold) {
            self.folded += 1;
            return;
        }
        if *there == Tree::Leaf(Value::Null) {
            return self.unseen(place, before.is_some(), after.is_some());
        }
        let lacking = if before.is_none() {
            self.before
        } else {
            self.after
        };
        if place.is_entry()
            && let Some(reason) = lacking.list_refusal(place.section, place.field_name())
        {
            let why = reason.describe();
            return self.cannot_compare(
                place,
                before.is_none().then_some(why),
                after.is_none().then_some(why),
            );
        }
        self.compared += 1;
        // A quantity that is not there where there is nothing of it.
        if let (Some(Treatment::Quantity(least)), Tree::Leaf(value)) = (place.treatment, there)
            && value.as_f64().is_some_and(|value| value < least)
        {
            self.folded += 1;
            return;
        }
        let summary = |tree: &Tree| summary(tree);
        self.change(place, before.map(summary), after.map(summary));
    }

    fn leaves(&mut self, before: &Value, after: &Value, place: Place<'_>) {
        let name = place.field_name();
        self.compared += 1;
        if name == "fingerprint" && !self.same_key {
            let why = Some("another fingerprint key");
            return self.cannot_compare(place, why, why);
        }
        if before == after {
            return;
        }
        let numbers = before.as_f64().zip(after.as_f64());
        let differs = match (place.treatment.unwrap_or_else(|| by_unit(name)), numbers) {
            (Treatment::Fold, _) => false,
            (Treatment::Counter { bad }, Some((before, after))) => {
                return self.counters(before, after, bad, place);
            }
            (Treatment::Quantity(least), Some((before, after))) => {
                let (less, more) = (before.min(after), before.max(after));
                more >= 2.0 * less && more - less >= least
            }
            (Treatment::Points(least), Some((before, after))) => (before - after).abs() >= least,
            (Treatment::Set, _) => sorted(before) != sorted(after),
            _ => before != after,
        };
        if differs {
            self.change(place, Some(before.clone()), Some(after.clone()));
        } else {
            self.folded += u64::from(before != after);
        }
    }

    /// Compares counters: of the same run by what came since, otherwise by how often it happens.
    ///
    /// Those of a network namespace may be older than the target: of two different ones only what tells
    /// of trouble, and there alone, is a difference.
    fn counters(&mut self, before: f64, after: f64, bad: bool, place: Place<'_>) {
        let Spans {
            before: run_before,
            after: run_after,
            between,
        } = self.spans;
        let grew = after - before;
        let rate = |events: f64, seconds: f64| if seconds > 0.0 { events / seconds } else { 0.0 };
        let (was, is) = (rate(before, run_before), rate(after, run_after));
        let differs = bad
            && match between {
                Some(_) => grew > 0.0,
                None if before == 0.0 || after == 0.0 => true,
                None => place.section == "resources" && was.max(is) >= OFTEN * was.min(is),
            };
        if !differs {
            self.folded += 1;
            return;
        }
        self.change(place, Some(number(before)), Some(number(after)));
        if let (Some(change), Some(seconds)) = (self.changes.last_mut(), between) {
            change.per_second = Some(rounded(rate(grew, seconds)));
        }
    }

    fn unseen(&mut self, place: Place<'_>, of_before: bool, of_after: bool) {
        let why = |side: &Side<'_>, unseen: bool| {
            let reason = unseen.then(|| side.reason(place.section, place.field_name()));
            reason.map(|reason| reason.map_or("not seen", Reason::describe))
        };
        let (before, after) = (why(self.before, of_before), why(self.after, of_after));
        self.cannot_compare(place, before, after);
    }

    fn cannot_compare(
        &mut self,
        place: Place<'_>,
        before: Option<&'static str>,
        after: Option<&'static str>,
    ) {
        self.not_comparable.insert(NotComparable {
            section: place.section.to_owned(),
            field: fields(place.steps),
            before,
            after,
        });
    }

    fn change(&mut self, place: Place<'_>, before: Option<Value>, after: Option<Value>) {
        let is_entry = |step: &Step<'_>| matches!(step, Step::Entry(_));
        let last = place.steps.iter().rposition(is_entry);
        let entry = last.and_then(|last| place.steps.get(last));
        let after_entry = last.map_or(place.steps, |last| {
            place.steps.get(last + 1..).unwrap_or_default()
        });
        self.changes.push(Change {
            section: place.section.to_owned(),
            path: place
                .steps
                .iter()
                .map(|step| step.word().to_owned())
                .collect(),
            entry: entry.map(|step| step.word().to_owned()),
            field: fields(after_entry),
            before,
            after,
            per_second: None,
        });
    }
}

/// Sections with one entry of the main process, known by its name.
const OF_MAIN_PROCESS: [&str; 2] = ["environment", "capabilities"];

/// The keys of the document among these steps.
fn fields(steps: &[Step<'_>]) -> String {
    let names: Vec<&str> = steps.iter().filter_map(|step| step.field()).collect();
    names.join(".")
}

/// The entries of two maps by their keys.
fn both<'a, T>(
    before: &'a BTreeMap<String, T>,
    after: &'a BTreeMap<String, T>,
) -> Vec<(&'a str, Option<&'a T>, Option<&'a T>)> {
    let keys: BTreeSet<&str> = before
        .keys()
        .chain(after.keys())
        .map(String::as_str)
        .collect();
    let entry = |key| (key, before.get(key), after.get(key));
    keys.into_iter().map(entry).collect()
}

/// What an entry that is in one document alone is about.
fn summary(tree: &Tree) -> Value {
    match tree {
        Tree::Leaf(value) => value.clone(),
        Tree::Fields(fields) => {
            let fields = fields.iter().filter_map(|(name, field)| match field {
                Tree::Leaf(value) => Some((name.clone(), value.clone())),
                Tree::Fields(_) | Tree::Items(_) => None,
            });
            Value::Object(fields.collect())
        }
        Tree::Items(items) => items.keys().map(String::as_str).collect(),
    }
}

fn sorted(value: &Value) -> Vec<String> {
    let mut words: Vec<String> = match value {
        Value::Array(list) => list.iter().map(plain).collect(),
        other => vec![plain(other)],
    };
    words.sort_unstable();
    words
}

/// A counter as the document has it, without a point.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a counter of the document is a whole number that is not negative"
)]
fn number(count: f64) -> Value {
    (count as u64).into()
}

/// Two digits after the point say enough of a rate, more where it is small.
fn rounded(rate: f64) -> f64 {
    let digits = if rate >= 0.01 { 100.0 } else { 1e6 };
    (rate * digits).round() / digits
}
