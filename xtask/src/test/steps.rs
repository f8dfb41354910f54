//! The steps of `cargo xtask test`, quick ones first.

use super::Step;
use super::tally::Tally;
use crate::build::{self, Profile};
use crate::command::Program;
use crate::failure::Failure;
use crate::project::Project;
use crate::{corpus, oracle, readme, run, say, tools};

/// Every step, in order.
pub(super) const STEPS: &[Step] = &[
    Step {
        name: "format",
        about: "rustfmt has nothing to change",
        work: format,
    },
    Step {
        name: "deny",
        about: "licences, advisories, doubled versions and sources of dependencies",
        work: deny,
    },
    Step {
        name: "shell",
        about: "shellcheck finds nothing in the shell scripts",
        work: shell,
    },
    Step {
        name: "module",
        about: "the Wasm module and the page build, and their tests pass under Node.js",
        work: module,
    },
    Step {
        name: "clippy",
        about: "clippy has nothing to say, natively and for Wasm",
        work: clippy,
    },
    Step {
        name: "rust",
        about: "the Rust tests of every crate",
        work: rust,
    },
    Step {
        name: "corpus",
        about: "verdicts agree with real connections, match their schema, and survive sealing",
        work: corpus::step,
    },
    Step {
        name: "parity",
        about: "native and Wasm verdicts are the same bytes on every flow of the corpus",
        work: corpus::parity,
    },
    Step {
        name: "oracle",
        about: "verdicts agree with the kernel on random networks in network namespaces",
        work: oracle::step,
    },
    Step {
        name: "example",
        about: "the bundled example's expectations hold, and the README shows its diagnosis",
        work: example,
    },
    Step {
        name: "run",
        about: "`cargo xtask run` seals the example and serves it with the page",
        work: run::step,
    },
    Step {
        name: "page",
        about: "the page in headless Chromium, from the snapshot to the picture",
        work: page,
    },
];

fn format(project: &Project) -> Result<Tally, Failure> {
    Program::cargo(project)
        .args("fmt --all -- --check --files-with-diff --color never")
        .run("run `cargo fmt --all`")?;
    Ok(Tally::one())
}

fn clippy(project: &Project) -> Result<Tally, Failure> {
    const REMEDY: &str = "mend what clippy says; an exception is `#[expect(lint, reason = \"…\")]`";
    say::detail("native, all crates");
    Program::cargo(project)
        .args("clippy --workspace --all-targets --locked -- -D warnings")
        .run(REMEDY)?;
    tools::wasm_target(project)?;
    say::detail("wasm32, the simulator and its module");
    Program::cargo(project)
        .args("clippy --package pathglass-sim --package pathglass-wasm --lib --locked")
        .args("--target wasm32-unknown-unknown -- -D warnings")
        .run(REMEDY)?;
    Ok(Tally {
        passed: 2,
        ..Tally::default()
    })
}

fn deny(project: &Project) -> Result<Tally, Failure> {
    tools::cargo_deny(project)?;
    Program::cargo(project)
        .args("deny --all-features check bans licenses sources")
        .run("mend the dependency, or enter it in deny.toml with the reason")?;
    let held = Tally {
        passed: 3,
        ..Tally::default()
    };
    let advisories = Program::cargo(project)
        .args("deny --all-features check advisories")
        .finish()?;
    // Without the database nothing was checked: that is neither good nor bad, but it must be seen.
    let unreachable = [
        "failed to fetch advisory database",
        "failed to load advisory database",
    ];
    if !advisories.well
        && unreachable
            .iter()
            .any(|words| advisories.printed.contains(words))
    {
        say::line("  ADVISORIES NOT CHECKED: RustSec's database cannot be fetched from here");
        return Ok(held.join(Tally::skip(
            "known vulnerabilities were NOT checked, RustSec's database cannot be fetched from here",
        )));
    }
    advisories.or_fail("update the crate that the advisory names")?;
    Ok(held.join(Tally::one()))
}

