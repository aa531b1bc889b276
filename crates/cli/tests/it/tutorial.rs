//! The tutorial of README.md and the example of docs/flows.md, run as they stand there: files are
//! written, commands are run in a shell, and each has to end as the text says.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use syncline_testkit::Sealed;

/// Address that the text names; the test takes a free one instead.
const ADDRESS: &str = "127.0.0.1:8765";

/// A fenced block: what stands behind the fence, and the lines.
struct Block {
    label: String,
    lines: Vec<String>,
}

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

fn tutorial() -> Vec<Block> {
    let text = document("README.md");
    let section = text.split("## Five minutes by hand").nth(1).unwrap();
    blocks(section.split("\n## ").next().unwrap())
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(label), false) => {
                inside = true;
                blocks.push(Block {
                    label: label.to_owned(),
                    lines: vec![],
                });
            }
            (Some(_), true) => inside = false,
            (None, true) => blocks.last_mut().unwrap().lines.push(line.to_owned()),
            (None, false) => {}
        }
    }
    blocks
}

/// A home folder with the program on its path.
struct Shell {
    sealed: Sealed,
    address: String,
    background: Option<Child>,
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Some(mut child) = self.background.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Shell {
    fn new() -> Self {
        let sealed = Sealed::new();
        let program = Path::new(env!("CARGO_BIN_EXE_syncline"));
        std::os::unix::fs::symlink(program, sealed.home().join("syncline")).unwrap();
        Self {
            sealed,
            address: ADDRESS.to_owned(),
            background: None,
        }
    }

    fn command(&self, line: &str) -> std::process::Command {
        let line = line.replace(ADDRESS, &self.address);
        let mut command = self.sealed.command("/bin/sh");
        let path = format!("{}:/usr/bin:/bin", self.sealed.home().display());
        command
            .args(["-c", &line])
            .env("PATH", path)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, line: &str) {
        let (line, expected) = match line.split_once("  # exits with ") {
            Some((line, status)) => (line, status.trim().parse().unwrap()),
            None => (line, 0),
        };
        let output = self.command(line).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(expected),
            "{line}\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Starts a server on a free port; its first line says where.
    fn start(&mut self, line: &str) {
        let line = format!("exec {}", line.replace(ADDRESS, "127.0.0.1:0"));
        let mut command = self.command(&line);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let stdout = child.stdout.take().unwrap();
        self.background = Some(child);
        BufReader::new(stdout).read_line(&mut first).unwrap();
        first
            .trim()
            .trim_start_matches("http://")
            .clone_into(&mut self.address);
    }

    fn write(&self, name: &str, lines: &[String]) {
        let text = lines.join("\n").replace(ADDRESS, &self.address) + "\n";
        std::fs::write(self.sealed.home().join(name), text).unwrap();
    }
}

#[test]
fn every_command_of_the_tutorial_ends_as_the_text_says() {
    let mut shell = Shell::new();
    let mut commands = 0;
    for block in tutorial() {
        let lines: Vec<&str> = block
            .lines
            .iter()
            .filter_map(|line| line.strip_prefix("$ "))
            .collect();
        match block.label.split_once(' ') {
            Some(("console", "background")) => lines.iter().for_each(|line| shell.start(line)),
            Some(("yaml", name)) => shell.write(name, &block.lines),
            _ if block.label == "console" => lines.iter().for_each(|line| shell.run(line)),
            _ => panic!("a block of the tutorial that no test runs: {}", block.label),
        }
        commands += lines.len();
    }
    assert!(commands >= 10, "{commands} commands");
}

#[test]
fn the_example_of_flows_is_run_by_its_commands() {
    let shell = Shell::new();
    let write = |name: &str, text: &[u8]| {
        let path = shell.sealed.home().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let read = |name: &str| std::fs::read_to_string(shell.sealed.home().join(name)).unwrap();
    let rows = |name: &str| {
        let text = read(name);
        let mut rows: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
        rows.sort_unstable();
        rows
    };
    let head = &b"student_id;given_name;family_name;kind;status;cohorts\n"[..];
    let ada = &b"604821; Zo\xe9;Byron ;S;active;\"Chess;Latin\"\n"[..];
    let others = &b"604822;Bea;Curie;T;active;Chess\n604823;Cy;Dahl;S;left;Latin\n"[..];
    write("export/students.csv", &[head, ada, others].concat());
    write(
        "lms/users.csv",
        b"username,name,role,suspended\nadmin1,Boss,,0\n",
    );
    write("lms/members.csv", b"username,cohort\n604822,Greek\n");

    let blocks = blocks(&document("docs/flows.md"));
    let first = |label: &str| blocks.iter().find(|block| block.label == label).unwrap();
    let yaml = first("yaml");
    assert_eq!(yaml.lines[0], "# syncline.yaml");
    shell.write("syncline.yaml", &yaml.lines);
    let commands = &first("sh").lines;
    assert!(commands.len() >= 6, "{commands:?}");
    for command in commands {
        assert!(command.starts_with("syncline "), "{command}");
        shell.run(command);
    }
    let users = [
        "604821,Zo\u{e9} Byron,student,0",
        "604822,Bea Curie,teacher,0",
        "admin1,Boss,,0",
    ];
    assert_eq!(rows("lms/users.csv"), users);
    assert_eq!(
        rows("lms/members.csv"),
        ["604821,Chess", "604821,Latin", "604822,Chess"]
    );
    assert!(read("plan.html").contains("Plan of people"));

    // If anything differs, `drift` says so by its status; who is gone stays for three runs.
    write("export/students.csv", &[head, ada].concat());
    let drift = commands.iter().find(|command| command.contains(" drift "));
    shell.run(&format!(
        "{}  # exits with 6",
        drift.unwrap().split("  #").next().unwrap()
    ));
    for suspended in [0, 0, 0, 1] {
        shell.run("syncline sync people");
        let told = format!("604822,Bea Curie,teacher,{suspended}");
        assert!(rows("lms/users.csv").contains(&told), "{told}");
    }
}
