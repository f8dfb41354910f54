//! `cargo xtask example`: the bundled example, built, measured and captured in network namespaces.

use crate::command::Program;
use crate::failure::Failure;
use crate::project::Project;
use crate::{say, tools};

/// Makes `examples/missing-route` anew.
pub(crate) fn make(project: &Project) -> Result<(), Failure> {
    if !tools::is_root(project) {
        return Err(Failure::new(
            "network namespaces need root",
            "run `sudo examples/make.sh`",
        ));
    }
    for tool in tools::NETWORK_TOOLS {
        tools::debian(project, *tool)?;
    }
    say::heading("Building the example's network, measuring and capturing it");
    Program::new(project, "bash")
        .arg("examples/make.sh")
        .loud()
        .run("see what the script says; what it made is removed already")?;
    Ok(())
}
