//! The redactor as a whole; the words of names and the bounds of noise are tested beside them.

mod cases;
mod document;
mod grammars;
mod names;
mod own_sentences;
mod properties;
mod samples;
mod tables;

use super::{Redacted, Redactor, SecretKind};
use cases::{ARGUMENTS_HIDDEN, ARGUMENTS_SHOWN, VARIABLES_HIDDEN, VARIABLES_SHOWN};

fn redactor() -> Redactor {
    Redactor::new(b"key of the tests")
}

fn arguments(redactor: &Redactor, args: &[&str]) -> Vec<String> {
    let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
    redactor
        .arguments(&args)
        .into_iter()
        .map(|arg| String::from_utf8(arg.text.as_bytes().to_vec()).unwrap())
        .collect()
}

#[test]
fn secret_variables_are_hidden() {
    let failed: Vec<_> = VARIABLES_HIDDEN
        .iter()
        .filter_map(|&(name, value, reason)| {
            let got = redactor()
                .variable(name.as_bytes(), value.as_bytes())
                .map(|hidden| hidden.reason.as_str());
            (got != Some(reason)).then(|| format!("{name}={value}: {got:?}, not {reason}"))
        })
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn harmless_variables_are_shown() {
    let failed: Vec<_> = VARIABLES_SHOWN
        .iter()
        .filter_map(|&(name, value)| {
            let hidden = redactor().variable(name.as_bytes(), value.as_bytes())?;
            Some(format!("{name}={value}: {}", hidden.reason.as_str()))
        })
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn secret_arguments_are_hidden() {
    let failed: Vec<_> = ARGUMENTS_HIDDEN
        .iter()
        .filter_map(|(args, wanted)| {
            let got = arguments(&redactor(), args);
            (got != *wanted).then(|| format!("{got:?}\n    not {wanted:?}"))
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn harmless_arguments_are_shown() {
    let failed: Vec<_> = ARGUMENTS_SHOWN
        .iter()
        .filter_map(|args| {
            let got = arguments(&redactor(), args);
            (got != *args).then(|| format!("{got:?}\n    not {args:?}"))
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn what_the_user_names_is_shown() {
    let some = || {
        redactor().reveal([
            "API_KEY".to_owned(),
            "--token".to_owned(),
            "-u".to_owned(),
            "dsn".to_owned(),
        ])
    };
    assert_eq!(some().variable(b"API_KEY", b"abc"), None);
    assert_eq!(some().variable(b"API_KEY", b"postgres://a:b@c/"), None);
    assert!(
        some().variable(b"api_key", b"abc").is_some(),
        "names are exact"
    );
    assert!(some().variable(b"OTHER_KEY", b"abc").is_some());
    let shown = [
        "x",
        "--token",
        "a b",
        "--token=abc",
        "API_KEY=abc",
        "--dsn=postgres://a:b@c/",
        "--dsn",
        "redis://:b@c",
    ];
    assert_eq!(arguments(&some(), &shown), shown);
    assert_eq!(
        arguments(&some(), &["curl", "-u", "a:b"]),
        ["curl", "-u", "a:b"]
    );
    assert_eq!(
        arguments(&some(), &["x", "--token", "a", "--password", "b"])[4],
        "‹redacted 1›"
    );
    let all = || redactor().reveal_all(true);
    assert_eq!(all().variable(b"PASSWORD", b"abc"), None);
    assert_eq!(all().bare(b"postgres://a:b@c/"), None);
    assert_eq!(
        arguments(&all(), &["x", "--password=b"]),
        ["x", "--password=b"]
    );
}

#[test]
fn an_entry_without_a_name_is_judged_by_its_shape() {
    assert_eq!(
        redactor()
            .bare(b"postgres://app:hunter2@db/x")
            .unwrap()
            .reason,
        SecretKind::UrlPassword
    );
    assert_eq!(redactor().bare(b"plain words"), None);
    assert_eq!(redactor().bare(b"\xff\xfe"), None);
    assert_eq!(redactor().bare(b""), None);
}

#[test]
fn a_secret_has_one_fingerprint_wherever_it_stands() {
    let of = |args: &[&str]| {
        let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        redactor()
            .arguments(&args)
            .into_iter()
            .flat_map(|arg| arg.redacted)
            .next()
            .unwrap()
            .fingerprint
    };
    let wanted = redactor()
        .variable(b"DB_PASSWORD", b"hunter22")
        .unwrap()
        .fingerprint;
    for args in [
        &["x", "--password=hunter22"][..],
        &["x", "--password", "hunter22"],
        &["x", "DB_PASSWORD=hunter22"],
        &["x", "postgres://app:hunter22@db/x"],
        &["mysql", "-phunter22"],
        &["curl", "-u", "app:hunter22"],
        &["curl", "-H", "Authorization: Bearer hunter22"],
        &["sh", "-c", "mysql --password='hunter22'"],
        &["x", "{\"password\":\"hunter22\"}"],
    ] {
        assert_eq!(of(args), wanted, "{args:?}");
    }
}

#[test]
fn bytes_that_are_no_text_stay_as_they_are() {
    let args = [
        b"a\xff\xfe".to_vec(),
        b"--password=\xff\xfe\x00".to_vec(),
        b"--x=\xc3".to_vec(),
        b"\xe2\x80".to_vec(),
    ];
    let texts: Vec<_> = redactor()
        .arguments(&args)
        .into_iter()
        .map(|arg| arg.text.as_bytes().to_vec())
        .collect();
    assert_eq!(
        texts,
        [
            b"a\xff\xfe".to_vec(),
            "--password=‹redacted 3›".into(),
            b"--x=\xc3".to_vec(),
            b"\xe2\x80".to_vec()
        ]
    );
    assert!(redactor().variable(b"\xffTOKEN", b"\xff").is_some());
}

#[test]
fn the_document_says_reason_length_and_fingerprint() {
    let hidden = redactor()
        .variable(b"URL", b"postgres://app:hunter2@db/x")
        .unwrap();
    assert_eq!(
        serde_json::to_string(&hidden).unwrap(),
        format!(
            r#"{{"reason":"url_password","length_bytes":27,"fingerprint":"{}"}}"#,
            hidden.fingerprint
        )
    );
    assert_eq!(hidden.fingerprint.len(), 8);
    let schema = schemars::schema_for!(Redacted);
    let validator = jsonschema::validator_for(schema.as_value()).unwrap();
    for reason in SecretKind::ALL {
        let document = serde_json::to_value(Redacted {
            reason,
            ..hidden.clone()
        })
        .unwrap();
        assert!(validator.is_valid(&document), "{document}");
        assert!(!reason.describe().is_empty());
    }
    assert!(
        !validator.is_valid(
            &serde_json::json!({"reason": "other", "length_bytes": 1, "fingerprint": ""})
        )
    );
}

#[test]
fn words_about_a_file_are_shown_and_a_value_of_its_name_is_not() {
    let redactor = redactor();
    let shown = "--key /run/app.key: 3 bytes, at least 16 are needed";
    assert_eq!(redactor.sentence(shown), shown);
    let hidden = redactor.sentence("db/admin.password: s3cretValue9 and more");
    assert!(!hidden.contains("s3cretValue9"), "{hidden}");
}
