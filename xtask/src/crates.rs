//! The crates that a program is made of, as cargo resolves them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

use crate::Failure;

/// A crate that is compiled into the program.
#[derive(Debug)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) version: String,
    /// As SPDX says it.
    pub(crate) licence: Option<String>,
    /// Where its files are.
    pub(crate) folder: PathBuf,
    /// SHA-256 of its package; `None` for one of this workspace.
    pub(crate) checksum: Option<String>,
    /// The crates that it needs, by their places in the list.
    pub(crate) needs: Vec<usize>,
}

impl Crate {
    /// Its address among packages.
    pub(crate) fn purl(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version)
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    manifest_path: PathBuf,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// The crate of this name, first, and all that is compiled into it for this kind of machine; by name and version.
pub(crate) fn of(name: &str, target: &str) -> Result<Vec<Crate>, Failure> {
    let arguments = ["metadata", "--locked", "--format-version", "1", "--filter-platform", target];
    let ran = Command::new(env!("CARGO")).args(arguments).output()?;
    if !ran.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&ran.stderr)).into());
    }
    let Metadata { packages, resolve } = serde_json::from_slice(&ran.stdout)?;
    let lock: Lock = toml::from_str(&fs::read_to_string("Cargo.lock")?)?;
    let checksums: BTreeMap<(String, String), Option<String>> =
        lock.package.into_iter().map(|locked| ((locked.name, locked.version), locked.checksum)).collect();
    let nodes: BTreeMap<&str, &Node> = resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let is_root = |package: &&Package| package.name == name && package.source.is_none();
    let root = packages.iter().find(is_root).ok_or("the workspace does not have the crate")?;

    // Tests and build scripts are not compiled into it.
    let compiled = |id: &str| {
        let node = nodes.get(id).copied();
        let needs = node.into_iter().flat_map(|node| &node.deps);
        let is_compiled = |needed: &&Dependency| needed.dep_kinds.iter().any(|of| of.kind.is_none());
        needs.filter(is_compiled).map(|needed| needed.pkg.clone()).collect::<Vec<_>>()
    };
    let (mut found, mut open) = (BTreeSet::new(), vec![root.id.clone()]);
    while let Some(id) = open.pop() {
        if found.insert(id.clone()) {
            open.extend(compiled(&id));
        }
    }
    let mut list: Vec<&Package> = packages.iter().filter(|package| found.contains(&package.id)).collect();
    list.sort_by_key(|package| (package.id != root.id, package.name.clone(), package.version.clone()));
    let places: BTreeMap<&str, usize> =
        list.iter().enumerate().map(|(place, package)| (package.id.as_str(), place)).collect();
    let one = |package: &&Package| Crate {
        name: package.name.clone(),
        version: package.version.clone(),
        // As it was written before there were expressions.
        licence: package.license.as_ref().map(|licence| licence.replace('/', " OR ")),
        folder: package.manifest_path.parent().map(PathBuf::from).unwrap_or_default(),
        checksum: checksums.get(&(package.name.clone(), package.version.clone())).cloned().flatten(),
        needs: compiled(&package.id).iter().filter_map(|id| places.get(id.as_str()).copied()).collect(),
    };
    Ok(list.iter().map(one).collect())
}
