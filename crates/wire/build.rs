//! Compiles the protobuf schemas without a `protoc` on the machine.

use std::error::Error;

const ROOT: &str = "../../proto";
const SCHEMAS: [&str; 3] = ["clout/v1/event.proto", "clout/v1/profile.proto", "clout/v1/score.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={ROOT}");
    let schemas = protox::compile(SCHEMAS, [ROOT])?;
    prost_build::Config::new().compile_fds(schemas)?;
    Ok(())
}
