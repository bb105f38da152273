//! The OpenAPI document in the hands of others: a public validator accepts it, and a client that a public generator makes of
//! it can call every route.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::closes::Kept;

const PROGRAMS: [&str; 3] = ["openapi-spec-validator", "openapi-python-client", "python3"];

/// The folder of the tools that `.ci/tools` names; `None` without them, unless somebody insists.
fn tools() -> Option<PathBuf> {
    let folders = std::env::var_os("CLOUT_TOOLS").or_else(|| std::env::var_os("PATH")).unwrap_or_default();
    let has_all = |folder: &PathBuf| PROGRAMS.iter().all(|program| folder.join(program).is_file());
    let found = std::env::split_paths(&folders).find(has_all);
    if found.is_none() {
        let message = format!("skipped: {} not found; .ci/tools names them", PROGRAMS.join(", "));
        assert!(std::env::var("CLOUT_TOOLS_REQUIRED") != Ok("1".to_owned()), "{message}");
        eprintln!("{message}");
    }
    found
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}\n{}{}", text(&output.stdout), text(&output.stderr));
    // What the generator left out it only warns of.
    assert!(!text(&output.stdout).contains("WARNING"), "{command:?}\n{}", text(&output.stdout));
}

#[test]
fn a_generated_client_calls_every_route() {
    let Some(tools) = tools() else { return };
    let Kept { site, .. } = &Kept::with_people();
    site.remove("u0");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("openapi-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (document, config) = (folder.join("openapi.json"), folder.join("config.yaml"));
    fs::write(&document, site.get("/openapi.json").body).unwrap();
    fs::write(&config, "post_hooks: []\n").unwrap();
    run(Command::new(tools.join(PROGRAMS[0])).arg(&document));
    let generate = ["generate", "--meta", "none", "--overwrite", "--path"];
    run(Command::new(tools.join(PROGRAMS[1]))
        .args(generate)
        .arg(&document)
        .arg("--output-path")
        .arg(folder.join("generated"))
        .arg("--config")
        .arg(&config));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/every_route.py");
    run(Command::new(tools.join(PROGRAMS[2])).arg(script).arg(&folder).arg(site.address().to_string()));
    fs::remove_dir_all(&folder).unwrap();
}
