//! Builds the Wasm module, the page, and the programs.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::command::Program;
use crate::failure::Failure;
use crate::project::Project;
use crate::{say, tools};

/// How the programs are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As the tests are: quick to build, with every check.
    Dev,
    /// As shipped.
    Release,
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// The Wasm module with its TypeScript types, in `sim-wasm/pkg`.
pub(crate) fn wasm(project: &Project) -> Result<(), Failure> {
    // Nothing changes while one command runs, and `wasm-opt` takes its time even then.
    static IS_BUILT: AtomicBool = AtomicBool::new(false);
    if IS_BUILT.load(Ordering::Relaxed) {
        return Ok(());
    }
    tools::for_wasm(project)?;
    say::detail("building sim-wasm with wasm-pack");
    Program::new(project, "wasm-pack")
        .args("build sim-wasm --target web --out-dir pkg --mode no-install --profile release-wasm")
        .run("mend what the compiler says; `--verbose` shows it all")?;
    IS_BUILT.store(true, Ordering::Relaxed);
    Ok(())
}

/// The page in `web-demo/dist`, with the module in it.
pub(crate) fn page(project: &Project) -> Result<(), Failure> {
    wasm(project)?;
    say::detail("building the page");
    Program::new(project, "npm")
        .args("run --silent build")
        .current_dir(project.page())
        .run("mend what the TypeScript compiler says")?;
    Ok(())
}

/// The program `pathglass`; the page is in it if it was built before.
pub(crate) fn pathglass(project: &Project, profile: Profile) -> Result<PathBuf, Failure> {
    program(project, profile, "pathglass", "pathglass")
}

/// The program `name` of `package`.
pub(crate) fn program(
    project: &Project,
    profile: Profile,
    package: &str,
    name: &str,
) -> Result<PathBuf, Failure> {
    say::detail(&format!("building {name} ({})", profile.folder()));
    // The whole workspace at once in the tests' profile: then its features, and so its libraries, are those
    // that `cargo test` has built already.
    let cargo = Program::cargo(project).arg("build");
    let cargo = match profile {
        Profile::Dev => cargo.args("--workspace --bins"),
        Profile::Release => cargo
            .args("--release --package")
            .arg(package)
            .args("--bin")
            .arg(name),
    };
    cargo.run("mend what the compiler says; `--verbose` shows it all")?;
    Ok(project.target().join(profile.folder()).join(name))
}
