//! The command line as lightbeam's users type it, and the rules of help texts.

use clap::CommandFactory as _;

use super::*;

fn parse(line: &str) -> Arguments {
    Arguments::try_parse_from(line.split_whitespace()).unwrap()
}

#[test]
fn options_may_stand_on_either_side_of_the_command() {
    for line in [
        "syncline -c f.yaml send -s students",
        "syncline -s students send -c f.yaml",
    ] {
        let arguments = parse(line);
        let Command::Send(send) = arguments.command else {
            panic!("{line}")
        };
        let data = send.data.or(arguments.before.data);
        assert_eq!(
            data.config_file.as_deref(),
            Some(std::path::Path::new("f.yaml")),
            "{line}"
        );
        assert_eq!(data.selector.as_deref(), Some("students"), "{line}");
    }
}

#[test]
fn pairs_of_set_can_follow_each_other() {
    let arguments = parse("syncline send --set a.b 1 c 2 --set d 3 -f");
    let Command::Send(send) = arguments.command else {
        panic!("not send")
    };
    assert_eq!(send.data.set, ["a.b", "1", "c", "2", "d", "3"]);
    assert!(send.data.force);
}

#[test]
fn every_option_has_help_and_a_value_name_and_no_full_stop() {
    fn walk(command: &clap::Command) {
        for argument in command
            .get_arguments()
            .filter(|argument| !argument.is_hide_set())
        {
            let name = format!("{} {}", command.get_name(), argument.get_id());
            let help = argument
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(!help.is_empty(), "{name} has no help");
            assert!(!help.ends_with('.'), "{name}: {help}");
        }
        let about = command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(!about.is_empty(), "{} has no help", command.get_name());
        command.get_subcommands().for_each(walk);
    }
    let mut command = Arguments::command();
    command.build();
    walk(&command);
    Arguments::command().debug_assert();
}
