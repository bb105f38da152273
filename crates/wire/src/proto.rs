//! The messages of `proto/clout/v1`, as the build generates them.

#![allow(missing_docs, unreachable_pub)]

include!(concat!(env!("OUT_DIR"), "/clout.v1.rs"));
