//! `pathglass serve`
use crate::Exit;
use crate::error::CommandError;
/// a
#[derive(Debug, clap::Args)]
pub struct Args {}
/// b
pub fn run(_args: &Args) -> Result<Exit, CommandError> {
    Ok(Exit::Yes)
}
