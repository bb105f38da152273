//! The files of a release: an archive of the program with all that belongs to it, the bill of materials, and checksums.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::{Failure, archive, as_from_a_shell, bill, crates, licences};

/// The program's package, and its name.
const PROGRAM: &str = "clout";
/// The files of the project that the archive has beside the program.
const PAGES: [&str; 3] = ["LICENSE", "README.md", "CHANGELOG.md"];
/// The checksums of the others.
const SUMS: &str = "SHA256SUMS";

/// Makes the archive of a release. The same program gives the same bytes: their time is that of `SOURCE_DATE_EPOCH`, or of the last commit.
pub(crate) fn run(program: Option<PathBuf>, out: &Path) -> Result<(), Failure> {
    let program = match program {
        Some(program) => program,
        None => build()?,
    };
    let target = host()?;
    let crates = crates::of(PROGRAM, &target)?;
    let name = format!("{PROGRAM}-{}-{target}", crates[0].version);
    let stage = tempfile::tempdir()?;
    let folder = stage.path();
    fs::create_dir(folder.join("bin"))?;
    call(Command::new("strip").arg("-o").arg(folder.join("bin").join(PROGRAM)).arg(&program))?;
    call(Command::new(&program).arg("packaging").arg(folder))?;
    PAGES.iter().try_for_each(|page| fs::copy(page, folder.join(page)).map(drop))?;
    fs::write(folder.join("THIRD-PARTY-LICENSES"), licences::of(&crates)?)?;
    let bill = serde_json::to_string_pretty(&bill::of(&crates))? + "\n";
    fs::write(folder.join(format!("{PROGRAM}.cdx.json")), &bill)?;

    fs::create_dir_all(out)?;
    let (packed, listed) = (format!("{name}.tar.gz"), format!("{name}.cdx.json"));
    archive::pack(folder, &name, time()?, &out.join(&packed))?;
    fs::write(out.join(&listed), bill)?;
    let sum = |file: &String| -> Result<String, Failure> {
        let digest = Sha256::digest(fs::read(out.join(file))?);
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("{digits}  {file}\n"))
    };
    let sums: String = [&packed, &listed].into_iter().map(sum).collect::<Result<_, _>>()?;
    fs::write(out.join(SUMS), sums)?;
    eprintln!("{} has {packed}, {listed} and {SUMS}: {} crates", out.display(), crates.len());
    Ok(())
}

fn build() -> Result<PathBuf, Failure> {
    call(as_from_a_shell(Command::new(env!("CARGO")).args(["build", "--locked", "--release", "-p", PROGRAM])))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    Ok(target.join("release").join(PROGRAM))
}

/// The kind of this machine, as the compiler calls it.
fn host() -> Result<String, Failure> {
    let told = call(Command::new("rustc").arg("-vV"))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("rustc does not say which kind of machine this is")?.to_owned())
}

/// Seconds since 1970.
fn time() -> Result<u64, Failure> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(said) => Ok(said.trim().parse()?),
        Err(_) => Ok(call(Command::new("git").args(["log", "-1", "--format=%ct"]))?.trim().parse()?),
    }
}

/// Runs a program, which must end well, and returns what it says.
fn call(command: &mut Command) -> Result<String, Failure> {
    let shown = format!("{command:?}");
    let ran = command.stderr(std::process::Stdio::inherit()).output().map_err(|error| format!("{shown}: {error}"))?;
    match ran.status.success() {
        true => Ok(String::from_utf8_lossy(&ran.stdout).into_owned()),
        false => Err(format!("{shown} ended with {}", ran.status).into()),
    }
}
