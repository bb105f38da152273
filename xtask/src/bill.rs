//! The bill of materials: which crates the program is made of, in CycloneDX 1.5.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::crates::Crate;

/// The document; the first crate is the program.
pub(crate) fn of(crates: &[Crate]) -> Value {
    let component = |of: &Crate, kind: &str| {
        let mut component = json!({
            "type": kind,
            "bom-ref": of.purl(),
            "name": of.name,
            "version": of.version,
            "purl": of.purl(),
        });
        if let Some(licence) = &of.licence {
            component["licenses"] = json!([{ "expression": licence }]);
        }
        if let Some(checksum) = &of.checksum {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        component
    };
    let needs = |of: &Crate| {
        let needed: BTreeSet<String> = of.needs.iter().map(|&place| crates[place].purl()).collect();
        json!({ "ref": of.purl(), "dependsOn": needed })
    };
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": component(&crates[0], "application") },
        "components": crates[1..].iter().map(|of| component(of, "library")).collect::<Vec<_>>(),
        "dependencies": crates.iter().map(needs).collect::<Vec<_>>(),
    })
}
