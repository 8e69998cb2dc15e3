//! The TCP tables of many network namespaces, read by two threads.
//!
//! For each of them the kernel walks through its table of the connections of all namespaces, which
//! takes milliseconds, however few lines come of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::filter::Filter;
use super::namespaces::Namespace;
use super::source::{file, tcp_counts};
use crate::model::socket::{Family, Protocol};
use crate::sys::Truncation;

/// For fewer a second thread costs more than it brings.
const WORTH_A_SECOND_THREAD: usize = 8;
/// A longer table is read line by line when it is its turn.
const LONGEST: usize = 256 << 10;
/// Likewise all that come after so many bytes.
const MOST: usize = 16 << 20;
const STACK_BYTES: usize = 256 << 10;

/// Whole tables, by the place of the namespace and by family.
pub(super) type Tables = HashMap<(usize, Family), Vec<u8>>;

/// Reads them, as far as they are asked for and not empty.
pub(super) fn read(namespaces: &[Namespace], filter: &Filter) -> Tables {
    let tcp = filter.tables.iter();
    let tcp = tcp.filter(|(protocol, _)| *protocol == Protocol::Tcp);
    let families: Vec<Family> = tcp.map(|(_, family)| *family).collect();
    let found = Mutex::new((Tables::new(), 0));
    let next = AtomicUsize::new(0);
    if namespaces.len() < WORTH_A_SECOND_THREAD || families.is_empty() {
        return Tables::new();
    }
    let work = || {
        let mut buffer = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(namespace) = namespaces.get(at) else {
                return;
            };
            if namespace.own {
                continue;
            }
            let counts = tcp_counts(&namespace.process, &mut buffer);
            let is_read = |family| !(filter.are_counted() && counts.has_none(family));
            for family in families.iter().filter(|family| is_read(**family)) {
                let Some(name) = file(Protocol::Tcp, *family) else {
                    continue;
                };
                let process = &namespace.process;
                if process.read_records(name, LONGEST, &mut buffer) != Ok(Truncation::Whole) {
                    continue;
                }
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                let (tables, bytes) = &mut *found;
                *bytes += buffer.len();
                if *bytes > MOST {
                    return;
                }
                tables.insert((at, *family), buffer.clone());
            }
        }
    };
    thread::scope(|scope| {
        let second = thread::Builder::new().stack_size(STACK_BYTES);
        // If it cannot be started, this one does it all.
        let _ = second.spawn_scoped(scope, work);
        work();
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner).0
}
