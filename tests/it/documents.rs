//! What is printed in the documentation is true: each command line of spyhole in it is
//! one that spyhole takes, and each link leads somewhere.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_command_line_in_the_documentation_is_one_that_spyhole_takes() {
    let mut tried = 0;
    for (path, text) in pages() {
        for line in command_lines(&text) {
            tried += 1;
            let words: Vec<OsString> = shell_words(&line).into_iter().map(Into::into).collect();
            if let Err(error) = spyhole::api::parse(&words)
                && error.use_stderr()
            {
                panic!("{}: {line}\n{error}", path.display());
            }
        }
    }
    assert!(tried > 5, "only {tried} command lines were found");
}

#[test]
fn every_link_in_the_documentation_leads_somewhere() {
    for (path, text) in pages() {
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = link.split('#').next().unwrap();
            if file.is_empty() || link.contains("://") {
                continue;
            }
            assert!(
                path.parent().unwrap().join(file).exists(),
                "{}: {link}",
                path.display()
            );
        }
    }
}

/// The command lines that start with `spyhole`, without a prompt, a pipe or a comment.
fn command_lines(text: &str) -> Vec<String> {
    let mut fenced = false;
    let from_blocks = text.lines().filter_map(|line| {
        fenced ^= line.starts_with("```");
        let line = line.strip_prefix("$ ").unwrap_or(line);
        (fenced && line.starts_with("spyhole ")).then(|| line.to_owned())
    });
    let from_prose = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| code.starts_with("spyhole "));
    let all = from_blocks.chain(from_prose.map(str::to_owned));
    all.map(|line| {
        line.split(['|', '>', '#', '…'])
            .next()
            .unwrap()
            .trim()
            .to_owned()
    })
    // Placeholders in capitals for a part of the command itself name no command.
    .filter(|line| !line.contains("COMMAND") && !line.contains('\n'))
    .collect()
}

/// The words of a line; what is between single quotes is of one word.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            letter => words.last_mut().unwrap().push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    let number = |word: String| if word == "N" { "1".to_owned() } else { word };
    words.into_iter().map(number).collect()
}

fn pages() -> Vec<(PathBuf, String)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(top.join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut pages = vec![
        top.join("README.md"),
        top.join("CONTRIBUTING.md"),
        top.join("CHANGELOG.md"),
        top.join("SECURITY.md"),
    ];
    pages.extend(docs.filter(|path| path.extension().is_some_and(|ending| ending == "md")));
    let manifests = fs::read_dir(top.join("manifests")).unwrap();
    pages.extend(manifests.map(|entry| entry.unwrap().path().join("README.md")));
    pages
        .into_iter()
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect()
}
