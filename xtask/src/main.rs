//! Repository tasks, run as `cargo xtask TASK`.
//!
//! Tasks look at the repository and run the programs it builds. They link none of its crates, so
//! a task can judge the tree even while a crate in it does not compile.

mod bench;
mod tidy;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (task, rest) = arguments
        .split_first()
        .map_or(("", &[][..]), |(task, rest)| (task.as_str(), rest));
    match task {
        "tidy" => tidy::run(rest),
        "bench" => bench::run(rest),
        _ => anyhow::bail!("name a task: `cargo xtask tidy` or `cargo xtask bench`"),
    }
}
