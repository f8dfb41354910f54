//! `cargo xtask fuzz`: bytes that nobody foresaw, guided by what they reach (libFuzzer, on nightly).

use clap::Args;

use crate::command::Program;
use crate::failure::{Failure, OrFail};
use crate::project::Project;
use crate::{say, tools};

const TARGETS: &[&str] = &["parser", "snapshot", "walk"];

/// What to fuzz, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only this target: parser, snapshot or walk
    target: Option<String>,
    /// Only the parser of this file, e.g. `ipset-save.txt`
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    /// Seconds for each target
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
}

/// Runs the targets one after the other; what is found lies in `fuzz/artifacts`.
pub(crate) fn fuzz(project: &Project, options: &Options) -> Result<(), Failure> {
    let targets: Vec<&str> = match &options.target {
        None => TARGETS.to_vec(),
        Some(name) => vec![TARGETS.iter().find(|known| *known == name).or_fail(
            format!("there is no target `{name}`"),
            "choose parser, snapshot or walk",
        )?],
    };
    tools::cargo_fuzz(project)?;
    for target in targets {
        say::heading(&format!("{target}: {} s", options.seconds));
        let folder = project.root().join("fuzz").join("corpus").join(target);
        let found = "fuzz/corpus";
        std::fs::create_dir_all(&folder).or_fail(found, "make the folder fuzz writable")?;
        let mut program = Program::new(project, "cargo")
            .args("+nightly fuzz run --sanitizer none")
            .arg(target)
            .arg(&folder)
            .arg(project.root().join("tests/fuzz-cases").join(target))
            .arg("--")
            .arg(format!("-max_total_time={}", options.seconds))
            .args("-timeout=10 -rss_limit_mb=1024 -max_len=4096 -print_final_stats=1")
            .loud();
        if let Some(file) = &options.file {
            program = program.env("PATHGLASS_FUZZ_FILE", file);
        }
        program.run(
            "mend what it found, then keep its file: move it from fuzz/artifacts to tests/fuzz-cases",
        )?;
    }
    Ok(())
}
