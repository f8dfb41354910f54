//! `cargo xtask oracle --vm`: what this machine's kernel lacks, recorded in a virtual machine into `tests/captures/vm`.

use std::ffi::OsString;

use crate::command::Program;
use crate::failure::Failure;
use crate::project::Project;
use crate::{say, tools};

/// Records the scenarios whose names contain one of `wanted` (all if none is given).
pub(crate) fn record(project: &Project, wanted: &[OsString]) -> Result<(), Failure> {
    for tool in tools::NETWORK_TOOLS {
        tools::debian(project, *tool)?;
    }
    say::heading("Recording in a virtual machine with Debian's kernel (tests/vm)");
    let mut recorder = Program::new(project, "bash")
        .arg("tests/vm/record.sh")
        .loud();
    for name in wanted {
        recorder = recorder.arg(name);
    }
    recorder.run("see what the script says; it needs Debian's packages, by apt")?;
    Ok(())
}
