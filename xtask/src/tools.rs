//! Gets what a build or a test needs and this machine lacks.

use std::path::PathBuf;

use crate::command::Program;
use crate::failure::{Failure, OrFail};
use crate::project::Project;
use crate::say;

const WASM_TARGET: &str = "wasm32-unknown-unknown";
const WASM_PACK: &str = "0.15.1";
/// npm 7 and Node 18 are the oldest that the lock file and the tests were tried with.
const OLDEST_NODE: u32 = 18;

/// Rust's Wasm target, wasm-bindgen's program, wasm-pack, Node.js and the page's packages.
pub(crate) fn for_wasm(project: &Project) -> Result<(), Failure> {
    node(project)?;
    wasm_target(project)?;
    let wasm_bindgen = project.locked_version("wasm-bindgen")?;
    cargo_tool(project, "wasm-bindgen", "wasm-bindgen-cli", &wasm_bindgen)?;
    cargo_tool(project, "wasm-pack", "wasm-pack", WASM_PACK)?;
    npm_packages(project)
}

/// The Wasm target of the compiler.
pub(crate) fn wasm_target(project: &Project) -> Result<(), Failure> {
    let has_target = || {
        let folder = Program::new(project, "rustc")
            .args("--print target-libdir --target")
            .arg(WASM_TARGET)
            .read();
        folder.is_some_and(|folder| PathBuf::from(folder.trim()).is_dir())
    };
    if has_target() {
        return Ok(());
    }
    say::detail(&format!("adding Rust's target {WASM_TARGET}"));
    Program::new(project, "rustup")
        .args("target add")
        .arg(WASM_TARGET)
        .run("install Rust with rustup, or your distribution's package of the target wasm32-unknown-unknown")?;
    Ok(())
}

fn node(project: &Project) -> Result<(), Failure> {
    let version = Program::new(project, "node").arg("--version").read();
    let version = version.or_fail(
        "there is no `node`",
        "install Node.js 18 or newer, with npm",
    )?;
    let major = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major >= OLDEST_NODE) {
        return Ok(());
    }
    Err(Failure::new(
        format!("`node` has version {}", version.trim()),
        format!("install Node.js {OLDEST_NODE} or newer"),
    ))
}

/// `package` of exactly `version` from crates.io, unless the right one is there.
fn cargo_tool(project: &Project, name: &str, package: &str, version: &str) -> Result<(), Failure> {
    let is_right = || {
        Program::new(project, name)
            .arg("--version")
            .read()
            .is_some_and(|printed| printed.split_whitespace().any(|word| word == version))
    };
    if is_right() {
        return Ok(());
    }
    say::detail(&format!(
        "installing {package} {version} into target/tools (a few minutes, once)"
    ));
    cargo_install(project, &format!("{package}@{version}"))?;
    if is_right() {
        return Ok(());
    }
    Err(Failure::new(
        format!("`{name}` was installed but does not report version {version}"),
        "remove the folder target/tools and start the command again",
    ))
}

/// Installs `package` into target/tools.
///
/// Unoptimised and in one build folder: these programs work for seconds, optimising them takes minutes.
fn cargo_install(project: &Project, package: &str) -> Result<(), Failure> {
    Program::cargo(project)
        .args("install --locked --debug --root")
        .arg(project.tools())
        .arg("--target-dir")
        .arg(project.tools().join("build"))
        .arg(package)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .run("see that crates.io can be reached, then start the command again")?;
    Ok(())
}

/// cargo-deny, of any version.
pub(crate) fn cargo_deny(project: &Project) -> Result<(), Failure> {
    if Program::cargo(project).args("deny --version").succeeds() {
        return Ok(());
    }
    say::detail("installing cargo-deny into target/tools (a few minutes, once)");
    cargo_install(project, "cargo-deny")
}

/// cargo-fuzz, of any version, and the compiler that it needs.
pub(crate) fn cargo_fuzz(project: &Project) -> Result<(), Failure> {
    let nightly = Program::new(project, "rustc").args("+nightly --version");
    if !nightly.succeeds() {
        say::detail("installing Rust's nightly compiler");
        Program::new(project, "rustup")
            .args("toolchain install nightly --profile minimal")
            .run("install rustup: libFuzzer's instrumentation is in nightly only")?;
    }
    if Program::cargo(project).args("fuzz --version").succeeds() {
        return Ok(());
    }
    say::detail("installing cargo-fuzz into target/tools (a few minutes, once)");
    cargo_install(project, "cargo-fuzz")
}

/// The page's npm packages, exactly as locked.
pub(crate) fn npm_packages(project: &Project) -> Result<(), Failure> {
    let page = project.page();
    let lock = page.join("package-lock.json");
    let installed = page.join("node_modules").join(".pathglass-lock.json");
    let wanted = std::fs::read(&lock).or_fail(
        lock.display(),
        "restore it with `git checkout web-demo/package-lock.json`",
    )?;
    if std::fs::read(&installed).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    say::detail("installing the page's npm packages");
    Program::new(project, "npm")
        .args("ci --no-audit --no-fund --ignore-scripts")
        .current_dir(&page)
        .run("see that the npm registry can be reached, then start the command again")?;
    std::fs::write(&installed, wanted).or_fail(installed.display(), "make web-demo writable")
}

/// What a Debian package brings, and how it is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DebianTool {
    /// Any of these programs will do.
    pub(crate) programs: &'static [&'static str],
    /// The package that has the first.
    pub(crate) package: &'static str,
}

/// A browser for the page's test.
pub(crate) const CHROMIUM: DebianTool = DebianTool {
    programs: &["chromium", "chromium-browser", "google-chrome"],
    package: "chromium",
};

/// What the tests with network namespaces and `pathglass collect` run.
pub(crate) const NETWORK_TOOLS: &[DebianTool] = &[
    tool(&["ip"], "iproute2"),
    tool(&["iptables-save"], "iptables"),
    tool(&["nft"], "nftables"),
    tool(&["ipset"], "ipset"),
    tool(&["conntrack"], "conntrack"),
];

/// Checks shell scripts.
pub(crate) const SHELLCHECK: DebianTool = tool(&["shellcheck"], "shellcheck");

const fn tool(programs: &'static [&'static str], package: &'static str) -> DebianTool {
    DebianTool { programs, package }
}

/// The program of `tool`, installed by apt if it is missing and we are root.
pub(crate) fn debian(project: &Project, tool: DebianTool) -> Result<PathBuf, Failure> {
    let find = || tool.programs.iter().find_map(|name| project.which(name));
    if let Some(program) = find() {
        return Ok(program);
    }
    let package = tool.package;
    let remedy = format!("run `sudo apt-get install {package}`, then start the command again");
    if !is_root(project) || project.which("apt-get").is_none() {
        let missing = tool.programs.first().copied().unwrap_or(package);
        return Err(Failure::new(format!("there is no `{missing}`"), remedy));
    }
    say::detail(&format!("installing Debian's {package}"));
    let install = || {
        Program::new(project, "apt-get")
            .args("install --yes --no-install-recommends")
            .arg(package)
            .env("DEBIAN_FRONTEND", "noninteractive")
    };
    if !install().succeeds() {
        Program::new(project, "apt-get")
            .arg("update")
            .run(&remedy)?;
        install().run(&remedy)?;
    }
    find().or_fail(
        format!("{package} was installed without its program"),
        &remedy,
    )
}

/// Whether this process is root.
pub(crate) fn is_root(project: &Project) -> bool {
    Program::new(project, "id")
        .arg("-u")
        .read()
        .is_some_and(|uid| uid.trim() == "0")
}
