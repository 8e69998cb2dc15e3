//! The completions of a release, by the shells that they are for.

use std::process::Command;

use super::unpacked;
use crate::host::run;

/// What bash offers for the last of these words.
fn bash_offers(words: &[&str]) -> Vec<String> {
    let script = r#"
        source "$1"; shift
        spec=$(complete -p spyhole)
        function=${spec##* -F }; function=${function%% *}
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
        "$function" spyhole "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", script, "bash"])
        .arg(unpacked().join("completions/spyhole.bash"))
        .args(words);
    let said = run(&mut bash).ended_with(0);
    assert!(said.stderr.is_empty(), "{said}");
    let mut offers: Vec<String> = said.stdout_text().lines().map(str::to_owned).collect();
    offers.sort();
    offers
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
        let read = |file: &std::path::Path| run(Command::new(shell[0]).args(&shell[1..]).arg(file));
        let said = read(&file).ended_with(0);
        assert!(said.stderr.is_empty(), "{said}");
        let broken = file.with_extension("broken");
        std::fs::write(&broken, "case x in (\n").unwrap();
        assert_ne!(read(&broken).code, Some(0), "{shell:?} sees no fault");
    }
}

#[test]
fn fish_completes_commands() {
    let script = format!(
        "source {}; complete --do-complete 'spyhole proc'",
        unpacked().join("completions/spyhole.fish").display()
    );
    let said = run(Command::new("fish").args(["--no-config", "-c", &script])).ended_with(0);
    assert!(said.stdout_text().starts_with("processes\t"), "{said}");
}
