use super::*;
use crate::sections::REGISTRY;

fn parsed() -> Value {
    serde_json::from_str(&document().unwrap()).unwrap()
}

fn parameters_of<'a>(document: &'a Value, path: &str) -> &'a Vec<Value> {
    document["paths"][path]["get"]["parameters"]
        .as_array()
        .unwrap_or_else(|| panic!("no {path}"))
}

#[test]
fn every_route_is_in_it_and_only_public_ones_need_nothing() {
    let document = parsed();
    for route in routes() {
        let operation = &document["paths"][path(&route)]["get"];
        assert!(operation.is_object(), "{}", path(&route));
        let open = operation.get("security").is_some();
        assert_eq!(open, route.access == Access::Public, "{}", path(&route));
    }
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), routes().count(), "two routes have one path");
}

#[test]
fn operation_ids_are_unique() {
    let ids: std::collections::BTreeSet<_> = routes().map(|route| operation_id(&route)).collect();
    assert_eq!(ids.len(), routes().count());
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value, document: &Value, found: &mut usize) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    *found += 1;
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                fields
                    .values()
                    .for_each(|value| walk(value, document, found));
            }
            Value::Array(list) => list.iter().for_each(|value| walk(value, document, found)),
            _ => {}
        }
    }
    let (document, mut found) = (parsed(), 0);
    walk(&document, &document, &mut found);
    assert!(found > 50, "{found}");
}

#[test]
fn a_section_takes_the_parameters_that_are_told_of_it_and_no_others() {
    let document = parsed();
    for section in REGISTRY {
        let told = parameters_of(&document, &format!("/v1/{}", section.info.name));
        let unknown =
            section.request_from_query(&[("nothing_of_that_name".to_owned(), "1".to_owned())]);
        let unknown = unknown.err().unwrap().why;
        // "unknown field `…`, expected one of `a`, `b`"
        let taken = unknown.split('`').skip(1).step_by(2).skip(1);
        for name in taken {
            let is_told = told.iter().any(|parameter| parameter["name"] == name);
            assert!(
                is_told || is_hidden(section, name),
                "{}: {name}",
                section.info.name
            );
        }
        for parameter in told {
            let name = parameter["name"].as_str().unwrap();
            if COMMON.iter().any(|common| common.name == name) {
                continue;
            }
            assert!(
                unknown.contains(&format!("`{name}`")),
                "{}: {name} is not taken: {unknown}",
                section.info.name
            );
            assert!(
                parameter["description"]
                    .as_str()
                    .is_some_and(|text| text.len() > 2),
                "{name}"
            );
        }
    }
}

#[test]
fn flags_numbers_lists_and_words_are_told_apart() {
    let document = parsed();
    let kind = |path: &str, name: &str| {
        let found = parameters_of(&document, path).iter();
        let mut found = found.filter(|parameter| parameter["name"] == name);
        found.next().unwrap_or_else(|| panic!("{path} {name}"))["schema"].clone()
    };
    assert_eq!(kind("/v1/processes", "threads")["type"], "boolean");
    assert_eq!(kind("/v1/processes", "pids")["type"], "array");
    assert_eq!(kind("/v1/processes", "pids")["items"]["type"], "integer");
    assert_eq!(kind("/v1/processes", "sample")["type"], "string");
    assert_eq!(kind("/v1/sockets", "port")["maximum"], 65_535);
    assert_eq!(kind("/v1/mounts", "paths")["type"], "array");
    assert_eq!(kind("/v1/dump", "output")["enum"][2], "json");
}

fn is_hidden(section: &Section, name: &str) -> bool {
    let mut command = section.command();
    command.build();
    let mut flags = command.get_arguments();
    flags.any(|arg| arg.get_id() == name && arg.is_hide_set())
}
