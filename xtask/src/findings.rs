//! `cargo xtask findings`: the catalogue of findings as a page of the documentation.

use crate::build::{self, Profile};
use crate::command::Program;
use crate::failure::{Failure, OrFail};
use crate::project::Project;
use crate::say;

const PAGE: &str = "docs/findings.md";

/// Writes the page as `pathglass diagnose --explain all` prints it.
pub(crate) fn write(project: &Project) -> Result<(), Failure> {
    say::heading("The catalogue of findings");
    let pathglass = build::pathglass(project, Profile::Dev)?;
    let page = Program::new(project, &pathglass.to_string_lossy())
        .args("diagnose --explain all")
        .finish()?
        .or_fail("see what `pathglass diagnose --explain all` says")?;
    let path = project.root().join(PAGE);
    std::fs::write(&path, page).or_fail(path.display(), "make the file writable")
}
