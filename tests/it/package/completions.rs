//! The completions of a release, by the shells that they are for.

use std::path::Path;
use std::process::Command;

use super::unpacked;
use crate::host::run;

/// What bash offers for the last of these words.
fn bash_offers(words: &[&str]) -> Vec<String> {
    bash_offers_by(&unpacked().join("completions/spyhole.bash"), words)
}

/// The same by the completions of a file.
pub(super) fn bash_offers_by(file: &Path, words: &[&str]) -> Vec<String> {
    let script = r#"
        source "$1"; shift
        spec=$(complete -p spyhole)
        function=${spec##* -F }; function=${function%% *}
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
        "$function" spyhole "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", script, "bash"])
        .arg(file)
        .args(words);
    let said = run(&mut bash).ended_with(0);
    assert!(said.stderr.is_empty(), "{said}");
    let mut offers: Vec<String> = said.stdout_text().lines().map(str::to_owned).collect();
    offers.sort();
    offers
}

/// What fish offers for a line by the completions of a directory, which it finds by the name of a command that
/// lies in another one.
pub(super) fn fish_offers_by(directory: &Path, bin: &Path, line: &str) -> String {
    let script = format!(
        "set fish_complete_path {}; set --prepend PATH {}; complete --do-complete '{line}'",
        directory.display(),
        bin.display()
    );
    let said = run(Command::new("fish").args(["--no-config", "-c", &script])).ended_with(0);
    said.stdout_text()
}

/// What zsh makes of a line at a press of TAB, by the completions of a directory.
pub(super) fn zsh_offers_by(directory: &Path, line: &str) -> String {
    // The line is drawn on a terminal; a widget says what it became.
    let script = r#"
        zmodload zsh/zpty
        zpty shell "zsh -f -i"
        zpty -w shell "PS1=; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D"
        zpty -w shell 'said() { print -r -- "<<$BUFFER>>"; exit }; zle -N said; bindkey "^X" said; print ready''1'
        zpty -r shell before '*ready1*'
        zpty -w -n shell "$2"$'\t\x18'
        zpty -r shell after '*<<*>>*'
        after=${after#*<<}
        print -r -- ${after%%>>*}"#;
    let mut zsh = Command::new("zsh");
    zsh.args(["-f", "-c", script, "zsh"])
        .arg(directory)
        .arg(line);
    let said = run(&mut zsh).ended_with(0);
    said.stdout_text().trim_end().to_owned()
}

#[test]
fn bash_completes_commands_and_flags() {
    assert_eq!(bash_offers(&["spyhole", "proc"]), ["processes"]);
    assert_eq!(
        bash_offers(&["spyhole", "c"]).first().unwrap(),
        "capabilities"
    );
    assert_eq!(bash_offers(&["spyhole", "processes", "--tr"]), ["--tree"]);
    assert_eq!(
        bash_offers(&["spyhole", "-o", ""]).len(),
        spyhole_formats(),
        "the formats of -o"
    );
    assert_eq!(bash_offers(&["spyhole", "nothing-such"]), [""]);
}

fn spyhole_formats() -> usize {
    let command = spyhole::api::command();
    let output = command
        .get_arguments()
        .find(|arg| arg.get_id() == "output")
        .unwrap();
    let values = output.get_possible_values();
    values.iter().filter(|value| !value.is_hide_set()).count()
}

#[test]
fn zsh_and_fish_read_their_completions() {
    for (shell, file) in [
        (&["zsh", "-n"][..], "_spyhole"),
        (&["fish", "--no-execute"], "spyhole.fish"),
    ] {
        let file = unpacked().join("completions").join(file);
        let read = |file: &Path| run(Command::new(shell[0]).args(&shell[1..]).arg(file));
        let said = read(&file).ended_with(0);
        assert!(said.stderr.is_empty(), "{said}");
        let broken = file.with_extension("broken");
        std::fs::write(&broken, "case x in (\n").unwrap();
        assert_ne!(read(&broken).code, Some(0), "{shell:?} sees no fault");
    }
}

#[test]
fn fish_completes_commands() {
    let top = unpacked();
    let said = fish_offers_by(&top.join("completions"), &top, "spyhole proc");
    assert!(said.starts_with("processes\t"), "{said}");
}

#[test]
fn zsh_completes_commands_and_flags() {
    let directory = unpacked().join("completions");
    for (line, becomes) in [
        ("spyhole proc", "spyhole processes"),
        ("spyhole processes --tr", "spyhole processes --tree"),
        ("spyhole nothing-such", "spyhole nothing-such"),
    ] {
        assert_eq!(zsh_offers_by(&directory, line), becomes);
    }
}
