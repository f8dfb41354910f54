//! The `pathglass` command.

fn main() -> std::process::ExitCode {
    pathglass::run(std::env::args_os())
}