fn rust(project: &Project) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    for tool in tools::NETWORK_TOOLS {
        if let Err(failure) = tools::debian(project, *tool) {
            tally = tally.join(Tally::skip(failure.to_string()));
        }
    }
    say::detail("building (a few minutes from a clean clone)");
    Program::cargo(project)
        .args("test --workspace --locked --no-run")
        .run("mend what the compiler says; `--verbose` shows it all")?;
    say::detail("running");
    let ended = Program::cargo(project)
        .args("test --workspace --locked --no-fail-fast")
        .finish()?;
    let counted = Tally::of_cargo(&ended.printed);
    for line in ended
        .printed
        .lines()
        .filter(|line| line.starts_with("SKIPPED"))
    {
        say::detail(line);
    }
    tally = tally.join(counted);
    if let Err(failure) =
        ended.or_fail("mend the code or the test; `cargo test NAME` runs one alone")
    {
        tally.failed = tally.failed.max(1);
        tally.failure = Some(failure);
    }
    Ok(tally)
}

fn module(project: &Project) -> Result<Tally, Failure> {
    build::page(project)?;
    let mut tally = Tally::one();
    say::detail("the module's tests under Node.js");
    tally = tally.join(node_tests(project, "sim-wasm", "sim-wasm/test")?);
    say::detail("the page's tests under Node.js");
    Ok(tally.join(node_tests(project, "web-demo", "web-demo/test/unit")?))
}

/// Runs every `*.test.*` below `folder`, started in `package`.
fn node_tests(project: &Project, package: &str, folder: &str) -> Result<Tally, Failure> {
    let folder = project.root().join(folder);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().contains(".test."))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Failure::new(
            format!("{} has no test", folder.display()),
            "restore the folder with `git checkout`",
        ));
    }
    let mut node = Program::new(project, "node")
        .current_dir(project.root().join(package))
        .arg("--test");
    for file in files {
        node = node.arg(file);
    }
    let ended = node.finish()?;
    let mut tally = Tally::of_node(&ended.printed);
    if let Err(failure) = ended.or_fail("mend the code or the test") {
        tally.failed = tally.failed.max(1);
        tally.failure = Some(failure);
    }
    Ok(tally)
}

pub(crate) fn page(project: &Project) -> Result<Tally, Failure> {
    let chromium = tools::debian(project, tools::CHROMIUM)?;
    build::page(project)?;
    let pathglass = build::pathglass(project, Profile::Dev)?;
    say::detail("in headless Chromium");
    let ended = Program::new(project, "npm")
        .args("run --silent test:browser")
        .current_dir(project.page())
        .env("CHROMIUM", chromium)
        .env("PATHGLASS", pathglass)
        .env("PATHGLASS_EXAMPLE", run::example_folder(project))
        .finish()?;
    let counted = Tally::of_ours(&ended.printed).join(Tally::of_node(&ended.printed));
    ended.or_fail("look at the screenshot that the test names, and mend the page")?;
    Ok(if counted.passed == 0 {
        Tally::one()
    } else {
        counted
    })
}

fn example(project: &Project) -> Result<Tally, Failure> {
    let pathglass = build::pathglass(project, Profile::Dev)?;
    let folder = run::example_folder(project);
    Program::new(project, &pathglass.to_string_lossy())
        .arg("assert")
        .arg(&folder)
        .arg(folder.join("expectations.json"))
        .run("see which flow differs from what was measured, and mend the simulator")?;
    let shown = readme::check(project).unwrap_or_else(Tally::failure);
    Ok(Tally::one().join(shown))
}

fn shell(project: &Project) -> Result<Tally, Failure> {
    let listed = Program::new(project, "git")
        .args("ls-files -- *.sh .ci/run")
        .read();
    let scripts: Vec<String> = listed
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect();
    if scripts.is_empty() {
        return Ok(Tally::skip("git names no shell script here: not a clone?"));
    }
    if let Err(failure) = tools::debian(project, tools::SHELLCHECK) {
        return Ok(Tally::skip(failure.to_string()));
    }
    let mut shellcheck = Program::new(project, "shellcheck");
    for script in &scripts {
        shellcheck = shellcheck.arg(script);
    }
    shellcheck.run("mend what shellcheck says")?;
    Ok(Tally::one().note(format!("{} scripts", scripts.len())))
}
