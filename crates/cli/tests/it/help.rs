//! What the command says of itself.

use insta::assert_snapshot;

use crate::desk::Desk;

#[test]
fn every_command_has_its_help() {
    let seen = help_of(&Desk::new(), &[]);
    assert!(seen > 10, "{seen} commands");
}

/// Looks at the help of a command and of those beneath it; how many there are.
fn help_of(desk: &Desk, command: &[&str]) -> usize {
    let ran = desk.run(&[command, &["--help"]].concat());
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{command:?}");
    let name = [&["help"], command].concat().join("-");
    assert_snapshot!(name, ran.stdout);
    let listed = ran.stdout.lines().skip_while(|line| *line != "Commands:");
    listed
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|beneath| *beneath != "help")
        .map(|beneath| help_of(desk, &[command, &[beneath]].concat()))
        .sum::<usize>()
        + 1
}

#[test]
fn without_a_command_the_help_is_shown() {
    let desk = Desk::new();
    let ran = desk.run(&[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert_eq!(ran.stderr, desk.run(&["--help"]).stdout);
}

#[test]
fn the_version_is_printed() {
    let desk = Desk::new();
    let version = format!("syncline {}\n", env!("CARGO_PKG_VERSION"));
    for arguments in [["version"], ["-V"], ["-v"], ["--version"]] {
        let ran = desk.run(&arguments);
        assert_eq!((ran.status, ran.stdout.as_str()), (0, version.as_str()));
        assert_eq!(ran.stderr, "");
    }
}

#[test]
fn completions_name_every_command() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = desk.run(&["completions", shell]);
        assert_eq!(ran.status, 0);
        for word in ["sandbox", "generate", "results-file"] {
            assert!(ran.stdout.contains(word), "{shell}: {word}");
        }
    }
}
