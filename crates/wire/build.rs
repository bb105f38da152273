//! Compiles the protobuf schemas without a `protoc` on the machine.

use std::error::Error;

const ROOT: &str = "../../proto";
const SCHEMAS: [&str; 9] = [
    "clout/v1/event.proto",
    "clout/v1/profile.proto",
    "clout/v1/score.proto",
    "clout/v1/history.proto",
    "clout/v1/link.proto",
    "clout/v1/credits.proto",
    "clout/v1/exchange.proto",
    "clout/v1/journal.proto",
    "clout/v1/checkpoint.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={ROOT}");
    let schemas = protox::compile(SCHEMAS, [ROOT])?;
    prost_build::Config::new().compile_fds(schemas)?;
    Ok(())
}
