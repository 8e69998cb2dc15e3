use clap::{Arg, ArgAction};
use serde_json::Value;

use super::*;
use crate::model::schema;
use crate::scan::needs::Files;
use crate::scan::plain_files;
use crate::sections::section::{Detail, SectionInfo};

/// A section's request without flags, with each flag that is set by its name alone, and what
/// `dump` asks.
fn requests_of(section: &Section) -> Vec<Box<dyn Request>> {
    let mut command = section.command();
    command.build();
    let is_flag = |arg: &&Arg| matches!(arg.get_action(), ArgAction::SetTrue);
    let flags = command.get_arguments().filter(is_flag);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let flags = flags.map(|arg| Some(pair(arg.get_id().as_str(), "true")));
    let needed = (!section.info.in_dump).then(|| pair("endpoint", "127.0.0.1:1"));
    let made = flags.chain([None]).map(|flag| {
        let pairs: Vec<_> = flag.into_iter().chain(needed.clone()).collect();
        let made = section.request_from_query(&pairs);
        made.unwrap_or_else(|why| panic!("{}: {pairs:?}: {why}", section.info.name))
    });
    let made: Vec<_> = made.collect();
    made.into_iter().chain(section.whole()).collect()
}

#[test]
fn a_request_knows_its_section() {
    for section in REGISTRY {
        for request in requests_of(section) {
            assert_eq!(request.info().name, section.info.name);
        }
    }
}

#[test]
fn the_files_that_are_told_are_those_that_requests_need() {
    for section in REGISTRY {
        let mut needed = Files::empty();
        for request in requests_of(section) {
            for detail in [Detail::Table, Detail::Wide, Detail::Document] {
                needed |= request.needs(detail).files;
            }
        }
        assert_eq!(needed, section.info.files, "{}", section.info.name);
    }
}

#[test]
fn each_file_that_is_read_as_it_is_is_of_a_section_and_tried_by_access() {
    let files = |section: &&Section| section.info.name != access::INFO.name;
    let sections = REGISTRY.iter().filter(files);
    let read = sections.fold(Files::empty(), |all, section| all | section.info.files);
    assert!(read.contains(plain_files::FLAGS), "{read:?}");
    assert!(access::INFO.files.contains(plain_files::FLAGS));
}

#[test]
fn names_and_aliases_are_told_apart() {
    let infos = || REGISTRY.iter().map(|section| section.info);
    let words = |info: &'static SectionInfo| std::iter::once(&info.name).chain(info.aliases);
    for word in infos().flat_map(words) {
        let owners = infos().filter(|info| words(info).any(|other| other == word));
        assert_eq!(owners.count(), 1, "{word}");
    }
    assert!(infos().flat_map(words).all(|word| *word != "dump"));
}

#[test]
fn every_section_has_its_key_in_the_schema_and_says_whether_secrets_may_be_below_it() {
    let schema = schema::document().unwrap();
    for section in REGISTRY {
        let info = section.info;
        let field = &schema["properties"][info.name];
        assert!(field.is_object(), "{}", info.name);
        let secrets = reaches(field, &schema, "Redacted", &mut Vec::new());
        assert_eq!(secrets, info.secrets, "{}", info.name);
    }
}

/// Whether a definition is referred to below a part of the schema.
fn reaches<'a>(part: &'a Value, schema: &'a Value, name: &str, met: &mut Vec<&'a str>) -> bool {
    match part {
        Value::Object(fields) => fields.iter().any(|(key, field)| match field {
            Value::String(target) if key == "$ref" => {
                let target = target.strip_prefix("#/$defs/").unwrap();
                if target == name {
                    return true;
                }
                if met.contains(&target) {
                    return false;
                }
                met.push(target);
                reaches(&schema["$defs"][target], schema, name, met)
            }
            field => reaches(field, schema, name, met),
        }),
        Value::Array(items) => items.iter().any(|item| reaches(item, schema, name, met)),
        _ => false,
    }
}
