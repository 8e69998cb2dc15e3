//! Chains out of files in which more stands than certificates, or less.

use spyhole::api::pki::{ChainSource, Purpose, Question, Roots, judge};
use spyhole::model::verdict::{Authorities, Judgement};

use super::make::{Ca, noon, pem};

#[test]
fn text_between_the_blocks_and_foreign_line_ends_change_no_verdict() {
    let (text, roots) = bundle();
    let noisy = text.replace(
        "-----BEGIN",
        "\0\u{1}subject: CN=sub\n# ----- BEGIN?\n\n-----BEGIN",
    );
    let foreign = text.replace('\n', "\r\n");
    for file in [text, noisy, foreign] {
        assert_eq!(verdict(&file, &roots), Judgement::Verified, "{file}");
    }
}

#[test]
fn a_block_that_was_cut_loses_no_other() {
    let (text, roots) = bundle();
    let cut = format!("{text}{}", &text[..200]);
    assert_eq!(verdict(&cut, &roots), Judgement::Verified);
}

/// A leaf with its intermediate in one file, and its root.
fn bundle() -> (String, Roots) {
    let root = Ca::root("root");
    let sub = root.sub("sub");
    let text = [pem(&sub.leaf(&["api.example"])), pem(&sub.der)].concat();
    let trusted = spyhole::api::pki::contents(pem(&root.der).as_bytes(), None).unwrap();
    (text, Roots::of(trusted.certificates))
}

fn verdict(file: &str, roots: &Roots) -> Judgement {
    let found = spyhole::api::pki::contents(file.as_bytes(), None).unwrap();
    let question = Question {
        chain: &found.certificates,
        roots,
        authorities: Authorities::Given,
        server_name: Some("api.example"),
        now: noon(),
        staple: None,
        source: ChainSource::Server,
        purpose: Purpose::Server,
        unreadable: None,
    };
    judge(&question).judgement
}
