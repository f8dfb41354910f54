//! `cargo xtask readme`: the diagnosis that the README shows, as text and as a picture, made by the programs themselves.

use std::path::PathBuf;

use clap::Args;

use crate::build::{self, Profile};
use crate::command::Program;
use crate::failure::{Failure, OrFail};
use crate::project::Project;
use crate::say;
use crate::test::Tally;

const MARKER: &str = "diagnosis";
const PICTURE: &str = "docs/images/diagnosis.png";
/// The browser test's picture of the same flow.
const SHOT: &str = "test/shots/8-several.png";
const REMEDY: &str = "restore README.md with `git checkout README.md`";

/// What to renew.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The text only, without the browser
    #[arg(long)]
    text_only: bool,
}

/// Writes the text into README.md, and the picture beside it.
pub(crate) fn write(project: &Project, options: &Options) -> Result<(), Failure> {
    say::heading("The diagnosis as text");
    let (path, text) = read(project)?;
    let (before, _, after) = parts(&text)?;
    let block = block(project)?;
    std::fs::write(&path, format!("{before}{block}{after}"))
        .or_fail(path.display(), "make the file writable")?;
    if options.text_only {
        return Ok(());
    }
    say::heading("The diagnosis as a picture");
    crate::test::page(project)?;
    let picture = project.root().join(PICTURE);
    if let Some(folder) = picture.parent() {
        std::fs::create_dir_all(folder).or_fail(folder.display(), "make the folder writable")?;
    }
    std::fs::copy(project.page().join(SHOT), &picture).or_fail(
        picture.display(),
        "see which pictures the browser test makes",
    )?;
    Ok(())
}

/// A test: what the README shows is what the program says today.
pub(crate) fn check(project: &Project) -> Result<Tally, Failure> {
    let (_, text) = read(project)?;
    let (_, written, _) = parts(&text)?;
    if written == block(project)? && project.root().join(PICTURE).is_file() {
        return Ok(Tally::one());
    }
    Err(Failure::new(
        "README.md shows another diagnosis than `pathglass diagnose` gives, or no picture",
        "run `cargo xtask readme`, and look at what changed",
    ))
}

fn read(project: &Project) -> Result<(PathBuf, String), Failure> {
    let path = project.root().join("README.md");
    let text = std::fs::read_to_string(&path).or_fail(path.display(), REMEDY)?;
    Ok((path, text))
}

/// What stands before, between and after the markers.
fn parts(text: &str) -> Result<(&str, &str, &str), Failure> {
    let (open, close) = (format!("<!-- {MARKER} -->"), format!("<!-- /{MARKER} -->"));
    let start = text.find(&open).map(|at| at + open.len());
    let cut = start.and_then(|start| Some((start, start + text.get(start..)?.find(&close)?)));
    cut.and_then(|(start, end)| Some((text.get(..start)?, text.get(start..end)?, text.get(end..)?)))
        .or_fail(format!("README.md lacks the markers of `{MARKER}`"), REMEDY)
}

fn block(project: &Project) -> Result<String, Failure> {
    let pathglass = build::pathglass(project, Profile::Dev)?;
    let ended = Program::new(project, &pathglass.to_string_lossy())
        .args("diagnose examples/missing-route --from pod:shop/client --to service:shop/web")
        .finish()?;
    // Exit code 1 is the answer that the flow fails, so it is the text that must show a verdict.
    if !ended.printed.starts_with("PARTIAL") {
        ended.or_fail("see what `pathglass diagnose` says about the example")?;
        return Err(Failure::new(
            "the example's service is no longer partly reachable",
            "compare with examples/missing-route/expectations.json and mend the simulator",
        ));
    }
    let printed: Vec<&str> = ended.printed.lines().map(str::trim_end).collect();
    let printed = printed.join("\n");
    let printed = printed.trim_end();
    Ok(format!("\n```text\n{printed}\n```\n"))
}
