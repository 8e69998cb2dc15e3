//! What `x509-parser` passes over in silence: elements beyond the standard's, and names that it
//! leaves off at the first part that it cannot read.

use crate::parse::ber::{
    BIT_STRING, Elements, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, SET, context, context_primitive,
};

/// What is malformed in a certificate that could be read.
pub(super) fn faults(der: &[u8]) -> Vec<String> {
    read(der).unwrap_or_else(|| vec!["its structure is not that of X.509".to_owned()])
}

fn read(der: &[u8]) -> Option<Vec<String>> {
    let mut faults = Vec::new();
    let mut outer = Elements::of(der).enter(SEQUENCE)?;
    let mut signed = outer.enter(SEQUENCE)?;
    outer.take(SEQUENCE)?;
    outer.take(BIT_STRING)?;
    signed.take(context(0));
    signed.take(INTEGER)?;
    signed.take(SEQUENCE)?;
    let issuer = signed.enter(SEQUENCE)?;
    signed.take(SEQUENCE)?;
    let subject = signed.enter(SEQUENCE)?;
    signed.take(SEQUENCE)?;
    for number in [1, 2] {
        let _ = signed
            .take(context_primitive(number))
            .or_else(|| signed.take(context(number)));
    }
    signed.take(context(3));
    if !outer.is_empty() || !signed.is_empty() {
        faults.push("it contains more than the standard defines".to_owned());
    }
    for (which, name) in [("subject", subject), ("issuer", issuer)] {
        if !is_name(name) {
            faults.push(format!("its {which} is malformed and not wholly shown"));
        }
    }
    Some(faults)
}

/// Whether these are sets of pairs of an object identifier and a value.
fn is_name(mut name: Elements) -> bool {
    while !name.is_empty() {
        let Some(mut part) = name.enter(SET).filter(|part| !part.is_empty()) else {
            return false;
        };
        while !part.is_empty() {
            let Some(mut pair) = part.enter(SEQUENCE) else {
                return false;
            };
            let is_pair = pair.take(OBJECT_IDENTIFIER).is_some() && pair.next_element().is_some();
            if !is_pair || !pair.is_empty() {
                return false;
            }
        }
    }
    true
}
