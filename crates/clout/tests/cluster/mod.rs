//! A real broker, real processes of the program on it, and what must hold of what they leave behind.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(unused_imports, reason = "each test binary uses a part of it")]

mod scene;

mod events;
mod feeder;
mod http;
mod process;

mod admin;
mod witness;

mod truth;
mod verify;

mod dice;

// librdkafka is linked with what mends it.
use kafka as _;

use crate::web;
pub(crate) use crate::web::{get, get_with, metric};
pub(crate) use admin::{Admin, NewTopics};
pub(crate) use dice::Dice;
pub(crate) use events::Events;
pub(crate) use feeder::{Feeder, event};
pub(crate) use http::{address, status};
pub(crate) use process::{Member, Ran};
pub(crate) use scene::{Options, Scene, wait_until};
pub(crate) use verify::{Expected, has_exact_counts, verify};
pub(crate) use witness::{Seen, Witness};
